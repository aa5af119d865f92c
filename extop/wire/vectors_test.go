package wire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"testing"

	"tallystick/extop/wire"
	"tallystick/internal/ber"
)

// vector is a golden vector of testdata/vectors/pingdirectory.json, made with
// the vendor's client library.
type vector struct {
	Name       string             `json:"name"`
	OID        *string            `json:"oid"`
	Target     string             `json:"target"`
	ValueHex   *string            `json:"value_hex"`
	SDKAccepts bool               `json:"sdk_accepts"`
	ResultCode int                `json:"result_code"`
	Fields     map[string]*string `json:"fields"`
	Controls   []struct {
		OID      string
		ValueHex string `json:"value_hex"`
	}
}

// value is the requestValue or responseValue; nil if absent.
func (v vector) value(t *testing.T) []byte {
	t.Helper()
	return octets(t, v.ValueHex)
}

// octets decodes a *_hex field: nil is absent, "" is empty.
func octets(t *testing.T, s *string) []byte {
	t.Helper()
	if s == nil {
		return nil
	}
	b, err := hex.DecodeString(*s)
	if err != nil {
		t.Fatal(err)
	}
	if b == nil {
		b = []byte{}
	}
	return b
}

// plain is a field whose octets are its text.
func plain(s *string) []byte {
	if s == nil {
		return nil
	}
	return append([]byte{}, *s...)
}

