package directory

import (
	"tallystick/directory/aci"
	"tallystick/directory/schema"
)

// inForce is a permission that may be about an entry, and for the requester.
type inForce struct {
	aci        *aci.ACI
	permission *aci.Permission
	holder     entryID     // entry that has the ACI; 0: the configuration
	depth      int         // levels between that and the entry
	of, to     aci.Verdict // whether it is about the entry, and for the requester
}

func (f *inForce) certain() bool { return f.of == aci.Yes && f.to == aci.Yes }

// inherited is the ACIs in force for the entries directly below a container.
type inherited struct {
	certain   []inForce          // for all of them alike
	uncertain []inForce          // to be asked of each
	rulings   map[uint64]*ruling // by which of the uncertain ones apply
}

// inheritedFrom collects what is in force depth levels below container, which
// may be 0 if there is no entry above.
func (x *rights) inheritedFrom(container entryID, depth int) (*inherited, error) {
	if depth == 1 {
		if h := x.below[container]; h != nil {
			return h, nil
		}
	}
	h := &inherited{rulings: map[uint64]*ruling{}}
	var above DN
	if container != 0 {
		c, err := x.d.containerOf(x.r, container)
		if err != nil {
			return nil, err
		}
		if above, err = x.d.parseDN(c.name); err != nil {
			return nil, err
		}
	}
	for _, a := range x.d.acis.global {
		of := aci.Depends
		if depth == 1 && container != 0 {
			of = a.AppliesBelow(true, 0, above)
		}
		if err := x.add(h, a, 0, 0, of); err != nil {
			return nil, err
		}
	}
	for id, level := container, depth; id != 0 && len(x.acis.of) > 0; level++ {
		for _, a := range x.acis.of[id] {
			of := aci.Depends
			if depth == 1 {
				of = a.AppliesBelow(false, level, above)
			}
			if err := x.add(h, a, id, level, of); err != nil {
				return nil, err
			}
		}
		c, err := x.d.containerOf(x.r, id)
		if err != nil {
			return nil, err
		}
		id = c.parent
	}
	if depth == 1 {
		if x.below == nil {
			x.below = map[entryID]*inherited{}
		}
		x.below[container] = h
	}
	return h, nil
}

// add adds the permissions of an ACI that could matter.
func (x *rights) add(h *inherited, a *aci.ACI, holder entryID, depth int, of aci.Verdict) error {
	if of == aci.No || a.OfRequests() {
		return nil
	}
	for i := range a.Permissions {
		p := &a.Permissions[i]
		if p.Rights&x.mask == 0 {
			continue
		}
		to, err := x.verdict(p)
		if err != nil {
			return err
		}
		f := inForce{aci: a, permission: p, holder: holder, depth: depth, of: of, to: to}
		switch {
		case to == aci.No:
		case f.certain():
			h.certain = append(h.certain, f)
		default:
			h.uncertain = append(h.uncertain, f)
		}
	}
	return nil
}

// applies reports whether a permission is about the entry, and for the
// requester.
func (x *rights) applies(f *inForce, e *aciEntry) (bool, error) {
	if f.of == aci.Depends {
		if ok, err := f.aci.Applies(f.holder == 0, f.depth, e); !ok || err != nil {
			return false, err
		}
	}
	if f.to != aci.Depends {
		return true, nil
	}
	v, err := f.permission.For(&x.facts, e)
	return v == aci.Yes, err
}

// ruling is what the requester may do with the entry that v is of. nil:
// everything.
func (x *rights) ruling(v *view) (*ruling, error) {
	if x == nil {
		return nil, nil
	}
	return x.rulingBelow(v, v.rec.parent, 1)
}

// rulingBelow is ruling for an entry that is, or would be, depth levels below
// container.
func (x *rights) rulingBelow(v *view, container entryID, depth int) (*ruling, error) {
	h, err := x.inheritedFrom(container, depth)
	if err != nil {
		return nil, err
	}
	own := &inherited{}
	if v.id != 0 {
		for _, a := range x.acis.of[v.id] {
			if err := x.add(own, a, v.id, 0, aci.Depends); err != nil {
				return nil, err
			}
		}
	}
	uncertain := h.uncertain
	if own.uncertain != nil {
		uncertain = append(uncertain[:len(uncertain):len(uncertain)], own.uncertain...)
	}
	var bits uint64
	var applied []inForce
	e := x.asked(v, container, depth, len(uncertain))
	for i := range uncertain {
		yes, err := x.applies(&uncertain[i], e)
		if err != nil {
			return nil, err
		}
		if yes {
			applied = append(applied, uncertain[i])
			bits |= 1 << (i % 64)
		}
	}
	alike := len(uncertain) <= 64 && own.uncertain == nil
	if alike {
		if r := h.rulings[bits]; r != nil {
			return r, nil
		}
	}
	r := &ruling{x: x, certain: h.certain, applied: applied}
	if alike && len(h.rulings) < maxRulings {
		h.rulings[bits] = r
	}
	return r, nil
}

