package wire_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"tallystick/extop/wire"
)

// passwordVector is a vector whose fields are not only strings.
type passwordVector struct {
	Name       string
	OID        *string
	ResultCode int     `json:"result_code"`
	ValueHex   *string `json:"value_hex"`
	Fields     json.RawMessage
}

func passwordGroup(t testing.TB, name string) []passwordVector {
	t.Helper()
	data, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	var file struct{ Vectors map[string]json.RawMessage }
	if err == nil {
		err = json.Unmarshal(data, &file)
	}
	var list []passwordVector
	if err == nil {
		err = json.Unmarshal(file.Vectors[name], &list)
	}
	if err != nil || len(list) == 0 {
		t.Fatal(name, err)
	}
	return list
}

// Every vector decodes to its fields, and they encode to its octets.
func TestPasswordVectors(t *testing.T) {
	for _, group := range []struct {
		name, oid string
		decode    func([]byte) (message, error)
		want      func(fields []byte) message
	}{
		{"generate_password", wire.GeneratePasswordOID, decoder(wire.DecodeGeneratePasswordRequest), func(fields []byte) message {
			var f struct {
				Selection                             string
				DN                                    *string
				NumberOfPasswords, ValidationAttempts int
			}
			parse(t, fields, &f)
			r := wire.GeneratePasswordRequest{NumberOfPasswords: f.NumberOfPasswords, ValidationAttempts: f.ValidationAttempts}
			if f.Selection == "passwordPolicyDN" {
				r.Policy.PasswordPolicyDN = f.DN
			} else {
				r.Policy.TargetEntryDN = f.DN
			}
			return r
		}},
		{"generate_password_response", wire.GeneratePasswordResponseOID, decoder(wire.DecodeGeneratePasswordResponse), func(fields []byte) message {
			var f struct {
				PasswordPolicyDN   string
				GeneratedPasswords []struct {
					GeneratedPassword   string
					ValidationAttempted bool
					ValidationErrors    []string
				}
			}
			parse(t, fields, &f)
			r := wire.GeneratePasswordResponse{PasswordPolicyDN: f.PasswordPolicyDN}
			for _, p := range f.GeneratedPasswords {
				if len(p.ValidationErrors) == 0 {
					p.ValidationErrors = nil
				}
				r.Passwords = append(r.Passwords, wire.GeneratedPassword{Password: p.GeneratedPassword, ValidationAttempted: p.ValidationAttempted, ValidationErrors: p.ValidationErrors})
			}
			return r
		}},
		{"get_password_quality_requirements", wire.PasswordQualityOID, decoder(wire.DecodePasswordQualityRequest), func(fields []byte) message {
			var f struct{ Target, DN string }
			parse(t, fields, &f)
			return wire.PasswordQualityRequest{DN: f.DN, Change: map[string]wire.PasswordChange{
				"addWithDefaultPasswordPolicy":       wire.AddWithDefaultPolicy,
				"addWithSpecifiedPasswordPolicy":     wire.AddWithPolicy,
				"selfChangeForAuthorizationIdentity": wire.SelfChange,
				"selfChangeForSpecifiedUser":         wire.SelfChangeForUser,
				"administrativeResetForUser":         wire.AdministrativeResetForUser,
			}[f.Target]}
		}},
		{"get_password_quality_requirements_response", wire.PasswordQualityResponseOID, decoder(wire.DecodePasswordQualityResponse), func(fields []byte) message {
			var f struct {
				Requirements []struct {
					Description, ValidationType string
					Properties                  map[string]string
				}
				CurrentPasswordRequired, MustChangePassword *bool
				SecondsUntilExpiration                      *int32
			}
			parse(t, fields, &f)
			r := wire.PasswordQualityResponse{
				CurrentPasswordRequired: f.CurrentPasswordRequired, MustChangePassword: f.MustChangePassword,
				SecondsUntilExpiration: f.SecondsUntilExpiration,
			}
			for _, q := range f.Requirements {
				one := wire.PasswordQualityRequirement{Description: q.Description, ValidationType: q.ValidationType}
				for _, name := range []string{"min-password-length", "max-password-length"} { // the order of the octets
					if v, ok := q.Properties[name]; ok {
						one.Properties = append(one.Properties, wire.Property{Name: name, Value: v})
					}
				}
				r.Requirements = append(r.Requirements, one)
			}
			return r
		}},
	} {
		for _, v := range passwordGroup(t, group.name) {
			if v.ResultCode != 0 {
				continue // a failure has neither OID nor value
			}
			t.Run(v.Name, func(t *testing.T) {
				if *v.OID != group.oid {
					t.Errorf("OID %s", *v.OID)
				}
				value := octets(t, v.ValueHex)
				got, err := group.decode(value)
				if want := group.want(v.Fields); err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("%+v, %v, want %+v", got, err, want)
				}
				if encoded := got.Encode(); !bytes.Equal(encoded, value) || (encoded == nil) != (value == nil) {
					t.Errorf("%x, want %x", encoded, value)
				}
			})
		}
	}
}

