package schema

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind is what a Definition defines.
type Kind string

const (
	SyntaxDefinition    Kind = "ldapsyntax"
	RuleDefinition      Kind = "matchingrule"
	AttributeDefinition Kind = "attributetype"
	ClassDefinition     Kind = "objectclass"
)

// A Definition is one description of RFC 4512, section 4.1.
type Definition struct {
	Kind  Kind
	Text  string
	Where string // it stands, for messages: file:line
}

// New makes a schema of the built-in definitions and more, which may refer to
// each other in any order. Definitions of what is built in are passed over, but for
// classes of RFC 2307: those of RFC 2307bis have the same names and OIDs, and other
// kinds. Errors begin with where the fault is.
func New(more ...Definition) (*Schema, error) {
	builtIn, err := standard()
	if err != nil {
		return nil, err
	}
	given := make(map[string]bool, len(more))
	for _, d := range more {
		given[d.oid()] = true
	}
	builtIn = slices.DeleteFunc(slices.Clone(builtIn), func(d Definition) bool {
		return d.Kind == ClassDefinition && strings.HasPrefix(d.Where, "rfc2307.schema:") && given[d.oid()]
	})
	known := make(map[string]bool, len(builtIn))
	for _, d := range builtIn {
		known[d.oid()] = true
	}
	more = slices.DeleteFunc(slices.Clone(more), func(d Definition) bool { return known[d.oid()] })
	return build(append(slices.Clip(builtIn), more...))
}

// oid is the word that the description begins with.
func (d Definition) oid() string {
	p := &parser{text: d.Text}
	p.expect('(')
	return string(d.Kind) + " " + strings.ToLower(p.oid())
}

func build(list []Definition) (*Schema, error) {
	s := new(Schema)
	s.own = new(definitions)
	draft, err := s.Draft(list)
	if err != nil {
		return nil, err
	}
	s.own = draft.definitions
	s.Use(draft)
	return s, nil
}

// A Draft is definitions that could come into force.
type Draft struct{ definitions *definitions }

// Draft is the definitions that s was made with, and more; nothing else of what
// is in force. Errors begin with where the fault is.
func (s *Schema) Draft(more []Definition) (*Draft, error) {
	b := &builder{
		d: &definitions{
			attributes: s.own.attributes.clone(), classes: s.own.classes.clone(),
			rules: s.own.rules.clone(), syntaxes: s.own.syntaxes.clone(),
			attributeList: slices.Clip(s.own.attributeList), classList: slices.Clip(s.own.classList),
			ruleList: slices.Clip(s.own.ruleList), syntaxList: slices.Clip(s.own.syntaxList),
		},
		behaviours: s.behaviours(), checks: s.checks(),
	}
	for _, d := range more {
		if err := b.define(d); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Where, err)
		}
	}
	if err := b.resolve(); err != nil {
		return nil, err
	}
	b.d.undefined = AttributeType{
		Equality:  lookup(&b.d.rules, "caseIgnoreMatch"),
		Substr:    lookup(&b.d.rules, "caseIgnoreSubstringsMatch"),
		Syntax:    lookup(&b.d.syntaxes, directoryString),
		undefined: true,
	}
	b.d.supertypes = map[string]bool{}
	for _, a := range b.d.attributeList {
		if a.Sup != nil {
			b.d.supertypes[a.Sup.OID] = true
		}
	}
	return &Draft{b.d}, nil
}

// Use puts a draft of s in force.
func (s *Schema) Use(d *Draft) { s.inForce.Store(d.definitions) }

// OwnAttribute is Attribute among the definitions that s was made with.
func (s *Schema) OwnAttribute(name string) *AttributeType { return lookup(&s.own.attributes, name) }

// OwnObjectClass is ObjectClass among the definitions that s was made with.
func (s *Schema) OwnObjectClass(name string) *ObjectClass { return lookup(&s.own.classes, name) }

type builder struct {
	d          *definitions
	behaviours map[string]behaviour
	checks     map[string]func([]byte) error

	attributes []pending[AttributeTypeDescription, AttributeType]
	classes    []pending[ObjectClassDescription, ObjectClass]
}

// pending is a definition whose references are not resolved yet.
type pending[D, T any] struct {
	description *D
	defined     *T
	where       string
}

func (b *builder) define(definition Definition) error {
	text := definition.Text
	switch definition.Kind {
	case SyntaxDefinition:
		d, err := ParseLDAPSyntax(text)
		if err != nil {
			return err
		}
		x := &Syntax{OID: d.OID, Desc: d.Desc, like: cmp.Or(d.substitute(), d.OID), text: text}
		x.check = b.checks[strings.TrimPrefix(x.like, syntaxArc)]
		x.binary = slices.Contains([]string{"8", "9", "10", "49"}, strings.TrimPrefix(x.OID, syntaxArc))
		b.d.syntaxList = append(b.d.syntaxList, x)
		return register(&b.d.syntaxes, x, d.OID, nil)
	case RuleDefinition:
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
			Holds: does.holds, syntaxes: does.syntaxes, text: text,
		}
		b.d.ruleList = append(b.d.ruleList, r)
		return register(&b.d.rules, r, d.OID, d.Names)
	case AttributeDefinition:
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
		b.attributes = append(b.attributes, pending[AttributeTypeDescription, AttributeType]{d, a, definition.Where})
		b.d.attributeList = append(b.d.attributeList, a)
		return register(&b.d.attributes, a, d.OID, d.Names)
	case ClassDefinition:
		d, err := ParseObjectClass(text)
		if err != nil {
			return err
		}
		c := &ObjectClass{OID: d.OID, Names: d.Names, Desc: d.Desc, Kind: d.Kind, Obsolete: d.Obsolete, text: text}
		if len(c.Names) == 0 {
			c.Names = []string{c.OID}
		}
		b.classes = append(b.classes, pending[ObjectClassDescription, ObjectClass]{d, c, definition.Where})
		b.d.classList = append(b.d.classList, c)
		return register(&b.d.classes, c, d.OID, d.Names)
	}
	return fmt.Errorf("unknown keyword %q", definition.Kind)
}

