package directory

import (
	"bytes"
	"strings"

	"tallystick/directory/schema"
)

// attributeSource is an entry as a filter sees it.
type attributeSource interface {
	// eachAttribute calls yield for every attribute that may be searched,
	// operational ones included, until it returns false.
	eachAttribute(yield func(*Attribute) bool)
	// maySearch reports whether a filter may say something of the type at all.
	maySearch(*schema.AttributeType) bool
	// entryDN is the entry's name; only called for a match with dnAttributes.
	entryDN() DN
}

// truth is the value of a filter (RFC 4511, section 4.5.1.7). In this order
// And is the least of its parts, Or the greatest, and Not the negative.
type truth int8

const (
	isFalse     truth = -1
	isUndefined truth = 0
	isTrue      truth = 1
)

// matcher is a filter compiled for one search. It is not safe for concurrent
// use.
type matcher struct {
	schema  *schema.Schema
	root    *node
	scratch []byte // the normal form of the value just looked at

	// pause is asked now and then whether to go on with an entry: it may have a
	// million values, and the filter thousands of parts. nil: always.
	pause  func(looked int) error
	looked int   // attributes and values of the entry, by all parts
	err    error // why it was given up
}

// manyValues is how often pause is asked.
const manyValues = 1024

// goesOn counts one more attribute or value, and reports whether to look at it.
func (m *matcher) goesOn() bool {
	if m.looked++; m.looked%manyValues == 0 && m.pause != nil && m.err == nil {
		m.err = m.pause(m.looked)
	}
	return m.err == nil
}

// compileFilter prepares f. It fails with protocolError only if f is not well
// formed; an assertion that cannot be evaluated is Undefined for every entry.
func compileFilter(s *schema.Schema, f *Filter) (*matcher, error) {
	m := &matcher{schema: s}
	var err error
	if m.root, err = m.compile(f); err != nil {
		return nil, err
	}
	return m, nil
}

// match reports whether the filter evaluates to TRUE. It does not if the
// matcher has an error then.
func (m *matcher) match(e attributeSource) bool {
	m.looked, m.err = 0, nil
	return m.root.evaluate(e) == isTrue && m.err == nil
}

// node is one filter of the tree.
type node struct {
	kind  FilterKind
	parts []*node // And, Or, Not

	m         *matcher
	constant  bool  // the value does not depend on the entry: it is unmatched
	unmatched truth // the value for an entry that nothing in matches

	typ     *schema.AttributeType // nil: all to which rule applies
	options []string              // lower case
	rule    *schema.MatchingRule  // nil: presence
	dn      bool                  // dnAttributes

	norm      []byte                  // the assertion; with substrings, see substrings
	satisfied func(value []byte) bool // the test of a normalised value
	visit     func(a *Attribute) bool // n.visitAttribute, made once
	result    truth                   // while an entry is visited
}

func (m *matcher) compile(f *Filter) (*node, error) {
	n := &node{kind: f.Kind, m: m, unmatched: isFalse}
	n.visit = n.visitAttribute
	switch f.Kind {
	case FilterAnd, FilterOr, FilterNot:
		if f.Kind == FilterNot && len(f.Filters) != 1 {
			return nil, Errorf(ProtocolError, "a not filter has exactly one part")
		}
		for i := range f.Filters {
			part, err := m.compile(&f.Filters[i])
			if err != nil {
				return nil, err
			}
			n.parts = append(n.parts, part)
		}
		return n, nil
	case FilterExtensibleMatch:
		return n, n.compileExtensible(f)
	case FilterEqualityMatch, FilterSubstrings, FilterGreaterOrEqual, FilterLessOrEqual, FilterPresent, FilterApproxMatch:
		n.describe(f.Attribute)
	default:
		return nil, Errorf(ProtocolError, "unknown kind of filter")
	}

	switch f.Kind {
	case FilterPresent:
		if n.typ.Name() == "objectClass" && len(n.options) == 0 { // every entry has one
			n.constant, n.unmatched = true, isTrue
		}
	case FilterSubstrings:
		if f.Initial == nil && len(f.Any) == 0 && f.Final == nil {
			return nil, Errorf(ProtocolError, "a substrings filter has at least one substring")
		}
		n.assertSubstrings(n.typ.SubstringRule(), f.Initial, f.Any, f.Final)
	case FilterGreaterOrEqual:
		n.assert(n.typ.OrderingRule(), f.Value, func(v []byte) bool { return bytes.Compare(v, n.norm) >= 0 })
	case FilterLessOrEqual:
		n.assert(n.typ.OrderingRule(), f.Value, func(v []byte) bool { return bytes.Compare(v, n.norm) <= 0 })
	default:
		n.assert(n.typ.EqualityRule(), f.Value, n.equal)
	}
	return n, nil
}

