package directory

import (
	"strings"
	"time"

	"tallystick/directory/schema"
)

// What a password policy makes of a user: whether the account is locked, and
// whether a password that is right still counts.

// passwordUse is what a password is shown for.
type passwordUse int

const (
	passwordServes   passwordUse = iota // something done once, in the operation that carries it
	passwordBinds                       // a session
	passwordChanges                     // taking another one
	passwordCompared                    // nothing: no policy is asked
)

// timeOf is the value of an attribute of the entry that is one time; zero: there
// is none.
func timeOf(rec *record, attribute string) time.Time {
	if rec == nil {
		return time.Time{}
	}
	for _, a := range rec.attributes { // by name: it is looked for with every bind
		if len(a.Name) != len(attribute) || !strings.EqualFold(a.Name, attribute) || len(a.Values) == 0 {
			continue
		}
		if t, err := schema.ParseGeneralizedTime(a.Values[0]); err == nil {
			return t
		}
	}
	return time.Time{}
}

// remember adds a failure to those whose time the policy wants.
func (p *passwordPolicy) remember(recent []time.Time, last time.Time) []time.Time {
	if p == nil || !p.lockout && p.minDelay == 0 {
		return nil
	}
	var kept []time.Time
	for _, t := range recent {
		if p.countInterval == 0 || last.Sub(t) < p.countInterval {
			kept = append(kept, t)
		}
	}
	kept = append(kept, last)
	return kept[max(0, len(kept)-p.recorded):]
}

// lockedByFailures reports whether there were so many that the policy locks.
func (p *passwordPolicy) lockedByFailures(a *attempts) bool {
	return p != nil && p.lockout && p.maxFailure > 0 && len(a.recent) >= p.maxFailure
}

// wait is how long after the last failure the next attempt is judged.
func (p *passwordPolicy) wait(a *attempts) time.Duration {
	if p == nil || len(a.recent) == 0 {
		return 0
	}
	var wait time.Duration
	if p.minDelay > 0 {
		most := max(p.minDelay, p.maxDelay)
		wait = p.minDelay
		for n := len(a.recent); n > 1 && wait < most; n-- {
			wait *= 2
		}
		wait = min(wait, most)
	}
	if p.lockedByFailures(a) {
		wait = max(wait, p.lockFor())
	}
	return wait
}

// lockFor is how long a lock lasts.
func (p *passwordPolicy) lockFor() time.Duration {
	if p == nil || p.lockoutDuration == 0 {
		return maxSeconds * time.Second
	}
	return p.lockoutDuration
}

// idleStep is how much time passes before a log-in is written down again. The
// lock of who stays away comes later by that, so that it never comes early.
func (p *passwordPolicy) idleStep() time.Duration { return min(p.maxIdle/20, 24*time.Hour) }

// lockedOut reports whether the failures of u have come to a lockout, over by now
// or not.
func (d *Directory) lockedOut(u *user) bool {
	return u.attempts.failures >= d.credentials.cfg.LockoutAfter || u.passwordPolicy.lockedByFailures(&u.attempts)
}

// locked is why nobody is believed to be u by an administrator's word or by the
// policy; "": it is not so. draft-behera-ldap-password-policy-11, section 7.1.
func (d *Directory) locked(u *user, now time.Time) (cause string) {
	a, p := &u.attempts, u.passwordPolicy
	if !a.locked.IsZero() && (a.locked.Equal(lockedForGood) || now.Sub(a.locked) < p.lockFor()) {
		return causeLocked
	}
	if start := timeOf(u.entry, pwdStartTime); !start.IsZero() && now.Before(start) {
		return causePeriod
	}
	if end := timeOf(u.entry, pwdEndTime); !end.IsZero() && !now.Before(end) {
		return causePeriod
	}
	if p == nil {
		return ""
	}
	if wait := p.wait(a); wait > 0 && max(now.Sub(a.last), 0) < wait {
		if p.lockedByFailures(a) {
			return causeLocked
		}
		return causeDelayed
	}
	if p.maxIdle > 0 && !a.lastSuccess.IsZero() && now.Sub(a.lastSuccess) >= p.maxIdle+p.idleStep() {
		return causeIdle
	}
	return ""
}

// ended reports whether u is locked for another reason than failures, which may
// be anybody's.
func (d *Directory) ended(u *user, now time.Time) bool {
	switch d.locked(u, now) {
	case causeIdle, causePeriod:
		return true
	case causeLocked:
		return !u.attempts.locked.IsZero()
	}
	return false
}

