package directory

import (
	"context"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// ConfirmTOTP accepts a code of one credential, which becomes active if it was
// pending. The code is spent, like any.
//
//	who asks                    for             shows beside the code
//	anybody                     anybody         the password
//	somebody authenticated      himself         nothing
//	an administrator, as for EnrolTOTP
//	                            anybody else    nothing
//
// Errors: invalidCredentials, whatever of user, password, credential and code
// is wrong, and a failed attempt like any other; without a password as
// EnrolTOTP.
func (d *Directory) ConfirmTOTP(ctx context.Context, who Requester, c Claim, id, code string) error {
	return d.proveCode(ctx, who, c, proof{door: "confirm TOTP", only: orNone(id), code: seal.Secret(code)})
}

// ResyncTOTP finds out by how much the clock of a token is off, from two codes
// that it showed one after the other, and follows it from then on. The claim is
// judged as ConfirmTOTP says: both codes together are proof enough beside the
// password. A counter-based token is looked for ahead of the last code accepted;
// after a restore the password is not enough. Errors: as there; unwillingToPerform
// if the server does not do it.
func (d *Directory) ResyncTOTP(ctx context.Context, who Requester, c Claim, id, code, next string) error {
	if d.credentials.cfg.ResyncWithin < 0 {
		return Errorf(UnwillingToPerform, "this server does not resynchronise tokens")
	}
	if err := who.mayChange(); err != nil {
		return err
	}
	return d.proveCode(ctx, who, c, proof{door: "resync TOTP", only: orNone(id), code: seal.Secret(code), next: append(seal.Secret{}, next...)})
}

// orNone is an id, or one that no credential has in place of the empty one,
// which would mean any.
func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

// proveCode judges a proof whose code is what counts.
func (d *Directory) proveCode(ctx context.Context, who Requester, c Claim, p proof) error {
	if err := who.mayEnrol(); err != nil {
		return err
	}
	who, err := d.asOfNow(ctx, who)
	if err != nil {
		return err
	}
	target, self, err := d.claimed(ctx, who, c, true)
	if err != nil {
		return err
	}
	p.who, p.password, p.rule = who, c.StaticPassword, codeOptional
	p.trusted = who.How == ByPasswordAndCode && self
	if c.StaticPassword == nil && !self {
		p.trusted = true
	}
	_, err = d.prove(ctx, target, p)
	return err
}

// maxResync is how many steps are searched at most each way.
const maxResync = 20_000

// weighResync is weigh for a proof with two codes.
func (d *Directory) weighResync(u *user, p proof, now time.Time) (w weighed) {
	if p.password != nil {
		w.stored, w.password = d.checkPassword(u, p.password), p.password
	}
	c := u.credential(p.only)
	if c == nil || d.refuses(u, now) || !d.counts(u, p, c) {
		return w
	}
	secret, err := d.unsealOf(u, c)
	if err != nil {
		d.log.Error("a TOTP secret does not open", "entry", uint64(u.id), "credential", c.id, "err", err)
		return w
	}
	defer secret.Wipe()
	current := c.parameters.Step(now)
	search := current - c.parameters.Step(now.Add(-d.credentials.cfg.ResyncWithin))
	state, found, err := totp.Resync(c.parameters, secret, c.totp, int(min(search, maxResync)), current, p.code, p.next)
	if err != nil {
		d.log.Error("a TOTP credential cannot be used", "entry", uint64(u.id), "credential", c.id, "err", err)
	}
	if found {
		w.resynced = &match{c, state}
	}
	return w
}

// resyncs is the credential that shows both codes, as it is now; nil if none
// does, or if a later code was accepted meanwhile.
func (d *Directory) resyncs(u *user, p proof, w weighed, now time.Time) *match {
	c := u.credential(p.only)
	if w.resynced == nil || c == nil || !d.looksAt(u, p, c, now) || w.resynced.state.LastStep-1 <= c.totp.LastStep {
		return nil
	}
	return &match{c, w.resynced.state}
}
