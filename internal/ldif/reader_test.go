package ldif

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tallystick/directory"
)

// describe writes a record in one line, so that a table can show it.
func describe(rec *Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %q", rec.Line, rec.Change, rec.DN)
	for _, c := range rec.Controls {
		fmt.Fprintf(&b, " control(%s %v", c.OID, c.Critical)
		if c.Value != nil {
			fmt.Fprintf(&b, " %q", c.Value)
		}
		b.WriteString(")")
	}
	for _, a := range rec.Attributes {
		fmt.Fprintf(&b, " %s=%q", a.Name, a.Values)
	}
	for _, c := range rec.Changes {
		fmt.Fprintf(&b, " %s(%s=%q)", stepNames[c.Operation], c.Attribute.Name, c.Attribute.Values)
	}
	if rec.Change == ModifyDN {
		fmt.Fprintf(&b, " newrdn=%q delete=%v", rec.NewRDN, rec.DeleteOldRDN)
	}
	if rec.NewSuperior != nil {
		fmt.Fprintf(&b, " under=%q", *rec.NewSuperior)
	}
	return b.String()
}

// readAll reads all of text and goes on behind errors, each a line of its own.
func readAll(t *testing.T, text string, opts Options) string {
	t.Helper()
	r := NewReader(strings.NewReader(text), opts)
	var out []string
	for {
		rec, err := r.Next()
		switch e := (*Error)(nil); {
		case err == io.EOF:
			return strings.Join(out, "\n")
		case errors.As(err, &e):
			out = append(out, e.Error())
		case err != nil:
			t.Fatal(err)
		default:
			out = append(out, describe(rec))
		}
	}
}

