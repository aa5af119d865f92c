package schema

import (
	"slices"
	"strings"
)

// DN is a distinguished name: RDNs from the entry up to the root. The zero
// value is the empty name, of the root DSE. A DN never changes.
type DN struct {
	rdns []RDN // leaf first
	norm string
}

// IsZero reports whether d is the empty name.
func (d DN) IsZero() bool { return len(d.rdns) == 0 }

// Len is the number of RDNs.
func (d DN) Len() int { return len(d.rdns) }

// RDN is the i-th RDN; 0 is the leaf.
func (d DN) RDN(i int) RDN { return d.rdns[i] }

// Norm is the name normalised by its attributes' equality rules: equal names
// have equal norms, different names different ones. It reads like a DN, but a
// value in it may be any octets, for some rules are not about text; commas,
// pluses, backslashes, number signs and control characters in values are
// escaped, so a comma always stands between RDNs.
func (d DN) Norm() string { return d.norm }

// String is the name as RFC 4514 writes it: types and values as they were
// given, without optional spaces and with escapes where they are needed.
func (d DN) String() string {
	var b []byte
	for i, r := range d.rdns {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.appendTo(b)
	}
	return string(b)
}

// Parent is the name without its leaf; the parent of the empty name is empty.
func (d DN) Parent() DN {
	if len(d.rdns) <= 1 {
		return DN{}
	}
	return DN{d.rdns[1:], d.norm[len(d.rdns[0].norm)+1:]}
}

// Equal reports whether d and e are the same name.
func (d DN) Equal(e DN) bool { return d.norm == e.norm }

// IsUnder reports whether d is base or below it. Every name is under the empty
// name.
func (d DN) IsUnder(base DN) bool {
	if base.IsZero() || d.norm == base.norm {
		return true
	}
	at := len(d.norm) - len(base.norm)
	return at > 0 && d.norm[at-1] == ',' && d.norm[at:] == base.norm
}

// RDN is a relative distinguished name: one attribute with a value, or
// several. The zero value is none.
type RDN struct {
	avas []AVA
	norm string
}

// AVA is one attribute type with a value in an RDN (RFC 4514, section 2.3).
type AVA struct {
	Type  string // name or OID as given, without the prefix OID.
	Value []byte // without escapes
}

// AVAs are the RDN's parts in the order given. They must not be changed.
func (r RDN) AVAs() []AVA { return r.avas }

// Norm is what DN.Norm is of a whole name; the order of parts does not matter.
func (r RDN) Norm() string { return r.norm }

// String is the RDN as DN.String would write it.
func (r RDN) String() string { return string(r.appendTo(nil)) }

func (r RDN) appendTo(b []byte) []byte {
	for i, a := range r.avas {
		if i > 0 {
			b = append(b, '+')
		}
		b = append(b, a.Type...)
		b = append(b, '=')
		b = appendEscaped(b, a.Value)
	}
	return b
}

// appendNorm appends the normalised RDN of avas, in a name within depth others.
func (s *Schema) appendNorm(b []byte, avas []AVA, depth int) ([]byte, error) {
	if len(avas) == 1 {
		return s.appendNormAVA(b, avas[0], depth)
	}
	parts := make([]string, len(avas))
	for i, a := range avas {
		norm, err := s.appendNormAVA(nil, a, depth)
		if err != nil {
			return nil, err
		}
		parts[i] = string(norm)
	}
	slices.Sort(parts)
	for i, part := range parts {
		if i > 0 {
			typ, _, _ := strings.Cut(part, "=")
			if strings.HasPrefix(parts[i-1], typ+"=") {
				return nil, valueErrorf("%s twice in one RDN", typ)
			}
			b = append(b, '+')
		}
		b = append(b, part...)
	}
	return b, nil
}

// appendNormAVA appends the attribute type's first name in lower case and the
// value normalised by its equality rule.
func (s *Schema) appendNormAVA(b []byte, a AVA, depth int) ([]byte, error) {
	rule := s.inForce.Load().undefined.Equality
	if t := s.Attribute(a.Type); t != nil {
		b = append(b, t.key...)
		rule = t.EqualityRule()
	} else {
		b = append(b, strings.ToLower(a.Type)...)
	}
	b = append(b, '=')
	if rule == nil {
		return appendNormEscaped(b, a.Value), nil
	}
	start := len(b)
	var err error
	switch rule.SyntaxOID {
	case nameSyntax:
		b, err = s.appendNormDN(b, a.Value, depth+1)
	case nameAndUIDSyntax:
		b, err = s.appendNormNameAndUID(b, a.Value, depth+1)
	default:
		b, err = rule.Normalize(b, a.Value)
	}
	if err != nil {
		return nil, valueErrorf("value of %s: %s", a.Type, err)
	}
	if slices.ContainsFunc(b[start:], needsNormEscape) {
		norm := slices.Clone(b[start:])
		b = appendNormEscaped(b[:start], norm)
	}
	return b, nil
}

func needsNormEscape(c byte) bool {
	return c < ' ' || c == ',' || c == '+' || c == '\\' || c == '#'
}

const hexDigits = "0123456789abcdef"

func appendNormEscaped(b, value []byte) []byte {
	for _, c := range value {
		if needsNormEscape(c) {
			b = append(b, '\\', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}
