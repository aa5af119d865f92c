package pingdirectory

import (
	"context"
	"strconv"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/subschema"
	"tallystick/httpbridge/upstream"
)

// patchEntry changes single values of an entry, all of them or none.
func patchEntry(ctx context.Context, h *Handler, c *call) (*reply, error) {
	s, dn, err := entrySession(ctx, h.ldap, c)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	v, err := h.view(ctx, s, c)
	if err != nil {
		return nil, err
	}
	changes, controls, err := readPatch(v.schema, c.document)
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 {
		return unwritten(ctx, s, v, dn)
	}
	if err := s.Modify(ctx, dn, changes, controls); err != nil {
		return nil, err
	}
	answered, err := responseControls(s)
	if err != nil {
		return nil, err
	}
	return done(written(ctx, s, v, dn, answered)), nil
}

// modificationTypes are the words for LDAP's change types.
var modificationTypes = map[string]upstream.ChangeType{
	"add": upstream.AddValues, "remove": upstream.DeleteValues, "set": upstream.Replace, "increment": upstream.Increment,
}

// readPatch reads the body of a PATCH.
func readPatch(schema *subschema.Schema, doc *strictjson.Document) (changes []upstream.Change, controls []upstream.Control, err error) {
	if doc == nil {
		return nil, nil, errNoModifications
	}
	there := false
	for _, m := range doc.Root.Members {
		switch m.Name {
		case "_controls":
			controls, err = readControls(doc, m.Value)
		case "modifications":
			there = true
			changes, err = readModifications(schema, doc, m.Value)
		default:
			err = badBody(doc.AtMember(m, strictjson.Join("", m.Name), "unknown member"))
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if !there {
		return nil, nil, errNoModifications
	}
	return changes, controls, nil
}

func readModifications(schema *subschema.Schema, doc *strictjson.Document, v strictjson.Value) ([]upstream.Change, error) {
	if v.Kind != strictjson.Array {
		return nil, badBody(doc.At(v, "modifications", "must be an array, not %v", v.Kind))
	}
	var changes []upstream.Change
	for i, e := range v.Elements {
		c, err := readModification(schema, doc, e, "modifications["+strconv.Itoa(i)+"]")
		if err != nil {
			return nil, err
		}
		if c.Type == upstream.AddValues && len(c.Values) == 0 {
			continue // nothing is added
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func readModification(schema *subschema.Schema, doc *strictjson.Document, v strictjson.Value, path string) (c upstream.Change, err error) {
	if v.Kind != strictjson.Object {
		return c, badBody(doc.At(v, path, "must be an object, not %v", v.Kind))
	}
	values := strictjson.Value{Kind: strictjson.Null}
	var t *subschema.AttributeType
	word := ""
	for _, m := range v.Members {
		at := strictjson.Join(path, m.Name)
		switch m.Name {
		case "attributeName", "modificationType":
			if m.Value.Kind != strictjson.String {
				return c, badBody(doc.At(m.Value, at, "must be a string, not %v", m.Value.Kind))
			}
			if m.Name == "modificationType" {
				word = m.Value.Text
				break
			}
			c.Name = m.Value.Text
			if t, err = knownAttribute(schema, c.Name); err != nil {
				return c, badBody(doc.At(m.Value, at, "%v", err))
			}
		case "values":
			values = m.Value
			if values.Kind != strictjson.Array && values.Kind != strictjson.Null {
				return c, badBody(doc.At(values, at, "must be an array, not %v", values.Kind))
			}
		default:
			return c, badBody(doc.AtMember(m, at, "unknown member"))
		}
	}
	changeType, known := modificationTypes[word]
	if c.Type = changeType; !known {
		return c, badBody(doc.At(v, path, "modificationType must be add, remove, set or increment"))
	}
	if t == nil {
		return c, badBody(doc.At(v, path, "attributeName must be there"))
	}
	c.Values, err = readValues(doc, values, strictjson.Join(path, "values"), kindOf(t, c.Name))
	if err == nil && len(c.Values) == 0 && (c.Type == upstream.DeleteValues || c.Type == upstream.Increment) {
		err = badBody(doc.At(v, path, "%s needs values", word))
	}
	return c, err
}
