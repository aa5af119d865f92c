package directory

import (
	"errors"
	"slices"

	"tallystick/directory/store"
)

// memberOfAttribute names the groups that list an entry: by member (groupOfNames),
// uniqueMember (groupOfUniqueNames) and memberUid (posixGroup). It is found out
// through the index when somebody asks for it by name, and stored nowhere.
const memberOfAttribute = "memberOf"

// maxMemberOf is how many groups of an entry are named.
const maxMemberOf = 10_000

// membership is a value by which a group lists an entry.
type membership struct {
	attribute string
	value     []byte
	prefix    []byte // of its keys in the index
	long      bool   // others may share the key
}

// memberships is how groups list an entry; rec may be nil if there is none.
func (d *Directory) memberships(dn string, rec *record) []membership {
	var list []membership
	add := func(attribute string, value []byte) {
		t := d.schema.Attribute(attribute)
		if norm, ok := normalized(t.EqualityRule(), value); ok {
			list = append(list, membership{attribute, value, equalityPrefix(t.Name(), norm), len(norm) > maxIndexedValue})
		}
	}
	add("member", []byte(dn))
	add("uniqueMember", []byte(dn))
	if rec != nil {
		for _, uid := range d.valuesOf(rec, "uid") {
			add("memberUid", uid)
		}
	}
	return list
}

// in reports whether a group has the value, by the index: it may have a great
// many.
func (m membership) in(d *Directory, r store.Reader, group entryID) (bool, error) {
	ok, err := hasPosting(r, group.append(m.prefix[:len(m.prefix):len(m.prefix)]))
	if err != nil || !ok || !m.long {
		return ok, err
	}
	rec, err := readRecord(r, group)
	if err != nil {
		return false, err
	}
	return findValue(d.schema.Attribute(m.attribute), d.valuesOf(rec, m.attribute), m.value) >= 0, nil
}

// isMember reports whether a group lists somebody in one of the ways. One that
// does not exist has no members.
func (d *Directory) isMember(r store.Reader, group DN, ways []membership) (bool, error) {
	id, err := d.resolve(r, group)
	if errors.Is(err, NoSuchObject) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, m := range ways {
		if ok, err := m.in(d, r, id); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// memberOf is the attribute of an entry; without values if no group lists it.
func (d *Directory) memberOf(r store.Reader, dn string, rec *record) (Attribute, error) {
	a := Attribute{Name: memberOfAttribute}
	var groups []entryID
	for _, m := range d.memberships(dn, rec) {
		p := planner{d: d, r: r}
		ids, ok, err := p.scan(m.prefix, maxMemberOf)
		if err == nil && !ok {
			err = Errorf(AdminLimitExceeded, "more than %d groups list the entry", maxMemberOf)
		}
		if err != nil {
			return a, err
		}
		for _, id := range ids {
			in := true
			if m.long {
				if in, err = m.in(d, r, id); err != nil {
					return a, err
				}
			}
			if in {
				groups = append(groups, id)
			}
		}
	}
	slices.Sort(groups)
	for _, id := range slices.Compact(groups) {
		name, err := d.nameOf(r, id)
		if err != nil {
			return a, err
		}
		a.Values = append(a.Values, []byte(name))
	}
	return a, nil
}

// withMemberOf adds the attribute to others if there is one.
func (d *Directory) withMemberOf(r store.Reader, dn string, rec *record, to []Attribute) ([]Attribute, error) {
	a, err := d.memberOf(r, dn, rec)
	if len(a.Values) > 0 {
		to = append(to, a)
	}
	return to, err
}

// mentionsMemberOf reports whether a filter needs memberOf to be decided.
func (d *Directory) mentionsMemberOf(f *Filter) bool {
	if slices.ContainsFunc(f.Filters, func(part Filter) bool { return d.mentionsMemberOf(&part) }) {
		return true
	}
	t := d.schema.Attribute(f.Attribute)
	return t != nil && t.Name() == memberOfAttribute
}

// members are the ids of the entries that a group lists, if they are at most
// limit.
func (p *planner) members(group []byte, limit int) (ids []entryID, ok bool, err error) {
	dn, err := p.d.parseDN(string(group))
	if err != nil {
		return nil, true, nil // no group is called so
	}
	id, err := p.d.resolve(p.r, dn)
	if errors.Is(err, NoSuchObject) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	rec, err := readRecord(p.r, id)
	if err != nil {
		return nil, false, err
	}
	for _, attribute := range []string{"member", "uniqueMember"} {
		for _, v := range p.d.valuesOf(rec, attribute) {
			if p.effort += scanEffort; p.effort > maxEffort || len(ids) >= limit {
				return nil, false, nil
			}
			dn, err := p.d.parseDN(string(v))
			if err != nil {
				continue // with an identifier behind the name: nobody's
			}
			id, err := p.d.resolve(p.r, dn)
			if errors.Is(err, NoSuchObject) {
				continue
			}
			if err != nil {
				return nil, false, err
			}
			ids = append(ids, id)
		}
	}
	uid := p.d.schema.Attribute("uid")
	for _, v := range p.d.valuesOf(rec, "memberUid") {
		norm, ok := normalized(uid.EqualityRule(), v)
		if !ok {
			continue
		}
		found, ok, err := p.scan(equalityPrefix(uid.Name(), norm), limit-len(ids))
		if err != nil || !ok {
			return nil, false, err
		}
		ids = append(ids, found...)
	}
	return sortedIDs(ids), true, nil
}
