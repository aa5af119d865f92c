package schema

import (
	"fmt"
	"strings"
)

// source is a file of definitions: each a keyword (ldapsyntax, matchingrule,
// attributetype, objectclass) with a description behind it. Lines that begin
// with # are comments.
type source struct{ name, text string }

// build makes a schema of the definitions in all sources, which may refer to
// each other in any order.
func build(sources []source) (*Schema, error) {
	b := &builder{s: &Schema{
		attributes: map[string]*AttributeType{},
		classes:    map[string]*ObjectClass{},
		rules:      map[string]*MatchingRule{},
		syntaxes:   map[string]*Syntax{},
	}}
	b.behaviours, b.checks = b.s.behaviours(), b.s.checks()
	for _, src := range sources {
		if err := b.read(src); err != nil {
			return nil, fmt.Errorf("%s: %w", src.name, err)
		}
	}
	if err := b.resolve(); err != nil {
		return nil, err
	}
	s := b.s
	s.undefined = AttributeType{
		Equality:  s.MatchingRule("caseIgnoreMatch"),
		Substr:    s.MatchingRule("caseIgnoreSubstringsMatch"),
		Syntax:    s.syntaxes[directoryString],
		undefined: true,
	}
	return s, nil
}

type builder struct {
	s          *Schema
	behaviours map[string]behaviour
	checks     map[string]func([]byte) error

	attributes []pending[AttributeTypeDescription, AttributeType]
	classes    []pending[ObjectClassDescription, ObjectClass]
}

// pending is a definition whose references are not resolved yet.
type pending[D, T any] struct {
	description *D
	defined     *T
}

// read takes in the definitions of one file.
func (b *builder) read(src source) error {
	rest := src.text
	for {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if rest == "" {
			return nil
		}
		if rest[0] == '#' {
			_, rest, _ = strings.Cut(rest, "\n")
			continue
		}
		line := 1 + strings.Count(src.text[:len(src.text)-len(rest)], "\n")
		keyword, behind, _ := strings.Cut(rest, " ")
		n := descriptionLength(behind)
		if err := b.define(keyword, strings.Join(strings.Fields(behind[:n]), " ")); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		rest = behind[n:]
	}
}

