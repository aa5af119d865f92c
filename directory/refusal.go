package directory

import (
	"errors"

	"tallystick/directory/aci"
	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// hopeless reports whether no ACI anywhere gives the requester any of the
// rights, on an attribute type or, if t is nil, on entries.
func (x *rights) hopeless(right aci.Rights, t *schema.AttributeType) (bool, error) {
	hope := func(list []*aci.ACI) (bool, error) {
		for _, a := range list {
			if a.OfRequests() || t != nil && !a.Covers(t) || x.d.onlyKept(a) {
				continue
			}
			for i := range a.Permissions {
				p := &a.Permissions[i]
				if !p.Allow || p.Rights&right == 0 {
					continue
				}
				if v, err := x.verdict(p); v != aci.No || err != nil {
					return true, err
				}
			}
		}
		return false, nil
	}
	if some, err := hope(x.d.acis.global); some || err != nil {
		return false, err
	}
	for _, list := range x.acis.of {
		if some, err := hope(list); some || err != nil {
			return false, err
		}
	}
	return true, nil
}

// onlyKept reports whether an ACI is about no more than entries that the server
// keeps itself.
func (d *Directory) onlyKept(a *aci.ACI) bool {
	dn, base, ok := a.OnlyAt()
	return ok && (base || !dn.IsZero()) && d.kept(dn)
}

// denied is the answer to who may not do something, whatever the object.
func (x *rights) denied() error {
	if x.who.Anonymous() {
		return errNotAuthenticated
	}
	return errNoAccess
}

// visible reads the entry called dn if the requester may know of it; nil if
// not, or if there is none.
func (x *rights) visible(dn DN) (*view, error) {
	id, err := x.d.resolve(x.r, dn)
	if errors.Is(err, NoSuchObject) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rec, err := readRecord(x.r, id)
	if err != nil {
		return nil, err
	}
	v, err := x.d.viewOf(x.r, id, rec)
	if err != nil {
		return nil, err
	}
	if v.ruling, err = x.ruling(v); err != nil || !v.ruling.sees(v) {
		return nil, err
	}
	return v, nil
}

// deepest is the deepest entry above dn that the requester may know of; nil if
// there is none.
func (x *rights) deepest(dn DN) (*view, DN, error) {
	if _, ok := x.d.context(dn); !ok {
		return nil, DN{}, nil
	}
	for dn = dn.Parent(); !dn.IsZero(); dn = dn.Parent() {
		if v, err := x.visible(dn); v != nil || err != nil {
			return v, dn, err
		}
	}
	return nil, DN{}, nil
}

// missing is the answer about an entry that is not there, and the same about
// one that the requester may not know of: noSuchObject with the deepest entry
// above that he may know of, or, if he may see nothing anywhere, that.
func (x *rights) missing(dn DN) error {
	if nothing, err := x.hopeless(x.mask&(aci.Read|aci.Search|aci.Compare), nil); err != nil {
		return err
	} else if nothing {
		return x.denied()
	}
	if _, ok := x.d.context(dn); !ok {
		return errNoContext
	}
	above, _, err := x.deepest(dn)
	if err != nil {
		return err
	}
	if above == nil {
		return &Error{ResultCode: NoSuchObject}
	}
	return &Error{ResultCode: NoSuchObject, MatchedDN: above.text}
}

// refuse is the answer to who may not do something with the entry that dn
// names, of which v is the view if there is one: it is denied if he sees it. If
// he does not the answer does not depend on whether it is there, but on whether
// he might do it, as granted says, with an entry of that name without
// attributes.
func (x *rights) refuse(dn DN, v *view, granted func(*ruling) bool) error {
	if v != nil && v.ruling.sees(v) {
		return x.denied()
	}
	above, name, err := x.deepest(dn)
	if err != nil {
		return err
	}
	if above != nil {
		empty := &view{s: &search{d: x.d, r: x.r}, text: dn.String()}
		u, err := x.rulingBelow(empty, above.id, dn.Len()-name.Len())
		if err != nil {
			return err
		}
		if granted(u) {
			return x.missing(dn)
		}
	}
	return x.denied()
}

// on is the view of a stored entry with the requester's ruling on it.
func (x *rights) on(d *Directory, r store.Reader, id entryID, rec *record) (*view, error) {
	v, err := d.viewOf(r, id, rec)
	if err != nil {
		return nil, err
	}
	v.ruling, err = x.ruling(v)
	return v, err
}

// keptView is the view of an entry that the server keeps itself, with the
// ruling of who asks on it. It fails if he may not know of the entry.
func (d *Directory) keptView(r store.Reader, who Requester, mask aci.Rights, name string, attributes []Attribute) (*view, error) {
	v := d.specialView(name, attributes)
	v.s.r = r
	x, err := d.rightsOf(r, who, mask)
	if err != nil || x == nil {
		return v, err
	}
	if v.ruling, err = x.ruling(v); err == nil && !v.ruling.sees(v) {
		err = x.denied()
	}
	return v, err
}
