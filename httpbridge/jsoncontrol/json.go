package jsoncontrol

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"tallystick/httpbridge/strictjson"
)

// object is a JSON object in the making.
type object []strictjson.Member

func (o *object) add(name string, v strictjson.Value) {
	*o = append(*o, strictjson.Member{Name: name, Value: v})
}

func (o object) value() strictjson.Value {
	return strictjson.Value{Kind: strictjson.Object, Members: o}
}

func text(s string) strictjson.Value  { return strictjson.Value{Kind: strictjson.String, Text: s} }
func boolean(b bool) strictjson.Value { return strictjson.Value{Kind: strictjson.Bool, Bool: b} }
func number(n int64) strictjson.Value {
	return strictjson.Value{Kind: strictjson.Number, Text: strconv.FormatInt(n, 10)}
}

func texts(list []string) strictjson.Value {
	v := strictjson.Value{Kind: strictjson.Array}
	for _, s := range list {
		v.Elements = append(v.Elements, text(s))
	}
	return v
}

// isText reports whether all strings in v are UTF-8, as JSON must be.
func isText(v strictjson.Value) bool {
	if !utf8.ValidString(v.Text) {
		return false
	}
	for _, e := range v.Elements {
		if !isText(e) {
			return false
		}
	}
	for _, m := range v.Members {
		if !utf8.ValidString(m.Name) || !isText(m.Value) {
			return false
		}
	}
	return true
}

// members reads the members of an object, each once. The first error stays,
// and done tells it.
type members struct {
	doc    *strictjson.Document
	object strictjson.Value
	path   string
	read   []string
	err    error
}

// get is the member of that name and kind; nil if it is absent.
func (m *members) get(name string, kind strictjson.Kind) *strictjson.Value {
	m.read = append(m.read, name)
	for _, member := range m.object.Members {
		if member.Name != name {
			continue
		}
		if member.Value.Kind != kind {
			m.fail(member.Value, name, "must be "+kind.String()+", not "+member.Value.Kind.String())
			return nil
		}
		return &member.Value
	}
	return nil
}

func (m *members) fail(v strictjson.Value, name, reason string) {
	if m.err == nil {
		m.err = m.doc.At(v, strictjson.Join(m.path, name), "%s", reason)
	}
}

// need is get for a member that must be there.
func (m *members) need(name string, kind strictjson.Kind) strictjson.Value {
	v := m.get(name, kind)
	if v == nil {
		m.fail(m.object, name, "must be there")
		return strictjson.Value{}
	}
	return *v
}

// text is a string; nil if absent.
func (m *members) text(name string) []byte {
	if v := m.get(name, strictjson.String); v != nil {
		return []byte(v.Text)
	}
	return nil
}

// boolean is a boolean, or what it is if absent.
func (m *members) boolean(name string, absent bool) bool {
	if v := m.get(name, strictjson.Bool); v != nil {
		return v.Bool
	}
	return absent
}

// texts is an array of strings; nil if absent.
func (m *members) texts(name string) []string {
	v := m.get(name, strictjson.Array)
	if v == nil {
		return nil
	}
	list := []string{}
	for _, e := range v.Elements {
		if e.Kind != strictjson.String {
			m.fail(e, name, "must be an array of strings")
		}
		list = append(list, e.Text)
	}
	return list
}

// done is the first error; members that nobody asked for are one too.
func (m *members) done() error {
	for _, member := range m.object.Members {
		if m.err == nil && !slices.Contains(m.read, member.Name) {
			m.err = m.doc.AtMember(member, strictjson.Join(m.path, member.Name), "unknown member")
		}
	}
	return m.err
}
