package directory

import (
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tallystick/directory/totp"
)

// attempts is the one counter of a user's wrong passwords, wrong codes and
// wrong secrets, whichever door they came to, as it is stored: protobuf wire
// format. The zero value is a user who never failed.
//
//	failures          the next attempt is judged
//	< FreeAttempts    at once
//	< LockoutAfter    after Delay, doubled with each failure, behind the last one
//	more              after Lockout behind the last one
//
// but never sooner than a code that was good at the last one has ended. An
// attempt before its time fails, right or wrong, and counts as refused.
type attempts struct {
	failures int
	last     time.Time // of the last failure; UTC, to the millisecond
	refused  uint64    // attempts before their time since the last success

	// forgiven is when failures were that log-ins have ended. As long as a code
	// lives they count with those since: whoever knows the password must not get
	// more guesses by each log-in of the user.
	forgiven []time.Time // UTC, to the millisecond

	// credentials is how many credentials the user has. If there are fewer
	// or more in the store, nobody is believed.
	credentials int

	// recovery stands in for the codes of the credentials. It is kept here,
	// in the one record that every change of them writes.
	recovery totp.RecoveryCodes

	// sequence grows with every change of the user's credentials, by each that
	// was changed, and is never reset. changed is when it last grew; UTC, to the
	// millisecond, zero before the first time.
	sequence uint64
	changed  time.Time

	// graceLogins is how often the user has logged in by the grace of a policy
	// that counts; it is not forgotten.
	graceLogins uint64

	// applications is kept here for the same reason as recovery.
	applications []*applicationPassword

	// What a password policy counts and keeps, see passwordPolicy. The times are
	// in UTC, to the millisecond.
	recent      []time.Time // of the failures, those of which a policy wants the time
	locked      time.Time   // since when an administrator has locked the account; zero: he has not; lockedForGood: until he ends it
	graceUses   []time.Time // log-ins since the password expired
	lastSuccess time.Time   // coarse; zero: not known
	history     []formerPassword
}

// formerPassword is a stored value of userPassword as it was before replaced.
type formerPassword struct {
	replaced time.Time // UTC, to the second
	stored   []byte
}

// lockedForGood is 000001010000Z, which pwdAccountLockedTime has of an account
// that is locked until an administrator ends it.
var lockedForGood = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)

// forgetAfter is how long failures are remembered if no more follow.
const forgetAfter = 24 * time.Hour

const (
	fieldFailures    = 1
	fieldLastFailure = 2 // milliseconds
	fieldRefused     = 3
	fieldCredentials = 4
	fieldSalt        = 5
	fieldRecovery    = 6 // repeated
	fieldSequence    = 7
	fieldChanged     = 8 // milliseconds
	fieldGraceLogins = 9
	fieldApplication = 10 // repeated
	fieldRecent      = 11 // repeated, milliseconds
	fieldLocked      = 12 // milliseconds
	fieldGraceUse    = 13 // repeated, milliseconds
	fieldLastSuccess = 14 // milliseconds
	fieldHistory     = 15 // repeated
	fieldForgiven    = 16 // repeated, milliseconds

	fieldFormerReplaced = 1 // seconds
	fieldFormerStored   = 2
)

func (a attempts) encode() []byte {
	var b []byte
	if a.failures > 0 {
		b = appendUint(b, fieldFailures, uint64(a.failures))
		b = appendUint(b, fieldLastFailure, uint64(a.last.UnixMilli()))
	}
	if a.refused > 0 {
		b = appendUint(b, fieldRefused, a.refused)
	}
	b = appendTimes(b, fieldForgiven, a.forgiven...)
	if len(a.recovery.Salt) > 0 { // which names the set when all its codes are used
		b = protowire.AppendBytes(protowire.AppendTag(b, fieldSalt, protowire.BytesType), a.recovery.Salt)
		for _, h := range a.recovery.Hashes {
			b = protowire.AppendBytes(protowire.AppendTag(b, fieldRecovery, protowire.BytesType), h)
		}
	}
	if a.sequence > 0 {
		b = appendUint(b, fieldSequence, a.sequence)
		b = appendUint(b, fieldChanged, uint64(a.changed.UnixMilli()))
	}
	if a.graceLogins > 0 {
		b = appendUint(b, fieldGraceLogins, a.graceLogins)
	}
	for _, p := range a.applications {
		b = protowire.AppendBytes(protowire.AppendTag(b, fieldApplication, protowire.BytesType), p.encode())
	}
	b = appendTimes(b, fieldRecent, a.recent...)
	b = appendTimes(b, fieldGraceUse, a.graceUses...)
	if !a.locked.IsZero() {
		b = appendTimes(b, fieldLocked, a.locked)
	}
	if !a.lastSuccess.IsZero() {
		b = appendTimes(b, fieldLastSuccess, a.lastSuccess)
	}
	for _, f := range a.history {
		var one []byte
		one = appendUint(one, fieldFormerReplaced, uint64(f.replaced.Unix()))
		one = protowire.AppendBytes(protowire.AppendTag(one, fieldFormerStored, protowire.BytesType), f.stored)
		b = protowire.AppendBytes(protowire.AppendTag(b, fieldHistory, protowire.BytesType), one)
	}
	return appendUint(b, fieldCredentials, uint64(a.credentials))
}

func appendTimes(b []byte, field protowire.Number, times ...time.Time) []byte {
	for _, t := range times {
		b = appendUint(b, field, uint64(t.UnixMilli()))
	}
	return b
}

func (f *formerPassword) decode(b []byte) error {
	return fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldFormerReplaced:
			f.replaced = time.Unix(int64(v), 0).UTC()
		case fieldFormerStored:
			f.stored = slices.Clone(data)
		}
		return nil
	})
}

