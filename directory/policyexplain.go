package directory

import (
	"context"
	"slices"
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
	// user; "": nothing.
	Fault string

	Credentials   []TOTPCredential // whose codes count, oldest first
	RecoveryCodes int              // that count

	// Within the grace of the policy he may log in to enrol: until GraceUntil,
	// and GraceLogins times more. Zero is no such bound.
	GraceUntil  time.Time
	GraceLogins uint64

	RebindFor time.Duration // see decision
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
	e := Explanation{SecondFactor: u.decision.asks.String(), RebindFor: u.decision.rebindFor}
	e.LogIn = d.logIn(u)
	for _, c := range u.list().Credentials {
		if one := u.credential(c.ID); d.counts(u, proof{}, one) && one.valid(d.now()) {
			e.Credentials = append(e.Credentials, c)
		}
	}
	if u.has(active, disabled) && u.decision.asks != factorRefused {
		e.RecoveryCodes = len(u.attempts.recovery.Hashes)
	}
	if u.fault != nil {
		e.Fault = u.fault.Error()
	}
	p := u.decision.policy
	if p == nil {
		return e, nil
	}
	if u.decision.grace {
		e.GraceUntil = p.graceUntil
		if p.graceLogins > 0 {
			e.GraceLogins = p.graceLogins - u.attempts.graceLogins
		}
	}
	if p.malformed != nil {
		e.Fault = p.malformed.Error()
	}
	s := d.subject(r, u, from)
	for _, c := range p.conditions {
		text, _, err := c.holds(s)
		if err != nil {
			return e, err
		}
		e.Because = append(e.Because, c.attribute+": "+text)
	}
	var err error
	e.Policy, err = d.nameOf(r, p.id)
	return e, err
}

// logIn is what is enough for a bind.
func (d *Directory) logIn(u *user) string {
	switch {
	case u.fault != nil || len(u.passwords) == 0:
		return LogInNot
	case u.decision.grace:
		return LogInToEnrol
	case !u.codeToBind():
		return LogInByPassword
	case slices.ContainsFunc(u.credentials, func(c *credential) bool { return d.counts(u, proof{}, c) && c.valid(d.now()) }):
		return LogInByCode
	case u.has(active, disabled) && len(u.attempts.recovery.Hashes) > 0:
		return LogInByRecovery
	default:
		return LogInNot
	}
}