// group reads one group of the vectors.
func group(t testing.TB, name string) []vector {
	t.Helper()
	data, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors map[string]json.RawMessage `json:"vectors"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var raw []struct {
		vector
		Fields map[string]json.RawMessage `json:"fields"`
	}
	if err := json.Unmarshal(file.Vectors[name], &raw); err != nil {
		t.Fatal(err)
	}
	if len(raw) == 0 {
		t.Fatalf("no vectors in group %s", name)
	}
	vectors := make([]vector, len(raw))
	for i, r := range raw {
		vectors[i] = r.vector
		vectors[i].Fields = make(map[string]*string)
		for field, text := range r.Fields {
			var s *string
			if json.Unmarshal(text, &s) == nil { // a field that is no string belongs to another operation
				vectors[i].Fields[field] = s
			}
		}
	}
	return vectors
}

// message is what every request and response of this package can do.
type message interface{ Encode() []byte }

// codec says how one kind of request or response reads, and which value its
// vectors' fields describe.
type codec struct {
	oid    string
	decode func(value []byte) (message, error)
	want   func(t *testing.T, v vector) message
}

func decoder[M message](decode func([]byte) (M, error)) func([]byte) (message, error) {
	return func(value []byte) (message, error) { return decode(value) }
}

var generateRequest = codec{
	oid:    wire.GenerateTOTPSharedSecretOID,
	decode: decoder(wire.DecodeGenerateTOTPSharedSecretRequest),
	want: func(t *testing.T, v vector) message {
		return wire.GenerateTOTPSharedSecretRequest{
			AuthenticationID: v.Fields["authenticationID"],
			StaticPassword:   octets(t, v.Fields["staticPassword_hex"]),
		}
	},
}

var generateResponse = codec{
	oid:    wire.GenerateTOTPSharedSecretResponseOID,
	decode: decoder(wire.DecodeGenerateTOTPSharedSecretResponse),
	want: func(t *testing.T, v vector) message {
		return wire.GenerateTOTPSharedSecretResponse{TOTPSharedSecret: *v.Fields["totpSharedSecret"]}
	},
}

var revokeRequest = codec{
	oid:    wire.RevokeTOTPSharedSecretOID,
	decode: decoder(wire.DecodeRevokeTOTPSharedSecretRequest),
	want: func(t *testing.T, v vector) message {
		return wire.RevokeTOTPSharedSecretRequest{
			AuthenticationID: v.Fields["authenticationID"],
			StaticPassword:   octets(t, v.Fields["staticPassword_hex"]),
			TOTPSharedSecret: v.Fields["totpSharedSecret"],
		}
	},
}

var validateRequest = codec{
	oid:    wire.ValidateTOTPPasswordOID,
	decode: decoder(wire.DecodeValidateTOTPPasswordRequest),
	want: func(t *testing.T, v vector) message {
		return wire.ValidateTOTPPasswordRequest{
			UserDN:       *v.Fields["userDN"],
			TOTPPassword: *v.Fields["totpPassword"],
		}
	},
}

var passwordModifyRequest = codec{
	oid:    wire.PasswordModifyOID,
	decode: decoder(wire.DecodePasswordModifyRequest),
	want: func(t *testing.T, v vector) message {
		return wire.PasswordModifyRequest{
			UserIdentity: v.Fields["userIdentity"],
			OldPasswd:    plain(v.Fields["oldPasswd"]),
			NewPasswd:    plain(v.Fields["newPasswd"]),
		}
	},
}

var passwordModifyResponse = codec{
	decode: decoder(wire.DecodePasswordModifyResponse),
	want: func(t *testing.T, v vector) message {
		return wire.PasswordModifyResponse{GenPasswd: plain(v.Fields["generatedPassword"])}
	},
}

// Every vector decodes to its fields, and they encode to its octets.
func TestVectors(t *testing.T) {
	for name, codec := range map[string]codec{
		"generate_totp_shared_secret_request":  generateRequest,
		"generate_totp_shared_secret_response": generateResponse,
		"revoke_totp_shared_secret_request":    revokeRequest,
		"validate_totp_password_request":       validateRequest,
		"password_modify":                      passwordModifyRequest,
		"password_modify_response":             passwordModifyResponse,
	} {
		for _, v := range group(t, name) {
			t.Run(v.Name, func(t *testing.T) {
				value := v.value(t)
				if v.ResultCode != 0 {
					if v.OID != nil || value != nil {
						t.Fatal("a failure has neither OID nor value")
					}
					return
				}
				if oid := v.OID; oid != nil && *oid != codec.oid {
					t.Errorf("OID is %s, want %s", codec.oid, *oid)
				}
				got, err := codec.decode(value)
				if err != nil {
					t.Fatal(err)
				}
				if want := codec.want(t, v); !reflect.DeepEqual(got, want) {
					t.Errorf("decoded %+v, want %+v", got, want)
				}
				if encoded := got.Encode(); !bytes.Equal(encoded, value) || (encoded == nil) != (value == nil) {
					t.Errorf("encoded %x, want %x", encoded, value)
				}
			})
		}
	}
}

// Responses of revoke and validate have no value, and there is no type for one.
func TestVectorsWithoutValue(t *testing.T) {
	for _, name := range []string{"revoke_totp_shared_secret_response", "validate_totp_password_response"} {
		for _, v := range group(t, name) {
			if v.ValueHex != nil {
				t.Errorf("%s has value %s", v.Name, *v.ValueHex)
			}
		}
	}
}

// Who am I? stands among other operations in the vectors.
func TestVectorsWhoAmI(t *testing.T) {
	seen := 0
	for _, v := range group(t, "other_extended_requests") {
		if v.Name != "who-am-i" {
			continue
		}
		seen++
		if *v.OID != wire.WhoAmIOID {
			t.Errorf("OID is %s, want %s", wire.WhoAmIOID, *v.OID)
		}
		if err := wire.DecodeWhoAmIRequest(v.value(t)); err != nil {
			t.Error(err)
		}
	}
	for _, v := range group(t, "other_extended_responses") {
		if v.Name != "who-am-i-result" {
			continue
		}
		seen++
		r, err := wire.DecodeWhoAmIResponse(v.value(t))
		if err != nil || r.AuthzID != *v.Fields["authzID"] {
			t.Errorf("decoded %+v, %v, want %s", r, err, *v.Fields["authzID"])
		}
		if got := r.Encode(); !bytes.Equal(got, v.value(t)) {
			t.Errorf("encoded %x, want %s", got, *v.ValueHex)
		}
	}
	if seen != 2 {
		t.Errorf("%d vectors, want 2", seen)
	}
}

// Unusual encodings are taken and refused as the vendor's own decoder does.
func TestVectorsLeniency(t *testing.T) {
	codecs := map[string]codec{"generate": generateRequest, "revoke": revokeRequest, "validate": validateRequest}
	for _, v := range group(t, "request_decoding_leniency") {
		codec, ok := codecs[v.Target]
		if !ok {
			continue // SASL credentials
		}
		t.Run(v.Name, func(t *testing.T) {
			got, err := codec.decode(v.value(t))
			if !v.SDKAccepts {
				if err == nil {
					t.Fatalf("accepted as %+v", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := codec.want(t, v); !reflect.DeepEqual(got, want) {
				t.Errorf("decoded %+v, want %+v", got, want)
			}
		})
	}
}

// What the vectors leave open.
func TestDecodeErrors(t *testing.T) {
	long := wire.ValidateTOTPPasswordRequest{UserDN: string(make([]byte, wire.MaxValue))}.Encode()
	for _, test := range []struct {
		name  string
		codec codec
		value []byte
		want  error
	}{
		{"absent", generateRequest, nil, wire.ErrAbsent},
		{"empty", generateRequest, []byte{}, ber.ErrTruncated},
		{"no elements", generateRequest, []byte{0x30, 0}, wire.ErrElements},
		{"longer than the limit", validateRequest, long, wire.ErrTooLong},
		{"announces 2 GiB", revokeRequest, []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, ber.ErrTruncated},
		{"announces more than fits", revokeRequest, []byte{0x30, 0x85, 1, 0, 0, 0, 0}, ber.ErrLength},
		{"not a sequence", validateRequest, []byte{0x04, 2, 0x80, 0}, ber.ErrTag},
		{"one element of two", validateRequest, []byte{0x30, 2, 0x80, 0}, wire.ErrElements},
		{"ignored element is not whole", validateRequest, []byte{0x30, 6, 0x80, 0, 0x81, 0, 0x82, 1}, ber.ErrTruncated},
		{"no secret in the response", generateResponse, []byte{0x30, 0}, wire.ErrElements},
		{"no response", generateResponse, nil, wire.ErrAbsent},
		{"empty password modify", passwordModifyRequest, []byte{}, ber.ErrTruncated},
		{"fourth element", passwordModifyRequest, []byte{0x30, 2, 0x83, 0}, wire.ErrUnknown},
		{"second element in the response", passwordModifyResponse, []byte{0x30, 2, 0x81, 0}, wire.ErrUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := test.codec.decode(test.value); !errors.Is(err, test.want) {
				t.Errorf("got %+v, %v, want %v", got, err, test.want)
			}
		})
	}
}

// A response from a server that tags its secret otherwise, or says more, is
// understood as by the vendor's client.
func TestGenerateResponseLeniency(t *testing.T) {
	for _, value := range [][]byte{
		{0x30, 4, 0x04, 2, 'A', 'B'},
		{0x30, 7, 0x80, 2, 'A', 'B', 0x81, 1, 1},
	} {
		r, err := wire.DecodeGenerateTOTPSharedSecretResponse(value)
		if err != nil || r.TOTPSharedSecret != "AB" {
			t.Errorf("%x: got %+v, %v", value, r, err)
		}
	}
}

// Anonymous is an empty value, which is not an absent one (RFC 4532, section
// 2.2), and a request with any value is refused.
func TestWhoAmI(t *testing.T) {
	if value := (wire.WhoAmIResponse{}).Encode(); value == nil || len(value) != 0 {
		t.Errorf("anonymous encodes as %#v", value)
	}
	if r, err := wire.DecodeWhoAmIResponse([]byte{}); err != nil || r.AuthzID != "" {
		t.Errorf("empty response: %+v, %v", r, err)
	}
	if _, err := wire.DecodeWhoAmIResponse(nil); !errors.Is(err, wire.ErrAbsent) {
		t.Errorf("absent response: %v", err)
	}
	if _, err := wire.DecodeWhoAmIResponse(make([]byte, wire.MaxValue+1)); !errors.Is(err, wire.ErrTooLong) {
		t.Errorf("long response: %v", err)
	}
	if err := wire.DecodeWhoAmIRequest([]byte{}); !errors.Is(err, wire.ErrPresent) {
		t.Errorf("empty request: %v", err)
	}
}

// The intermediate client control stands beside other requests in the vectors.
func TestVectorsIntermediateClient(t *testing.T) {
	want := wire.IntermediateClient{Address: "192.0.2.7", Identity: "u:helpdesk", Name: "bridge", SessionID: "s-1", RequestID: "r-1"}
	seen := 0
	for _, v := range group(t, "generate_totp_shared_secret_request") {
		for _, c := range v.Controls {
			if c.OID != wire.IntermediateClientOID {
				continue
			}
			seen++
			value, err := hex.DecodeString(c.ValueHex)
			if err != nil {
				t.Fatal(err)
			}
			got, err := wire.DecodeIntermediateClient(value)
			if err != nil || got != want {
				t.Errorf("%s: %+v, %v", v.Name, got, err)
			}
			// What is not read is not written either: whether the client came in safely.
			secure := []byte{0x82, 1, 0xff}
			if ours := append([]byte{0x30, byte(len(got.Encode()) - 2 + len(secure))}, slices.Concat(got.Encode()[2:13], secure, got.Encode()[13:])...); !bytes.Equal(ours, value) {
				t.Errorf("%s: encoded %x, want %x", v.Name, ours, value)
			}
		}
	}
	if seen == 0 {
		t.Error("no vector")
	}
	// One client behind another.
	nested := append([]byte{0x30, 0}, 0xa0, 4, 0x81, 2, 'a', 'b', 0x81, 2, 'c', 'd')
	nested[1] = byte(len(nested) - 2)
	if got, err := wire.DecodeIntermediateClient(nested); err != nil || got.Address != "cd" {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzIntermediateClient(f *testing.F) {
	f.Add(wire.IntermediateClient{Address: "192.0.2.7", Identity: "u:ann", Name: "n", SessionID: "s", RequestID: "r"}.Encode())
	f.Fuzz(func(t *testing.T, value []byte) { roundTrip(t, wire.DecodeIntermediateClient, value) })
}
