package upstream

import (
	"errors"
	"reflect"
	"runtime"
	"testing"

	"tallystick/internal/ber"
)

// Controls come out of a message as they went in, whatever operation it is of.
func TestMessageControls(t *testing.T) {
	for _, controls := range [][]Control{
		nil,
		{{OID: "1.2.3"}},
		{{OID: "1.2.3", Critical: true, Value: []byte{}}, {OID: "1.2.4", Value: []byte("abc")}, PagedResults(5, []byte("x"))},
	} {
		b := ber.AppendInt(nil, ber.Integer, 1)
		b = ber.AppendBytes(b, extendedResponse, nil)
		got, err := messageControls(appendControls(b, controls))
		if err != nil || !reflect.DeepEqual(got, controls) {
			t.Errorf("%+v: %+v, %v", controls, got, err)
		}
	}
}

func TestParseName(t *testing.T) {
	for _, tt := range []struct {
		dn, rdn, parent string
		parts           []NamePart
	}{
		{"uid=ann,ou=people,dc=example,dc=com", "uid=ann", "ou=people,dc=example,dc=com", []NamePart{{"uid", "ann"}}},
		{`cn=a\2Cb+sn=c , dc=x`, `cn=a\,b+sn=c`, "dc=x", []NamePart{{"cn", "a,b"}, {"sn", "c"}}},
		{"dc=com", "dc=com", "", []NamePart{{"dc", "com"}}},
	} {
		n, err := ParseName(tt.dn)
		if err != nil || n.RDNText() != tt.rdn || n.Parent != tt.parent || !reflect.DeepEqual(n.RDN, tt.parts) {
			t.Errorf("%s: %+v, %v", tt.dn, n, err)
		}
	}
	if n, err := ParseName("ann"); err == nil {
		t.Errorf("%+v", n)
	}
	a, _ := ParseName("UID=Ann, ou=People,dc=x")
	b, _ := ParseName("uid=ann,ou=people,dc=x")
	c, _ := ParseName("uid=ann,dc=x")
	if !a.Equal(b) || a.Equal(c) || !a.SameParent(b) || a.SameParent(c) {
		t.Error("names are not compared without regard to case and blanks")
	}
}

// An entry takes memory by what is in it, and not by how many attributes it
// might have.
func TestReadEntryMemory(t *testing.T) {
	b, start := ber.Begin(ber.AppendString(nil, ber.OctetString, ""), ber.Sequence)
	for range 1 << 20 {
		b = ber.AppendHeader(b, ber.Sequence, 0) // an attribute without a name
	}
	b = ber.End(b, start)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := readEntryContents(b)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 2*uint64(len(b)) {
		t.Errorf("%d octets took %d, %v", len(b), took, err)
	}
}

// What servers send is read or refused.
func FuzzAnswers(f *testing.F) {
	f.Add(appendControls([]byte{2, 1, 1, 0x78, 0}, []Control{{OID: "1.2.3", Critical: true, Value: []byte("a")}}))
	f.Add(PagedResults(5, []byte("x")).Value)
	f.Add([]byte{0x64, 0x16, 4, 4, 'c', 'n', '=', 'a', 0x30, 0x0e, 0x30, 0x0c, 4, 2, 'c', 'n', 0x31, 6, 4, 1, 'a', 4, 1, 'b'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := messageControls(b); err != nil && !errors.Is(err, ErrProtocol) {
			t.Fatal(err)
		}
		if _, err := ReadEntry(b); err != nil && !errors.Is(err, ErrProtocol) {
			t.Fatal(err)
		}
		if size, cookie, err := ReadPagedResults(b); err == nil {
			again, same, err := ReadPagedResults(PagedResults(size, cookie).Value)
			if err != nil || again != size || string(same) != string(cookie) {
				t.Fatalf("%x: %d %x, %d %x, %v", b, size, cookie, again, same, err)
			}
		}
		if text, err := DecodeFilter(b); err == nil {
			_, _ = EncodeFilter(text) // go-ldap's two directions need not agree, and must not panic
		}
	})
}
