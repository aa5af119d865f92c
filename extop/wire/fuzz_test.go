package wire_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"

	"tallystick/extop/wire"
)

// seed adds every value of the vectors in the named groups.
func seed(f *testing.F, groups ...string) {
	for _, name := range groups {
		for _, v := range group(f, name) {
			if v.ValueHex == nil {
				continue
			}
			if value, err := hex.DecodeString(*v.ValueHex); err == nil {
				f.Add(value)
			}
		}
	}
}

// roundTrip: what decodes encodes to something that decodes to the same, and
// decoding writes nothing to its input.
func roundTrip[M message](t *testing.T, decode func([]byte) (M, error), value []byte) {
	before := bytes.Clone(value)
	m, err := decode(value)
	if !bytes.Equal(before, value) {
		t.Fatal("the value changed")
	}
	if err != nil {
		return
	}
	encoded := m.Encode()
	if len(encoded) > wire.MaxValue { // U+FFFD is longer than what it stands for
		return
	}
	again, err := decode(encoded)
	if err != nil {
		t.Fatalf("%x decodes, but its encoding %x does not: %v", value, encoded, err)
	}
	if !reflect.DeepEqual(m, again) {
		t.Fatalf("%+v came back as %+v", m, again)
	}
}

func FuzzGenerateTOTPSharedSecretRequest(f *testing.F) {
	seed(f, "generate_totp_shared_secret_request", "request_decoding_leniency")
	f.Fuzz(func(t *testing.T, value []byte) {
		roundTrip(t, wire.DecodeGenerateTOTPSharedSecretRequest, value)
	})
}

func FuzzGenerateTOTPSharedSecretResponse(f *testing.F) {
	seed(f, "generate_totp_shared_secret_response")
	f.Fuzz(func(t *testing.T, value []byte) {
		roundTrip(t, wire.DecodeGenerateTOTPSharedSecretResponse, value)
	})
}

func FuzzRevokeTOTPSharedSecretRequest(f *testing.F) {
	seed(f, "revoke_totp_shared_secret_request", "request_decoding_leniency")
	f.Fuzz(func(t *testing.T, value []byte) {
		roundTrip(t, wire.DecodeRevokeTOTPSharedSecretRequest, value)
	})
}

func FuzzValidateTOTPPasswordRequest(f *testing.F) {
	seed(f, "validate_totp_password_request", "request_decoding_leniency")
	f.Fuzz(func(t *testing.T, value []byte) {
		roundTrip(t, wire.DecodeValidateTOTPPasswordRequest, value)
	})
}

func FuzzPasswordModifyRequest(f *testing.F) {
	seed(f, "password_modify", "request_decoding_leniency")
	f.Fuzz(func(t *testing.T, value []byte) {
		roundTrip(t, wire.DecodePasswordModifyRequest, value)
	})
}

func FuzzPasswordModifyResponse(f *testing.F) {
	seed(f, "password_modify_response")
	f.Fuzz(func(t *testing.T, value []byte) {
		roundTrip(t, wire.DecodePasswordModifyResponse, value)
	})
}

func FuzzWhoAmIResponse(f *testing.F) {
	seed(f, "other_extended_responses")
	f.Fuzz(func(t *testing.T, value []byte) {
		roundTrip(t, wire.DecodeWhoAmIResponse, value)
	})
}