// unlock ends an administrator's lock, and that of who stayed away.
func (u *user) unlock() {
	if a := &u.attempts; !a.locked.IsZero() || !a.lastSuccess.IsZero() {
		a.locked, a.lastSuccess = time.Time{}, time.Time{}
		u.counted = true
	}
}

// mustChange reports whether the password must be changed before anything else.
// Section 7.2.
func (u *user) mustChange() bool {
	return u.entry != nil && u.passwordPolicy != nil && u.passwordPolicy.mustChange && u.entry.reset()
}

// reset reports whether pwdReset is TRUE.
func (r *record) reset() bool {
	for _, a := range r.attributes {
		if strings.EqualFold(a.Name, pwdReset) && len(a.Values) == 1 && strings.EqualFold(string(a.Values[0]), "TRUE") {
			return true
		}
	}
	return false
}

// expiry is when the password expires; zero: never. Section 7.3.
func (d *Directory) expiry(u *user) time.Time {
	p := u.passwordPolicy
	if p == nil || p.maxAge == 0 || u.entry == nil {
		return time.Time{}
	}
	changed := timeOf(u.entry, pwdChangedTime)
	if changed.IsZero() {
		return changed
	}
	return changed.Add(p.maxAge)
}

// graceLeft is how often a password that expired is let go. Section 7.4.
func (u *user) graceLeft(expired, now time.Time) int {
	p := u.passwordPolicy
	if p.graceExpiry > 0 && now.After(expired.Add(p.graceExpiry)) {
		return 0
	}
	return max(0, p.graceLimit-len(u.attempts.graceUses))
}

// standing decides whether the right password, with what else it takes, counts,
// and notes in u what has to be written. The error is what to answer, and cause
// why. Sections 8.1.2.2 to 8.1.2.4.
func (d *Directory) standing(u *user, p proof, e *evidence, now time.Time) (cause string, err error) {
	policy := u.passwordPolicy
	if policy == nil || p.use == passwordCompared {
		return "", nil
	}
	if e.password != nil {
		if cause, err := d.passwordStands(u, p, e, now); err != nil {
			return cause, err
		}
	}
	if e.application != "" {
		if cause, told := d.overdue(u, now); cause != "" {
			err := policyError(InvalidCredentials, told, "application passwords rest until the user has changed the password")
			err.Cause = &refusal{p.door, cause}
			return cause, err
		}
	}
	if p.use == passwordBinds && policy.maxIdle > 0 && now.Sub(u.attempts.lastSuccess) >= policy.idleStep() && d.takes(true) == nil {
		u.attempts.lastSuccess = now.UTC().Truncate(time.Millisecond)
		u.counted = true
	}
	return "", nil
}

// overdue is why the user's application passwords rest; "": they do not. They
// are made in a session of his, so they are no way around a password that he
// has to change before anything else, also where a log-in for that is let go.
func (d *Directory) overdue(u *user, now time.Time) (cause string, e PasswordPolicyError) {
	expiry := d.expiry(u)
	switch {
	case u.mustChange():
		return causeReset, ChangeAfterReset
	case !expiry.IsZero() && now.After(expiry):
		return causeExpired, PasswordExpired
	}
	return "", 0
}

func (d *Directory) passwordStands(u *user, p proof, e *evidence, now time.Time) (cause string, err error) {
	if u.mustChange() {
		if p.use == passwordServes {
			return causeReset, ErrMustChange
		}
		e.standing.MustChange = p.use == passwordBinds
	}
	expiry := d.expiry(u)
	if expiry.IsZero() {
		return "", nil
	}
	left := expiry.Sub(now)
	if left >= 0 {
		if warning := u.passwordPolicy.expireWarning; warning > 0 && left <= warning {
			e.standing.Expires = max(left.Truncate(time.Second), time.Second)
		}
		return "", nil
	}
	grace := u.graceLeft(expiry, now)
	if grace == 0 {
		expired := policyError(InvalidCredentials, PasswordExpired, "the password has expired: have an administrator set another")
		expired.Cause = &refusal{p.door, causeExpired}
		return causeExpired, expired
	}
	if p.use != passwordChanges {
		u.attempts.graceUses = append(u.attempts.graceUses, now.UTC().Truncate(time.Millisecond))
		u.counted = true
		grace--
	}
	e.standing.Grace, e.standing.GraceLeft = true, grace
	return "", nil
}
