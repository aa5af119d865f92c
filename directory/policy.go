package directory

import (
	"time"

	"tallystick/directory/store"
)

// Policies say who has to show a code, and where. They are entries of the
// class tallystickSecondFactorPolicy, anywhere in the directory: only an
// administrator can add one. They are asked in the order of their numbers, and
// the first all of whose conditions hold decides; of two with the same number
// the one that asks for more comes first. Without one that matches, whoever
// has an active credential shows a code.
//
// The root user, who has no entry and so no credentials, is under no policy.

// secondFactor is what a policy asks.
type secondFactor int

const (
	factorOptional secondFactor = iota // a code, of whoever has an active credential
	factorRequired                     // no log-in without a code
	factorExempt                       // the password is enough, even of whoever has credentials
	factorRefused                      // none may be enrolled, and no code is taken
)

var secondFactors = []string{
	factorOptional: "optional",
	factorRequired: "required",
	factorExempt:   "exempt",
	factorRefused:  "refused",
}

func (f secondFactor) String() string { return secondFactors[f] }

// policy is one policy, compiled. It does not change.
type policy struct {
	id         entryID
	order      int64
	asks       secondFactor
	conditions []condition // all must hold; none: it is for everybody

	// A user without an active credential, of whom a code is required, may log
	// in to enrol one: until graceUntil, and at most graceLogins times. Zero is
	// no such bound; both zero: no grace.
	graceUntil  time.Time
	graceLogins uint64

	// rebindFor is for how long the same password and code may bind again from
	// the same address; 0: not at all.
	rebindFor time.Duration

	// malformed is what is wrong with the entry, which got into the store past
	// the checks; nil: nothing. Such a policy requires a code without grace,
	// and the conditions that cannot be read hold.
	malformed error
}

// maxRebindFor is the longest window in which a code counts twice.
const maxRebindFor = 15 * time.Minute

// decision is what the policies ask of a user who comes from somewhere. The
// zero value is what holds without any.
type decision struct {
	policy    *policy // that decided; nil: none matches
	asks      secondFactor
	grace     bool          // a code is required, and he may log in without one to enrol
	rebindFor time.Duration // 0: the same code does not bind twice
}

// decide asks the policies about u, whose entry and credentials are as r has
// them, when who stands for him. Of nobody they are asked too, for the time it
// takes.
func (d *Directory) decide(r store.Reader, u *user, who Requester) (decision, error) {
	if u.root() {
		return decision{}, nil
	}
	list, err := d.policies.in(d, r)
	if err != nil || len(list) == 0 {
		return decision{}, err
	}
	s := d.subject(r, u, who)
	for _, p := range list {
		if ok, err := p.matches(s); ok || err != nil {
			return p.decision(u, d.graceLogins(u, who), d.now()), err
		}
	}
	return decision{}, nil
}

func (p *policy) matches(s *subject) (bool, error) {
	for _, c := range p.conditions {
		if _, ok, err := c.holds(s); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// decision is what p asks of u, who has logged in so often without a code.
func (p *policy) decision(u *user, logins uint64, now time.Time) decision {
	return decision{
		policy:    p,
		asks:      p.asks,
		grace:     p.asks == factorRequired && !u.has(active) && p.graceLeft(logins, now),
		rebindFor: p.rebindFor,
	}
}

// graceLogins is how often u has logged in without a code before the session
// of who.
func (d *Directory) graceLogins(u *user, who Requester) uint64 {
	n := u.attempts.graceLogins
	if who.How != InGrace || n == 0 {
		return n
	}
	if dn, err := d.parseDN(who.DN); err != nil || !dn.Equal(u.dn) {
		return n
	}
	return n - 1
}

// graceLeft reports whether a user who has logged in so often without a code
// may do so once more at the time now.
func (p *policy) graceLeft(logins uint64, now time.Time) bool {
	switch {
	case p.graceUntil.IsZero() && p.graceLogins == 0:
		return false
	case !p.graceUntil.IsZero() && !now.Before(p.graceUntil):
		return false
	default:
		return p.graceLogins == 0 || logins < p.graceLogins
	}
}

// codeToBind reports whether a bind takes a code.
func (u *user) codeToBind() bool {
	switch u.decision.asks {
	case factorRequired:
		return !u.decision.grace
	case factorOptional:
		return u.has(active)
	default:
		return false
	}
}

// graceLogin counts a log-in that needed the grace, if the policy counts.
func (u *user) graceLogin() {
	if u.decision.policy.graceLogins == 0 {
		return
	}
	u.attempts.graceLogins++
	u.counted = true
	u.note(AuditAccepted, nil, "without a code, to enrol", u.attempts.graceLogins)
}

// errEnrolFirst is the answer to all but enrolling in a session that the grace
// of a policy allowed.
var errEnrolFirst = Errorf(UnwillingToPerform, "a code is required of you, and you have no credential: enrol and confirm one, then bind with a code")
