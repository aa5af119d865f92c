package directory

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// condition is one of the conditions of a policy. It holds if one of its
// values does.
type condition struct {
	attribute string
	values    []conditionValue
}

type conditionValue struct {
	text  string // as it is in the entry
	holds func(*subject) (bool, error)
}

// holds returns the value that does.
func (c condition) holds(s *subject) (text string, ok bool, err error) {
	for _, v := range c.values {
		if ok, err := v.holds(s); ok || err != nil {
			return v.text, ok, err
		}
	}
	return "", false, nil
}

// conditionKinds are what a policy may depend on, those first that are decided
// without the store. compile fails for a value that says nothing.
var conditionKinds = []struct {
	attribute string
	compile   func(d *Directory, text string) (func(*subject) (bool, error), error)
}{
	{"tallystickPolicyListener", onListener},
	{"tallystickPolicyNetwork", fromNetwork},
	{"tallystickPolicyBindDN", whoseDN},
	{"tallystickPolicySubtree", inSubtree},
	{"tallystickPolicyGroup", inGroup},
	{"tallystickPolicyFilter", matchingFilter},
}

// subject is whom policies are asked about, and where he comes from.
type subject struct {
	d        *Directory
	r        store.Reader
	u        *user
	listener string
	address  netip.Addr // not valid: unknown, and in no network

	memberships []membership // see listed
}

func (d *Directory) subject(r store.Reader, u *user, who Requester) *subject {
	return &subject{d: d, r: r, u: u, listener: who.Listener, address: who.address()}
}

// Listeners are where clients come in.
var Listeners = []string{"ldap", "ldaps", "ldapi", "http"}

func onListener(_ *Directory, text string) (func(*subject) (bool, error), error) {
	name := strings.ToLower(text)
	if !slices.Contains(Listeners, name) {
		return nil, fmt.Errorf("none of %s", strings.Join(Listeners, ", "))
	}
	return func(s *subject) (bool, error) { return s.listener == name, nil }, nil
}

func fromNetwork(_ *Directory, text string) (func(*subject) (bool, error), error) {
	network, err := netip.ParsePrefix(text)
	if address, e := netip.ParseAddr(text); e == nil {
		network, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	switch {
	case err != nil || network.Addr().Zone() != "" || network.Addr().Is4In6():
		return nil, errors.New("neither an address nor a network such as 192.0.2.0/24 or 2001:db8::/32")
	case network != network.Masked():
		return nil, fmt.Errorf("an address within a network: do you mean %v?", network.Masked())
	}
	return func(s *subject) (bool, error) { return network.Contains(s.address), nil }, nil
}

func whoseDN(d *Directory, text string) (func(*subject) (bool, error), error) {
	dn, err := conditionDN(d, text)
	return func(s *subject) (bool, error) { return s.u.dn.Equal(dn), nil }, err
}

func inSubtree(d *Directory, text string) (func(*subject) (bool, error), error) {
	base, err := conditionDN(d, text)
	return func(s *subject) (bool, error) { return s.u.dn.IsUnder(base), nil }, err
}

// inGroup is about groups that list their members: member (groupOfNames),
// uniqueMember (groupOfUniqueNames) and memberUid (posixGroup). Groups within
// groups do not count, and one that does not exist has no members.
func inGroup(d *Directory, text string) (func(*subject) (bool, error), error) {
	group, err := conditionDN(d, text)
	return func(s *subject) (bool, error) { return s.memberOf(group) }, err
}

func conditionDN(d *Directory, text string) (DN, error) {
	dn, err := d.parseDN(text)
	if err == nil && dn.IsZero() {
		err = errors.New("the empty name")
	}
	return dn, err
}

func (s *subject) memberOf(group DN) (bool, error) {
	return s.d.isMember(s.r, group, s.listed())
}

// listed is how groups list the user; made once.
func (s *subject) listed() []membership {
	if s.memberships == nil {
		s.memberships = s.d.memberships(s.u.dn.String(), s.u.entry)
	}
	return s.memberships
}

func matchingFilter(d *Directory, text string) (func(*subject) (bool, error), error) {
	f, err := ParseFilter(text)
	if err != nil {
		return nil, err
	}
	if _, err := compileFilter(d.schema, &f); err != nil {
		return nil, err
	}
	operational, memberOf := d.mentionsOperational(&f), d.mentionsMemberOf(&f)
	return func(s *subject) (bool, error) {
		m, err := compileFilter(s.d.schema, &f)
		if err != nil || s.u.entry == nil {
			return false, err
		}
		e := ownEntry{u: s.u}
		if operational {
			if e.operational, err = s.d.operational(s.r, s.u.id, s.u.entry, s.u.dn.String()); err != nil {
				return false, err
			}
		}
		if memberOf {
			if e.operational, err = s.d.withMemberOf(s.r, s.u.dn.String(), s.u.entry, e.operational); err != nil {
				return false, err
			}
		}
		return m.match(e), nil
	}, nil
}

// ownEntry is the entry of a user as a filter sees it.
type ownEntry struct {
	u           *user
	operational []Attribute
}

func (e ownEntry) eachAttribute(yield func(*Attribute) bool) {
	for _, list := range [][]Attribute{e.u.entry.attributes, e.operational} {
		for i := range list {
			if !yield(&list[i]) {
				return
			}
		}
	}
}

func (e ownEntry) maySearch(*schema.AttributeType) bool { return true }

func (e ownEntry) entryDN() DN { return e.u.dn }
