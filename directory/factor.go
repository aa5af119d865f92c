package directory

import (
	"context"
	"encoding/hex"
	"errors"

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

// Refresh is who bound as he is now. A session is of an entry: it goes on under
// a new name, and ends with the entry (ErrUserGone), whoever has the name then.
// Once a password that had to be changed is, it may do everything.
func (d *Directory) Refresh(ctx context.Context, who Requester) (Requester, error) {
	if names := d.names.Load(); who.names != names {
		if err := d.view(ctx, func(r store.Reader) error {
			return errors.Join(d.rename(r, who.id, &who.DN), d.rename(r, who.proxy, &who.Proxy))
		}); err != nil {
			return who, err
		}
		who.names = names
	}
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

// ErrUserGone is the answer to the session of a user who was deleted.
var ErrUserGone = Errorf(InvalidCredentials, "the entry of this session's user is gone: bind again")

// Same reports whether Refresh had nothing to look up to make now of who.
func (who Requester) Same(now Requester) bool { return who.names == now.names }

// rename makes name that of an entry, unless it is; 0 is none.
func (d *Directory) rename(r store.Reader, id entryID, name *string) error {
	if id == 0 {
		return nil
	}
	current, err := d.nameOf(r, id)
	if errors.Is(err, store.ErrNotFound) {
		return ErrUserGone
	}
	if err != nil {
		return err
	}
	dn, err := d.parseDN(current)
	if err != nil {
		return err
	}
	if dn.Equal(d.root) { // by the configuration of today
		return ErrUserGone
	}
	if old, err := d.parseDN(*name); err != nil || !old.Equal(dn) {
		*name = dn.String()
	}
	return nil
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
