package directory

import (
	"context"
	"slices"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// PasswordState is what an administrator may know of a user's password, attempts
// and factors. Times are in UTC; zero is that there is none.
type PasswordState struct {
	DN          string
	Policy      string // DN; DefaultPasswordPolicy if he is under none of the directory
	HasPassword bool
	HasTOTP     bool // a credential, confirmed or not

	Disabled             bool // by an administrator, see pwdAccountLockedTime
	Activation, End      time.Time
	Changed, Expiry      time.Time
	Warning              time.Time // from when on there is one
	Reset                bool      // pwdReset
	MustChange           bool
	GraceUses            []time.Time
	GraceLeft            int
	Failures             []time.Time
	FailuresLeft         int // before a lock
	FailureLocked        bool
	LockedSince, LockEnd time.Time // LockEnd zero: until an administrator ends it, or not locked
	LastSuccess          time.Time
	IdleLocked           bool
	IdleLock             time.Time // when it comes
	History              int       // former passwords kept
	Usable               bool
	Mechanisms           []string // of SASL

	Now time.Time
}

// PasswordStateChange is one change of it: the field that is not zero. A zero
// time behind a pointer takes the value away.
type PasswordStateChange struct {
	Disabled                              *bool
	Activation, End, Changed, LastSuccess *time.Time
	Reset                                 *bool
	GraceUses                             *[]time.Time
	AddGraceUses                          []time.Time // a zero one is now
	ForgetFailures, ForgetHistory         bool
	AddSecrets, RemoveSecrets             []string // base32
	ClearSecrets                          bool
}

const doorState = "password policy state"

// PasswordState makes changes, in order and all or none, and tells what the state
// is then. It is for administrators, who have password-reset, and bypass-acl if
// the user has privileges; changes are not for the user himself. Added secrets
// are pending, as those of GenerateTOTPSharedSecret. Errors:
// insufficientAccessRights, noSuchObject, invalidDNSyntax; unwillingToPerform for
// himself; invalidAttributeSyntax, noSuchAttribute and adminLimitExceeded for
// secrets.
func (d *Directory) PasswordState(ctx context.Context, who Requester, userDN string, changes []PasswordStateChange) (PasswordState, error) {
	if err := who.mayChange(); err != nil {
		return PasswordState{}, err
	}
	who, err := d.asOfNow(ctx, who)
	if err != nil {
		return PasswordState{}, err
	}
	dn, err := d.parseDN(userDN)
	if err != nil {
		return PasswordState{}, err
	}
	d.defining.RLock()
	defer d.defining.RUnlock()
	var target account
	var state PasswordState
	err = d.view(ctx, func(r store.Reader) error {
		if target, err = d.accountOf(r, dn); err != nil {
			return err
		}
		if target.root() {
			target = d.nobody(dn.Norm()) // has no entry, and so no policy
		}
		if len(changes) > 0 {
			if own, err := d.requester(r, who); err != nil || own.known() && own.id == target.id {
				return orElse(err, errNothingShown)
			}
		}
		u, err := d.factorsOf(r, who, target, false)
		if err == nil && len(changes) == 0 {
			state, err = d.stateOf(r, u)
		}
		return err
	})
	if err != nil || len(changes) == 0 {
		return state, err
	}
	err = d.update(ctx, func(w store.Writer) error {
		u, err := d.factorsOf(w, who, target, false)
		if err != nil {
			return err
		}
		old := u.entry.clone()
		for _, c := range changes {
			if err := d.changeState(u, who, c); err != nil {
				return err
			}
		}
		d.touch(u.entry, who)
		w.Set(entryKey(u.id), u.entry.encode())
		if err := d.writeIndex(w, u.id, old, u.entry); err != nil {
			return err
		}
		if err := d.save(w, u, who, doorState); err != nil {
			return err
		}
		state, err = d.stateOf(w, u)
		return err
	})
	if err != nil {
		return state, err
	}
	d.credentials.windows.closeOf(target.id) // it may have locked the account
	if slices.ContainsFunc(changes, func(c PasswordStateChange) bool { return c.ForgetFailures }) {
		d.credentials.pardon(target.id)
	}
	return state, nil
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (d *Directory) changeState(u *user, who Requester, c PasswordStateChange) error {
	a := &u.attempts
	setTime := func(name string, t *time.Time) {
		if t == nil {
			return
		}
		var value []byte
		if !t.IsZero() {
			value = generalizedTime(*t)
		}
		u.entry.set(name, value)
	}
	setTime(pwdStartTime, c.Activation)
	setTime(pwdEndTime, c.End)
	setTime(pwdChangedTime, c.Changed)
	if c.Reset != nil {
		u.entry.set(pwdReset, nil)
		if *c.Reset {
			u.entry.set(pwdReset, []byte("TRUE"))
		}
	}
	switch {
	case c.Disabled != nil && *c.Disabled:
		a.locked, u.counted = lockedForGood, true
		u.note(AuditLocked, nil, "by an administrator", 0)
	case c.Disabled != nil && !a.locked.IsZero():
		a.locked, u.counted = time.Time{}, true
		u.note(AuditUnlocked, nil, "", 0)
	case c.LastSuccess != nil:
		a.lastSuccess, u.counted = c.LastSuccess.UTC().Truncate(time.Millisecond), true
	case c.GraceUses != nil:
		a.graceUses, u.counted = (*c.GraceUses)[:min(len(*c.GraceUses), maxRecorded)], true
	case c.ForgetFailures:
		d.forgive(u)
	case c.ForgetHistory:
		a.history, u.counted = nil, true
	case c.ClearSecrets:
		return u.removeAll()
	}
	for _, t := range c.AddGraceUses {
		if t.IsZero() {
			t = d.now()
		}
		a.graceUses = append(a.graceUses, t.UTC().Truncate(time.Millisecond))
		a.graceUses, u.counted = a.graceUses[:min(len(a.graceUses), maxRecorded)], true
	}
	for _, text := range c.RemoveSecrets {
		if err := d.removeSecret(u, text); err != nil {
			return err
		}
	}
	for _, text := range c.AddSecrets {
		key, err := secretOf(text)
		if err != nil {
			return err
		}
		if d.credentials.cfg.Keyset == nil {
			return errKeyset
		}
		if _, err := d.addCredential(u, key, totp.Parameters{}, who.DN, false); err != nil {
			return err
		}
	}
	return nil
}

func secretOf(text string) (seal.Secret, error) {
	key, err := totp.DecodeSecret(text)
	if err == nil {
		err = totp.CheckSecret(key)
	}
	if err != nil {
		return nil, Errorf(InvalidAttributeSyntax, "a TOTP shared secret is base32 of 10 octets at least")
	}
	return key, nil
}

func (d *Directory) removeSecret(u *user, text string) error {
	key, err := secretOf(text)
	if err != nil {
		return err
	}
	c := d.holding(u, key)
	if c == nil {
		return Errorf(NoSuchAttribute, "the user does not have this TOTP shared secret")
	}
	if err := u.elsewhere(c); err != nil {
		return err
	}
	u.remove(c)
	return nil
}

// stateOf tells of a user that was read for an administrator.
func (d *Directory) stateOf(r store.Reader, u *user) (PasswordState, error) {
	now, a, p := d.now().UTC(), &u.attempts, u.passwordPolicy
	cause := d.locked(u, now)
	s := PasswordState{
		DN: u.dn.String(), Policy: DefaultPasswordPolicy, Now: now,
		HasPassword: len(u.passwords) > 0,
		HasTOTP:     len(u.credentials) > 0,
		Disabled:    !a.locked.IsZero() && cause == causeLocked,
		Activation:  timeOf(u.entry, pwdStartTime),
		End:         timeOf(u.entry, pwdEndTime),
		Changed:     timeOf(u.entry, pwdChangedTime),
		Expiry:      d.expiry(u),
		Reset:       u.entry.reset(),
		MustChange:  u.mustChange(),
		GraceUses:   a.graceUses,
		Failures:    a.recent,
		LastSuccess: a.lastSuccess,
		IdleLocked:  cause == causeIdle,
		History:     len(a.history),
		Mechanisms:  d.saslMechanisms(),
	}
	if a.failures > 0 && len(s.Failures) == 0 {
		s.Failures = []time.Time{a.last}
	}
	s.FailuresLeft = max(0, d.credentials.cfg.LockoutAfter-a.failures)
	life := d.codeLife(u, now)
	wait := d.credentials.cfg.wait(a.count(life), life)
	if p != nil {
		var err error
		if s.Policy, err = d.nameOf(r, p.id); err != nil {
			return s, err
		}
		if p.lockout && p.maxFailure > 0 {
			s.FailuresLeft = min(s.FailuresLeft, max(0, p.maxFailure-len(a.recent)))
		}
		wait = max(wait, p.wait(a))
		if !s.Expiry.IsZero() {
			s.GraceLeft = u.graceLeft(s.Expiry, now)
			if p.expireWarning > 0 {
				s.Warning = s.Expiry.Add(-p.expireWarning)
			}
		}
		if p.maxIdle > 0 && !a.lastSuccess.IsZero() {
			s.IdleLock = a.lastSuccess.Add(p.maxIdle + p.idleStep())
		}
	}
	if s.FailureLocked = d.lockedOut(u) && now.Sub(a.last) < wait; s.FailureLocked {
		s.LockedSince = a.last
		if wait < maxSeconds*time.Second {
			s.LockEnd = a.last.Add(wait)
		}
	}
	expired := !s.Expiry.IsZero() && now.After(s.Expiry) && s.GraceLeft == 0
	s.Usable = s.HasPassword && !d.refuses(u, now) && !expired
	return s, nil
}
