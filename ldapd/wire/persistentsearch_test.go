package wire

import (
	"bytes"
	"testing"

	"tallystick/directory"
)

// TestPersistentSearch is section 3 of draft-ietf-ldapext-psearch-03.
func TestPersistentSearch(t *testing.T) {
	for _, tt := range []struct {
		octets string
		want   directory.PersistentSearch
	}{
		{"3009 02010f 010100 0101ff", directory.PersistentSearch{Types: directory.AllChangeTypes, Notify: true}},
		{"3009 020108 0101ff 010100", directory.PersistentSearch{Types: directory.EntryRenamed, ChangesOnly: true}},
	} {
		octets := unhex(t, tt.octets)
		got, err := DecodePersistentSearch(octets)
		if err != nil || *got != tt.want {
			t.Errorf("%s: %+v %v, want %+v", tt.octets, got, err, tt.want)
		}
		if again := EncodePersistentSearch(&tt.want); !bytes.Equal(again, octets) {
			t.Errorf("%+v: written as %x, want %x", tt.want, again, octets)
		}
	}
	for _, octets := range []string{"", "3000", "3003 02010f", "3006 02010f 010100", "3009 020100 010100 010100", "3009 020110 010100 010100",
		"3009 0201ff 010100 010100", "3009 0a0101 010100 010100", "3009 02010f 010100 010100 00", "3009 02010f 010100 040100"} {
		if got, err := DecodePersistentSearch(unhex(t, octets)); err == nil {
			t.Errorf("%s: read as %+v", octets, got)
		}
	}
}

// TestEntryChange is section 5 of the draft, octet by octet.
func TestEntryChange(t *testing.T) {
	for _, tt := range []struct {
		change directory.EntryChange
		want   string
	}{
		{directory.EntryChange{Type: directory.EntryAdded}, "3003 0a0101"},
		{directory.EntryChange{Type: directory.EntryRenamed, PreviousDN: "o=x"}, "3008 0a0108 04036f3d78"},
	} {
		if got := EncodeEntryChange(tt.change); !bytes.Equal(got, unhex(t, tt.want)) {
			t.Errorf("%+v: %x, want %s", tt.change, got, tt.want)
		}
	}
}

func FuzzPersistentSearch(f *testing.F) {
	f.Add(EncodePersistentSearch(&directory.PersistentSearch{Types: directory.AllChangeTypes}))
	f.Fuzz(func(t *testing.T, value []byte) {
		p, err := DecodePersistentSearch(value)
		if err != nil {
			return
		}
		again, err := DecodePersistentSearch(EncodePersistentSearch(p))
		if err != nil || *again != *p {
			t.Errorf("%+v became %+v, %v", p, again, err)
		}
	})
}