// compileExtensible prepares an extensible match: with a type, a rule or both
// (RFC 4511, section 4.5.1.7.7).
func (n *node) compileExtensible(f *Filter) error {
	if f.Attribute == "" && f.MatchingRule == "" {
		return Errorf(ProtocolError, "an extensible match has a type, a matching rule or both")
	}
	n.dn = f.DNAttributes
	if f.Attribute != "" {
		n.describe(f.Attribute)
	}
	rule := n.m.schema.MatchingRule(f.MatchingRule)
	if f.MatchingRule == "" {
		rule = n.typ.EqualityRule()
	}
	if rule == nil || n.typ != nil && rule != n.typ.EqualityRule() && !rule.AppliesTo(n.typ) {
		n.undefined()
		return nil
	}
	switch rule.Kind {
	case schema.SubstringsKind:
		initial, middle, final, ok := splitSubstrings(f.Value)
		if !ok {
			n.undefined()
			return nil
		}
		n.assertSubstrings(rule, initial, middle, final)
	case schema.OrderingKind: // RFC 4517, section 4.2: true if the value is less
		n.assert(rule, f.Value, func(v []byte) bool { return bytes.Compare(v, n.norm) < 0 })
	case schema.RelationKind:
		n.assert(rule, f.Value, func(v []byte) bool { return rule.Holds(v, n.norm) })
	default:
		n.assert(rule, f.Value, n.equal)
	}
	return nil
}

// describe sets the type and options of an attribute description. A type that
// the schema does not define is known only to the entries that have it; for
// the others the filter is Undefined.
func (n *node) describe(description string) {
	n.typ = n.m.schema.AttributeOrUndefined(description)
	if n.typ.Undefined() {
		n.unmatched = isUndefined
	}
	n.options = optionsOf(description)
}

// undefined makes the node Undefined for every entry.
func (n *node) undefined() { n.constant, n.unmatched = true, isUndefined }

func (n *node) equal(v []byte) bool { return bytes.Equal(v, n.norm) }

// assert sets the assertion and how to test values against it. Without a rule,
// or with a value that is not one under the rule, the node is Undefined.
func (n *node) assert(rule *schema.MatchingRule, value []byte, satisfied func([]byte) bool) {
	if rule == nil {
		n.undefined()
		return
	}
	norm, err := rule.NormalizeAssertion(nil, value)
	if err != nil {
		n.undefined()
		return
	}
	n.rule, n.norm, n.satisfied = rule, norm, satisfied
}

// assertSubstrings is assert for substrings; nil ones are absent.
func (n *node) assertSubstrings(rule *schema.MatchingRule, initial []byte, middle [][]byte, final []byte) {
	if rule == nil {
		n.undefined()
		return
	}
	var s substrings
	normalize := func(at schema.Position, value []byte) (norm []byte) {
		if value != nil && !n.constant {
			var err error
			if norm, err = rule.NormalizeSubstring(nil, at, value); err != nil {
				n.undefined()
			}
		}
		return norm
	}
	s.initial = normalize(schema.Initial, initial)
	for _, v := range middle {
		s.middle = append(s.middle, normalize(schema.Any, v))
	}
	s.final = normalize(schema.Final, final)
	n.rule, n.satisfied = rule, s.in
}

// substrings are the normalised parts of a substrings assertion.
type substrings struct {
	initial []byte
	middle  [][]byte
	final   []byte
}

// in reports whether v has the substrings, in order and without overlap.
func (s *substrings) in(v []byte) bool {
	v, ok := bytes.CutPrefix(v, s.initial)
	if !ok {
		return false
	}
	for _, sub := range s.middle {
		i := bytes.Index(v, sub)
		if i < 0 {
			return false
		}
		v = v[i+len(sub):]
	}
	return bytes.HasSuffix(v, s.final)
}

