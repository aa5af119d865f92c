package pingdirectory

import (
	"context"
	"slices"
	"strings"

	"tallystick/httpbridge/subschema"
	"tallystick/httpbridge/upstream"
)

// entry is an entry as LDAP returned it.
type entry struct{ upstream.Entry }

// values are those of the attribute called name, without options.
func (e entry) values(name string) []string {
	for _, a := range e.Attributes {
		if strings.EqualFold(a.Name, name) {
			return a.Values
		}
	}
	return nil
}

// octets is how long the values are together.
func (e entry) octets() (n int) {
	for _, a := range e.Attributes {
		for _, v := range a.Values {
			n += len(v)
		}
	}
	return n
}

// readEntry reads the entry called dn. Errors: as upstream.Session.Search;
// noSuchObject also if it may not be seen.
func readEntry(ctx context.Context, s *upstream.Session, dn string, attributes []string, controls []upstream.Control) (entry, error) {
	found, err := s.Search(ctx, upstream.SearchRequest{
		Base: dn, Scope: upstream.BaseObject, Filter: "(objectClass=*)", Attributes: attributes, Controls: controls,
	})
	if err != nil {
		return entry{}, err
	}
	if len(found) != 1 {
		return entry{}, &upstream.Result{Code: noSuchObject}
	}
	return entry{found[0]}, nil
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
	included := map[string]bool{}
	for _, name := range include {
		included[strings.ToLower(name)] = true
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
	v.excluded = make(map[string]bool, len(exclude))
	for _, name := range exclude {
		v.excluded[strings.ToLower(name)] = true
		if name == allUser || name == allOperational {
			continue
		}
		if _, err := knownAttribute(schema, name); err != nil {
			return nil, badParameter("excludeAttributes", err.Error())
		}
		if included[strings.ToLower(name)] {
			return nil, badParameter("excludeAttributes", name+" is in includeAttributes too")
		}
	}
	v.request = append(v.request, "objectClass") // the links to the schemas are made of it
	v.classToo = included[allUser] || included["objectclass"]
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
func (v *view) object(e entry) object {
	classes := e.values("objectClass")
	schemas := make([]link, 0, len(classes))
	for _, class := range classes {
		if c := v.schema.Class(class); c != nil {
			class = c.Name()
		}
		schemas = append(schemas, link{linkToSchema(class)})
	}
	links := object{{"self", link{linkTo(e.DN, "")}}, {"schemas", schemas}}
	o := append(make(object, 0, 2+len(e.Attributes)), member{"_links", append(links, v.links(e)...)}, member{"_dn", e.DN})
	return v.appendAttributes(o, e)
}

// appendAttributes appends those of e to o, under the names of the schema.
func (v *view) appendAttributes(o object, e entry) object {
	type attribute struct {
		name   string
		t      *subschema.AttributeType
		values []string
	}
	shown := make([]attribute, 0, len(e.Attributes))
	at := make(map[string]int, len(e.Attributes))
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
		if i, again := at[name]; again { // a server may use two names of one attribute
			shown[i].values = append(slices.Clip(shown[i].values), a.Values...)
			continue
		}
		at[name] = len(shown)
		shown = append(shown, attribute{name, t, a.Values})
	}
	for _, a := range shown {
		k := kindOf(a.t, a.name)
		if a.t != nil && a.t.SingleValue && len(a.values) == 1 {
			o = append(o, member{a.name, k.toJSON(a.values[0])})
		} else {
			o = append(o, member{a.name, k.listToJSON(a.values)})
		}
	}
	return o
}
