package directory

import (
	"context"
	"errors"

	"tallystick/directory/aci"
	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// Compare reports whether an attribute of an entry has the value. Errors:
// noSuchObject with MatchedDN; noSuchAttribute; undefinedAttributeType;
// inappropriateMatching if values of the type cannot be compared;
// insufficientAccessRights for secrets, but of authPassword for holders of
// bypass-acl: with a stored value, not with a password. RFC 4511, section 4.10;
// RFC 3112, section 2.2.
func (d *Directory) Compare(ctx context.Context, who Requester, req *CompareRequest) (bool, error) {
	dn, err := d.parseDN(req.Entry)
	if err != nil {
		return false, err
	}
	assertion, err := d.compileAssertion(req.Assertion)
	if err != nil {
		return false, err
	}
	t := d.schema.Attribute(req.Attribute)
	special := func(attributes []Attribute) (bool, error) {
		if err := assert(assertion, d.specialView(dn.String(), attributes)); err != nil {
			return false, err
		}
		return d.compareIn(nil, attributes, t, req)
	}
	switch {
	case dn.IsZero():
		return d.compareKept(ctx, who, "", d.rootDSE(), assertion, t, req)
	case who.How == InGrace:
		return false, errEnrolFirst
	case who.Password.MustChange:
		return false, ErrMustChange
	case dn.Equal(d.subentry):
		return d.compareKept(ctx, who, subschemaDN, d.subschema(), assertion, t, req)
	case dn.IsUnder(d.auditDN):
		return d.compareAudit(ctx, who, dn, special)
	case dn.IsUnder(d.monitorDN):
		return d.compareMonitor(ctx, who, dn, special)
	case t != nil && secret(t) && t.Name() != authPassword:
		return false, errNoAccess
	}
	if t != nil && t.Name() == authPassword {
		if err := d.requireBypass(ctx, who); err != nil {
			return false, err
		}
	}
	var equal bool
	err = d.view(ctx, func(r store.Reader) error {
		x, err := d.rightsOf(r, who, aci.Read|aci.Search|aci.Compare)
		if err != nil {
			return err
		}
		if err := d.held(r, x, dn, req.ManageDsaIT, ""); err != nil {
			return err
		}
		id, err := d.resolve(r, dn)
		if errors.Is(err, NoSuchObject) && x != nil {
			return x.refuse(dn, nil, comparing(req.Attribute))
		}
		if err != nil {
			return err
		}
		rec, err := readRecord(r, id)
		if err != nil {
			return err
		}
		var may *ruling
		if x != nil || assertion != nil {
			v, err := x.on(d, r, id, rec)
			if err != nil {
				return err
			}
			if !comparing(req.Attribute)(v.ruling) {
				return x.refuse(dn, v, comparing(req.Attribute))
			}
			if err := assert(assertion, v); err != nil {
				return err
			}
			may = v.ruling
		}
		attributes := rec.attributes
		if t != nil && t.Name() == authPassword {
			attributes = rec.passwordAttributes(authPassword)
		}
		if t != nil && t.Operational() {
			name, err := d.nameOf(r, id)
			if err != nil {
				return err
			}
			if attributes, err = d.operational(r, id, rec, name); err != nil {
				return err
			}
			if t.Name() == memberOfAttribute {
				if attributes, err = d.withMemberOf(r, name, rec, attributes); err != nil {
					return err
				}
			}
			attributes = append(attributes, rec.attributes...)
		}
		equal, err = d.compareIn(may, attributes, t, req)
		return err
	})
	return equal, err
}

// comparing is what it takes to compare an attribute.
func comparing(description string) func(*ruling) bool {
	return func(u *ruling) bool { return u.may(aci.Compare, description) }
}

// compareKept is Compare in an entry that the server keeps itself.
func (d *Directory) compareKept(ctx context.Context, who Requester, name string, attributes []Attribute, assertion *matcher, t *schema.AttributeType, req *CompareRequest) (equal bool, err error) {
	err = d.view(ctx, func(r store.Reader) error {
		v, err := d.keptView(r, who, aci.Read|aci.Search|aci.Compare, name, attributes)
		switch {
		case err != nil:
			return err
		case !comparing(req.Attribute)(v.ruling):
			return errNoAccess
		}
		if err := assert(assertion, v); err != nil {
			return err
		}
		equal, err = d.compareIn(v.ruling, attributes, t, req)
		return err
	})
	return equal, err
}

// compareIn compares those of the attributes that are of the type or a subtype,
// as far as may lets it.
func (d *Directory) compareIn(may *ruling, attributes []Attribute, t *schema.AttributeType, req *CompareRequest) (bool, error) {
	if t == nil {
		t = d.schema.AttributeOrUndefined(req.Attribute)
	}
	rule := t.EqualityRule()
	if rule == nil {
		return false, Errorf(InappropriateMatching, "%s: has no equality matching rule", t.Name())
	}
	want, err := rule.NormalizeAssertion(nil, req.Value)
	if err != nil {
		return false, Errorf(InvalidAttributeSyntax, "%s: %v", t.Name(), err)
	}
	_, options := d.describe(req.Attribute)
	found := false
	for _, a := range attributes {
		at, have := d.describe(a.Name)
		if !at.IsA(t) || !containsOptions(have, options) || !may.may(aci.Compare, a.Name) {
			continue
		}
		found = true
		for _, v := range a.Values {
			if norm, ok := normalized(rule, v); ok && string(norm) == string(want) {
				return true, nil
			}
		}
	}
	switch {
	case found:
		return false, nil
	case t.Undefined():
		return false, Errorf(UndefinedAttributeType, "%s: unknown attribute type", req.Attribute)
	default:
		return false, Errorf(NoSuchAttribute, "the entry has no %s", t.Name())
	}
}
