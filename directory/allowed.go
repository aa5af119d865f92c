package directory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tallystick/directory/aci"
	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// What changes of entries take.

// mayTry fails for those whom no ACI anywhere gives a right, on an attribute
// type or, if t is nil, on entries: they are refused at once, and the same
// whether or not there is an entry. The transaction has the last word.
func (d *Directory) mayTry(ctx context.Context, who Requester, right aci.Rights, t *schema.AttributeType) error {
	if err := who.mayChange(); err != nil {
		return err
	}
	return d.view(ctx, func(r store.Reader) error {
		x, err := d.rightsOf(r, who, aci.Read|right)
		if err != nil || x == nil {
			return err
		}
		hopeless, err := x.hopeless(right, t)
		if err == nil && hopeless {
			err = x.denied()
		}
		return err
	})
}

// target finds the entry that a change is about, if granted says that the
// requester may change it.
func (d *Directory) target(x *rights, r store.Reader, dn DN, granted func(*ruling) bool) (entryID, *record, error) {
	id, err := d.resolve(r, dn)
	if errors.Is(err, NoSuchObject) && x != nil {
		return 0, nil, x.refuse(dn, nil, granted)
	}
	if err != nil {
		return 0, nil, err
	}
	rec, err := readRecord(r, id)
	if err != nil || x == nil {
		return id, rec, err
	}
	v, err := x.on(d, r, id, rec)
	if err != nil {
		return 0, nil, err
	}
	if !granted(v.ruling) {
		return 0, nil, x.refuse(dn, v, granted)
	}
	return id, rec, nil
}

// write reports whether they are enough to write an attribute where ACIs allow
// it. Limits, and what of password policies stands in entries, take bypass-acl.
func (p privileges) write(t *schema.AttributeType) bool {
	switch t.Name() {
	case privilegeAttribute:
		return p.privilegeChange
	case aciAttribute:
		return p.modifyACL
	case refAttribute:
		return true
	}
	return p.bypassACL || !stored(t)
}

// mayName is write for all that an RDN puts into an entry, or takes from it.
func (d *Directory) mayName(may privileges, rdn RDN) bool {
	return !slices.ContainsFunc(rdn.AVAs(), func(a AVA) bool { return !may.write(d.schema.AttributeOrUndefined(a.Type)) })
}

// guarded reports whether a change of an entry, old or new may be nil, is about
// what decides how users log in: a policy, or what names the tokens of
// OATH-LDAP. No ACI is enough for that.
func (d *Directory) guarded(old, new *record) bool {
	for _, rec := range []*record{old, new} {
		if rec != nil && d.isAnyPolicy(rec) {
			return true
		}
	}
	if old == nil {
		return false
	}
	o, n := differences(old, new)
	for _, list := range [][]Attribute{o.attributes, n.attributes} {
		for _, a := range list {
			if strings.HasPrefix(strings.ToLower(d.schema.AttributeOrUndefined(a.Name).Name()), "oath") {
				return true
			}
		}
	}
	return d.isOATHUser(old) != d.isOATHUser(new)
}

// isAnyPolicy reports whether an entry is a policy of the second factor or of
// passwords.
func (d *Directory) isAnyPolicy(rec *record) bool {
	return d.policies.has(d, rec) || d.passwordPolicies.has(d, rec)
}

// checkClearPasswords fails if a password is given in a storage scheme, which
// nobody has judged.
func (d *Directory) checkClearPasswords(attributes []Attribute) error {
	for _, a := range attributes {
		t := d.schema.AttributeOrUndefined(a.Name)
		if !isPassword(t) {
			continue
		}
		for _, v := range a.Values {
			if isHashed(t, v) {
				return errHashedPassword(t)
			}
		}
	}
	return nil
}

// mayAdd fails unless who may add an entry; it returns what else he may. The
// transaction asks again.
func (d *Directory) mayAdd(ctx context.Context, who Requester, dn DN, attributes []Attribute) (may privileges, err error) {
	if err := d.mayTry(ctx, who, aci.Add, nil); err != nil {
		return may, err
	}
	err = d.view(ctx, func(r store.Reader) error {
		may, err = d.mayAddIn(r, who, dn, attributes)
		return err
	})
	return may, err
}

