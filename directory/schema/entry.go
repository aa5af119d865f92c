package schema

import (
	"fmt"
	"slices"
	"strings"
	"sync"
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
		named[lookup(&s.inForce.Load().classes, v)] = true
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
		if c := lookup(&s.inForce.Load().classes, v); c != nil {
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
	d := s.inForce.Load()
	c := d.combination(classes)
	if c.err != nil {
		return c.err
	}
	var buf [32]*AttributeType
	types := buf[:0]
	for _, desc := range descriptions {
		t := lookup(&d.attributes, trimOptions(desc))
		if t == nil {
			return &EntryError{true, fmt.Sprintf("attribute type %.64q is not defined", trimOptions(desc))}
		}
		types = append(types, t)
	}
	var missing []string
	for _, m := range c.must {
		if !slices.Contains(types, m.attribute) {
			missing = append(missing, fmt.Sprintf("%s (%s)", m.attribute.Name(), m.class.Name()))
		}
	}
	if missing != nil {
		return entryErrorf("missing what an object class demands: %s", strings.Join(missing, ", "))
	}
	if c.anything {
		return nil
	}
	for _, t := range types {
		if !c.allowed[t] && !t.Operational() {
			return entryErrorf("none of the object classes allows %s", t.Name())
		}
	}
	return nil
}

// combination is what a set of classes asks of an entry.
type combination struct {
	err      error // it cannot be one
	must     []demand
	allowed  map[*AttributeType]bool
	anything bool
}

type demand struct {
	attribute *AttributeType
	class     *ObjectClass // that demands it
}

// combinations remembers those met before.
type combinations struct {
	mu sync.RWMutex // guards known
	// By the values, each with a zero octet behind it.
	known map[string]*combination
}

// maxCombinations bounds the memory: there are few in any directory, but as
// many as somebody who adds entries likes.
const maxCombinations = 1000

func (d *definitions) combination(classes [][]byte) *combination {
	var buf [256]byte
	key := buf[:0]
	for _, c := range classes {
		key = append(append(key, c...), 0)
	}
	d.combinations.mu.RLock()
	known := d.combinations.known[string(key)]
	d.combinations.mu.RUnlock()
	if known != nil {
		return known
	}
	c := d.combine(classes)
	d.combinations.mu.Lock()
	defer d.combinations.mu.Unlock()
	if d.combinations.known == nil || len(d.combinations.known) >= maxCombinations {
		d.combinations.known = map[string]*combination{}
	}
	if len(key) <= len(buf) {
		d.combinations.known[string(key)] = c
	}
	return c
}

func (d *definitions) combine(classes [][]byte) *combination {
	var list []*ObjectClass
	var structural *ObjectClass
	bad := func(format string, args ...any) *combination {
		return &combination{err: entryErrorf(format, args...)}
	}
	for _, v := range classes {
		c := lookup(&d.classes, v)
		switch {
		case c == nil:
			return bad("object class %.64q is not defined", v)
		case c.Obsolete:
			return bad("object class %s is obsolete", c.Name())
		case c.Kind != Structural:
		case structural == nil || c.IsA(structural):
			structural = c
		case !structural.IsA(c):
			return bad("%s and %s are structural object classes and neither is above the other", structural.Name(), c.Name())
		}
		list = append(list, c)
	}
	if structural == nil {
		return bad("none of the object classes is structural")
	}
	all := &combination{allowed: make(map[*AttributeType]bool, 64)}
	seen := map[*ObjectClass]bool{}
	var take func(c *ObjectClass)
	take = func(c *ObjectClass) {
		if seen[c] {
			return
		}
		seen[c] = true
		all.anything = all.anything || c.OID == extensibleObject
		for _, t := range c.Must {
			all.allowed[t] = true
			all.must = append(all.must, demand{t, c})
		}
		for _, t := range c.May {
			all.allowed[t] = true
		}
		for _, sup := range c.Sup {
			take(sup)
		}
	}
	for _, c := range list {
		take(c)
	}
	return all
}

const extensibleObject = "1.3.6.1.4.1.1466.101.120.111"
