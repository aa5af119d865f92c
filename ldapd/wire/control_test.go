package wire

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"

	"tallystick/directory"
	"tallystick/internal/ber"
)

// controlVectors are controls as PingDirectory's SDK encodes them.
func controlVectors(t testing.TB) (vectors []struct {
	Name, OID string
	Value     *string `json:"value_hex"`
}) {
	t.Helper()
	var file struct {
		Vectors map[string]json.RawMessage
	}
	b, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file.Vectors["json_controls"], &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

// What the vendor's SDK sends reads as what it means.
func TestVectors(t *testing.T) {
	present := func(name string) *directory.Filter {
		return &directory.Filter{Kind: directory.FilterEqualityMatch, Attribute: "objectClass", Value: []byte(name)}
	}
	decode := map[string]struct {
		decode func([]byte) (any, error)
		want   any
	}{
		Assertion: {func(b []byte) (any, error) { return DecodeFilter(b, DefaultLimits) }, present("person")},
		PreRead:   {func(b []byte) (any, error) { return DecodeAttributeSelection(b, DefaultLimits) }, []string{"uid", "cn"}},
		PostRead:  {func(b []byte) (any, error) { return DecodeAttributeSelection(b, DefaultLimits) }, []string{"*", "+"}},
	}
	for _, oid := range []string{ManageDsaIT, PermissiveModify, SubtreeDelete, AuthorizationIdentityRequest, NoOp, NameWithEntryUUID} {
		row := decode[oid]
		row.decode = func(b []byte) (any, error) { return nil, DecodeNoValue(b) }
		decode[oid] = row
	}
	for _, v := range controlVectors(t) {
		row, ok := decode[v.OID]
		if !ok {
			continue
		}
		delete(decode, v.OID)
		var value []byte
		if v.Value != nil {
			value, _ = hex.DecodeString(*v.Value)
		}
		if got, err := row.decode(value); err != nil || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %+v, %v", v.Name, got, err)
		}
	}
	for oid := range decode {
		t.Errorf("no vector of %s", oid)
	}
}

func TestBadControlValues(t *testing.T) {
	small := Limits{Depth: 2, Filters: 2, Elements: 2}
	for _, row := range []struct {
		rule   string
		decode func([]byte) error
		value  string
		want   error
	}{
		{"a value where there is none", DecodeNoValue, "04", ErrValue},
		{"an assertion without value", decodeFilter(small), "", ber.ErrTruncated},
		{"octets behind an assertion", decodeFilter(small), "8702636e 00", ber.ErrTrailing},
		{"an assertion too deep", decodeFilter(small), "a206 a204 a202 8700", directory.AdminLimitExceeded},
		{"an assertion that is no filter", decodeFilter(small), "0400", directory.ProtocolError},
		{"a selection without value", decodeSelection(small), "", ber.ErrTruncated},
		{"a selection of something else", decodeSelection(small), "3003 020101", ber.ErrTag},
		{"a selection too long", decodeSelection(small), "3006 0400 0400 0400", directory.AdminLimitExceeded},
		{"octets behind a selection", decodeSelection(small), "3000 00", ber.ErrTrailing},
	} {
		err := row.decode(unhex(t, row.value))
		if e, ok := errors.AsType[*RequestError](err); ok {
			err = e.Code
		}
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", row.rule, err, row.want)
		}
	}
}

func decodeFilter(l Limits) func([]byte) error {
	return func(b []byte) error {
		_, err := DecodeFilter(b, l)
		return err
	}
}

func decodeSelection(l Limits) func([]byte) error {
	return func(b []byte) error {
		_, err := DecodeAttributeSelection(b, l)
		return err
	}
}

// FuzzControlValues throws octets at the decoder of each kind of value.
func FuzzControlValues(f *testing.F) {
	for _, v := range controlVectors(f) {
		if v.Value != nil {
			value, _ := hex.DecodeString(*v.Value)
			f.Add(value)
		}
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, decode := range []func([]byte) error{DecodeNoValue, decodeFilter(DefaultLimits), decodeSelection(DefaultLimits)} {
			_ = decode(value) // an error, never a panic
		}
	})
}
