package sasl

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"tallystick/internal/ber"
)

func TestPlain(t *testing.T) {
	for _, row := range []struct {
		rule, message string
		want          PlainMessage
		err           error
	}{
		{"without authzid", "\x00ann\x00secret", PlainMessage{"", "ann", []byte("secret")}, nil},
		{"with authzid", "u:bob\x00ann\x00secret", PlainMessage{"u:bob", "ann", []byte("secret")}, nil},
		{"not ASCII", "\x00jürgen\x00pä☃", PlainMessage{"", "jürgen", []byte("pä☃")}, nil},
		{"nothing", "", PlainMessage{}, ErrParts},
		{"two parts", "ann\x00secret", PlainMessage{}, ErrParts},
		{"four parts", "\x00ann\x00sec\x00ret", PlainMessage{}, ErrParts},
		{"no authcid", "\x00\x00secret", PlainMessage{}, ErrParts},
		{"no password", "\x00ann\x00", PlainMessage{}, ErrParts},
		{"not UTF-8", "\x00ann\x00\xff", PlainMessage{}, ErrUTF8},
		{"as long as may be", "\x00ann\x00" + strings.Repeat("x", MaxMessage-5), PlainMessage{"", "ann", bytes.Repeat([]byte("x"), MaxMessage-5)}, nil},
		{"longer", "\x00ann\x00" + strings.Repeat("x", MaxMessage-4), PlainMessage{}, ErrTooLong},
	} {
		got, err := DecodePlain([]byte(row.message))
		if !errors.Is(err, row.err) || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %.40q, %v; want %v", row.rule, got, err, row.err)
		}
		if err == nil && string(got.Encode()) != row.message {
			t.Errorf("%s: encoded anew as %q", row.rule, got.Encode())
		}
	}
}

// vector is a row of the golden vectors, which the vendor's library made.
type vector struct {
	Name           string
	Target         string
	CredentialsHex string             `json:"credentials_hex"`
	ValueHex       string             `json:"value_hex"`
	SDKAccepts     bool               `json:"sdk_accepts"`
	Fields         map[string]*string `json:"fields"`
}

func vectors(t testing.TB, group string) []vector {
	t.Helper()
	text, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors map[string]json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var all []json.RawMessage
	if err := json.Unmarshal(file.Vectors[group], &all); err != nil {
		t.Fatal(err)
	}
	var rows []vector
	for _, raw := range all {
		var head struct{ Target, Mechanism string }
		if err := json.Unmarshal(raw, &head); err != nil {
			t.Fatal(err)
		}
		if head.Target != "totp-credentials" && head.Mechanism != UnboundIDTOTP {
			continue
		}
		var v vector
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, v)
	}
	if len(rows) == 0 {
		t.Fatalf("no vectors of %s in group %s", UnboundIDTOTP, group)
	}
	return rows
}

// message is the fields of a vector.
func (v vector) message(t *testing.T) UnboundIDTOTPMessage {
	t.Helper()
	m := UnboundIDTOTPMessage{
		AuthenticationID: *v.Fields["authenticationID"],
		AuthorizationID:  v.Fields["authorizationID"],
		TOTPPassword:     []byte(*v.Fields["totpPassword"]),
	}
	if h := v.Fields["staticPassword_hex"]; h != nil {
		m.StaticPassword = append([]byte{}, unhex(t, *h)...)
	}
	return m
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectorsUnboundIDTOTP(t *testing.T) {
	for _, v := range vectors(t, "sasl_unboundid_totp_bind_request") {
		message := unhex(t, v.CredentialsHex)
		got, err := DecodeUnboundIDTOTP(message)
		if err != nil || !reflect.DeepEqual(got, v.message(t)) {
			t.Errorf("%s: %+v, %v", v.Name, got, err)
		}
		if !bytes.Equal(v.message(t).Encode(), message) {
			t.Errorf("%s: encoded as %x; want %x", v.Name, v.message(t).Encode(), message)
		}
	}
}

// What the vendor's library accepts we accept, as the same thing, and nothing
// else.
func TestVectorsLeniency(t *testing.T) {
	for _, v := range vectors(t, "request_decoding_leniency") {
		got, err := DecodeUnboundIDTOTP(unhex(t, v.ValueHex))
		if (err == nil) != v.SDKAccepts {
			t.Errorf("%s: %v; the vendor's library accepts: %v", v.Name, err, v.SDKAccepts)
		}
		if v.SDKAccepts && !reflect.DeepEqual(got, v.message(t)) {
			t.Errorf("%s: %+v", v.Name, got)
		}
	}
}

func TestUnboundIDTOTPErrors(t *testing.T) {
	whole := UnboundIDTOTPMessage{AuthenticationID: "u:ann", TOTPPassword: []byte("123456")}.Encode()
	for _, row := range []struct {
		rule    string
		message []byte
		want    error
	}{
		{"absent", nil, ErrAbsent},
		{"empty", []byte{}, ErrAbsent},
		{"another tag", append([]byte{0x04}, whole[1:]...), ber.ErrTag},
		{"something behind it", append(bytes.Clone(whole), 0), ber.ErrTrailing},
		{"cut short", whole[:len(whole)-1], ber.ErrTruncated},
		{"no identity", []byte{0x30, 3, 0x82, 1, '1'}, ErrElements},
		{"no code", []byte{0x30, 3, 0x80, 1, 'u'}, ErrElements},
		{"one element more", []byte{0x30, 2, 0x84, 0}, ErrUnknown},
		{"too long", make([]byte, MaxMessage+1), ErrTooLong},
	} {
		if _, err := DecodeUnboundIDTOTP(row.message); !errors.Is(err, row.want) {
			t.Errorf("%s: %v; want %v", row.rule, err, row.want)
		}
	}
}

func FuzzUnboundIDTOTP(f *testing.F) {
	for _, v := range vectors(f, "request_decoding_leniency") {
		f.Add(unhex(f, v.ValueHex))
	}
	for _, v := range vectors(f, "sasl_unboundid_totp_bind_request") {
		f.Add(unhex(f, v.CredentialsHex))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		m, err := DecodeUnboundIDTOTP(message)
		if err != nil {
			return
		}
		if again, err := DecodeUnboundIDTOTP(m.Encode()); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%x: %+v became %+v, %v", message, m, again, err)
		}
	})
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte("u:bob\x00ann\x00secret"))
	f.Fuzz(func(t *testing.T, message []byte) {
		if m, err := DecodePlain(message); err == nil && !bytes.Equal(m.Encode(), message) {
			t.Errorf("%q became %q", message, m.Encode())
		}
	})
}