// splitSubstrings reads a substring assertion (RFC 4517, section 3.3.30): an
// asterisk in a substring is \2A, a backslash \5C.
func splitSubstrings(value []byte) (initial []byte, middle [][]byte, final []byte, ok bool) {
	parts := bytes.Split(value, []byte("*"))
	if len(parts) < 2 {
		return nil, nil, nil, false
	}
	for i, p := range parts {
		p = bytes.ReplaceAll(bytes.ReplaceAll(p, []byte(`\2A`), []byte("*")), []byte(`\2a`), []byte("*"))
		p = bytes.ReplaceAll(bytes.ReplaceAll(p, []byte(`\5C`), []byte(`\`)), []byte(`\5c`), []byte(`\`))
		switch {
		case len(p) == 0 && (i == 0 || i == len(parts)-1):
		case len(p) == 0:
			return nil, nil, nil, false
		case i == 0:
			initial = p
		case i == len(parts)-1:
			final = p
		default:
			middle = append(middle, p)
		}
	}
	return initial, middle, final, initial != nil || middle != nil || final != nil
}

func (n *node) evaluate(e attributeSource) truth {
	switch n.kind {
	case FilterAnd:
		least := isTrue
		for _, part := range n.parts {
			if least = min(least, part.evaluate(e)); least == isFalse {
				break
			}
		}
		return least
	case FilterOr:
		greatest := isFalse
		for _, part := range n.parts {
			if greatest = max(greatest, part.evaluate(e)); greatest == isTrue {
				break
			}
		}
		return greatest
	case FilterNot:
		return -n.parts[0].evaluate(e)
	}
	if n.typ != nil && !e.maySearch(n.typ) {
		return isUndefined // whether the entry has it or not
	}
	n.result = n.unmatched
	if n.constant {
		return n.result
	}
	e.eachAttribute(n.visit)
	if n.dn && n.result != isTrue && n.m.err == nil {
		n.visitName(e.entryDN())
	}
	return n.result
}

// visitAttribute tests one attribute of an entry; it returns false once the
// filter is true.
func (n *node) visitAttribute(a *Attribute) bool {
	if !n.m.goesOn() {
		return false
	}
	if !n.covers(a.Name) {
		return true
	}
	if n.rule == nil {
		n.result = isTrue
		return false
	}
	if n.result == isUndefined && n.typ != nil && n.typ.Undefined() {
		n.result = isFalse // the entry knows the type
	}
	for _, v := range a.Values {
		if n.visitValue(v); n.result == isTrue || n.m.err != nil {
			return false
		}
	}
	return true
}

// visitName tests the attributes in an entry's name.
func (n *node) visitName(dn DN) {
	for i := range dn.Len() {
		for _, ava := range dn.RDN(i).AVAs() {
			if n.covers(ava.Type) {
				if n.visitValue(ava.Value); n.result == isTrue {
					return
				}
			}
		}
	}
}

// visitValue tests one value. One that the rule cannot take leaves the filter
// Undefined unless another value matches.
func (n *node) visitValue(value []byte) {
	if !n.m.goesOn() {
		return
	}
	norm, err := n.rule.Normalize(n.m.scratch[:0], value)
	if err != nil {
		n.result = isUndefined
		return
	}
	n.m.scratch = norm
	if n.satisfied(norm) {
		n.result = isTrue
	}
}

// covers reports whether an attribute of the given description is one that
// the filter is about: the type or a subtype, with at least the options asked
// for (RFC 4512, section 2.5).
func (n *node) covers(description string) bool {
	switch t := n.m.schema.Attribute(description); {
	case n.typ == nil:
		if t == nil {
			t = n.m.schema.AttributeOrUndefined(description)
		}
		if !n.rule.AppliesTo(t) {
			return false
		}
	case t == nil:
		name, _, _ := strings.Cut(description, ";")
		if !n.typ.Undefined() || !strings.EqualFold(name, n.typ.Name()) {
			return false
		}
	case !t.IsA(n.typ):
		return false
	}
	for _, want := range n.options {
		if !hasOption(description, want) {
			return false
		}
	}
	return true
}

// hasOption reports whether an attribute description has an option, given in
// lower case.
func hasOption(description, option string) bool {
	_, options, _ := strings.Cut(description, ";")
	for have := range strings.SplitSeq(options, ";") {
		if strings.EqualFold(have, option) {
			return true
		}
	}
	return false
}