func (a *attempts) decode(b []byte) error {
	counted := false
	err := fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldFailures:
			a.failures = int(min(v, maxFailures))
		case fieldLastFailure:
			a.last = time.UnixMilli(int64(v)).UTC()
		case fieldRefused:
			a.refused = v
		case fieldForgiven:
			a.forgiven = append(a.forgiven, time.UnixMilli(int64(v)).UTC())
		case fieldCredentials:
			counted = true
			a.credentials = int(min(v, 1<<16))
		case fieldSequence:
			a.sequence = v
		case fieldChanged:
			a.changed = time.UnixMilli(int64(v)).UTC()
		case fieldSalt:
			a.recovery.Salt = slices.Clone(data)
		case fieldRecovery:
			a.recovery.Hashes = append(a.recovery.Hashes, slices.Clone(data))
		case fieldGraceLogins:
			a.graceLogins = v
		case fieldApplication:
			p := new(applicationPassword)
			if err := p.decode(data); err != nil {
				return err
			}
			a.applications = append(a.applications, p)
		case fieldRecent:
			a.recent = append(a.recent, time.UnixMilli(int64(v)).UTC())
		case fieldLocked:
			a.locked = time.UnixMilli(int64(v)).UTC()
		case fieldGraceUse:
			a.graceUses = append(a.graceUses, time.UnixMilli(int64(v)).UTC())
		case fieldLastSuccess:
			a.lastSuccess = time.UnixMilli(int64(v)).UTC()
		case fieldHistory:
			var f formerPassword
			if err := f.decode(data); err != nil {
				return err
			}
			a.history = append(a.history, f)
		}
		return nil
	})
	if err == nil && (!counted || !a.recovery.Valid()) {
		err = errRecord
	}
	return err
}

// maxFailures is where counting ends.
const maxFailures = 1 << 20

// maxForgiven is how many forgiven failures are kept, the newest. No more are
// young at one time unless as many may follow each other at once.
const maxForgiven = 64

// wait is how long after the last failure the next attempt is judged, if a code
// lives so long.
func (c CredentialsConfig) wait(failures int, codeLife time.Duration) time.Duration {
	switch {
	case failures >= c.LockoutAfter:
		return max(c.Lockout, codeLife)
	case failures < c.FreeAttempts:
		return 0
	}
	delay := c.Delay
	for n := failures - c.FreeAttempts; n > 0 && delay < c.Lockout; n-- {
		delay *= 2
	}
	return max(min(delay, c.Lockout), codeLife)
}

// early is how long an attempt at the time now comes before its time. A last
// failure that lies in the future, because the clock was set back, is taken
// for one just now.
func (c CredentialsConfig) early(a attempts, codeLife time.Duration, now time.Time) time.Duration {
	if a.failures == 0 {
		return 0
	}
	return max(c.wait(a.count(codeLife), codeLife)-max(now.Sub(a.last), 0), 0)
}

// count is how many failures count since the last one, if a code lives so long.
func (a attempts) count(codeLife time.Duration) int {
	n := a.failures
	for _, t := range a.forgiven {
		if a.last.Sub(t) < codeLife {
			n++
		}
	}
	return n
}

// codeLife is how long one code of the user may be accepted; 0: he has none whose
// codes are. That of a counter-based token lives until it is used. It counts as if
// each of those ahead lived for the usual period, which makes a guess as likely to
// be right as at any other token.
func (d *Directory) codeLife(u *user, now time.Time) time.Duration {
	var life time.Duration
	for _, c := range u.credentials {
		if c.state == disabled || !c.valid(now) {
			continue
		}
		steps := d.credentials.limits(c).Steps(c.totp)
		if c.parameters.Counter {
			steps = totp.LookAhead
		}
		life = max(life, time.Duration(steps)*c.parameters.WithDefaults().Period)
	}
	return life
}

// early is how long an attempt at u at the time now comes before its time.
func (d *Directory) early(u *user, now time.Time) time.Duration {
	return d.credentials.cfg.early(u.attempts, d.codeLife(u, now), now)
}

// fail counts a failure at the time now, and keeps its time if p, which may be
// nil, wants it.
func (a *attempts) fail(now time.Time, p *passwordPolicy) {
	if now.Sub(a.last) > forgetAfter {
		a.failures = 0
	}
	a.failures = min(a.failures+1, maxFailures)
	a.last = now.UTC().Truncate(time.Millisecond)
	a.recent = p.remember(a.recent, a.last)
}

// succeed forgets the failures. It reports whether there was anything to
// forget.
func (a *attempts) succeed() bool {
	some := a.failures > 0 || a.refused > 0 || len(a.recent) > 0
	a.failures, a.last, a.refused, a.recent = 0, time.Time{}, 0, nil
	return some
}

// forgive is succeed by a log-in of who has codes, each of which lives so long.
func (a *attempts) forgive(codeLife time.Duration) {
	if a.failures == 0 {
		return
	}
	a.forgiven = slices.DeleteFunc(slices.Clone(a.forgiven), func(t time.Time) bool { return a.last.Sub(t) >= codeLife })
	for range min(a.failures, maxForgiven) {
		a.forgiven = append(a.forgiven, a.last)
	}
	if n := len(a.forgiven) - maxForgiven; n > 0 {
		a.forgiven = a.forgiven[n:]
	}
}

// step notes one more change of the user's credentials at the time now.
func (a *attempts) step(now time.Time) {
	a.sequence++
	a.changed = now.UTC().Truncate(time.Millisecond)
}
