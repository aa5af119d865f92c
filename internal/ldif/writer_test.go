package ldif

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"tallystick/directory"
)

func TestWriter(t *testing.T) {
	superior := "dc=x"
	for _, tt := range []struct {
		name string
		rec  Record
		want string
	}{
		{"an entry", Record{DN: "cn=a", Attributes: attributes("cn", "a", "b")}, "dn: cn=a\ncn: a\ncn: b\n"},
		{"empty DN and value", Record{Attributes: attributes("cn", "")}, "dn:\ncn:\n"},
		{"exactly 76 columns", Record{Attributes: attributes("cn", strings.Repeat("x", 72))}, "dn:\ncn: " + strings.Repeat("x", 72) + "\n"},
		{"folded", Record{Attributes: attributes("cn", strings.Repeat("x", 72)+strings.Repeat("y", 76))},
			"dn:\ncn: " + strings.Repeat("x", 72) + "\n " + strings.Repeat("y", 75) + "\n y\n"},
		{"base64 for what begins oddly", Record{Attributes: attributes("cn", " a", ":a", "<a")}, "dn:\ncn:: IGE=\ncn:: OmE=\ncn:: PGE=\n"},
		{"base64 for what ends in a space", Record{Attributes: attributes("cn", "a ")}, "dn:\ncn:: YSA=\n"},
		{"base64 for newlines, NUL and octets over 127", Record{DN: "cn=é", Attributes: attributes("cn", "a\nb", "a\rb", "\x00", "é")},
			"dn:: Y249w6k=\ncn:: YQpi\ncn:: YQ1i\ncn:: AA==\ncn:: w6k=\n"},
		{"add", Record{Change: Add, DN: "cn=a", Attributes: attributes("cn", "a")}, "dn: cn=a\nchangetype: add\ncn: a\n"},
		{"delete with controls", Record{Change: Delete, DN: "cn=a", Controls: []Control{{OID: "1.2.3"}, {"1.2.4", true, []byte("x")}, {"1.2.5", true, []byte{0}}}},
			"dn: cn=a\ncontrol: 1.2.3 false\ncontrol: 1.2.4 true: x\ncontrol: 1.2.5 true:: AA==\nchangetype: delete\n"},
		{"modify", Record{Change: Modify, DN: "cn=a", Changes: []directory.Change{
			{Operation: directory.AddValues, Attribute: attributes("cn", "b")[0]},
			{Operation: directory.DeleteValues, Attribute: attributes("sn")[0]},
			{Operation: directory.ReplaceValues, Attribute: attributes("l")[0]},
			{Operation: directory.IncrementValues, Attribute: attributes("n", "1")[0]},
		}}, "dn: cn=a\nchangetype: modify\nadd: cn\ncn: b\n-\ndelete: sn\n-\nreplace: l\n-\nincrement: n\nn: 1\n-\n"},
		{"modrdn", Record{Change: ModifyDN, DN: "cn=a", NewRDN: "cn=b", DeleteOldRDN: true, NewSuperior: &superior},
			"dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\nnewsuperior: dc=x\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := "version: 1\n\n" + tt.want + "\n"
			if got := string(written(t, &tt.rec)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestWriterComment(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Comment("two\nlines")
	w.WriteEntry(&directory.Entry{DN: "cn=a", Attributes: attributes("cn", "a")})
	w.Flush()
	if want := "version: 1\n\n# two\n# lines\n\ndn: cn=a\ncn: a\n\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
}

func TestWriterFailedWrite(t *testing.T) {
	full := errors.New("disk full")
	w := NewWriter(brokenWriter{full})
	w.WriteEntry(&directory.Entry{DN: "cn=a"})
	if err := w.Flush(); err != full {
		t.Errorf("got %v", err)
	}
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

// What the writer writes the reader reads, whatever the octets.
func TestRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		rec := randomRecord(rnd)
		file := written(t, rec)
		got, err := NewReader(bytes.NewReader(file), Options{}).Next()
		if err != nil {
			t.Fatalf("seed %d: %v in\n%s", seed, err, file)
		}
		got.Line = 0
		if describe(got) != describe(rec) {
			t.Fatalf("seed %d: got\n%s\nwant\n%s\nin\n%s", seed, describe(got), describe(rec), file)
		}
		for line := range strings.SplitSeq(string(file), "\n") {
			if len(line) > columns {
				t.Fatalf("seed %d: a line of %d columns", seed, len(line))
			}
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("version: 1\ndn: cn=a\ncn: a\ncn:: w6k=\n\ndn: cn=b\nchangetype: delete\n"))
	f.Add([]byte("dn: cn=a\ncontrol: 1.2.3 true: x\nchangetype: modify\nadd: cn\ncn: x\n-\nincrement: n\nn: 1\n-\n"))
	f.Add([]byte("dn: cn=a\nchangetype: moddn\nnewrdn: cn=b\ndeleteoldrdn: 0\nnewsuperior:\n\n x\n"))
	f.Add([]byte("# a\r\n b\r\ndn:< file:///dev/zero\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r := NewReader(bytes.NewReader(file), Options{MaxLine: 1 << 12, MaxRecord: 1 << 14})
		last := 0
		for {
			rec, err := r.Next()
			if err == io.EOF {
				return
			}
			if e := (*Error)(nil); errors.As(err, &e) {
				if e.Line <= last {
					t.Fatalf("error at line %d after line %d", e.Line, last)
				}
				last = e.Line
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if rec.Line <= last {
				t.Fatalf("record at line %d after line %d", rec.Line, last)
			}
			last = rec.Line
			again, err := NewReader(bytes.NewReader(written(t, rec)), Options{}).Next()
			if err != nil {
				t.Fatalf("%s\nwritten as\n%s\n%v", describe(rec), written(t, rec), err)
			}
			again.Line = rec.Line
			if describe(again) != describe(rec) {
				t.Fatalf("got\n%s\nwant\n%s", describe(again), describe(rec))
			}
		}
	})
}

func attributes(name string, values ...string) []directory.Attribute {
	a := directory.Attribute{Name: name}
	for _, v := range values {
		a.Values = append(a.Values, []byte(v))
	}
	return []directory.Attribute{a}
}

func written(t *testing.T, rec *Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Write(rec)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func randomRecord(rnd *rand.Rand) *Record {
	octets := func() []byte {
		alphabets := []string{"abc ", " :<\n\r\x00é\xff", "abcdefghijklmnopqrstuvwxyz"}
		alphabet := alphabets[rnd.IntN(len(alphabets))]
		b := make([]byte, rnd.IntN(200))
		for i := range b {
			b[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		return b
	}
	text := func() string { return strings.ToValidUTF8(string(octets()), "?") }
	rec := &Record{Change: ChangeType(rnd.IntN(5)), DN: text()}
	if rec.Change != Content {
		for range rnd.IntN(3) {
			c := Control{OID: "1.2.3", Critical: rnd.IntN(2) == 0}
			if rnd.IntN(2) == 0 {
				c.Value = octets()
			}
			rec.Controls = append(rec.Controls, c)
		}
	}
	switch rec.Change {
	case Content, Add:
		for _, name := range []string{"cn", "sn;lang-de", "2.5.4.6"}[rnd.IntN(3):] {
			a := directory.Attribute{Name: name}
			for range 1 + rnd.IntN(3) {
				a.Values = append(a.Values, octets())
			}
			rec.Attributes = append(rec.Attributes, a)
		}
	case Modify:
		for range rnd.IntN(4) {
			c := directory.Change{Operation: directory.ChangeOperation(rnd.IntN(4)), Attribute: directory.Attribute{Name: "cn"}}
			c.Attribute.Values = append(c.Attribute.Values, octets())
			rec.Changes = append(rec.Changes, c)
		}
	case ModifyDN:
		rec.NewRDN, rec.DeleteOldRDN = text(), rnd.IntN(2) == 0
		if rnd.IntN(2) == 0 {
			s := text()
			rec.NewSuperior = &s
		}
	}
	return rec
}

// A value must not be changed by the values read after it, however the
// reader's memory grows.
func TestReaderValuesStay(t *testing.T) {
	var rec Record
	for i := range 300 {
		rec.Attributes = append(rec.Attributes, attributes("cn", strings.Repeat(string(rune('a'+i%26)), i))[0])
		rec.Attributes[i].Name += strings.Repeat("x", i)
	}
	got, err := NewReader(bytes.NewReader(written(t, &rec)), Options{}).Next()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Attributes[1:], rec.Attributes[1:]) {
		t.Error("not what was written")
	}
}
