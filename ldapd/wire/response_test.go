package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"tallystick/directory"
)

func TestResponses(t *testing.T) {
	for _, row := range []struct {
		what string
		r    Response
		want string
	}{
		{"messageID and resultCode with their sign octet", Response{ID: 128, Tag: TagSearchResultDone, Code: 128},
			"300e 0202 0080 6508 0a02 0080 0400 0400"},
		{"the greatest messageID", Response{ID: MaxMessageID, Tag: TagAddResponse, Code: directory.Success},
			"300f 0204 7fffffff 6907 0a01 00 0400 0400"},
		{"a code of RFC 3909", Response{ID: 1, Tag: TagExtendedResponse, Code: directory.NoSuchOperation},
			"300c 0201 01 7807 0a01 77 0400 0400"},
		{"a name and an empty value", Response{ID: 1, Tag: TagExtendedResponse, Name: "1.2", Value: []byte{}},
			"3013 0201 01 780e 0a01 00 0400 0400 8a03 312e32 8b00"},
		{"a value alone", Response{ID: 1, Tag: TagExtendedResponse, Value: []byte{1}},
			"300f 0201 01 780a 0a01 00 0400 0400 8b01 01"},
		{"serverSaslCreds", Response{ID: 1, Tag: TagBindResponse, Code: directory.SaslBindInProgress, ServerSASLCreds: []byte("c")},
			"300f 0201 01 610a 0a01 0e 0400 0400 8701 63"},
		{"a referral", Response{ID: 1, Tag: TagSearchResultDone, Code: directory.Referral, Referral: []string{"ldap:///"}},
			"3018 0201 01 6513 0a01 0a 0400 0400 a30a 0408 6c6461703a2f2f2f"},
		{"an intermediate response", Response{ID: 1, Tag: TagIntermediateResponse, Name: "1.2", Value: []byte{}},
			"300c 0201 01 7907 8003 312e32 8100"},
		{"an intermediate response with nothing in it", Response{ID: 1, Tag: TagIntermediateResponse},
			"3005 0201 01 7900"},
		{"a notice", Response{Tag: TagExtendedResponse, Code: directory.Unavailable, Name: NoticeOfDisconnection},
			"3024 0201 00 781f 0a01 34 0400 0400 8a16 " + hex.EncodeToString([]byte("1.3.6.1.4.1.1466.20036"))},
		{"a message that is not UTF-8", Response{ID: 1, Tag: TagDelResponse, DiagnosticMessage: "a\xffb"},
			"3011 0201 01 6b0c 0a01 00 0400 0405 61efbfbd62"},
		{"controls", Response{ID: 1, Tag: TagDelResponse, Controls: []Control{{OID: "1", Critical: true}, {OID: "2", Value: []byte{}}}},
			"301d 0201 01 6b07 0a01 00 0400 0400 a00f 3006 0401 31 0101 ff 3005 0401 32 0400"},
	} {
		want := strings.ReplaceAll(row.want, " ", "")
		if got := fmt.Sprintf("%x", row.r.Append(nil)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.what, got, want)
		}
	}
}

func TestAppendEntry(t *testing.T) {
	for _, row := range []struct {
		what string
		e    directory.Entry
		want string
	}{
		{"no attributes", directory.Entry{DN: "a"}, "300a 0201 07 6405 0401 61 3000"},
		{"types only and values", directory.Entry{Attributes: []directory.Attribute{{Name: "x"}, {Name: "y", Values: [][]byte{[]byte("1"), {}}}}},
			"301c 0201 07 6417 0400 3013 3005 0401 78 3100 300a 0401 79 3105 0401 31 0400"},
	} {
		want := strings.ReplaceAll(row.want, " ", "")
		if got := fmt.Sprintf("%x", AppendEntry(nil, 7, &row.e)); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.what, got, want)
		}
	}
}

// TestAppendEntryAllocates: entries go into the connection's buffer as they
// are, whatever the number of values.
func TestAppendEntryAllocates(t *testing.T) {
	e := largeEntry()
	b := AppendEntry(nil, 1, e)
	if n := testing.AllocsPerRun(100, func() { b = AppendEntry(b[:0], 1, e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func largeEntry() *directory.Entry {
	e := &directory.Entry{DN: "uid=user.0,ou=people,dc=example,dc=com"}
	for i := range 10 {
		a := directory.Attribute{Name: fmt.Sprintf("attribute%d", i)}
		for range 2 {
			a.Values = append(a.Values, []byte("a value of some thirty-one octets"))
		}
		e.Attributes = append(e.Attributes, a)
	}
	return e
}

func BenchmarkAppendEntry(b *testing.B) {
	e := largeEntry()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendEntry(buf[:0], 200, e)
	}
}

func BenchmarkDecodeSearch(b *testing.B) {
	m := Message{ID: 200, Request: &directory.SearchRequest{BaseObject: "ou=people,dc=example,dc=com", Scope: directory.WholeSubtree,
		Filter:     directory.Filter{Kind: directory.FilterEqualityMatch, Attribute: "uid", Value: []byte("user.0")},
		Attributes: []string{"cn", "mail"}}}
	pdu := m.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(pdu, DefaultLimits); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAppendReference is RFC 4511, section 4.5.3, and the referral of section
// 4.1.10.
func TestAppendReference(t *testing.T) {
	uris := []string{"ldap://a", "ldap://b"}
	if got, want := AppendReference(nil, 5, uris), unhex(t, "3019 020105 7314 04086c6461703a2f2f61 04086c6461703a2f2f62"); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	r := Response{ID: 5, Tag: TagDelResponse, Code: directory.Referral, Referral: uris}
	if got, want := r.Append(nil), unhex(t, "3022 020105 6b1d 0a010a 0400 0400 a314 04086c6461703a2f2f61 04086c6461703a2f2f62"); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}
