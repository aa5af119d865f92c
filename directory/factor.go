package directory

import (
	"context"

	"tallystick/directory/store"
)

// asOfNow is who, as far as what he showed when he authenticated still counts:
// once the credential is revoked or disabled he has shown no more than the
// password.
func (d *Directory) asOfNow(ctx context.Context, who Requester) (Requester, error) {
	if who.How != ByPasswordAndCode || who.Factor == "" {
		return who, nil
	}
	err := d.view(ctx, func(r store.Reader) error {
		a, err := d.requester(r, who)
		if err != nil {
			return err
		}
		u, err := d.readUser(r, a)
		if err == nil && !u.vouchesFor(who) {
			who.How = ByPassword
		}
		return err
	})
	return who, err
}

// vouchesFor reports whether u still has what who, being u, authenticated
// with. A recovery code is gone once it is used.
func (u *user) vouchesFor(who Requester) bool {
	if who.How != ByPasswordAndCode || who.Factor == "" {
		return true
	}
	c := u.credential(who.Factor)
	return c != nil && c.state == active
}
