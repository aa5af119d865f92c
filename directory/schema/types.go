package schema

import (
	"slices"
	"strings"
)

// Usage is what an attribute is for (RFC 4512, section 4.1.2).
type Usage int

const (
	UserApplications Usage = iota
	DirectoryOperation
	DistributedOperation
	DSAOperation
)

// AttributeType is one attribute type (RFC 4512, section 4.1.2), immutable. Two
// with the same OID are the same type.
type AttributeType struct {
	OID   string   // dotted-decimal; the lower-case name if undefined
	Names []string // as the standard spells them; never empty
	Desc  string
	Sup   *AttributeType // nil: none

	// The rules declared for this type itself; nil where they are inherited
	// or absent. EqualityRule and its kin look at the supertypes too.
	Equality, Ordering, Substr *MatchingRule

	Syntax *Syntax // inherited if not declared; never nil

	SingleValue, NoUserModification, Collective, Obsolete bool
	Usage                                                 Usage

	undefined bool
	key       string // Names[0] in lower case: the type in a normalised DN
	text      string // its description
}

// Name is the first of the type's names.
func (a *AttributeType) Name() string { return a.Names[0] }

// Operational reports whether the server keeps the attribute for its own
// purposes: it is returned only when asked for (RFC 4512, section 3.4).
func (a *AttributeType) Operational() bool { return a.Usage != UserApplications }

// Undefined reports whether no schema defines the type.
func (a *AttributeType) Undefined() bool { return a.undefined }

// Named reports whether an attribute description is of this very type: one of
// its names or its OID, in any case, with options or without.
func (a *AttributeType) Named(desc string) bool {
	for _, name := range a.Names {
		if isNamed(desc, name) {
			return true
		}
	}
	return isNamed(desc, a.OID)
}

func isNamed(desc, name string) bool {
	return len(desc) >= len(name) && (len(desc) == len(name) || desc[len(name)] == ';') &&
		strings.EqualFold(desc[:len(name)], name)
}

// IsA reports whether a is super or a subtype of it.
func (a *AttributeType) IsA(super *AttributeType) bool {
	for ; a != nil; a = a.Sup {
		if a.OID == super.OID {
			return true
		}
	}
	return false
}

// EqualityRule is the type's equality rule, its own or the next supertype's;
// nil if values of the type cannot be compared.
func (a *AttributeType) EqualityRule() *MatchingRule {
	for ; a != nil; a = a.Sup {
		if a.Equality != nil {
			return a.Equality
		}
	}
	return nil
}

// OrderingRule is the type's ordering rule, its own or the next supertype's;
// nil if there is none.
func (a *AttributeType) OrderingRule() *MatchingRule {
	for ; a != nil; a = a.Sup {
		if a.Ordering != nil {
			return a.Ordering
		}
	}
	return nil
}

// SubstringRule is the type's substrings rule, its own or the next
// supertype's; nil if there is none.
func (a *AttributeType) SubstringRule() *MatchingRule {
	for ; a != nil; a = a.Sup {
		if a.Substr != nil {
			return a.Substr
		}
	}
	return nil
}

// ClassKind is the kind of an object class (RFC 4512, section 2.4).
type ClassKind int

const (
	Structural ClassKind = iota
	Abstract
	Auxiliary
)

// ObjectClass is one object class (RFC 4512, section 4.1.1), immutable.
type ObjectClass struct {
	OID      string
	Names    []string
	Desc     string
	Sup      []*ObjectClass // only top has none
	Kind     ClassKind
	Must     []*AttributeType // the class's own, without those of Sup
	May      []*AttributeType
	Obsolete bool

	text string
}

// Name is the first of the class's names.
func (c *ObjectClass) Name() string { return c.Names[0] }

// IsA reports whether c is super or a subclass of it.
func (c *ObjectClass) IsA(super *ObjectClass) bool {
	if c.OID == super.OID {
		return true
	}
	for _, s := range c.Sup {
		if s.IsA(super) {
			return true
		}
	}
	return false
}

// Position is where in a value a substring is looked for.
type Position int

const (
	Initial Position = iota
	Any
	Final
)

// MatchingRule is one matching rule (RFC 4512, section 4.1.3), immutable.
type MatchingRule struct {
	OID       string
	Names     []string
	Desc      string
	SyntaxOID string // of the assertion value
	Obsolete  bool
	Kind      RuleKind

	// Normalize appends to dst what an attribute value is under the rule.
	// For an equality rule equal values give equal octets, for an ordering
	// rule the octets sort as the values do, for a substrings rule they
	// contain what NormalizeSubstring makes of any substring. Fails on a
	// value that the rule cannot take. Allocates nothing for plain ASCII if
	// dst has room. Never nil.
	Normalize func(dst, value []byte) ([]byte, error)

	// Holds reports whether a normalised value satisfies a normalised
	// assertion; for rules of RelationKind, nil with all others.
	Holds func(value, assertion []byte) bool

	assertion func(dst, value []byte) ([]byte, error)                      // nil: as Normalize
	substring func(dst []byte, pos Position, value []byte) ([]byte, error) // substrings rules only
	syntaxes  []string                                                     // to which it applies, as in behaviour
	text      string
}

// AppliesTo reports whether values of a can be compared under the rule, for
// example by an extensible match that names both.
func (r *MatchingRule) AppliesTo(a *AttributeType) bool {
	return slices.Contains(r.syntaxes, strings.TrimPrefix(a.Syntax.like, syntaxArc))
}

// RuleKind is what a matching rule decides.
type RuleKind int

const (
	EqualityKind RuleKind = iota
	OrderingKind
	SubstringsKind
	RelationKind // another relation, for extensible matches alone
)

// Name is the first of the rule's names.
func (r *MatchingRule) Name() string { return r.Names[0] }

// NormalizeAssertion appends to dst what an assertion value is under an
// equality or ordering rule. It differs from Normalize only for rules that
// compare with a component of the attribute value.
func (r *MatchingRule) NormalizeAssertion(dst, value []byte) ([]byte, error) {
	if r.assertion != nil {
		return r.assertion(dst, value)
	}
	return r.Normalize(dst, value)
}

// NormalizeSubstring appends to dst what one substring of a substrings
// assertion is under a substrings rule; spaces at its ends depend on where it
// stands (RFC 4518, section 2.6.1). The result may be empty.
func (r *MatchingRule) NormalizeSubstring(dst []byte, pos Position, value []byte) ([]byte, error) {
	if r.substring == nil {
		return nil, valueErrorf("%s is no substrings rule", r.Name())
	}
	return r.substring(dst, pos, value)
}

// Syntax is one LDAP syntax (RFC 4512, section 4.1.5), immutable.
type Syntax struct {
	OID  string
	Desc string

	like  string                   // OID of the syntax whose values these are; usually OID
	check func(value []byte) error // nil: any octets

	binary bool
	text   string
}

// Binary reports whether values are sent with the option binary, and only so (RFC
// 4523, section 2): certificates, lists and pairs of them, and algorithms.
func (x *Syntax) Binary() bool { return x.binary }

// Validate reports what is wrong with a value under the syntax; nil if it is
// well formed. The message does not repeat the value.
func (x *Syntax) Validate(value []byte) error {
	if x.check == nil {
		return nil
	}
	return x.check(value)
}

// trimOptions is an attribute description without its options.
func trimOptions(desc string) string {
	if i := strings.IndexByte(desc, ';'); i >= 0 {
		return desc[:i]
	}
	return desc
}
