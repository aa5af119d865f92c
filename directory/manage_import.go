package directory

import (
	"context"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// ImportRequest is a credential as another system kept it.
type ImportRequest struct {
	Name       string // may be empty, here and below
	Parameters totp.Parameters
	Key        seal.Secret // octets, not base32
	Disabled   bool
	Serial     string
	Device     string

	// LastStep is that of the last code used there: it and lower ones are
	// dead here too. 0: not known, and no code up to now is accepted.
	LastStep int64
	Drift    int // steps by which the token runs ahead (+) or behind (-)

	// Counter is, instead of those two, that of the next code of a counter-based
	// token: lower ones are dead.
	Counter int64

	// Codes count from NotBefore to NotAfter; zero: no bound.
	NotBefore, NotAfter time.Time

	DryRun bool // tell what would happen
}

// Import is what became of an ImportRequest.
type Import struct {
	ID    string // "" if a dry run would have made the credential
	There bool   // the user had the secret already: nothing was changed
}

// ImportTOTP gives the user, nil being the requester, a credential that
// another system made. It counts at once: its owner has used it there. Only an
// administrator may, who has bypass-acl and what EnrolTOTP asks of one.
// Errors: as there.
func (d *Directory) ImportTOTP(ctx context.Context, who Requester, authenticationID *string, req ImportRequest) (Import, error) {
	if d.credentials.cfg.Keyset == nil {
		return Import{}, errKeyset
	}
	if err := d.requireBypass(ctx, who); err != nil {
		return Import{}, err
	}
	if err := req.check(d.now()); err != nil {
		return Import{}, err
	}
	var done Import
	err := d.manage(ctx, who, Claim{AuthenticationID: authenticationID}, "import TOTP", func(u *user, _ evidence) error {
		done = Import{}
		if c := d.holding(u, req.Key); c != nil {
			done = Import{ID: c.id, There: true}
			return nil
		}
		if err := d.checkRoom(u); err != nil || req.DryRun {
			return err
		}
		c, err := d.newCredential(u.entry.uuid, req.Key, req.Parameters.WithDefaults(), who.DN)
		if err != nil {
			return err
		}
		req.fill(c, d.credentials.limits(c), d.now())
		u.add(c, AuditImported)
		done.ID = c.id
		return nil
	})
	if err != nil {
		return Import{}, err
	}
	return done, nil
}

func (r ImportRequest) check(now time.Time) error {
	p := r.Parameters
	p.Counter = false // which enrolling refuses
	err := EnrolRequest{Name: r.Name, Serial: r.Serial, Device: r.Device, Parameters: p, Issuer: "any",
		NotBefore: r.NotBefore, NotAfter: r.NotAfter}.check()
	if err != nil {
		return err
	}
	if err := totp.CheckSecret(r.Key); err != nil {
		return Errorf(ConstraintViolation, "a secret has %d to %d octets", totp.MinSecretSize, totp.MaxSecretSize)
	}
	if r.Parameters.Counter {
		if r.Counter < 0 || r.Counter > totp.MaxCounter {
			return Errorf(ConstraintViolation, "no token counts that far")
		}
		return nil
	}
	if r.Drift < -maxDrift || r.Drift > maxDrift {
		return Errorf(ConstraintViolation, "no clock is that far off")
	}
	// Such a credential would accept nothing for more than a day.
	if r.LastStep > r.Parameters.Step(now.Add(24*time.Hour))+int64(r.Drift) {
		return Errorf(ConstraintViolation, "the last step is in the future")
	}
	return nil
}

// fill makes of a new credential what was asked for.
func (r ImportRequest) fill(c *credential, l totp.Limits, now time.Time) {
	c.name, c.serial, c.device = r.Name, r.Serial, r.Device
	c.notBefore, c.notAfter = r.NotBefore, r.NotAfter
	c.state = active
	if r.Disabled {
		c.state = disabled
	}
	if r.Parameters.Counter {
		c.totp.LastStep = r.Counter - 1
		return
	}
	c.totp = totp.State{LastStep: r.LastStep, Drift: r.Drift}
	if r.LastStep == 0 {
		c.totp.LastStep = c.parameters.Step(now) + int64(r.Drift)
	}
	if r.Drift < -l.MaxDrift || r.Drift > l.MaxDrift {
		c.totp.Centre = r.Drift // more than is learned from one code to the next, as after a resync
	}
}
