//go:build linux

package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/internal/ber"
)

// The times and codes of RFC 6238, appendix B, for SHA-1, cut to six digits.
func TestCode(t *testing.T) {
	key := []byte("12345678901234567890")
	for _, row := range []struct {
		unix int64
		want string
	}{
		{59, "287082"},
		{1111111109, "081804"},
		{1111111111, "050471"},
		{1234567890, "005924"},
		{2000000000, "279037"},
		{20000000000, "353130"},
	} {
		if got := code(key, stepAt(time.Unix(row.unix, 0))); got != row.want {
			t.Errorf("code at %d = %s, want %s", row.unix, got, row.want)
		}
	}
}

func TestDeckDealsACodeOnce(t *testing.T) {
	now := time.Unix(1_000_000_000, 0)
	d := newDeck(population{people: 2, holders: 4}, 0)
	d.now = func() time.Time { return now }
	encode := func(dn, code string) []byte { return []byte(dn) }
	seen := make(map[string]bool)
	for range 2 { // the second hand gets what the first left
		hand, err := d.deal(t.Context(), 1, encode)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			dn := string(hand.next())
			if dn == "" || seen[dn] {
				t.Fatalf("dealt %q after %v", dn, seen)
			}
			seen[dn] = true
		}
	}
	if got := d.fresh(stepAt(now)); got != 0 {
		t.Errorf("%d holders fresh after all were dealt", got)
	}
	if got := d.fresh(stepAt(now.Add(period))); got != 4 {
		t.Errorf("%d holders fresh in the next step, want all 4", got)
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func TestAnswer(t *testing.T) {
	const (
		entry   = "30 0a 02 01 01 64 05 04 01 78 30 00"
		done    = "30 0c 02 01 01 65 07 0a 01 00 04 00 04 00"
		nothing = "30 0c 02 01 01 65 07 0a 01 20 04 00 04 00"
	)
	found := expectation{op: searchDone, entries: 1}
	for _, row := range []struct {
		name    string
		octets  string
		want    expectation
		replies int // whole ones in octets
		right   bool
		wrong   error
	}{
		{"entry and done", entry + done, found, 2, true, nil},
		{"done without the entry", done, found, 1, false, nil},
		{"an entry too many", entry + entry + done, found, 3, false, nil},
		{"noSuchObject", nothing, expectation{op: searchDone}, 1, false, nil},
		{"answer to something else", done, expectation{op: modifyResponse}, 1, false, nil},
		{"half a reply", "30 0c 02 01 01 65 07 0a", found, 0, false, nil},
		{"half a header", "30", found, 0, false, nil},
		{"not a sequence", "31 0c 02 01 01 65 07 0a 01 00 04 00 04 00", found, 0, false, errReply},
		{"too long", "30 84 00 10 00 00", found, 0, false, errReply},
		{"no messageID", "30 05 65 03 0a 01 00", found, 0, false, errReply},
		{"no result code", "30 05 02 01 01 65 00", found, 0, false, errReply},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := make(answers, 1)
			b, replies, right := unhex(row.octets), 0, false
			for {
				size, _, final, ok, err := a.take(b, row.want)
				if !errors.Is(err, row.wrong) {
					t.Fatalf("error %v, want %v", err, row.wrong)
				}
				if size == 0 {
					break
				}
				replies++
				right = final && ok
				b = b[size:]
			}
			if replies != row.replies || right != row.right {
				t.Errorf("%d replies, right %v; want %d, %v", replies, right, row.replies, row.right)
			}
		})
	}
}

// Answers come in any order, and their messages mixed.
func TestAnswersOutOfOrder(t *testing.T) {
	all := make(answers, 2)
	want := expectation{op: searchDone, entries: 1}
	b := unhex("300a 020102 6405 040178 3000" + "300a 020101 6405 040178 3000" +
		"300c 020102 6507 0a0100 0400 0400" + "300c 020101 6507 0a0100 0400 0400")
	for i, final := range []int{-1, -1, 1, 0} {
		size, which, last, right, err := all.take(b, want)
		if err != nil || size == 0 || last != (final >= 0) || last && (which != final || !right) {
			t.Fatalf("message %d: size %d, of %d, last %v, right %v, %v", i, size, which, last, right, err)
		}
		b = b[size:]
	}
	if _, _, _, _, err := all.take(unhex("300c 020103 6507 0a0100 0400 0400"), want); err == nil {
		t.Error("an answer that nobody asked for is taken")
	}
}

