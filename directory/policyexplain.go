package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tallystick/directory/store"
)

// What a log-in takes.
const (
	LogInByPassword = "password"
	LogInByCode     = "password and code"
	LogInByRecovery = "password and recovery code"
	LogInToEnrol    = "password, to enrol only"
	LogInNot        = "nothing is enough"
)

// Explanation is what a user would be asked for, and why.
type Explanation struct {
	LogIn        string // LogInByPassword and the others
	SecondFactor string // required, optional, exempt, refused
	Policy       string // DN of the policy that decides; "": none does

	// Because is the conditions of the policy, each with the value that holds:
	// "tallystickPolicyNetwork: 192.0.2.0/24".
	Because []string

	// Fault is what is wrong with the policy, or with what is kept of the
	// user and his credentials; "": nothing.
	Fault string

	Credentials   []TOTPCredential // whose codes count, oldest first
	RecoveryCodes int              // that count

	// Within the grace of the policy he may log in to enrol: until GraceUntil,
	// and GraceLogins times more. Zero is no such bound.
	GraceUntil  time.Time
	GraceLogins uint64

	RebindFor time.Duration // see decision

	Applications []ApplicationPassword // that count, oldest first

	// WaitUntil is when the next attempt is judged, UTC, because of those that
	// failed; zero: at once.
	WaitUntil time.Time
}

// Explain tells what a user would be asked for if he came in through a
// listener, from an address. The claim names him; what it shows does not
// count. It is for those who may enrol for him: privilege password-reset, and
// bypass-acl if he has privileges. Errors: insufficientAccessRights,
// noSuchObject, invalidDNSyntax; constraintViolation for what is no listener or
// no address.
func (d *Directory) Explain(ctx context.Context, who Requester, c Claim, listener, address string) (Explanation, error) {
	from := Requester{Listener: listener, Peer: address}
	if listener != "" && !slices.Contains(Listeners, listener) {
		return Explanation{}, Errorf(ConstraintViolation, "%.64q is no listener: there are %v", listener, Listeners)
	}
	if address != "" && !from.address().IsValid() {
		return Explanation{}, Errorf(ConstraintViolation, "%.64q is no address", address)
	}
	var e Explanation
	err := d.view(ctx, func(r store.Reader) error {
		target, err := d.requester(r, who)
		if err == nil && c.AuthenticationID != nil {
			target, err = d.authenticationID(r, *c.AuthenticationID)
		}
		if err != nil {
			return err
		}
		if err := d.mayReset(r, who, target); err != nil {
			return err
		}
		u, err := d.readUserFor(r, target, from)
		if err != nil {
			return err
		}
		e, err = d.explain(r, u, from)
		return err
	})
	return e, err
}

func (d *Directory) explain(r store.Reader, u *user, from Requester) (Explanation, error) {
	usable, faults := d.usable(u)
	overdue, _ := d.overdue(u, d.now())
	e := Explanation{
		LogIn:        d.logIn(u, usable),
		SecondFactor: u.decision.asks.String(),
		RebindFor:    u.decision.rebindFor,
		Applications: u.listApplications(func(a *applicationPassword) bool {
			return u.fault == nil && u.lostToken == nil && overdue == "" && a.admits(u, from, d.now()) == ""
		}),
	}
	for _, c := range u.list().Credentials {
		if slices.Contains(usable, u.credential(c.ID)) {
			e.Credentials = append(e.Credentials, c)
		}
	}
	if u.has(active, disabled) && u.decision.asks != factorRefused {
		e.RecoveryCodes = len(u.attempts.recovery.Hashes)
	}
	var err error
	if e.WaitUntil, err = d.waitUntil(u, from); err != nil {
		return e, err
	}
	p := u.decision.policy
	if p == nil {
		e.Fault = inLine(faults)
		return e, nil
	}
	if u.decision.grace {
		e.GraceUntil = p.graceUntil
		if p.graceLogins > 0 {
			e.GraceLogins = p.graceLogins - u.attempts.graceLogins
		}
	}
	e.Fault = inLine(append(faults, p.malformed))
	s := d.subject(r, u, from)
	for _, c := range p.conditions {
		text, _, err := c.holds(s)
		if err != nil {
			return e, err
		}
		e.Because = append(e.Because, c.attribute+": "+text)
	}
	e.Policy, err = d.nameOf(r, p.id)
	return e, err
}

// usable is the user's credentials whose codes can be accepted, and what is
// wrong with him and with others that should be among them.
func (d *Directory) usable(u *user) (list []*credential, faults []error) {
	faults = append(faults, u.fault, u.lostToken)
	if u.fault != nil || u.lostToken != nil {
		return nil, faults
	}
	for _, c := range u.credentials {
		if !d.counts(u, proof{}, c) || !c.valid(d.now()) {
			continue
		}
		if c.lost() {
			faults = append(faults, fmt.Errorf("the counter of credential %s is not known since the restore: an administrator resynchronizes it", c.id))
			continue
		}
		if c.token != nil && c.token.fault != nil {
			faults = append(faults, c.token.fault)
			continue
		}
		secret, err := d.unsealOf(u, c)
		if err != nil {
			faults = append(faults, fmt.Errorf("the secret of credential %s does not open: %w", c.id, err))
			continue
		}
		secret.Wipe()
		list = append(list, c)
	}
	return list, faults
}

func inLine(faults []error) string {
	var texts []string
	for _, err := range faults {
		if err != nil {
			texts = append(texts, err.Error())
		}
	}
	return strings.Join(texts, "; ")
}

// waitUntil is when an attempt at u from somewhere is judged; zero: at once.
func (d *Directory) waitUntil(u *user, from Requester) (time.Time, error) {
	now := d.now()
	g, err := d.guess(context.Background(), u.account, proof{who: from})
	if err != nil {
		return time.Time{}, err
	}
	wait := max(g.wait(), d.early(u, now))
	if wait == 0 {
		return time.Time{}, nil
	}
	return now.Add(wait).UTC(), nil
}

// logIn is what is enough for a bind of a user whose codes of these
// credentials can be accepted.
func (d *Directory) logIn(u *user, usable []*credential) string {
	switch {
	case u.fault != nil || u.lostToken != nil || len(u.passwords) == 0:
		return LogInNot
	case u.decision.grace:
		return LogInToEnrol
	case !u.codeToBind():
		return LogInByPassword
	case len(usable) > 0:
		return LogInByCode
	case u.has(active, disabled) && len(u.attempts.recovery.Hashes) > 0:
		return LogInByRecovery
	default:
		return LogInNot
	}
}
