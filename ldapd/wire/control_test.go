package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
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
		Assertion:    {func(b []byte) (any, error) { return DecodeFilter(b, DefaultLimits) }, present("person")},
		PreRead:      {func(b []byte) (any, error) { return DecodeAttributeSelection(b, DefaultLimits) }, []string{"uid", "cn"}},
		PostRead:     {func(b []byte) (any, error) { return DecodeAttributeSelection(b, DefaultLimits) }, []string{"*", "+"}},
		PagedResults: {func(b []byte) (any, error) { return DecodePaged(b) }, &directory.Paged{Size: 100, Cookie: []byte{}}},
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
		{"a selection too long in any case", decodeSelection(DefaultLimits), "30822002" + strings.Repeat("0400", maxSelection+1), directory.AdminLimitExceeded},
		{"the longest selection", decodeSelection(DefaultLimits), "30822000" + strings.Repeat("0400", maxSelection), nil},
		{"octets behind a selection", decodeSelection(small), "3000 00", ber.ErrTrailing},
		{"a page without value", decodePaged, "", ber.ErrTruncated},
		{"a page of a negative size", decodePaged, "3005 0201ff 0400", directory.ProtocolError},
		{"a page of an enormous size", decodePaged, "3009 02050080000000 0400", directory.ProtocolError},
		{"a page without cookie", decodePaged, "3003 020101", ber.ErrTruncated},
		{"octets behind a page", decodePaged, "3005 020101 0400 00", ber.ErrTrailing},
		{"sort keys without value", decodeSort(small), "", ber.ErrTruncated},
		{"a sort key that is empty", decodeSort(small), "3002 3000", ber.ErrTruncated},
		{"too many sort keys", decodeSort(small), "300c 3002 0400 3002 0400 3002 0400", directory.AdminLimitExceeded},
		{"octets behind sort keys", decodeSort(small), "3000 00", ber.ErrTrailing},
		{"a list without value", decodeList, "", ber.ErrTruncated},
		{"a list around nothing", decodeList, "3006 020101 020101", ber.ErrTruncated},
		{"a list around something else", decodeList, "3008 020101 020101 8200", directory.ProtocolError},
		{"a list with a negative number", decodeList, "300e 0201ff 020101 a006 020101 020101", directory.ProtocolError},
		{"a list with a contextID", decodeList, "300c 020101 020101 810161 040178", directory.ProtocolError},
		{"octets behind a list", decodeList, "3009 020101 020101 810161 00", ber.ErrTrailing},
		{"matched values without value", decodeMatched(small), "", ber.ErrTruncated},
		{"matched values that are no filters", decodeMatched(small), "3002 0400", directory.ProtocolError},
		{"too many matched values", decodeMatched(small), "3009 870161 870161 870161", directory.AdminLimitExceeded},
		{"octets behind matched values", decodeMatched(small), "3000 00", ber.ErrTrailing},
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

func decodePaged(b []byte) error {
	_, err := DecodePaged(b)
	return err
}

func decodeSort(l Limits) func([]byte) error {
	return func(b []byte) error {
		_, err := DecodeSortKeys(b, l)
		return err
	}
}

func decodeList(b []byte) error {
	_, err := DecodeVirtualList(b)
	return err
}

func decodeMatched(l Limits) func([]byte) error {
	return func(b []byte) error {
		_, err := DecodeMatchedValues(b, l)
		return err
	}
}

func TestSearchControlValues(t *testing.T) {
	// RFC 2891, section 1.1, by hand.
	keys, err := DecodeSortKeys(unhex(t, "3019 3004 0402 736e 3011 0402 636e 8008 322e352e31332e33 8101ff"), DefaultLimits)
	if want := []directory.SortKey{{Attribute: "sn"}, {Attribute: "cn", Rule: "2.5.13.3", Reverse: true}}; err != nil || !reflect.DeepEqual(keys, want) {
		t.Errorf("sort keys: %+v, %v", keys, err)
	}
	elements, err := DecodeMatchedValues(unhex(t, "3004 8702 636e"), DefaultLimits)
	if want := []directory.Filter{{Kind: directory.FilterPresent, Attribute: "cn"}}; err != nil || !reflect.DeepEqual(elements, want) {
		t.Errorf("matched values: %+v, %v", elements, err)
	}
	for value, want := range map[string]directory.VirtualList{
		"300e 020101 020102 a006 020103 020109": {Before: 1, After: 2, Offset: 3, Count: 9},
		"300a 020100 02021388 810142":           {After: 5000, From: []byte("B")},
	} {
		if got, err := DecodeVirtualList(unhex(t, value)); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("list: %+v, %v", got, err)
		}
	}
	for _, row := range []struct {
		what string
		got  []byte
		want string
	}{
		{"page", EncodePaged([]byte("x")), "3006 020100 040178"},
		{"last page", EncodePaged(nil), "3005 020100 0400"},
		{"sorted", EncodeSortResult(directory.Success, ""), "3003 0a0100"},
		{"list", EncodeVirtualList(&directory.VirtualList{Position: 3, Entries: 200, Result: directory.OffsetRangeError}), "300a 020103 020200c8 0a013d"},
		{"not sorted", EncodeSortResult(directory.NoSuchAttribute, "x"), "3006 0a0110 800178"},
	} {
		if want := unhex(t, row.want); !bytes.Equal(row.got, want) {
			t.Errorf("%s: %x, want %x", row.what, row.got, want)
		}
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
		for _, decode := range []func([]byte) error{DecodeNoValue, decodeFilter(DefaultLimits), decodeSelection(DefaultLimits),
			decodePaged, decodeList, decodeEnd, decodeSync, decodeSort(DefaultLimits), decodeMatched(DefaultLimits)} {
			_ = decode(value) // an error, never a panic
		}
	})
}