// descriptionLength is where the parentheses at the start of text close, or
// all of it if they do not.
func descriptionLength(text string) int {
	depth, quoted := 0, false
	for i, c := range text {
		switch {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

func (b *builder) define(keyword, text string) error {
	switch keyword {
	case "ldapsyntax":
		d, err := ParseLDAPSyntax(text)
		if err != nil {
			return err
		}
		x := &Syntax{OID: d.OID, Desc: d.Desc, text: text}
		x.check = b.checks[strings.TrimPrefix(d.OID, syntaxArc)]
		b.s.syntaxList = append(b.s.syntaxList, x)
		return register(b.s.syntaxes, x, d.OID, nil)
	case "matchingrule":
		d, err := ParseMatchingRule(text)
		if err != nil {
			return err
		}
		if len(d.Names) == 0 {
			return fmt.Errorf("matching rule %s has no name", d.OID)
		}
		does, ok := b.behaviours[d.Names[0]]
		if !ok {
			return fmt.Errorf("matching rule %s is not implemented", d.Names[0])
		}
		r := &MatchingRule{
			OID: d.OID, Names: d.Names, Desc: d.Desc, SyntaxOID: d.Syntax, Obsolete: d.Obsolete,
			Kind: does.kind, Normalize: does.normalize, assertion: does.assertion, substring: does.substring,
			syntaxes: does.syntaxes, text: text,
		}
		b.s.ruleList = append(b.s.ruleList, r)
		return register(b.s.rules, r, d.OID, d.Names)
	case "attributetype":
		d, err := ParseAttributeType(text)
		if err != nil {
			return err
		}
		a := &AttributeType{
			OID: d.OID, Names: d.Names, Desc: d.Desc, SingleValue: d.SingleValue, Collective: d.Collective,
			NoUserModification: d.NoUserModification, Obsolete: d.Obsolete, Usage: d.Usage, text: text,
		}
		if len(a.Names) == 0 {
			a.Names = []string{a.OID}
		}
		a.key = strings.ToLower(a.Names[0])
		b.attributes = append(b.attributes, pending[AttributeTypeDescription, AttributeType]{d, a})
		b.s.attributeList = append(b.s.attributeList, a)
		return register(b.s.attributes, a, d.OID, d.Names)
	case "objectclass":
		d, err := ParseObjectClass(text)
		if err != nil {
			return err
		}
		c := &ObjectClass{OID: d.OID, Names: d.Names, Desc: d.Desc, Kind: d.Kind, Obsolete: d.Obsolete, text: text}
		if len(c.Names) == 0 {
			c.Names = []string{c.OID}
		}
		b.classes = append(b.classes, pending[ObjectClassDescription, ObjectClass]{d, c})
		b.s.classList = append(b.s.classList, c)
		return register(b.s.classes, c, d.OID, d.Names)
	}
	return fmt.Errorf("unknown keyword %q", keyword)
}

// register enters a definition under its OID and names.
func register[T any](m map[string]*T, v *T, oid string, names []string) error {
	for _, key := range append([]string{oid}, names...) {
		key = strings.ToLower(key)
		if m[key] != nil && m[key] != v {
			return fmt.Errorf("%s is defined twice", key)
		}
		m[key] = v
	}
	return nil
}

// resolve fills in what the definitions refer to.
func (b *builder) resolve() error {
	for _, p := range b.attributes {
		if err := b.resolveAttribute(p.description, p.defined); err != nil {
			return fmt.Errorf("attribute type %s: %w", p.defined.Name(), err)
		}
	}
	for _, a := range b.s.attributeList {
		depth := 0
		for sup := a.Sup; sup != nil; sup = sup.Sup {
			if depth++; depth > len(b.s.attributeList) {
				return fmt.Errorf("attribute type %s: its supertypes lead in a circle", a.Name())
			}
			if a.Syntax == nil {
				a.Syntax = sup.Syntax
			}
		}
		if a.Syntax == nil {
			return fmt.Errorf("attribute type %s: no syntax", a.Name())
		}
	}
	for _, p := range b.classes {
		if err := b.resolveClass(p.description, p.defined); err != nil {
			return fmt.Errorf("object class %s: %w", p.defined.Name(), err)
		}
	}
	for _, c := range b.s.classList {
		if b.inCircle(c, 0) {
			return fmt.Errorf("object class %s: its superclasses lead in a circle", c.Name())
		}
	}
	return nil
}

// inCircle reports whether a path up from c is longer than there are classes.
func (b *builder) inCircle(c *ObjectClass, depth int) bool {
	if depth > len(b.s.classList) {
		return true
	}
	for _, sup := range c.Sup {
		if b.inCircle(sup, depth+1) {
			return true
		}
	}
	return false
}

// find looks a reference up; "" is nil.
func find[T any](m map[string]*T, name string, err *error) *T {
	if name == "" {
		return nil
	}
	v := lookup(m, name)
	if v == nil && *err == nil {
		*err = fmt.Errorf("%s is not defined", name)
	}
	return v
}

func (b *builder) resolveAttribute(d *AttributeTypeDescription, a *AttributeType) (err error) {
	a.Sup = find(b.s.attributes, d.Sup, &err)
	a.Equality = find(b.s.rules, d.Equality, &err)
	a.Ordering = find(b.s.rules, d.Ordering, &err)
	a.Substr = find(b.s.rules, d.Substr, &err)
	a.Syntax = find(b.s.syntaxes, d.Syntax, &err)
	return err
}

func (b *builder) resolveClass(d *ObjectClassDescription, c *ObjectClass) (err error) {
	for _, name := range d.Sup {
		c.Sup = append(c.Sup, find(b.s.classes, name, &err))
	}
	for _, name := range d.Must {
		c.Must = append(c.Must, find(b.s.attributes, name, &err))
	}
	for _, name := range d.May {
		c.May = append(c.May, find(b.s.attributes, name, &err))
	}
	return err
}