// mayAddIn is mayAdd in one state of the store.
func (d *Directory) mayAddIn(r store.Reader, who Requester, dn DN, attributes []Attribute) (may privileges, err error) {
	if may, err = d.privilegesOf(r, who); err != nil || may.bypassACL {
		return may, err
	}
	x, err := d.rightsOf(r, who, aci.Read|aci.Add)
	if err != nil || x == nil {
		return may, err
	}
	if ok, err := x.mayAddAt(dn, attributes); err != nil {
		return may, err
	} else if !ok {
		return may, x.denied()
	}
	for _, a := range attributes {
		if !may.write(d.schema.AttributeOrUndefined(a.Name)) {
			return may, errNoAccess
		}
	}
	if !dn.IsZero() && !d.mayName(may, dn.RDN(0)) {
		return may, errNoAccess
	}
	return may, nil
}

// mayAddAt reports whether an entry called dn may be added, by what is in force
// below the deepest entry above it.
func (x *rights) mayAddAt(dn DN, attributes []Attribute) (bool, error) {
	rec := new(record)
	for _, a := range attributes {
		if !secret(x.d.schema.AttributeOrUndefined(a.Name)) {
			rec.attributes = append(rec.attributes, Attribute{a.Name, slices.Clone(a.Values)})
		}
	}
	if !dn.IsZero() {
		x.d.addNameValues(rec, dn.RDN(0))
	}
	x.d.addSuperclasses(rec)
	depth := 1
	for above := dn.Parent(); !above.IsZero(); above = above.Parent() {
		id, err := x.d.resolve(x.r, above)
		if err == nil {
			rec.parent = id
			break
		}
		if !errors.Is(err, NoSuchObject) {
			return false, err
		}
		depth++
	}
	if rec.parent == 0 {
		depth = 1
	}
	v := &view{s: &search{d: x.d, r: x.r}, text: dn.String(), rec: *rec}
	u, err := x.rulingBelow(v, rec.parent, depth)
	return u.mayEntry(aci.Add), err
}

// hasHope is mayTry for all of the changes.
func (m *modification) hasHope(r store.Reader) error {
	x, err := m.d.rightsOf(r, m.who, aci.Read|aci.Write|aci.SelfWrite)
	if err != nil || x == nil {
		return err
	}
	for _, c := range m.changes {
		t := m.d.schema.AttributeOrUndefined(c.Attribute.Name)
		if isLock(t) {
			t = m.d.schema.AttributeOrUndefined(userPassword)
		}
		if hopeless, err := x.hopeless(aci.Write|aci.SelfWrite, t); err != nil {
			return err
		} else if hopeless {
			return x.denied()
		}
	}
	return nil
}

// allowed fails unless who asks may make the changes.
func (m *modification) allowed(r store.Reader) error {
	x, err := m.d.rightsOf(r, m.who, aci.Read|aci.Write|aci.SelfWrite)
	if err != nil {
		return err
	}
	return m.allowedBy(x, r)
}

func (m *modification) allowedBy(x *rights, r store.Reader) error {
	if x == nil {
		return nil
	}
	_, _, err := m.d.target(x, r, m.dn, m.granted)
	return err
}

func (m *modification) granted(u *ruling) bool {
	return !slices.ContainsFunc(m.changes, func(c Change) bool { return !m.mayMake(u, c) })
}

func (m *modification) mayMake(u *ruling, c Change) bool {
	name := c.Attribute.Name
	t := m.d.schema.AttributeOrUndefined(name)
	switch {
	case isPassword(t):
		return u.may(aci.Write, name) && (m.self || m.may.passwordReset)
	case secret(t):
		return m.may.bypassACL
	case isLock(t):
		return u.may(aci.Write, userPassword) && m.may.passwordReset && !m.self
	case !m.may.write(t):
		return false
	}
	return u.may(aci.Write, name) || u.may(aci.SelfWrite, name) && m.ownName(c)
}

// ownName reports whether a change adds or deletes the name of who asks, and
// nothing else.
func (m *modification) ownName(c Change) bool {
	if c.Operation != AddValues && c.Operation != DeleteValues || len(c.Attribute.Values) != 1 {
		return false
	}
	own, err := m.d.parseDN(m.who.DN)
	if err != nil {
		return false
	}
	dn, err := m.d.parseDN(string(c.Attribute.Values[0]))
	return err == nil && dn.Equal(own)
}