func parse(t *testing.T, fields []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(fields, v); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyPasswordVector(t *testing.T) {
	for _, v := range passwordGroup(t, "other_extended_requests") {
		if v.Name != "verify-password" {
			continue
		}
		var want wire.VerifyPasswordRequest
		parse(t, v.Fields, &want)
		got, err := wire.DecodeVerifyPasswordRequest(octets(t, v.ValueHex))
		if err != nil || got != want || *v.OID != wire.VerifyPasswordOID {
			t.Errorf("%+v, %v", got, err)
		}
		if encoded := got.Encode(); !bytes.Equal(encoded, octets(t, v.ValueHex)) {
			t.Errorf("%s", encoded)
		}
		return
	}
	t.Error("no vector")
}

func TestVerifyPasswordErrors(t *testing.T) {
	for _, value := range []string{
		``, `{}`, `[]`, `{"dn":"a"}`, `{"dn":"a","password":1}`, `{"dn":"a","password":null}`, `{"dn":"a","password":"b","dn":"c"}`,
		`{"dn":"a","password":"b","x":"c"}`, `{"dn":"a","password":"b"`, `{"dn":"a","password":"b"}x`, `{"dn":"a","password":"b"} {}`,
		`{"DN":"a","password":"b"}`, `{"dn":{},"password":"b"}`, `"dn"`,
	} {
		if got, err := wire.DecodeVerifyPasswordRequest([]byte(value)); err == nil {
			t.Errorf("%s: %+v", value, got)
		}
	}
	if _, err := wire.DecodeVerifyPasswordRequest(nil); err == nil {
		t.Error("nothing was taken")
	}
}

func TestPasswordRequestErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		value  []byte
		decode func([]byte) (message, error)
	}{
		{"no choice", []byte{0x30, 0}, decoder(wire.DecodeGeneratePasswordRequest)},
		{"two choices", []byte{0x30, 4, 0x80, 0, 0x81, 0}, decoder(wire.DecodeGeneratePasswordRequest)},
		{"NULL with contents", []byte{0x30, 3, 0x80, 1, 0}, decoder(wire.DecodeGeneratePasswordRequest)},
		{"no password", []byte{0x30, 5, 0x80, 0, 0x83, 1, 0}, decoder(wire.DecodeGeneratePasswordRequest)},
		{"negative attempts", []byte{0x30, 5, 0x80, 0, 0x84, 1, 0xff}, decoder(wire.DecodeGeneratePasswordRequest)},
		{"no kind of change", []byte{0x30, 0}, decoder(wire.DecodePasswordQualityRequest)},
		{"two kinds of change", []byte{0x30, 4, 0x80, 0, 0x82, 0}, decoder(wire.DecodePasswordQualityRequest)},
		{"a DN with a self change", []byte{0x30, 3, 0x82, 1, 'a'}, decoder(wire.DecodePasswordQualityRequest)},
		{"no value", nil, decoder(wire.DecodePasswordQualityRequest)},
		{"an empty list of passwords", []byte{0x30, 4, 4, 0, 0x30, 0}, decoder(wire.DecodeGeneratePasswordResponse)},
	} {
		if got, err := tt.decode(tt.value); err == nil {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func FuzzGeneratePassword(f *testing.F) {
	seed(f, "generate_password", "generate_password_response")
	f.Fuzz(func(t *testing.T, value []byte) {
		roundTrip(t, wire.DecodeGeneratePasswordRequest, value)
		roundTrip(t, wire.DecodeGeneratePasswordResponse, value)
	})
}

func FuzzPasswordQuality(f *testing.F) {
	seed(f, "get_password_quality_requirements", "get_password_quality_requirements_response")
	f.Fuzz(func(t *testing.T, value []byte) {
		roundTrip(t, wire.DecodePasswordQualityRequest, value)
		roundTrip(t, wire.DecodePasswordQualityResponse, value)
	})
}

func FuzzVerifyPassword(f *testing.F) {
	f.Add([]byte(`{ "dn":"uid=jdoe,ou=People,dc=example,dc=com", "password":"password" }`))
	f.Fuzz(func(t *testing.T, value []byte) { roundTrip(t, wire.DecodeVerifyPasswordRequest, value) })
}
