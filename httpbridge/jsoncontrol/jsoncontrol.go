// Package jsoncontrol translates controls between LDAP and the JSON form that
// PingDirectory and its SDK give them:
//
//	{"oid": "1.3.6.1.1.12", "control-name": "Assertion Request Control",
//	 "criticality": true, "value-json": {"filter": "(objectClass=person)"}}
//
// Each control has a value-json of its own, or none; any control can have
// value-base64 instead, the octets of its value.
package jsoncontrol

import (
	"encoding/base64"
	"errors"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// ErrUnknown says that a control has a value-json that is not known here.
var ErrUnknown = errors.New("jsoncontrol: unknown control")

// Decode reads a control, found under path in doc. Members that are not of the
// form are errors, which are *strictjson.Error; ErrUnknown, beside the control
// without a value.
func Decode(doc *strictjson.Document, v strictjson.Value, path string) (upstream.Control, error) {
	if v.Kind != strictjson.Object {
		return upstream.Control{}, doc.At(v, path, "a control must be an object, not %v", v.Kind)
	}
	var c upstream.Control
	got := map[string]*strictjson.Value{}
	for i := range v.Members {
		m := &v.Members[i]
		want := strictjson.String
		switch m.Name {
		case "oid", "control-name", "value-base64":
		case "criticality":
			want = strictjson.Bool
		case "value-json":
			want = strictjson.Object
		default:
			return c, doc.AtMember(*m, strictjson.Join(path, m.Name), "unknown member")
		}
		if m.Value.Kind != want {
			return c, doc.At(m.Value, strictjson.Join(path, m.Name), "must be %v, not %v", want, m.Value.Kind)
		}
		got[m.Name] = &m.Value
	}
	octets, value := got["value-base64"], got["value-json"]
	switch {
	case got["oid"] == nil || got["criticality"] == nil:
		return c, doc.At(v, path, "a control needs oid and criticality")
	case octets != nil && value != nil:
		return c, doc.At(v, path, "a control has one value at most")
	}
	c.OID, c.Critical = got["oid"].Text, got["criticality"].Bool
	switch {
	case octets != nil:
		b, err := base64.StdEncoding.DecodeString(octets.Text)
		if err != nil {
			return c, doc.At(*octets, strictjson.Join(path, "value-base64"), "must be base64")
		}
		c.Value = append([]byte{}, b...)
	case value != nil:
		known, ok := known[c.OID]
		if !ok || known.decode == nil {
			return c, ErrUnknown
		}
		in := members{doc: doc, object: *value, path: strictjson.Join(path, "value-json")}
		c.Value = known.decode(&in)
		return c, in.done()
	}
	return c, nil
}

// Encode is the JSON form of a control. A value that is not in order, not UTF-8
// or of a control that is not known here is value-base64.
func Encode(c upstream.Control) strictjson.Value {
	known := known[c.OID]
	var o object
	o.add("oid", text(c.OID))
	if name := known.named(c.Value); name != "" {
		o.add("control-name", text(name))
	}
	o.add("criticality", boolean(c.Critical))
	if c.Value == nil {
		return o.value()
	}
	if known.encode != nil {
		if v, err := known.encode(c.Value); err == nil && isText(v) {
			o.add("value-json", v)
			return o.value()
		}
	}
	o.add("value-base64", text(base64.StdEncoding.EncodeToString(c.Value)))
	return o.value()
}
