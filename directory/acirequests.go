package directory

import (
	"context"
	"slices"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// MayExtend fails with insufficientAccessRights unless ACIs let who send an
// extended request with this OID. What the operation does is judged by itself.
func (d *Directory) MayExtend(ctx context.Context, who Requester, oid string) error {
	may, err := d.mayRequest(ctx, who, func(a *aci.ACI) bool { return a.CoversExtendedOperation(oid) })
	if err == nil && !may {
		err = (&rights{who: who}).denied()
	}
	return err
}

// MayControl reports whether ACIs let who send a request with a control of this
// OID. To who may not it is one that the server does not know.
func (d *Directory) MayControl(ctx context.Context, who Requester, oid string) (bool, error) {
	return d.mayRequest(ctx, who, func(a *aci.ACI) bool { return a.CoversControl(oid) })
}

// mayRequest asks the ACIs that cover a request. They are all of the
// configuration, for a request has no entry.
func (d *Directory) mayRequest(ctx context.Context, who Requester, covers func(*aci.ACI) bool) (bool, error) {
	var few [8]*aci.Permission // which do for most, without an allocation
	about := few[:0]
	forAnyone := true // all of them are allowances for anybody
	for _, a := range d.acis.global {
		for i := range a.Permissions {
			if p := &a.Permissions[i]; p.Rights&aci.Read != 0 && covers(a) {
				about = append(about, p)
				forAnyone = forAnyone && p.Allow && p.IsFor(false)
			}
		}
	}
	if forAnyone && len(about) > 0 || d.isRoot(who) {
		return true, nil
	}
	return d.mayBy(ctx, who, slices.Clone(about))
}

// mayBy asks the permissions about a request for somebody.
func (d *Directory) mayBy(ctx context.Context, who Requester, about []*aci.Permission) (may bool, err error) {
	err = d.view(ctx, func(r store.Reader) error {
		x := &rights{d: d, r: r, who: who, acis: noACIs}
		if err := x.identify(); err != nil {
			return err
		}
		denied := false
		for _, p := range about {
			v, err := x.verdict(p)
			if err != nil {
				return err
			}
			if v == aci.Yes {
				may, denied = may || p.Allow, denied || !p.Allow
			}
		}
		if may = may && !denied; may {
			return nil
		}
		has, err := d.privilegesOf(r, who)
		may = has.bypassACL
		return err
	})
	return may, err
}
