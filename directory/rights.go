package directory

import (
	"errors"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// rights is what one requester may do, in one state of the store. nil: he may
// do everything, as far as ACIs go. It is not safe for concurrent use.
//
// What can be is found out once for all entries below a container: which ACIs
// are in force there, and whether they are for the requester. Only what depends
// on the entry, such as its manager, is asked of each.
type rights struct {
	d    *Directory
	r    store.Reader
	who  Requester
	mask aci.Rights // those that are asked about
	acis *compiledACIs

	id     entryID // of the requester's entry; 0: none
	own    *record // nil: none
	facts  aci.Requester
	listed []membership // how groups list him; see inGroup

	verdicts map[*aci.Permission]aci.Verdict
	below    map[entryID]*inherited
	filters  map[*aciFilter]*matcher
}

// rightsOf is what who may do of the rights in mask, on entries that are
// stored and those that the server keeps itself.
func (d *Directory) rightsOf(r store.Reader, who Requester, mask aci.Rights) (*rights, error) {
	acis, err := d.acisIn(r)
	if err != nil || d.unrestricted(acis, who, mask) || d.isRoot(who) {
		return nil, err
	}
	x := &rights{d: d, r: r, who: who, mask: mask, acis: acis}
	if err := x.identify(); err != nil {
		return nil, err
	}
	may, err := d.privilegesOf(r, who)
	if err != nil || may.bypassACL {
		return nil, err
	}
	return x, nil
}

// identify finds out who the requester is. Whoever has no entry, like a local
// user of the machine, is nobody.
func (x *rights) identify() error {
	x.facts = aci.Requester{
		Simple: x.who.simple(), Mechanism: x.who.Method, Code: x.who.How == ByPasswordAndCode || x.who.How == ByCode,
		Address: x.who.address(), Strength: x.who.strength(), Now: x.d.now(),
		InGroup: x.inGroup, Matches: x.requesterMatches,
	}
	if x.who.Anonymous() {
		return nil
	}
	dn, err := x.d.parseDN(x.who.DN)
	if err != nil {
		return err
	}
	if x.who.How == ByTransport {
		a, err := x.d.accountOf(x.r, dn)
		if err != nil || !a.known() {
			return err
		}
	}
	x.facts.DN = dn
	return nil
}

// unrestricted reports whether the global ACIs alone give who all of the rights
// asked about, on all attributes of all entries, and none takes one away. It
// looks nothing up.
func (d *Directory) unrestricted(acis *compiledACIs, who Requester, mask aci.Rights) bool {
	if mask&^(aci.Read|aci.Search|aci.Compare) != 0 || acis.denied&mask != 0 {
		return false
	}
	authenticated := !who.Anonymous() && who.How != ByTransport // who may have no entry
	var given aci.Rights
	for _, a := range d.acis.global {
		for i := range a.Permissions {
			p := &a.Permissions[i]
			switch {
			case p.Rights&mask == 0 || a.OfRequests():
			case !p.Allow:
				return false
			case a.Everything() && p.IsFor(authenticated):
				given |= p.Rights
			}
		}
	}
	return mask&^given == 0
}

// entry is the requester's own; nil if he has none.
func (x *rights) entry() (*record, error) {
	if x.own != nil || x.facts.DN.IsZero() {
		return x.own, nil
	}
	id, err := x.d.resolve(x.r, x.facts.DN)
	if errors.Is(err, NoSuchObject) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	x.id = id
	x.own, err = readRecord(x.r, id)
	return x.own, err
}

func (x *rights) inGroup(group DN) (bool, error) {
	ways, err := x.ways()
	if err != nil {
		return false, err
	}
	return x.d.isMember(x.r, group, ways)
}

// ways is how groups list the requester.
func (x *rights) ways() ([]membership, error) {
	if x.listed == nil {
		own, err := x.entry()
		if err != nil {
			return nil, err
		}
		x.listed = x.d.memberships(x.facts.DN.String(), own)
	}
	return x.listed, nil
}

func (x *rights) requesterMatches(f aci.Filter) (bool, error) {
	own, err := x.entry()
	if err != nil || own == nil {
		return false, err
	}
	return x.matches(f.(*aciFilter), x.id, own, x.facts.DN.String())
}

// maxFilters is how many filters are kept ready.
const maxFilters = 256

// matches reports whether a filter of an ACI is true of an entry, whoever may
// see what.
func (x *rights) matches(f *aciFilter, id entryID, rec *record, name string) (bool, error) {
	m := x.filters[f]
	if m == nil {
		var err error
		if m, err = x.d.compileAssertion(&f.Filter); err != nil {
			return false, err
		}
		if len(x.filters) >= maxFilters { // userattr makes some of values
			x.filters = nil
		}
		if x.filters == nil {
			x.filters = map[*aciFilter]*matcher{}
		}
		x.filters[f] = m
	}
	v := &view{s: &search{d: x.d, r: x.r}, id: id, rec: *rec, text: name}
	var err error
	if f.operational {
		if v.operational, err = x.d.operational(x.r, id, rec, name); err != nil {
			return false, err
		}
	}
	if f.memberOf {
		if v.operational, err = x.d.withMemberOf(x.r, name, rec, v.operational); err != nil {
			return false, err
		}
	}
	yes := m.match(v)
	return yes, errors.Join(v.err, m.err)
}

// verdict is whether a permission is for the requester, as far as that does not
// depend on the entry.
func (x *rights) verdict(p *aci.Permission) (aci.Verdict, error) {
	if v, ok := x.verdicts[p]; ok {
		return v, nil
	}
	v, err := p.For(&x.facts, nil)
	if err != nil {
		return aci.No, err
	}
	if x.verdicts == nil {
		x.verdicts = map[*aci.Permission]aci.Verdict{}
	}
	x.verdicts[p] = v
	return v, nil
}
