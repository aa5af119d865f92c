// Package subschema reads what a server says of its schema (RFC 4512, section
// 4.2), as far as one must know it to translate entries: names, syntaxes,
// single or many, and what object classes want.
package subschema

import (
	"strings"
)

// AttributeType is one attribute type, with what it inherits (RFC 4512, section
// 4.1.2).
type AttributeType struct {
	OID                string
	Names              []string // in the order given; may be empty
	Description        string
	Syntax             string // its OID; "" if unknown
	SingleValue        bool
	Operational        bool // its USAGE is not userApplications
	NoUserModification bool

	sup string
}

// Name is what the attribute is called: its first name, or the OID.
func (t *AttributeType) Name() string { return firstName(t.Names, t.OID) }

// ObjectClass is one object class (RFC 4512, section 4.1.1).
type ObjectClass struct {
	OID         string
	Names       []string
	Description string
	Kind        string   // ABSTRACT, STRUCTURAL or AUXILIARY
	Sup         []string // names or OIDs of the superclasses
	Must, May   []string // of this class alone
}

// Name is what the class is called: its first name, or the OID.
func (c *ObjectClass) Name() string { return firstName(c.Names, c.OID) }

func firstName(names []string, oid string) string {
	if len(names) > 0 {
		return names[0]
	}
	return oid
}

// Schema is what is known. It does not change.
type Schema struct {
	Attributes []*AttributeType // in the server's order
	Classes    []*ObjectClass

	attributes map[string]*AttributeType // by name and OID in lower case
	classes    map[string]*ObjectClass
}

// Parse reads the values of attributeTypes and objectClasses. Definitions that
// are not in order are left out: servers have such, and the rest is good.
func Parse(attributeTypes, objectClasses []string) *Schema {
	s := &Schema{attributes: map[string]*AttributeType{}, classes: map[string]*ObjectClass{}}
	for _, text := range attributeTypes {
		d, ok := parse(text)
		if !ok {
			continue
		}
		t := &AttributeType{
			OID: d.oid, Names: d.list("NAME"), Description: d.one("DESC"), sup: d.one("SUP"),
			SingleValue: d.has("SINGLE-VALUE"), NoUserModification: d.has("NO-USER-MODIFICATION"),
		}
		t.Syntax, _, _ = strings.Cut(d.one("SYNTAX"), "{")
		usage := d.one("USAGE")
		t.Operational = usage != "" && !strings.EqualFold(usage, "userApplications")
		s.Attributes = append(s.Attributes, t)
		register(s.attributes, t, t.OID, t.Names)
	}
	for _, text := range objectClasses {
		d, ok := parse(text)
		if !ok {
			continue
		}
		c := &ObjectClass{
			OID: d.oid, Names: d.list("NAME"), Description: d.one("DESC"), Kind: "STRUCTURAL",
			Sup: d.list("SUP"), Must: d.list("MUST"), May: d.list("MAY"),
		}
		for _, kind := range []string{"ABSTRACT", "AUXILIARY"} {
			if d.has(kind) {
				c.Kind = kind
			}
		}
		s.Classes = append(s.Classes, c)
		register(s.classes, c, c.OID, c.Names)
	}
	for _, t := range s.Attributes {
		s.inherit(t)
	}
	return s
}

// register files v under its OID and names, as they are written and in lower
// case; the first of a name counts.
func register[T any](m map[string]*T, v *T, oid string, names []string) {
	for _, name := range append([]string{oid}, names...) {
		if _, taken := m[strings.ToLower(name)]; !taken {
			m[strings.ToLower(name)], m[name] = v, v
		}
	}
}

// find is what m has under a name in letters of any case; nil if nothing.
func find[T any](m map[string]*T, name string) *T {
	if v, ok := m[name]; ok { // as it is written, mostly
		return v
	}
	return m[strings.ToLower(name)]
}

// inherit gives t the syntax of the nearest supertype that has one.
func (s *Schema) inherit(t *AttributeType) {
	const deepest = 32 // a definition may be its own supertype
	for above, n := t, 0; t.Syntax == "" && above != nil && n < deepest; n++ {
		t.Syntax = above.Syntax
		above = s.Attribute(above.sup)
	}
}

// Attribute is the type of that name or OID, in letters of any case and without
// options; nil if unknown.
func (s *Schema) Attribute(name string) *AttributeType { return find(s.attributes, name) }

// Class is the object class of that name or OID; nil if unknown.
func (s *Schema) Class(name string) *ObjectClass { return find(s.classes, name) }
