package wire

import (
	"bytes"
	"reflect"
	"testing"
)

func decodeEnd(value []byte) error {
	_, err := DecodeEndTransaction(value)
	return err
}

// TestEndTransaction is RFC 5805, section 2.3: txnEndReq and txnEndRes.
func TestEndTransaction(t *testing.T) {
	for _, tt := range []struct {
		what, octets string
		want         EndTransaction
		minimal      bool // what we would write
	}{
		{"commit by default", "3003 040131", EndTransaction{Identifier: []byte("1")}, true},
		{"commit, explicitly", "3006 0101ff 040131", EndTransaction{Identifier: []byte("1")}, false},
		{"abort", "3006 010100 040131", EndTransaction{Abort: true, Identifier: []byte("1")}, true},
		{"OpenLDAP's empty identifier", "3002 0400", EndTransaction{Identifier: []byte{}}, true},
	} {
		octets := unhex(t, tt.octets)
		got, err := DecodeEndTransaction(octets)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v %v, want %+v", tt.what, got, err, tt.want)
		}
		if again := tt.want.Append(nil); tt.minimal && !bytes.Equal(again, octets) {
			t.Errorf("%s: written as %x, want %x", tt.what, again, octets)
		}
	}
	for _, octets := range []string{"", "3000", "3003 0101ff", "3003 020131", "3004 0401", "3003 040131 00", "3102 0400", "0400"} {
		if got, err := DecodeEndTransaction(unhex(t, octets)); err == nil {
			t.Errorf("%s: read as %+v", octets, got)
		}
	}
	for _, row := range []struct {
		what string
		got  []byte
		want string
	}{
		{"failed", EncodeTransactionFailed(200), "3004 020200c8"},
		{"no controls", EncodeUpdatesControls(nil), ""},
		{"controls", EncodeUpdatesControls([]UpdateControls{{ID: 5, Controls: []Control{{OID: "1.2", Value: []byte("x")}}}}),
			"3013 3011 300f 020105 a00a 3008 0403312e32 040178"},
	} {
		if want := unhex(t, row.want); !bytes.Equal(row.got, want) {
			t.Errorf("%s: %x, want %x", row.what, row.got, want)
		}
	}
}