func TestReader(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"only blank lines and comments", "\n\n# nobody\n here\n\n", ""},
		{"an entry", "version: 1\ndn: cn=a\ncn: a\nsn: b\n", `2 content "cn=a" cn=["a"] sn=["b"]`},
		{"blank line after the version", "version: 1\n\ndn: cn=a\ncn: a\n", `3 content "cn=a" cn=["a"]`},
		{"no version", "dn: cn=a\ncn: a\n", `1 content "cn=a" cn=["a"]`},
		{"byte order mark", "\xef\xbb\xbfdn: cn=a\ncn: a\n", `1 content "cn=a" cn=["a"]`},
		{"CR LF", "dn: cn=a\r\ncn: a\r\n\r\ndn: cn=b\r\ncn: b\r\n", "1 content \"cn=a\" cn=[\"a\"]\n4 content \"cn=b\" cn=[\"b\"]"},
		{"last line without newline", "dn: cn=a\ncn: a", `1 content "cn=a" cn=["a"]`},
		{"several blank lines", "\n\ndn: cn=a\ncn: a\n\n\n\ndn: cn=b\ncn: b\n", "3 content \"cn=a\" cn=[\"a\"]\n8 content \"cn=b\" cn=[\"b\"]"},
		{"values of one attribute", "dn: cn=a\nCN: a\nsn: s\ncn: b\n", `1 content "cn=a" CN=["a" "b"] sn=["s"]`},
		{"folded", "dn: cn=a,\n dc=b\ndescription: one\n  two\n three\n", `1 content "cn=a,dc=b" description=["one twothree"]`},
		{"folded before the colon", "dn: cn=a\ndescr\n iption: x\n", `1 content "cn=a" description=["x"]`},
		{"folded with CR LF", "dn: cn=a,\r\n dc=b\r\ncn: a\r\n", `1 content "cn=a,dc=b" cn=["a"]`},
		{"comments, also folded", "# one\n two\ndn: cn=a\n# three\n : four\ncn: a\n# five\n", `3 content "cn=a" cn=["a"]`},
		{"base64", "dn:: Y249w6k=\ncn:: w6k=\ncn::\n", `1 content "cn=é" cn=["é" ""]`},
		{"base64, folded", "dn: cn=a\ncn:: w\n 6k\n =\n", `1 content "cn=a" cn=["é"]`},
		{"UTF-8 as it is", "dn: cn=é\ncn: é\n", `1 content "cn=é" cn=["é"]`},
		{"empty DN", "dn:\nobjectClass: top\n", `1 content "" objectClass=["top"]`},
		{"empty value, spaces before a value, colons in it", "dn: cn=a\ncn:\nsn:   x\nl:x:y\n", `1 content "cn=a" cn=[""] sn=["x"] l=["x:y"]`},
		{"options", "dn: cn=a\ncn;lang-de: a\ncn: b\n", `1 content "cn=a" cn;lang-de=["a"] cn=["b"]`},

		{"add", "dn: cn=a\nchangetype: add\ncn: a\n", `1 add "cn=a" cn=["a"]`},
		{"delete", "dn: cn=a\nchangetype: delete\n", `1 delete "cn=a"`},
		{"modify", "dn: cn=a\nchangetype: modify\nadd: cn\ncn: b\ncn: c\n-\ndelete: sn\n-\ndelete: sn\nsn: x\n-\nreplace: l\n-\nincrement: uidNumber\nuidNumber: 2\n-\n",
			`1 modify "cn=a" add(cn=["b" "c"]) delete(sn=[]) delete(sn=["x"]) replace(l=[]) increment(uidNumber=["2"])`},
		{"modify, last hyphen left out", "dn: cn=a\nchangetype: modify\nadd: cn\nCN: b\n", `1 modify "cn=a" add(cn=["b"])`},
		{"modify of nothing", "dn: cn=a\nchangetype: modify\n", `1 modify "cn=a"`},
		{"modrdn", "dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\n", `1 modrdn "cn=a" newrdn="cn=b" delete=true`},
		{"moddn", "dn: cn=a\nchangetype: moddn\nnewrdn: cn=b\ndeleteoldrdn: 0\nnewsuperior: dc=x\n", `1 modrdn "cn=a" newrdn="cn=b" delete=false under="dc=x"`},
		{"controls", "dn: cn=a\ncontrol: 1.2.3 true\ncontrol: 1.2.4\ncontrol: 1.2.5 false: x\ncontrol: 1.2.6 true:: w6k=\ncontrol: 1.2.7:\nchangetype: delete\n",
			`1 delete "cn=a" control(1.2.3 true) control(1.2.4 false) control(1.2.5 false "x") control(1.2.6 true "é") control(1.2.7 false "")`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := readAll(t, tt.in, Options{}); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// Each faulty record is followed by a good one, which must be read.
func TestReaderErrors(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"version: 2\n", `line 1: version "2": only version 1 exists`},
		{"cn: a\n", `line 1: a record begins with "dn:", not with "cn:"`},
		{"dn: cn=a\n", `line 1: an entry without attributes`},
		{"dn: cn=a\n\xffcn: a\n", `line 2: "\xffcn" is not an attribute name`},
		{"dn: cn=a\n: four\n", `line 2: no attribute name before the colon`},
		{"dn: cn=a\nno colon here\nsn: x\n", `line 2: no colon in "no colon here"`},
		{" dn: cn=a\ncn: a\n", `line 1: begins with a space, but there is no line before it to continue`},
		{"dn: cn=a\ncn:: ???\n", `line 2: base64: wrong at or behind character 1`},
		{"dn: cn=a\ncn:: YQ\n", `line 2: base64: wrong at or behind character 1`},
		{"dn: cn=a\ncn: a\x00b\n", `line 2: a NUL octet must be written in base64, behind two colons`},
		{"dn:: /w==\ncn: a\n", `line 1: dn is not valid UTF-8`},
		{"dn: cn=a\ncn: a\ndn: cn=b\ncn: b\n", `line 3: a second dn in one record: is the blank line before it missing?`},
		{"dn: cn=a\njpegPhoto:< file:///etc/hostname\n", `line 2: a value from a file: not allowed here, since whoever wrote the LDIF would choose the file`},
		{"dn: cn=a\ncontrol: 1.2.3\ncn: a\n", `line 1: a record with a control needs a changetype`},
		{"dn: cn=a\ncontrol: 1.2.3\n", `line 1: a record with a control needs a changetype`},
		{"dn: cn=a\ncontrol: yes\nchangetype: delete\n", `line 2: a control is an OID, then true or false, then a colon and a value`},
		{"dn: cn=a\nchangetype: replace\n", `line 2: changetype "replace": it is one of add, delete, modify, modrdn, moddn`},
		{"dn: cn=a\nchangetype: add\n", `line 1: an entry without attributes`},
		{"dn: cn=a\nchangetype: delete\ncn: a\n", `line 3: a delete record has no more lines`},
		{"dn: cn=a\nchangetype: modify\ncn: a\n", `line 3: "cn:": a step is one of add, delete, replace, increment`},
		{"dn: cn=a\nchangetype: modify\nadd: c n\n", `line 3: "c n" is not an attribute name`},
		{"dn: cn=a\nchangetype: modify\nadd: cn\n-\n", `line 3: nothing to add to "cn"`},
		{"dn: cn=a\nchangetype: modify\nadd: cn\n", `line 3: nothing to add to "cn"`},
		{"dn: cn=a\nchangetype: modify\nadd: cn\ncn: x\nreplace: sn\n", `line 5: "replace:" in a step that is about "cn": is a line with "-" missing?`},
		{"dn: cn=a\nchangetype: modify\nincrement: uidNumber\n-\n", `line 3: an increment of "uidNumber" has one value, not 0`},
		{"dn: cn=a\nchangetype: modrdn\n", `line 1: a modrdn record without newrdn`},
		{"dn: cn=a\nchangetype: modrdn\ndeleteoldrdn: 1\n", `line 3: "deleteoldrdn:" in place of newrdn`},
		{"dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\n", `line 1: a modrdn record without deleteoldrdn`},
		{"dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: yes\n", `line 4: deleteoldrdn is 0 or 1, not "yes"`},
		{"dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\ncn: x\n", `line 5: "cn:" where only newsuperior can stand`},
		{"dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\nnewsuperior: dc=x\ncn: x\n", `line 6: a modrdn record ends with newsuperior`},
	} {
		in := tt.in + "\ndn: cn=good\ncn: good\n"
		at := strings.Count(tt.in, "\n") + 2
		want := fmt.Sprintf("%s\n%d content \"cn=good\" cn=[\"good\"]", tt.want, at)
		if got := readAll(t, in, Options{}); got != want {
			t.Errorf("%q\ngot\n%s\nwant\n%s", tt.in, got, want)
		}
	}
}

