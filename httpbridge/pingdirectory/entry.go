package pingdirectory

import (
	"context"
	"slices"
	"strings"

	"tallystick/httpbridge/subschema"
	"tallystick/httpbridge/upstream"
)

// octetsOf is how long the values of e are together.
func octetsOf(e upstream.Entry) (n int) {
	for _, a := range e.Attributes {
		for _, v := range a.Values {
			n += len(v)
		}
	}
	return n
}

// readEntry reads the entry called dn. Errors: as upstream.Session.Search;
// noSuchObject also if it may not be seen.
func readEntry(ctx context.Context, s *upstream.Session, dn string, attributes []string, controls []upstream.Control) (upstream.Entry, error) {
	found, err := s.Search(ctx, upstream.SearchRequest{
		Base: dn, Scope: upstream.BaseObject, Filter: "(objectClass=*)", Attributes: attributes, Controls: controls,
	})
	if err != nil {
		return upstream.Entry{}, err
	}
	if len(found) != 1 {
		return upstream.Entry{}, &upstream.Result{Code: noSuchObject}
	}
	return found[0], nil
}

// view is how an entry is shown: which attributes, and in which types.
type view struct {
	schema  *subschema.Schema
	request []string // the attributes to ask LDAP for
	expand  []string // attributes whose entries come along

	classToo bool            // objectClass is shown
	excluded map[string]bool // names and aliases that are not shown, in lower case
}

// The aliases of includeAttributes and excludeAttributes.
const (
	allUser        = "*"
	allOperational = "_operationalAttributes"
)

// newView makes a view of the two lists of names; without any it shows all user
// attributes. Where an alias is concerned, excluding wins. Errors name an
// attribute.
func newView(schema *subschema.Schema, include, exclude []string) (*view, error) {
	if len(include) == 0 {
		include = []string{allUser}
	}
	v := &view{schema: schema}
	included := func(name string) bool {
		return slices.ContainsFunc(include, func(one string) bool { return strings.EqualFold(one, name) })
	}
	for _, name := range include {
		switch name {
		case allUser:
			v.request = append(v.request, "*")
		case allOperational:
			v.request = append(v.request, "+")
		default:
			if _, err := knownAttribute(schema, name); err != nil {
				return nil, badParameter("includeAttributes", err.Error())
			}
			v.request = append(v.request, name)
		}
	}
	if len(exclude) > 0 {
		v.excluded = make(map[string]bool, len(exclude))
	}
	for _, name := range exclude {
		v.excluded[strings.ToLower(name)] = true
		if name == allUser || name == allOperational {
			continue
		}
		if _, err := knownAttribute(schema, name); err != nil {
			return nil, badParameter("excludeAttributes", err.Error())
		}
		if included(name) {
			return nil, badParameter("excludeAttributes", name+" is in includeAttributes too")
		}
	}
	v.request = append(v.request, "objectClass") // the links to the schemas are made of it
	v.classToo = included(allUser) || included("objectClass")
	return v, nil
}

// drops reports whether an attribute of the type t (nil: unknown) is not shown.
func (v *view) drops(t *subschema.AttributeType, description string) bool {
	if !v.classToo && strings.EqualFold(description, "objectClass") {
		return true
	}
	if len(v.excluded) == 0 {
		return false
	}
	operational := t != nil && t.Operational
	return v.excluded[strings.ToLower(description)] ||
		v.excluded[allUser] && !operational || v.excluded[strings.ToLower(allOperational)] && operational
}

// knownAttribute is the attribute type of a description, whose name must be
// spelt as in the schema. The error says what is wrong in words that fit behind
// the place.
func knownAttribute(schema *subschema.Schema, description string) (*subschema.AttributeType, error) {
	name, _, _ := strings.Cut(description, ";")
	t := schema.Attribute(name)
	if t == nil {
		return nil, attributeError(clip(name) + " is not an attribute of the server's schema")
	}
	for _, n := range t.Names {
		if n == name {
			return t, nil
		}
	}
	if name == t.OID {
		return t, nil
	}
	return nil, attributeError(clip(name) + " is written " + t.Name())
}

type attributeError string

func (e attributeError) Error() string { return string(e) }

// clip shortens what a client wrote, for a message.
func clip(s string) string {
	const longest = 64
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}

// object is e in HAL: _links, _dn and the attributes.
func (v *view) object(e upstream.Entry) object {
	classes := e.Values("objectClass")
	schemas := make([]link, 0, len(classes))
	for _, class := range classes {
		if c := v.schema.Class(class); c != nil {
			class = c.Name()
		}
		schemas = append(schemas, link{linkToSchema(class)})
	}
	shown := v.attributes(e)
	links := object{{"self", link{linkTo(e.DN, "")}}, {"schemas", schemas}}
	o := append(make(object, 0, 2+len(shown)), member{"_links", append(links, linksOf(shown)...)}, member{"_dn", e.DN})
	for i := range shown {
		o = append(o, member{shown[i].name, &shown[i]})
	}
	return o
}

// attribute is an attribute as it is shown.
type attribute struct {
	name   string                   // in the schema, and options
	t      *subschema.AttributeType // nil: unknown
	tagged bool                     // it has options
	values []string
}

// appendJSON appends the only value of an attribute that cannot have more, or an
// array of all.
func (a *attribute) appendJSON(b []byte) ([]byte, error) {
	k := kindOf(a.t, a.name)
	if a.t != nil && a.t.SingleValue && len(a.values) == 1 {
		return k.appendJSON(b, a.values[0])
	}
	return appendArray(b, a.values, k.appendJSON)
}

// attributes are those of e that are shown.
func (v *view) attributes(e upstream.Entry) []attribute {
	const few = 32 // of which none needs an index
	shown := make([]attribute, 0, len(e.Attributes))
	var index map[string]int // where a name is
	if len(e.Attributes) > few {
		index = make(map[string]int, len(e.Attributes))
	}
	find := func(name string) int {
		if index == nil {
			return slices.IndexFunc(shown, func(a attribute) bool { return a.name == name })
		}
		if i, ok := index[name]; ok {
			return i
		}
		index[name] = len(shown) // where it will be
		return -1
	}
	for _, a := range e.Attributes {
		name, options, tagged := strings.Cut(a.Name, ";")
		t := v.schema.Attribute(name)
		if t != nil {
			name = t.Name()
		}
		if tagged {
			name += ";" + options
		}
		if v.drops(t, name) {
			continue
		}
		if i := find(name); i >= 0 { // a server may use two names of one attribute
			shown[i].values = append(slices.Clip(shown[i].values), a.Values...)
			continue
		}
		shown = append(shown, attribute{name, t, tagged, a.Values})
	}
	return shown
}
