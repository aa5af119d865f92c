package directory

import (
	"context"
	"slices"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// AccessExplanation is what a requester may do with an entry, and why.
type AccessExplanation struct {
	// Unrestricted says why no ACI matters; "": they do.
	Unrestricted string
	Sees         bool       // whether he may know of it
	Entry        aci.Rights // on it as a whole
	Attributes   []AttributeAccess
	Rules        []AccessRule // that apply; denials first
}

// AttributeAccess is what may be done with an attribute.
type AttributeAccess struct {
	Name   string
	Rights aci.Rights
}

// AccessRule is a permission of an ACI that applies.
type AccessRule struct {
	Holder     string // DN of the entry that has the ACI; "": the configuration
	ACI        string // its name
	Permission string // as it was given
	Denies     bool
}

// ExplainAccess tells asks what who may do with an entry, with the attributes
// that it has and those named besides. It takes the privilege bypass-acl, since
// it tells of entries and ACIs. Errors: insufficientAccessRights; noSuchObject;
// invalidDNSyntax.
func (d *Directory) ExplainAccess(ctx context.Context, asks, who Requester, entry string, attributes []string) (x AccessExplanation, err error) {
	if asks.How != ByServer {
		if err := d.require(ctx, asks, func(may privileges) bool { return may.bypassACL }); err != nil {
			return x, err
		}
	}
	dn, err := d.parseDN(entry)
	if err != nil {
		return x, err
	}
	self, err := d.parseDN(who.DN)
	if err != nil {
		return x, err
	}
	err = d.view(ctx, func(r store.Reader) error {
		m := modification{d: d, dn: dn, who: who, self: dn.Equal(self)}
		if m.may, err = d.privilegesOf(r, who); err != nil {
			return err
		}
		id, err := d.resolve(r, dn)
		if err != nil {
			return err
		}
		rec, err := readRecord(r, id)
		if err != nil {
			return err
		}
		switch {
		case m.may.root:
			x.Unrestricted = "the root user"
		case m.may.bypassACL:
			x.Unrestricted = "privilege bypass-acl"
		}
		rights, err := d.rightsOf(r, who, aci.All|aci.OfEntry)
		if err != nil || rights == nil {
			return err
		}
		v, err := rights.on(d, r, id, rec)
		if err != nil {
			return err
		}
		x.Sees = v.ruling.sees(v)
		if who.mayChange() == nil {
			x.Entry = v.ruling.of(func(*inForce) aci.Rights { return aci.OfEntry })
		}
		x.Attributes = m.explain(v, attributes)
		x.Rules, err = v.ruling.rules()
		return err
	})
	return x, err
}

// explain is what may be done with the attributes that the entry has, with
// userPassword, and with those named.
func (m *modification) explain(v *view, more []string) []AttributeAccess {
	names := []string{"userPassword"}
	for _, list := range [][]Attribute{v.rec.attributes, v.operational} {
		for _, a := range list {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	var list []AttributeAccess
	for _, name := range slices.Compact(append(more, names...)) {
		var have aci.Rights
		for right := aci.Read; right <= aci.SelfWrite; right <<= 1 {
			if v.ruling.may(right, name) {
				have |= right
			}
		}
		t := m.d.schema.AttributeOrUndefined(name)
		if secret(t) {
			have &^= aci.Read | aci.Search | aci.Compare
		}
		if m.who.mayChange() != nil || have&aci.Write != 0 && (t.NoUserModification || !m.mayMake(v.ruling, Change{ReplaceValues, Attribute{Name: name}})) {
			have &^= aci.Write | aci.SelfWrite
		}
		list = append(list, AttributeAccess{name, have})
	}
	return list
}

// rules are the permissions that apply, denials first.
func (u *ruling) rules() ([]AccessRule, error) {
	var list []AccessRule
	for _, denies := range []bool{true, false} {
		for _, f := range slices.Concat(u.certain, u.applied) {
			if f.permission.Allow == denies {
				continue
			}
			rule := AccessRule{ACI: f.aci.Name, Permission: f.permission.String(), Denies: denies}
			if f.holder != 0 {
				var err error
				if rule.Holder, err = u.x.d.nameOf(u.x.r, f.holder); err != nil {
					return nil, err
				}
			}
			list = append(list, rule)
		}
	}
	return list, nil
}
