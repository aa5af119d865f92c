package directory

import (
	"context"
	"encoding/hex"

	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// asOfNow is who, as far as what he showed when he authenticated still counts:
// once the credential is revoked or disabled he has shown no more than the
// password.
func (d *Directory) asOfNow(ctx context.Context, who Requester) (Requester, error) {
	if who.How != ByPasswordAndCode || who.Factor == "" {
		return who, nil
	}
	return d.vouched(ctx, who)
}

func (d *Directory) vouched(ctx context.Context, who Requester) (Requester, error) {
	err := d.view(ctx, func(r store.Reader) error {
		a, err := d.requester(r, who)
		if err != nil {
			return err
		}
		u, err := d.readUser(r, a)
		if err == nil && !u.vouchesFor(who) {
			who.How, who.Factor = ByPassword, ""
		}
		return err
	})
	return who, err
}

// Refresh is who, as far as what his password policy asked of him at the bind
// still holds: once the password is changed the session may do everything.
func (d *Directory) Refresh(ctx context.Context, who Requester) (Requester, error) {
	if !who.Password.MustChange {
		return who, nil
	}
	err := d.view(ctx, func(r store.Reader) error {
		a, err := d.requester(r, who)
		if err != nil {
			return err
		}
		u, err := d.readUser(r, a)
		if err == nil {
			who.Password.MustChange = u.entry == nil || u.mustChange() // of who is gone nobody knows
		}
		return err
	})
	return who, err
}

// vouchesFor reports whether u still has what who, being u, authenticated
// with. A recovery code is gone once it is used, so it is the set that it was
// one of, until the user is given new ones or has nothing they stand in for.
func (u *user) vouchesFor(who Requester) bool {
	if who.Factor == "" {
		return true
	}
	if who.Factor == recoveryFactor(u.attempts.recovery) {
		return u.has(active, disabled)
	}
	c := u.credential(who.Factor)
	return c != nil && c.state == active
}

// recoveryFactor is the Factor of whoever showed one of these codes. No
// credential has such an id.
func recoveryFactor(codes totp.RecoveryCodes) string {
	return "recovery codes " + hex.EncodeToString(codes.Salt)
}
