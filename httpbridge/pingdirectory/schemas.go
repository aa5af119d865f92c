package pingdirectory

import (
	"context"
	"slices"
	"strings"

	"tallystick/httpbridge/subschema"
)

// listSchemas lists the object classes.
func listSchemas(ctx context.Context, h *Handler, c *call) (*reply, error) {
	schema, err := h.anySchema(ctx, c)
	if err != nil {
		return nil, err
	}
	list := []object{}
	for _, class := range schema.Classes {
		o := object{{"_links", object{{"self", link{linkToSchema(class.Name())}}}}, {"name", class.Name()}}
		if class.Description != "" {
			o = append(o, member{"description", class.Description})
		}
		list = append(list, o)
	}
	return done(object{
		{"_links", object{
			{"self", link{prefix + "/schemas"}},
			{allOperational, link{linkToSchema(allOperational)}},
		}},
		{"_embedded", object{{"schemas", list}}},
		{"size", len(list)},
	}), nil
}

// getSchema is a JSON Schema of the entries of one object class, or of the
// operational attributes.
func getSchema(ctx context.Context, h *Handler, c *call) (*reply, error) {
	schema, err := h.anySchema(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.target.class == allOperational {
		var names []string
		for _, t := range schema.Attributes {
			if t.Operational {
				names = append(names, t.Name())
			}
		}
		return done(jsonSchema(schema, allOperational, "", nil, names)), nil
	}
	class := schema.Class(c.target.class)
	if class == nil || !slices.Contains(append(class.Names, class.OID), c.target.class) {
		return nil, errNotFound
	}
	must, may := attributesOf(schema, class)
	return done(jsonSchema(schema, class.Name(), class.Description, must, may)), nil
}

// anySchema is the schema, for everybody who may read it.
func (h *Handler) anySchema(ctx context.Context, c *call) (*subschema.Schema, error) {
	s, err := anySession(ctx, h.ldap, c)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	return h.schema.show(ctx, s)
}

// attributesOf is what entries of a class must and may have, superclasses
// included: first names, each once.
func attributesOf(schema *subschema.Schema, class *subschema.ObjectClass) (must, may []string) {
	classes := []*subschema.ObjectClass{class}
	for i := 0; i < len(classes); i++ {
		for _, name := range classes[i].Sup {
			if sup := schema.Class(name); sup != nil && !slices.Contains(classes, sup) {
				classes = append(classes, sup)
			}
		}
	}
	add := func(list []string, names []string) []string {
		for _, name := range names {
			if t := schema.Attribute(name); t != nil {
				name = t.Name()
			}
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		return list
	}
	for _, c := range classes {
		must = add(must, c.Must)
	}
	for _, c := range classes {
		may = add(may, c.May)
	}
	may = slices.DeleteFunc(may, func(name string) bool { return slices.Contains(must, name) })
	return must, may
}

// jsonSchema is a JSON Schema (draft 2020-12) of objects with these attributes.
func jsonSchema(schema *subschema.Schema, name, description string, must, may []string) object {
	properties := object{}
	for _, attribute := range append(slices.Clone(must), may...) {
		properties = append(properties, member{attribute, property(schema.Attribute(attribute))})
	}
	o := object{
		{"_links", object{{"self", link{linkToSchema(name)}}}},
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", name},
	}
	if description != "" {
		o = append(o, member{"description", description})
	}
	o = append(o, member{"type", "object"}, member{"properties", properties})
	if len(must) > 0 {
		o = append(o, member{"required", must})
	}
	return o
}

// property describes the values of t; nil is an attribute that a class names
// and nobody defines.
func property(t *subschema.AttributeType) object {
	if t == nil {
		return object{}
	}
	k := kindOf(t, t.Name())
	value := object{{"type", [...]string{
		aString: "string", anInteger: "integer", aBoolean: "boolean", aTime: "string", aBinary: "string", anObject: "object",
	}[k]}}
	switch k {
	case aTime:
		value = append(value, member{"format", "date-time"})
	case aBinary:
		value = append(value, member{"contentEncoding", "base64"})
	}
	o := value
	if !t.SingleValue {
		o = object{{"type", "array"}, {"items", value}}
	}
	if description := strings.TrimSpace(t.Description); description != "" {
		o = append(o, member{"description", description})
	}
	if t.NoUserModification {
		o = append(o, member{"readOnly", true})
	}
	return o
}
