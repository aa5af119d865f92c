package schema

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// Schema is the definitions in force. Use changes them, for all who have the
// Schema and at once; an attribute type or class that somebody looked up before
// stays as it is, and is told from others by its OID.
type Schema struct {
	own     *definitions // those it was made with: they stay
	inForce atomic.Pointer[definitions]
}

// definitions is a set of definitions, immutable but for what it remembers.
type definitions struct {
	attributes names[AttributeType] // and by OID
	classes    names[ObjectClass]
	rules      names[MatchingRule]
	syntaxes   names[Syntax] // OIDs

	// In the order defined.
	attributeList []*AttributeType
	classList     []*ObjectClass
	ruleList      []*MatchingRule
	syntaxList    []*Syntax

	undefined  AttributeType   // what every undefined type is but for its name
	supertypes map[string]bool // OIDs of the attribute types that have subtypes

	combinations combinations
}

// Attribute is the attribute type of an attribute description: a name or OID
// in any case; options are ignored. nil if the schema does not define it.
func (s *Schema) Attribute(desc string) *AttributeType {
	return lookup(&s.inForce.Load().attributes, trimOptions(desc))
}

// AttributeOrUndefined is Attribute, but never nil: a type that the schema
// does not define is taken for a directoryString matched by caseIgnoreMatch.
func (s *Schema) AttributeOrUndefined(desc string) *AttributeType {
	if a := s.Attribute(desc); a != nil {
		return a
	}
	name := trimOptions(desc)
	a := s.inForce.Load().undefined
	a.key = strings.ToLower(name)
	a.OID = a.key
	a.Names = []string{name}
	return &a
}

// HasSubtypes reports whether the schema defines subtypes of an attribute type.
func (s *Schema) HasSubtypes(t *AttributeType) bool { return s.inForce.Load().supertypes[t.OID] }

// ObjectClass is the object class of a name or OID in any case; nil if the
// schema does not define it.
func (s *Schema) ObjectClass(name string) *ObjectClass {
	return lookup(&s.inForce.Load().classes, name)
}

// IsClass reports whether a value of objectClass is a class or one derived from
// it.
func (s *Schema) IsClass(value []byte, class *ObjectClass) bool {
	c := lookup(&s.inForce.Load().classes, value)
	return c != nil && c.IsA(class)
}

// MatchingRule is the matching rule of a name or OID in any case; nil if there
// is none.
func (s *Schema) MatchingRule(name string) *MatchingRule {
	return lookup(&s.inForce.Load().rules, name)
}

// Syntax is the LDAP syntax of an OID; nil if there is none.
func (s *Schema) Syntax(oid string) *Syntax { return lookup(&s.inForce.Load().syntaxes, oid) }

// StructuralClass is the most derived structural class among the values of an
// objectClass attribute (RFC 4512, section 2.4.2), the first if they are not
// all of one line; nil if there is none.
func (s *Schema) StructuralClass(classes [][]byte) *ObjectClass {
	var best *ObjectClass
	for _, v := range classes {
		c := lookup(&s.inForce.Load().classes, v)
		if c != nil && c.Kind == Structural && (best == nil || c.IsA(best)) {
			best = c
		}
	}
	return best
}

// ValueError says what is wrong with a value under a syntax or a rule. Its
// message is meant for clients and does not repeat the value.
type ValueError struct{ msg string }

func (e *ValueError) Error() string { return e.msg }

func valueErrorf(format string, args ...any) error {
	return &ValueError{fmt.Sprintf(format, args...)}
}
