package schema

import "strings"

// AVA is one attribute type and value of an RDN (RFC 4514, section 2.3).
type AVA struct {
	Type  string // as given
	Value []byte
}

// RDN is a relative distinguished name.
type RDN struct {
	avas []AVA
	norm string
}

// AVAs are the RDN's parts in the order given.
func (r RDN) AVAs() []AVA { return r.avas }

// Norm is equal for equal RDNs and different for different ones.
func (r RDN) Norm() string { return r.norm }

// String is the RDN as RFC 4514 writes it.
func (r RDN) String() string { return r.norm }

// DN is a distinguished name. The zero value is the empty name, of the root DSE.
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

// Norm is equal for equal names and different for different ones.
func (d DN) Norm() string { return d.norm }

// String is the name as RFC 4514 writes it.
func (d DN) String() string { return d.norm }

// Parent is the name without its leaf; the empty name's parent is itself.
func (d DN) Parent() DN {
	if len(d.rdns) <= 1 {
		return DN{}
	}
	return DN{d.rdns[1:], d.norm[len(d.rdns[0].norm)+1:]}
}

// Equal reports whether d and e are the same name.
func (d DN) Equal(e DN) bool { return d.norm == e.norm }

// IsUnder reports whether d is base or below it.
func (d DN) IsUnder(base DN) bool {
	return base.IsZero() || d.norm == base.norm || strings.HasSuffix(d.norm, ","+base.norm)
}

// ParseDN parses the string form of a name (RFC 4514, section 3).
func (s *Schema) ParseDN(text string) (DN, error) {
	if text == "" {
		return DN{}, nil
	}
	d := DN{norm: strings.ToLower(text)}
	for _, part := range strings.Split(text, ",") {
		t, v, ok := strings.Cut(part, "=")
		if !ok {
			return DN{}, valueErrorf("expected '='")
		}
		d.rdns = append(d.rdns, RDN{[]AVA{{t, []byte(v)}}, strings.ToLower(part)})
	}
	return d, nil
}

// ParseRDN parses the string form of a relative name.
func (s *Schema) ParseRDN(text string) (RDN, error) {
	d, err := s.ParseDN(text)
	if err == nil && d.Len() != 1 {
		err = valueErrorf("expected one RDN")
	}
	if err != nil {
		return RDN{}, err
	}
	return d.RDN(0), nil
}
