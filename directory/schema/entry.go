package schema

import (
	"fmt"
	"strings"
)

// EntryError says which rule of the object classes an entry breaks. Its
// message is meant for clients.
type EntryError struct {
	Undefined bool // an attribute type is not defined at all
	msg       string
}

func (e *EntryError) Error() string { return e.msg }

func entryErrorf(format string, args ...any) error {
	return &EntryError{msg: fmt.Sprintf(format, args...)}
}

// Superclasses are the names of the classes above those named, as far as they
// are not named themselves (RFC 4512, section 3.3).
func (s *Schema) Superclasses(classes [][]byte) []string {
	named := map[*ObjectClass]bool{}
	for _, v := range classes {
		named[lookup(s.classes, v)] = true
	}
	var missing []string
	var above func(c *ObjectClass)
	above = func(c *ObjectClass) {
		for _, sup := range c.Sup {
			if !named[sup] {
				named[sup] = true
				missing = append(missing, sup.Name())
			}
			above(sup)
		}
	}
	for _, v := range classes {
		if c := lookup(s.classes, v); c != nil {
			above(c)
		}
	}
	return missing
}

// CheckEntry reports whether an entry of the given classes may have, and has
// all it must have, of the attributes with the given descriptions (RFC 4512,
// section 2.4). Operational attributes are nobody's business here. The error is
// an *EntryError:
//
//	a class that is not defined, or obsolete
//	no structural class, or two that are not of one line
//	an attribute type that is not defined
//	one that no class allows, unless extensibleObject is among them
//	one missing that a class demands
func (s *Schema) CheckEntry(classes [][]byte, descriptions []string) error {
	var list []*ObjectClass
	var structural *ObjectClass
	for _, v := range classes {
		c := lookup(s.classes, v)
		switch {
		case c == nil:
			return entryErrorf("object class %.64q is not defined", v)
		case c.Obsolete:
			return entryErrorf("object class %s is obsolete", c.Name())
		case c.Kind != Structural:
		case structural == nil || c.IsA(structural):
			structural = c
		case !structural.IsA(c):
			return entryErrorf("%s and %s are structural object classes and neither is above the other", structural.Name(), c.Name())
		}
		list = append(list, c)
	}
	if structural == nil {
		return entryErrorf("none of the object classes is structural")
	}
	has := make(map[*AttributeType]bool, len(descriptions))
	for _, d := range descriptions {
		t := s.Attribute(d)
		if t == nil {
			return &EntryError{true, fmt.Sprintf("attribute type %.64q is not defined", trimOptions(d))}
		}
		has[t] = true
	}
	var missing []string
	allowed := make(map[*AttributeType]bool, 64)
	anything, seen := false, map[*ObjectClass]bool{}
	var take func(c *ObjectClass)
	take = func(c *ObjectClass) {
		if seen[c] {
			return
		}
		seen[c] = true
		anything = anything || c.OID == extensibleObject
		for _, t := range c.Must {
			allowed[t] = true
			if !has[t] {
				missing = append(missing, fmt.Sprintf("%s (%s)", t.Name(), c.Name()))
			}
		}
		for _, t := range c.May {
			allowed[t] = true
		}
		for _, sup := range c.Sup {
			take(sup)
		}
	}
	for _, c := range list {
		take(c)
	}
	if len(missing) > 0 {
		return entryErrorf("missing what an object class demands: %s", strings.Join(missing, ", "))
	}
	if anything {
		return nil
	}
	for _, d := range descriptions {
		if t := s.Attribute(d); !allowed[t] && !t.Operational() {
			return entryErrorf("none of the object classes allows %s", t.Name())
		}
	}
	return nil
}

const extensibleObject = "1.3.6.1.4.1.1466.101.120.111"
