package jsoncontrol

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
	"tallystick/internal/ber"
)

// Assertion (RFC 4528): the value is a filter.

func decodeAssertion(m *members) []byte {
	v := m.need("filter", strictjson.String)
	b, err := upstream.EncodeFilter(v.Text)
	if err != nil {
		m.fail(v, "filter", "is not an LDAP filter")
	}
	return b
}

func encodeAssertion(value []byte) (strictjson.Value, error) {
	filter, err := upstream.DecodeFilter(value)
	if err != nil {
		return strictjson.Value{}, err
	}
	var o object
	o.add("filter", text(filter))
	return o.value(), nil
}

// Pre-read and post-read (RFC 4527): a request has names of attributes, a
// response an entry.

const searchResultEntry = ber.Application | ber.Constructed | 4

func decodeReadEntry(m *members) []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	for _, name := range m.texts("attributes") {
		b = ber.AppendString(b, ber.OctetString, name)
	}
	return ber.End(b, start)
}

func encodeReadEntry(value []byte) (strictjson.Value, error) {
	r := ber.NewReader(value)
	var o object
	if r.Peek() == searchResultEntry {
		e, err := encodeEntry(value)
		o.add("entry", e)
		return o.value(), err
	}
	names, err := readTexts(&r, ber.Sequence)
	o.add("attributes", texts(names))
	return o.value(), err
}

// encodeEntry is an entry as the SDK writes it, without regard to a schema: all
// values are arrays of strings.
func encodeEntry(value []byte) (strictjson.Value, error) {
	e, err := upstream.ReadEntry(value)
	if err != nil {
		return strictjson.Value{}, err
	}
	var o object
	o.add("_dn", text(e.DN))
	for _, a := range e.Attributes {
		var values []string
		for _, v := range a.Values {
			values = append(values, orBase64(v))
		}
		o.add(a.Name, texts(values))
	}
	return o.value(), nil
}

// orBase64 is s, or its base64 if it is not UTF-8.
func orBase64(s string) string {
	if !utf8.ValidString(s) {
		return base64.StdEncoding.EncodeToString([]byte(s))
	}
	return s
}

// readTexts reads a SEQUENCE OF OCTET STRING.
func readTexts(r *ber.Reader, tag byte) ([]string, error) {
	in, err := r.Enter(tag)
	if err != nil {
		return nil, err
	}
	list := []string{}
	for !in.Done() {
		b, err := in.Read(ber.OctetString)
		if err != nil {
			return nil, err
		}
		list = append(list, string(b))
	}
	return list, nil
}

// Proxied authorization (RFC 4370) and authorization identity (RFC 3829): the
// value is an authzId, without any BER.

func decodeAuthorizationID(m *members) []byte {
	return []byte(m.need("authorization-id", strictjson.String).Text)
}

func encodeAuthorizationID(value []byte) (strictjson.Value, error) {
	var o object
	o.add("authorization-id", text(string(value)))
	return o.value(), nil
}

// Simple paged results (RFC 2696).

func decodePagedResults(m *members) []byte {
	size := m.need("size", strictjson.Number)
	n, err := strconv.ParseInt(size.Text, 10, 32)
	if err != nil || n < 0 || n > math.MaxInt32 {
		m.fail(size, "size", "must be an integer from 0 to 2147483647")
	}
	cookie, err := base64.StdEncoding.DecodeString(string(m.text("cookie")))
	if err != nil {
		m.fail(m.object, "cookie", "must be base64")
	}
	return upstream.PagedResults(int(n), cookie).Value
}

func encodePagedResults(value []byte) (strictjson.Value, error) {
	size, cookie, err := upstream.ReadPagedResults(value)
	if err != nil {
		return strictjson.Value{}, err
	}
	var o object
	o.add("size", number(int64(size)))
	if len(cookie) > 0 {
		o.add("cookie", text(base64.StdEncoding.EncodeToString(cookie)))
	}
	return o.value(), nil
}
