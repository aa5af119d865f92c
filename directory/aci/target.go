package aci

import (
	"slices"
	"strings"

	"tallystick/directory/schema"
)

// Entry is what ACIs ask of an entry that somebody wants something of.
type Entry interface {
	DN() (schema.DN, error)
	IsRequester() (bool, error)                           // it is the requester's own
	BelowRequester() (bool, error)                        // its parent is the requester's
	Matches(f Filter) (bool, error)                       // whoever may see what
	Values(level int, attribute string) ([][]byte, error) // of it (0), its parent (1), …; none where there is no such entry
}

// scope is how far below its target an ACI reaches.
type scope int8

const (
	subtree scope = iota
	base
	oneLevel
	subordinate
)

var scopes = map[string]scope{
	"subtree": subtree, "sub": subtree, "base": base, "baseobject": base,
	"onelevel": oneLevel, "one": oneLevel, "subordinate": subordinate, "subordinates": subordinate,
}

// has reports whether it reaches what is depth levels below.
func (s scope) has(depth int) bool {
	switch s {
	case base:
		return depth == 0
	case oneLevel:
		return depth == 1
	case subordinate:
		return depth > 0
	}
	return depth >= 0
}

// target is the value of target: a name or a pattern.
type target struct {
	not     bool
	dn      schema.DN // zero: a pattern, or the root DSE
	pattern pattern   // nil: a name
}

// has reports whether dn is within scope of the target.
func (t *target) has(dn schema.DN, s scope) bool {
	if t.pattern == nil {
		return dn.IsUnder(t.dn) && s.has(dn.Len()-t.dn.Len())
	}
	for depth := range dn.Len() + 1 {
		if s.has(depth) && t.pattern.matches(dn, depth) {
			return true
		}
	}
	return false
}

// Applies reports whether the ACI is about the entry e, which is depth levels
// below the one that has it; 0 is that itself. A global ACI is above all: it
// has no depth, and any will do.
func (a *ACI) Applies(global bool, depth int, e Entry) (bool, error) {
	switch {
	case a.target != nil:
		dn, err := e.DN()
		if err != nil || a.target.has(dn, a.scope) == a.target.not {
			return false, err
		}
	case !global && !a.scope.has(depth):
		return false, nil
	}
	if a.filter == nil {
		return true, nil
	}
	ok, err := e.Matches(a.filter)
	return ok != a.filterNot, err
}

// AppliesBelow is Applies for all entries directly below container, which are
// depth levels below the one that has the ACI.
func (a *ACI) AppliesBelow(global bool, depth int, container schema.DN) Verdict {
	v := Yes
	switch {
	case a.target != nil && a.target.pattern != nil:
		v = Depends
	case a.target != nil:
		v = a.target.below(container, a.scope)
		if a.target.not {
			v = v.not()
		}
	case !global:
		v = verdict(a.scope.has(depth))
	}
	if v == Yes && a.filter != nil {
		v = Depends
	}
	return v
}

func (t *target) below(container schema.DN, s scope) Verdict {
	switch {
	case container.IsUnder(t.dn):
		return verdict(s.has(container.Len() + 1 - t.dn.Len()))
	case !t.dn.IsZero() && t.dn.Parent().Equal(container):
		return Depends
	}
	return No
}

// Names reports whether the target is an entry called dn, or entries below it.
func (a *ACI) Names(dn schema.DN) bool {
	switch {
	case a.target == nil || dn.IsZero():
		return false
	case a.target.pattern == nil:
		return a.target.dn.IsUnder(dn)
	}
	p := a.target.pattern
	for i := 1; i <= dn.Len(); i++ {
		at := len(p) - i
		if at < 0 || p[at].any || p[at].one || p[at].parts != nil || p[at].rdn.Norm() != dn.RDN(dn.Len()-i).Norm() {
			return false
		}
	}
	return true
}

// attributes is the value of targetattr.
type attributes struct {
	not               bool
	user, operational bool            // "*", "+"
	names             map[string]bool // lower case; also OIDs
	given             []string
}

// cover reports whether t is one of them: options do not matter, and subtypes
// are types of their own. Without targetattr no attribute is.
func (a *attributes) cover(t *schema.AttributeType) bool {
	if a == nil {
		return false
	}
	named := a.names[t.OID] || slices.ContainsFunc(t.Names, func(n string) bool { return a.names[strings.ToLower(n)] })
	if a.not {
		// All user attributes but those.
		return !t.Operational() && !named
	}
	return named || a.user && !t.Operational() || a.operational && t.Operational()
}

// oids is the value of extop or targetcontrol.
type oids struct {
	not, all bool
	list     []string
}

func (o *oids) cover(oid string) bool { return (o.all || slices.Contains(o.list, oid)) != o.not }

// Everything reports whether a global ACI is about all attributes of all
// entries.
func (a *ACI) Everything() bool {
	return a.target == nil && a.filter == nil && a.attributes != nil && !a.attributes.not && a.attributes.user && a.attributes.operational
}

// Scoped reports whether targetscope is other than subtree, which a global ACI
// can only be with a target.
func (a *ACI) Scoped() bool { return a.scope != subtree }

// Targeted reports whether there is a target.
func (a *ACI) Targeted() bool { return a.target != nil }
