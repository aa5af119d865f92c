package jsoncontrol

import (
	"bytes"
	"encoding/json"

	"tallystick/httpbridge/strictjson"
	"tallystick/internal/ber"
)

// Get authorization entry: [0] and [1] are TRUE if absent, [2] is attributes.

func decodeAuthorizationEntry(m *members) []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	if !m.boolean("include-authentication-entry", true) {
		b = ber.AppendBool(b, ber.Context, false)
	}
	if !m.boolean("include-authorization-entry", true) {
		b = ber.AppendBool(b, ber.Context|1, false)
	}
	if names := m.texts("attributes"); names != nil {
		var list int
		b, list = ber.Begin(b, ber.Context|ber.Constructed|2)
		for _, name := range names {
			b = ber.AppendString(b, ber.OctetString, name)
		}
		b = ber.End(b, list)
	}
	return ber.End(b, start)
}

func encodeAuthorizationEntry(value []byte) (strictjson.Value, error) {
	outer := ber.NewReader(value)
	r, err := outer.Enter(ber.Sequence)
	if err != nil {
		return strictjson.Value{}, err
	}
	included := [2]bool{true, true}
	for i := range included {
		b, there, err := r.Optional(ber.Context | byte(i))
		if err == nil && there {
			included[i], err = ber.ParseBool(b)
		}
		if err != nil {
			return strictjson.Value{}, err
		}
	}
	var o object
	o.add("include-authentication-entry", boolean(included[0]))
	o.add("include-authorization-entry", boolean(included[1]))
	if !r.Done() {
		names, err := readTexts(&r, ber.Context|ber.Constructed|2)
		if err != nil {
			return strictjson.Value{}, err
		}
		o.add("attributes", texts(names))
	}
	return o.value(), nil
}

// Get user resource limits: [0] excludeGroups, FALSE if there is no value.

func decodeResourceLimits(m *members) []byte {
	if !m.boolean("exclude-groups", false) {
		return nil
	}
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendBool(b, ber.Context, true)
	return ber.End(b, start)
}

func encodeResourceLimits(value []byte) (strictjson.Value, error) {
	outer := ber.NewReader(value)
	r, err := outer.Enter(ber.Sequence)
	if err != nil {
		return strictjson.Value{}, err
	}
	b, there, err := r.Optional(ber.Context)
	exclude := false
	if err == nil && there {
		exclude, err = ber.ParseBool(b)
	}
	var o object
	o.add("exclude-groups", boolean(exclude))
	return o.value(), err
}

// Operation purpose and intermediate client: strings with context tags, and in
// the latter one boolean and the same again for who is behind.

// field is an element of one of these.
type field struct {
	tag  byte
	name string
	kind strictjson.Kind // String, Bool or Object
}

var operationPurpose = []field{
	{0, "application-name", strictjson.String},
	{1, "application-version", strictjson.String},
	{2, "code-location", strictjson.String},
	{3, "request-purpose", strictjson.String},
}

var intermediateClient = []field{
	{0, "downstream-request", strictjson.Object},
	{1, "downstream-client-address", strictjson.String},
	{2, "downstream-client-secure", strictjson.Bool},
	{3, "client-identity", strictjson.String},
	{4, "client-name", strictjson.String},
	{5, "client-session-id", strictjson.String},
	{6, "client-request-id", strictjson.String},
}

func decodeOperationPurpose(m *members) []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	return ber.End(appendFields(b, m, operationPurpose), start)
}

func decodeIntermediateClient(m *members) []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	return ber.End(appendFields(b, m, intermediateClient), start)
}

func appendFields(b []byte, m *members, fields []field) []byte {
	for _, f := range fields {
		v := m.get(f.name, f.kind)
		if v == nil {
			continue
		}
		switch f.kind {
		case strictjson.Bool:
			b = ber.AppendBool(b, ber.Context|f.tag, v.Bool)
		case strictjson.String:
			b = ber.AppendString(b, ber.Context|f.tag, v.Text)
		default:
			behind := members{doc: m.doc, object: *v, path: strictjson.Join(m.path, f.name)}
			var start int
			b, start = ber.Begin(b, ber.Context|ber.Constructed|f.tag)
			b = ber.End(appendFields(b, &behind, fields), start)
			if err := behind.done(); err != nil && m.err == nil {
				m.err = err
			}
		}
	}
	return b
}

func encodeOperationPurpose(value []byte) (strictjson.Value, error) {
	outer := ber.NewReader(value)
	r, err := outer.Enter(ber.Sequence)
	if err != nil {
		return strictjson.Value{}, err
	}
	return encodeFields(&r, operationPurpose)
}

func encodeIntermediateClient(value []byte) (strictjson.Value, error) {
	outer := ber.NewReader(value)
	r, err := outer.Enter(ber.Sequence)
	if err != nil {
		return strictjson.Value{}, err
	}
	return encodeFields(&r, intermediateClient)
}

func encodeFields(r *ber.Reader, fields []field) (strictjson.Value, error) {
	var o object
	for _, f := range fields {
		tag := ber.Context | f.tag
		if f.kind == strictjson.Object {
			tag |= ber.Constructed
		}
		contents, there, err := r.Optional(tag)
		if err != nil {
			return strictjson.Value{}, err
		}
		if !there {
			continue
		}
		var v strictjson.Value
		switch f.kind {
		case strictjson.Bool:
			var b bool
			b, err = ber.ParseBool(contents)
			v = boolean(b)
		case strictjson.String:
			v = text(string(contents))
		default:
			in := ber.NewReader(contents)
			v, err = encodeFields(&in, fields)
		}
		if err != nil {
			return strictjson.Value{}, err
		}
		o.add(f.name, v)
	}
	if !r.Done() {
		return strictjson.Value{}, ber.ErrTrailing
	}
	return o.value(), nil
}

// Generate access token: the value of the response is JSON itself.

func decodeAccessToken(m *members) []byte {
	var b bytes.Buffer
	b.WriteString("{ ")
	for _, name := range []string{"token", "expiration-time", "error-message"} {
		v := m.get(name, strictjson.String)
		if v == nil {
			continue
		}
		if b.Len() > 2 {
			b.WriteString(", ")
		}
		quoted, _ := json.Marshal(v.Text) // a string always can be
		b.WriteString(`"` + name + `":`)
		b.Write(quoted)
	}
	b.WriteString(" }")
	return b.Bytes()
}

func encodeAccessToken(value []byte) (strictjson.Value, error) {
	doc, err := strictjson.Parse(value, 4)
	if err != nil {
		return strictjson.Value{}, err
	}
	return doc.Root, nil
}