// maxRulings is how many rulings are kept for one container.
const maxRulings = 1024

// ruling is what follows from the permissions that apply to an entry. nil:
// everything is allowed.
type ruling struct {
	x                *rights
	certain, applied []inForce
	known            map[string]aci.Rights // by attribute description
}

// of adds up permissions: what one denies no other allows.
func (u *ruling) of(covered func(*inForce) aci.Rights) aci.Rights {
	var allowed, denied aci.Rights
	for _, list := range [][]inForce{u.certain, u.applied} {
		for i := range list {
			if f := &list[i]; f.permission.Allow {
				allowed |= f.permission.Rights & covered(f)
			} else {
				denied |= f.permission.Rights & covered(f)
			}
		}
	}
	return allowed &^ denied
}

// may reports whether one may do something with an attribute.
func (u *ruling) may(right aci.Rights, description string) bool {
	if u == nil {
		return true
	}
	have, ok := u.known[description]
	if !ok {
		t := u.x.d.schema.AttributeOrUndefined(description)
		have = u.of(func(f *inForce) aci.Rights {
			if f.aci.Covers(t) {
				return ^aci.OfEntry
			}
			return 0
		})
		if u.known == nil {
			u.known = map[string]aci.Rights{}
		}
		u.known[description] = have
	}
	return have&right != 0
}

// mayType is may for a type.
func (u *ruling) mayType(right aci.Rights, t *schema.AttributeType) bool {
	return u == nil || u.may(right, t.Name())
}

// mayEntry reports whether one may do something with the entry as a whole.
func (u *ruling) mayEntry(right aci.Rights) bool {
	return u == nil || u.of(func(*inForce) aci.Rights { return aci.OfEntry })&right != 0
}

// operationalAttributes are those that every entry has.
var operationalAttributes = []string{"entryUUID", "entryDN", "createTimestamp", "modifyTimestamp", "subschemaSubentry", "hasSubordinates", "structuralObjectClass"}

// sees reports whether one may know that the entry is there: whether one may
// read anything of it.
func (u *ruling) sees(v *view) bool {
	if u == nil {
		return true
	}
	for _, list := range [][]Attribute{v.rec.attributes, v.operational} {
		for i := range list {
			if u.may(aci.Read, list[i].Name) {
				return true
			}
		}
	}
	if v.id == 0 {
		return false
	}
	for _, name := range operationalAttributes {
		if u.may(aci.Read, name) {
			return true
		}
	}
	return false
}

// asked is the entry as ACIs see it; nil if none of them has to look.
func (x *rights) asked(v *view, container entryID, depth, uncertain int) *aciEntry {
	if uncertain == 0 {
		return nil
	}
	return &aciEntry{x, v, container, depth}
}

// aciEntry is an entry as ACIs see it.
type aciEntry struct {
	x         *rights
	v         *view
	container entryID
	depth     int // below container
}

func (e *aciEntry) DN() (DN, error) {
	name, err := e.v.name()
	if err != nil {
		return DN{}, err
	}
	return e.x.d.parseDN(name)
}

func (e *aciEntry) IsRequester() (bool, error) {
	if _, err := e.x.entry(); err != nil || e.v.id == 0 {
		return false, err
	}
	return e.v.id == e.x.id, nil
}

func (e *aciEntry) BelowRequester() (bool, error) {
	if _, err := e.x.entry(); err != nil || e.x.id == 0 {
		return false, err
	}
	return e.depth == 1 && e.container == e.x.id, nil
}

func (e *aciEntry) Matches(f aci.Filter) (bool, error) {
	name, err := e.v.name()
	if err != nil {
		return false, err
	}
	return e.x.matches(f.(*aciFilter), e.v.id, &e.v.rec, name)
}

func (e *aciEntry) Values(level int, attribute string) ([][]byte, error) {
	t := e.x.d.schema.AttributeOrUndefined(attribute)
	if secret(t) || level == 0 && e.v.id == 0 { // whoever adds an entry says what is in it
		return nil, nil
	}
	rec, id := &e.v.rec, e.container
	for ; level > 0; level-- {
		if e.depth > 1 || id == 0 {
			return nil, nil
		}
		var err error
		if rec, err = readRecord(e.x.r, id); err != nil {
			return nil, err
		}
		id = rec.parent
	}
	return e.x.d.valuesOfType(rec, t), nil
}
