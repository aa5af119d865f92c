package pingdirectory

import (
	"strings"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/subschema"
	"tallystick/httpbridge/upstream"
)

// content is the body of a call that writes an entry.
type content struct {
	dn, parentDN string // _dn and _parentDN; "": not there
	attributes   []upstream.Attribute
	controls     []upstream.Control
}

// readContent reads an entry as view.object writes one, so what was read can be
// changed and sent back: _links and _embedded are not looked at. An attribute
// that is null or [] has no values.
func readContent(schema *subschema.Schema, doc *strictjson.Document) (*content, error) {
	c := &content{}
	if doc == nil {
		return c, nil
	}
	for _, m := range doc.Root.Members {
		var err error
		switch m.Name {
		case "_dn":
			c.dn, err = text(doc, m)
		case "_parentDN":
			c.parentDN, err = text(doc, m)
		case "_controls":
			c.controls, err = readControls(doc, m.Value)
		case "_links", "_embedded":
		default:
			var t *subschema.AttributeType
			if t, err = knownAttribute(schema, m.Name); err != nil {
				return nil, badBody(doc.AtMember(m, strictjson.Join("", m.Name), "%v", err))
			}
			a := upstream.Attribute{Name: m.Name}
			a.Values, err = readValues(doc, m.Value, strictjson.Join("", m.Name), kindOf(t, m.Name))
			c.attributes = append(c.attributes, a)
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readValues reads one value, an array of them, or null.
func readValues(doc *strictjson.Document, v strictjson.Value, path string, k kind) ([]string, error) {
	elements := []strictjson.Value{v}
	switch v.Kind {
	case strictjson.Null:
		return nil, nil
	case strictjson.Array:
		elements = v.Elements
	}
	var values []string
	for _, e := range elements {
		value, err := k.fromJSON(e)
		if err != nil {
			return nil, badBody(doc.At(e, path, "must be %v", k))
		}
		values = append(values, value)
	}
	return values, nil
}

// text is a member that is a string, and not an empty one; "" if it is null.
func text(doc *strictjson.Document, m strictjson.Member) (string, error) {
	switch {
	case m.Value.Kind == strictjson.Null:
		return "", nil
	case m.Value.Kind != strictjson.String:
		return "", badBody(doc.At(m.Value, m.Name, "must be a string, not %v", m.Value.Kind))
	case m.Value.Text == "":
		return "", badBody(doc.At(m.Value, m.Name, "must not be empty"))
	}
	return m.Value.Text, nil
}

// attribute is what c says of an attribute; nil if nothing.
func (c *content) attribute(name string) *upstream.Attribute {
	for i := range c.attributes {
		if strings.EqualFold(c.attributes[i].Name, name) {
			return &c.attributes[i]
		}
	}
	return nil
}
