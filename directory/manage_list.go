package directory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// TOTPList is what may be told of a user's credentials.
type TOTPList struct {
	Credentials   []TOTPCredential // oldest first
	RecoveryCodes int              // how many are left

	// Sequence grows with every change of a credential, also by those that
	// are gone; Changed is when it last did, UTC, to the millisecond. Both
	// are zero before the first.
	Sequence uint64
	Changed  time.Time

	// Failures is how many attempts in a row have failed; WaitUntil is when the
	// next one is judged, UTC. Zero: at once.
	Failures  int
	WaitUntil time.Time
}

// TOTPCredential is a credential without its secret.
type TOTPCredential struct {
	ID, Name       string
	State          string // pending, active, disabled
	Parameters     totp.Parameters
	Serial, Device string

	Created, Changed time.Time // UTC, to the second
	ChangedBy        string    // DN, here and below; "": anonymous, or not known
	CreatedBy        string
	LastUsed         time.Time // when a code was last accepted; zero: never

	// Codes count from NotBefore to NotAfter; zero: no bound.
	NotBefore, NotAfter time.Time

	// When it was last disabled or enabled, to the millisecond, and by whom;
	// zero: never.
	Switched   time.Time
	SwitchedBy string
}

const doorList = "list TOTP"

// ListTOTP tells of a user's credentials. The claim is judged as EnrolTOTP
// says, and a requester who authenticated need show nothing for himself.
func (d *Directory) ListTOTP(ctx context.Context, who Requester, c Claim) (TOTPList, error) {
	var list TOTPList
	err := d.look(ctx, who, c, doorList, func(u *user) {
		list = u.list()
		list.Failures = u.attempts.failures
		now := d.now()
		if wait := d.early(u, now); wait > 0 {
			list.WaitUntil = now.Add(wait)
		}
	})
	if err != nil {
		return TOTPList{}, err
	}
	return list, nil
}

// look shows tell a user, if the claim is good as ListTOTP says.
func (d *Directory) look(ctx context.Context, who Requester, c Claim, door string, tell func(*user)) error {
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
	if c.StaticPassword != nil {
		p := d.factorProof(door, who, self)
		p.password = c.StaticPassword
		if _, err := d.prove(ctx, target, p); err != nil {
			return err
		}
	}
	return d.view(ctx, func(r store.Reader) error {
		var u *user
		if c.StaticPassword != nil {
			u, err = d.readUserFor(r, target, who)
		} else {
			u, err = d.factorsOf(r, who, target, self)
		}
		if err == nil {
			tell(u)
		}
		return err
	})
}

func (u *user) list() TOTPList {
	list := TOTPList{
		RecoveryCodes: len(u.attempts.recovery.Hashes),
		Sequence:      u.attempts.sequence, Changed: u.attempts.changed,
	}
	for _, c := range u.credentials {
		list.Credentials = append(list.Credentials, c.told())
	}
	slices.SortFunc(list.Credentials, func(a, b TOTPCredential) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// told is what may be told of c.
func (c *credential) told() TOTPCredential {
	return TOTPCredential{
		ID: c.id, Name: c.name,
		State:      c.state.String(),
		Parameters: c.parameters,
		Serial:     c.serial, Device: c.device,
		Created: c.created, Changed: c.changed,
		ChangedBy: c.changedBy, CreatedBy: c.createdBy,
		LastUsed:  c.used,
		NotBefore: c.notBefore, NotAfter: c.notAfter,
		Switched: c.switched, SwitchedBy: c.switchedBy,
	}
}
