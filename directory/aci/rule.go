package aci

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"tallystick/directory/schema"
)

// Requester is who wants something, and how he proved who he is.
type Requester struct {
	DN        schema.DN  // zero: anonymous, or nobody the directory knows
	Simple    bool       // by a simple bind
	Mechanism string     // SASL mechanism; "": none
	Code      bool       // a second factor was shown
	Address   netip.Addr // not valid: unknown, and in no network
	Strength  int        // bits of the key that protects the connection; 0: in the clear
	Now       time.Time  // in the zone that timeofday and dayofweek are about

	// InGroup and Matches are asked at most once each for what does not depend
	// on an entry, Matches about the requester's own.
	InGroup func(group schema.DN) (bool, error)
	Matches func(f Filter) (bool, error)
}

func (q *Requester) anonymous() bool { return q.DN.IsZero() }

// For reports whether the permission is for q when he wants something of e.
// Without an entry (nil) it says what holds for all.
func (p *Permission) For(q *Requester, e Entry) (Verdict, error) { return p.rule.holds(q, e) }

// rule is a bind rule, or several.
type rule interface {
	holds(q *Requester, e Entry) (Verdict, error)
}

type (
	and []rule
	or  []rule
	not struct{ rule }
)

func (list and) holds(q *Requester, e Entry) (Verdict, error) {
	all := Yes
	for _, r := range list {
		v, err := r.holds(q, e)
		if err != nil || v == No {
			return No, err
		}
		if v == Depends {
			all = Depends
		}
	}
	return all, nil
}

func (list or) holds(q *Requester, e Entry) (Verdict, error) {
	some := No
	for _, r := range list {
		v, err := r.holds(q, e)
		if err != nil || v == Yes {
			return v, err
		}
		if v == Depends {
			some = Depends
		}
	}
	return some, nil
}

func (n not) holds(q *Requester, e Entry) (Verdict, error) {
	v, err := n.rule.holds(q, e)
	return v.not(), err
}

// userdn, by what its URL says.
type (
	anyone        struct{}
	authenticated struct{}
	self          struct{}
	parent        struct{}
	user          struct{ dn schema.DN }
	userPattern   struct{ pattern }
	userURL       struct{ url }
)

func (anyone) holds(*Requester, Entry) (Verdict, error) { return Yes, nil }

func (authenticated) holds(q *Requester, _ Entry) (Verdict, error) {
	return verdict(!q.anonymous()), nil
}

func (self) holds(q *Requester, e Entry) (Verdict, error) {
	if q.anonymous() || e == nil {
		return verdict(!q.anonymous()) * Depends, nil
	}
	yes, err := e.IsRequester()
	return verdict(yes), err
}

func (parent) holds(q *Requester, e Entry) (Verdict, error) {
	if q.anonymous() || e == nil {
		return verdict(!q.anonymous()) * Depends, nil
	}
	yes, err := e.BelowRequester()
	return verdict(yes), err
}

func (u user) holds(q *Requester, _ Entry) (Verdict, error) {
	return verdict(!q.anonymous() && q.DN.Equal(u.dn)), nil
}

func (u userPattern) holds(q *Requester, _ Entry) (Verdict, error) {
	return verdict(!q.anonymous() && u.matches(q.DN, 0)), nil
}

func (u userURL) holds(q *Requester, _ Entry) (Verdict, error) {
	if q.anonymous() || !u.reaches(q.DN) {
		return No, nil
	}
	if u.filter == nil {
		return Yes, nil
	}
	yes, err := q.Matches(u.filter)
	return verdict(yes), err
}

// url is an LDAP URL with a scope or a filter (RFC 4516).
type url struct {
	base   schema.DN
	scope  scope
	filter Filter // nil: any entry
}

func (u url) reaches(dn schema.DN) bool {
	return dn.IsUnder(u.base) && u.scope.has(dn.Len()-u.base.Len())
}

type group struct{ dn schema.DN }

func (g group) holds(q *Requester, _ Entry) (Verdict, error) {
	if q.anonymous() {
		return No, nil
	}
	yes, err := q.InGroup(g.dn)
	return verdict(yes), err
}

// userattr compares the requester with what an entry has.
type userAttr struct {
	attribute string
	levels    []int // 0 is the entry, 1 its parent, …
	compare   func(q *Requester, value []byte) (bool, error)
}

func (u userAttr) holds(q *Requester, e Entry) (Verdict, error) {
	if q.anonymous() || e == nil {
		return verdict(!q.anonymous()) * Depends, nil
	}
	for _, level := range u.levels {
		values, err := e.Values(level, u.attribute)
		if err != nil {
			return No, err
		}
		for _, v := range values {
			if yes, err := u.compare(q, v); yes || err != nil {
				return verdict(yes), err
			}
		}
	}
	return No, nil
}

// ownValue is the form of userattr that is about the requester's own entry
// alone: attribute#value.
type ownValue struct{ filter Filter }

func (o ownValue) holds(q *Requester, _ Entry) (Verdict, error) {
	if q.anonymous() {
		return No, nil
	}
	yes, err := q.Matches(o.filter)
	return verdict(yes), err
}

// method is authmethod.
type method struct {
	name      string // none, simple, ssl, sasl or otp
	mechanism string // with sasl; "": any
}

func (m method) holds(q *Requester, _ Entry) (Verdict, error) {
	switch m.name {
	case "none":
		return verdict(q.anonymous()), nil
	case "simple":
		return verdict(q.Simple), nil
	case "ssl":
		return verdict(q.Mechanism == "EXTERNAL"), nil
	case "otp":
		return verdict(q.Code), nil
	}
	return verdict(q.Mechanism != "" && (m.mechanism == "" || strings.EqualFold(m.mechanism, q.Mechanism))), nil
}

// comparison is one of = != < <= > >=.
type comparison string

func (c comparison) holds(order int) bool {
	switch c {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

type strength struct {
	comparison
	bits int
}

func (s strength) holds(q *Requester, _ Entry) (Verdict, error) {
	return verdict(s.comparison.holds(q.Strength - s.bits)), nil
}

type secure struct{ yes bool }

func (s secure) holds(q *Requester, _ Entry) (Verdict, error) {
	return verdict((q.Strength > 0) == s.yes), nil
}

// timeOfDay is in minutes.
type timeOfDay struct {
	comparison
	minutes int
}

func (t timeOfDay) holds(q *Requester, _ Entry) (Verdict, error) {
	return verdict(t.comparison.holds(q.Now.Hour()*60 + q.Now.Minute() - t.minutes)), nil
}

type days []time.Weekday

func (d days) holds(q *Requester, _ Entry) (Verdict, error) {
	return verdict(slices.Contains(d, q.Now.Weekday())), nil
}

// AttributesAbove are the types whose values in entries above decide whether
// the permission is for somebody.
func (p *Permission) AttributesAbove() []string { return above(p.rule, nil) }

func above(r rule, list []string) []string {
	switch r := r.(type) {
	case and:
		for _, r := range r {
			list = above(r, list)
		}
	case or:
		for _, r := range r {
			list = above(r, list)
		}
	case not:
		return above(r.rule, list)
	case userAttr:
		if slices.ContainsFunc(r.levels, func(level int) bool { return level > 0 }) {
			return append(list, r.attribute)
		}
	}
	return list
}

// IsFor reports whether the permission is for everybody who is authenticated,
// or for anybody, whoever he is in particular: it asks nobody, and false may
// mean that it would have to.
func (p *Permission) IsFor(isAuthenticated bool) bool {
	switch p.rule.(type) {
	case anyone:
		return true
	case authenticated:
		return isAuthenticated
	}
	return false
}