// What is outstanding together differs in its messageID, and nothing else.
func TestAppendRequest(t *testing.T) {
	request := searchByUID(strings.Repeat("u", 100)) // whose length takes two octets
	got := appendRequest([]byte("before"), request, 7)
	want := append([]byte("before"), request...)
	want[len("before")+5] = 7
	if !bytes.Equal(got, want) || request[5] != messageID {
		t.Errorf("%x, of %x", got, request)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(unhex("300c02010165070a0100040004 00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := make(answers, 1)
		size, _, _, _, err := a.take(b, expectation{op: searchDone})
		if size < 0 || size > len(b) || err != nil && size != 0 {
			t.Fatalf("took %d of %d octets, error %v", size, len(b), err)
		}
	})
}

// Requests are whole LDAPMessages, and the vendor's operations have the values
// that its SDK sends.
func TestRequests(t *testing.T) {
	for _, row := range []struct {
		name    string
		request []byte
		want    string
	}{
		{"bind", bind("cn=a", "pw"), "3012 020101 600d 020103 0404636e3d61 80027077"},
		{"search by uid", searchByUID("u"), "303d 020101 6338 041b6f753d70656f706c652c64633d6578616d706c652c64633d636f6d" +
			" 0a0102 0a0100 020100 020100 010100 a308 0403756964 040175 3000"},
		{"base", searchBase("cn=a"), "3029 020101 6324 0404636e3d61 0a0100 0a0100 020100 020100 010100 870b6f626a656374436c617373 3000"},
		{"modify", modify("cn=a", "sn", "b"), "301d 020101 6618 0404636e3d61 3010 300e 0a0102 3009 0402736e 3103 040162"},
		{"validate", validate("cn=a", "123456"), "3031 020101 772c 8018 312e332e362e312e342e312e33303232312e322e362e3135" +
			" 8110 300e 8004636e3d61 8106313233343536"},
	} {
		if want := unhex(row.want); !bytes.Equal(row.request, want) {
			t.Errorf("%s: %x, want %x", row.name, row.request, want)
		}
	}
}

// The people of both flavours are LDIF that slapd takes (see startSlapd); here
// only what the import figures are measured with is pinned: the size.
func TestPeopleSize(t *testing.T) {
	const people = 1000
	var b bytes.Buffer
	if err := (population{people: people}).writeLDIF(&b, valueFlavour); err != nil {
		t.Fatal(err)
	}
	if size := b.Len() / people; size < 650 || size > 800 {
		t.Errorf("a person takes %d octets, want about 700", size)
	}
}

func TestPercentile(t *testing.T) {
	times := []time.Duration{1, 2, 3, 4}
	for percent, want := range map[int]time.Duration{1: 1, 50: 2, 75: 3, 99: 4, 100: 4} {
		if got := percentile(times, percent); got != want {
			t.Errorf("percentile %d = %d, want %d", percent, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	for only, want := range map[string]int{"": len(operations), "none": 0, "modify,search": 2, "modify,bridge": 1, "bridge": 0} {
		got, err := choose(only)
		if err != nil || len(got) != want {
			t.Errorf("choose(%q) = %d operations, %v; want %d", only, len(got), err, want)
		}
	}
	if _, err := choose("serach"); err == nil || !strings.Contains(err.Error(), `"serach"`) {
		t.Errorf("choose of a misspelt operation: %v", err)
	}
}

// The load runs against the real slapd, where there is one.
func TestLoadAgainstSlapd(t *testing.T) {
	if _, err := findSlapd(); err != nil {
		t.Skip("slapd is not installed")
	}
	p := population{people: 200, holders: 20}
	s, err := startSlapd(t.Context(), t.TempDir(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	d := newDeck(p, 0)
	for _, op := range operations {
		if op.vendor {
			continue
		}
		l := op.load(p, d)
		loadOnce(t, s, l, level{3, 1})
		if slices.Contains(op.levels(), pipelined[0]) {
			loadOnce(t, s, l, level{3, 3})
		}
	}
}

func loadOnce(t *testing.T, s *server, l *load, at level) {
	clients, err := s.connect(at, l.as, l.want)
	if err != nil {
		t.Fatal(err)
	}
	defer disconnect(clients)
	source, err := l.round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got sample
	if err := run(clients, source, 100*time.Millisecond, &got); err != nil {
		t.Errorf("%s, %s: %v", l.name, at, err)
	}
	if got.right == 0 || got.wrong != 0 || len(got.latencies) != got.right {
		t.Errorf("%s, %s: %d right, %d wrong answers", l.name, at, got.right, got.wrong)
	}
}

// A person that is added is one entry, with the attributes that the indexes of
// the others have.
func TestAddPerson(t *testing.T) {
	r := ber.NewReader(addPerson(7))
	message, err := r.Enter(ber.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := message.Int(ber.Integer); err != nil {
		t.Fatal(err)
	}
	add, err := message.Enter(addRequest)
	if err != nil || !message.Done() {
		t.Fatalf("not an add request, or more behind it: %v", err)
	}
	if dn, err := add.Read(ber.OctetString); err != nil || string(dn) != "uid=new.7,"+peopleDN {
		t.Errorf("adds %q, %v", dn, err)
	}
	if list, err := add.Read(ber.Sequence); err != nil || !add.Done() || !bytes.Contains(list, []byte("new.7@example.com")) {
		t.Errorf("attributes %q, %v", list, err)
	}
	if bytes.Equal(addPerson(7), addPerson(8)) {
		t.Error("two requests are the same")
	}
}
