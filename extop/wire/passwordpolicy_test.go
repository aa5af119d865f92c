package wire

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
)

// The octets are those that slapd's overlay ppolicy sends.
var policyResponses = []struct {
	hex  string
	want PasswordPolicyResponse
}{
	{"3000", PasswordPolicyResponse{}},
	{"3003810102", PasswordPolicyResponse{Error: new(2)}},
	{"3003810100", PasswordPolicyResponse{Error: new(0)}},
	{"3005a003800101", PasswordPolicyResponse{TimeBeforeExpiration: new(int32(1))}},
	{"3007a0058003015180", PasswordPolicyResponse{TimeBeforeExpiration: new(int32(86400))}},
	{"3005a003810102", PasswordPolicyResponse{GraceAuthNsRemaining: new(int32(2))}},
	{"3008a003810100810102", PasswordPolicyResponse{GraceAuthNsRemaining: new(int32(0)), Error: new(2)}},
}

func TestPasswordPolicyResponse(t *testing.T) {
	for _, tt := range policyResponses {
		value, _ := hex.DecodeString(tt.hex)
		got, err := DecodePasswordPolicyResponse(value)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.hex, got, err)
		}
		if again := tt.want.Encode(); !bytes.Equal(again, value) {
			t.Errorf("%s: encoded %x", tt.hex, again)
		}
	}
	for _, broken := range []string{"", "30", "3001", "3005a003820101", "3005a0038001ff", "300381018f", "3006810101810101", "3008810102a003810100", "3002a000", "300aa006800101810101"} {
		value, _ := hex.DecodeString(broken)
		if got, err := DecodePasswordPolicyResponse(value); err == nil {
			t.Errorf("%s: %+v", broken, got)
		}
	}
}

// What decodes is encoded to something that decodes to the same.
func FuzzPasswordPolicyResponse(f *testing.F) {
	for _, tt := range policyResponses {
		value, _ := hex.DecodeString(tt.hex)
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := DecodePasswordPolicyResponse(value)
		if err != nil {
			return
		}
		if again, err := DecodePasswordPolicyResponse(r.Encode()); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%x: %+v, then %+v, %v", value, r, again, err)
		}
	})
}