func TestReaderLimits(t *testing.T) {
	opts := Options{MaxLine: 20, MaxRecord: 50}
	for _, tt := range []struct{ name, in, want string }{
		{"a line just fits", "dn: cn=a\ncn: " + strings.Repeat("x", 16) + "\n", "1 content \"cn=a\" cn=[\"xxxxxxxxxxxxxxxx\"]"},
		{"one octet too long", "dn: cn=a\ncn: " + strings.Repeat("x", 17) + "\n", "line 2: longer than 20 octets"},
		{"too long by folding", "dn: cn=a\ncn: xxxxxxxxxx\n xxxxx\n xxxxx\n", "line 2: longer than 20 octets"},
		{"a long comment is nothing", "#" + strings.Repeat("x", 1<<20) + "\n y\ndn: cn=a\ncn: a\n", "3 content \"cn=a\" cn=[\"a\"]"},
		{"a line of a megabyte", "dn: cn=a\ncn: " + strings.Repeat("x", 1<<20) + "\n\ndn: cn=b\ncn: b\n", "line 2: longer than 20 octets\n4 content \"cn=b\" cn=[\"b\"]"},
		{"record too large", "dn: cn=a\n" + strings.Repeat("cn: 0123456789\n", 4), "line 5: the record has more than 50 octets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := readAll(t, tt.in, opts); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
	var many strings.Builder
	many.WriteString("dn: cn=a\n")
	for i := range maxAttributes + 1 {
		fmt.Fprintf(&many, "a%d: x\n", i)
	}
	if got, want := readAll(t, many.String(), Options{}), "line 4098: more than 4096 attributes in one entry"; got != want {
		t.Errorf("got %.100s, want %s", got, want)
	}
}

func TestReaderFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "photo")
	if err := os.WriteFile(name, []byte("\xff\xd8\n\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ url, want string }{
		{"file://" + name, `1 content "cn=a" jpegPhoto=["\xff\xd8\n\x00"]`},
		{"file://localhost" + name, `1 content "cn=a" jpegPhoto=["\xff\xd8\n\x00"]`},
		{"file://elsewhere/photo", `line 2: "file://elsewhere/photo": only file:///path is supported`},
		{"http://localhost/photo", `line 2: "http://localhost/photo": only file:///path is supported`},
		{"file://" + name + ".gone", "line 2: open " + name + ".gone: no such file or directory"},
	} {
		if got := readAll(t, "dn: cn=a\njpegPhoto:< "+tt.url+"\n", Options{Files: true}); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.url, got, tt.want)
		}
	}
	small := Options{Files: true, MaxLine: 3}
	in := "dn:\na:< file://" + name + "\n"
	r := NewReader(strings.NewReader(in), small)
	r.lines.max = 1 << 10 // the line is long, the limit is for what it names
	if _, err := r.Next(); err == nil || !strings.HasSuffix(err.Error(), "is longer than 3 octets") {
		t.Errorf("file over the limit: %v", err)
	}
}

// A read that fails is not the fault of a record, and final.
func TestReaderFailedRead(t *testing.T) {
	broken := errors.New("broken disk")
	r := NewReader(io.MultiReader(strings.NewReader("dn: cn=a\ncn: a\n\ndn: cn=b\ncn"), brokenReader{broken}), Options{})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); err != broken {
			t.Fatalf("got %v", err)
		}
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

// With Keep a record outlives the next ones.
func TestReaderKeep(t *testing.T) {
	in := "dn: cn=a\ncn: a\nsn: x\n\ndn: cn=b\ncn: b\nl: y\n"
	r := NewReader(strings.NewReader(in), Options{Keep: true})
	var all []string
	var records []*Record
	for {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rec)
	}
	for _, rec := range records {
		all = append(all, describe(rec))
	}
	want := "1 content \"cn=a\" cn=[\"a\"] sn=[\"x\"]\n5 content \"cn=b\" cn=[\"b\"] l=[\"y\"]"
	if got := strings.Join(all, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func BenchmarkReader(b *testing.B) {
	var file bytes.Buffer
	w := NewWriter(&file)
	const entries = 1000
	for i := range entries {
		e := &directory.Entry{DN: fmt.Sprintf("uid=user.%d,ou=people,dc=example,dc=com", i)}
		for _, a := range []string{"uid", "cn", "sn", "givenName", "mail", "telephoneNumber", "street", "l", "st", "postalCode"} {
			e.Attributes = append(e.Attributes, directory.Attribute{Name: a, Values: [][]byte{fmt.Appendf(nil, "some value of the attribute %s number %d", a, i)}})
		}
		w.WriteEntry(e)
	}
	w.Flush()
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(file.Bytes()), Options{})
		n := 0
		for ; ; n++ {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		if n != entries {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/entry")
}