// register enters a definition under its OID and names.
func register[T any](m *names[T], v *T, oid string, also []string) error {
	for _, name := range append([]string{oid}, also...) {
		switch lookup(m, name) {
		case nil:
			m.put(name, v)
		case v:
		default:
			return fmt.Errorf("%s is defined twice", strings.ToLower(name))
		}
	}
	return nil
}

// resolve fills in what the new definitions refer to.
func (b *builder) resolve() error {
	for _, p := range b.attributes {
		if err := b.resolveAttribute(p.description, p.defined); err != nil {
			return fmt.Errorf("%s: attribute type %s: %w", p.where, p.defined.Name(), err)
		}
	}
	for _, p := range b.attributes {
		if err := b.finishAttribute(p.defined); err != nil {
			return fmt.Errorf("%s: attribute type %s: %w", p.where, p.defined.Name(), err)
		}
	}
	for _, p := range b.classes {
		if err := b.resolveClass(p.description, p.defined); err != nil {
			return fmt.Errorf("%s: object class %s: %w", p.where, p.defined.Name(), err)
		}
	}
	for _, p := range b.classes {
		if err := b.finishClass(p.defined); err != nil {
			return fmt.Errorf("%s: object class %s: %w", p.where, p.defined.Name(), err)
		}
	}
	return nil
}

// finishAttribute takes over what an attribute type inherits and fails if what
// it is made of does not fit together.
func (b *builder) finishAttribute(a *AttributeType) error {
	depth := 0
	for sup := a.Sup; sup != nil; sup = sup.Sup {
		if depth++; depth > len(b.d.attributeList) {
			return errors.New("its supertypes lead in a circle")
		}
		if a.Syntax == nil {
			a.Syntax = sup.Syntax
		}
	}
	switch {
	case a.Syntax == nil:
		return errors.New("no syntax")
	case a.Sup != nil && a.Sup.Usage != a.Usage: // RFC 4512, section 2.5.1
		return fmt.Errorf("its supertype %s is of another USAGE", a.Sup.Name())
	}
	for _, r := range []struct {
		rule *MatchingRule
		kind RuleKind
		name string
	}{{a.Equality, EqualityKind, "EQUALITY"}, {a.Ordering, OrderingKind, "ORDERING"}, {a.Substr, SubstringsKind, "SUBSTR"}} {
		switch {
		case r.rule == nil:
		case r.rule.Kind != r.kind:
			return fmt.Errorf("%s is no %s rule", r.rule.Name(), r.name)
		case !r.rule.AppliesTo(a):
			return fmt.Errorf("%s does not go with syntax %s", r.rule.Name(), a.Syntax.OID)
		}
	}
	return nil
}

// finishClass fails if a class is below one that it cannot be below: itself, or
// one of another kind (RFC 4512, section 2.4).
func (b *builder) finishClass(c *ObjectClass) error {
	if b.inCircle(c, 0) {
		return errors.New("its superclasses lead in a circle")
	}
	for _, sup := range c.Sup {
		if sup.Kind != Abstract && sup.Kind != c.Kind {
			return fmt.Errorf("%s cannot be above it: it is of another kind", sup.Name())
		}
	}
	return nil
}

// inCircle reports whether a path up from c is longer than there are classes.
func (b *builder) inCircle(c *ObjectClass, depth int) bool {
	if depth > len(b.d.classList) {
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
func find[T any](m *names[T], name string, err *error) *T {
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
	a.Sup = find(&b.d.attributes, d.Sup, &err)
	a.Equality = find(&b.d.rules, d.Equality, &err)
	a.Ordering = find(&b.d.rules, d.Ordering, &err)
	a.Substr = find(&b.d.rules, d.Substr, &err)
	a.Syntax = find(&b.d.syntaxes, d.Syntax, &err)
	return err
}

func (b *builder) resolveClass(d *ObjectClassDescription, c *ObjectClass) (err error) {
	if top := lookup(&b.d.classes, "top"); len(d.Sup) == 0 && c.Kind != Abstract && top != nil {
		c.Sup = []*ObjectClass{top}
	}
	for _, name := range d.Sup {
		c.Sup = append(c.Sup, find(&b.d.classes, name, &err))
	}
	for _, name := range d.Must {
		c.Must = append(c.Must, find(&b.d.attributes, name, &err))
	}
	for _, name := range d.May {
		c.May = append(c.May, find(&b.d.attributes, name, &err))
	}
	return err
}
