package upstream

import (
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Name is a DN taken apart (RFC 4514).
type Name struct {
	RDN    []NamePart
	Parent string // as a DN; "" at the top

	parsed *ldap.DN
}

// NamePart is one attribute type and value of an RDN.
type NamePart struct{ Type, Value string }

// ParseName takes a DN apart, which has one RDN at least. The error is the
// reason.
func ParseName(dn string) (Name, error) {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return Name{}, err
	}
	n := Name{parsed: parsed}
	if len(parsed.RDNs) == 0 {
		return n, nil
	}
	for _, a := range parsed.RDNs[0].Attributes {
		n.RDN = append(n.RDN, NamePart{a.Type, a.Value})
	}
	n.Parent = (&ldap.DN{RDNs: parsed.RDNs[1:]}).String()
	return n, nil
}

// RDNText is the RDN as LDAP writes it.
func (n Name) RDNText() string { return n.parsed.RDNs[0].String() }

// SameParent reports whether n and m are siblings, as far as one can tell
// without the schema: by letters of any case.
func (n Name) SameParent(m Name) bool {
	return strings.EqualFold(n.Parent, m.Parent)
}

// Equal reports whether n and m are the same name, as far as one can tell
// without the schema.
func (n Name) Equal(m Name) bool { return n.parsed.EqualFold(m.parsed) }
