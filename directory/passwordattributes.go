package directory

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// Attributes that are views of a user's attempts: computed when somebody who may
// see them asks, and stored nowhere.
const (
	pwdAccountLockedTime = "pwdAccountLockedTime"
	pwdFailureTime       = "pwdFailureTime"
	pwdGraceUseTime      = "pwdGraceUseTime"
	pwdLastSuccess       = "pwdLastSuccess"
	pwdHistory           = "pwdHistory" // never shown; in an export
)

func isLock(t *schema.AttributeType) bool { return t.Name() == pwdAccountLockedTime }

// preciseTime is a time to the millisecond.
func preciseTime(t time.Time) []byte {
	if t.Equal(lockedForGood) {
		return []byte("000001010000Z")
	}
	return []byte(t.UTC().Format("20060102150405.000Z"))
}

// passwordAttributes are the computed attributes of an entry. They are for
// administrators, and the user himself: others could watch whom somebody guesses
// at.
func (d *Directory) passwordAttributes(r store.Reader, id entryID, rec *record) ([]Attribute, error) {
	value, err := r.Get(attemptKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	u := &user{entry: rec}
	if err := u.attempts.decode(value); err != nil {
		return nil, nil // told by those who need it
	}
	if u.passwordPolicy, err = d.passwordPolicyOf(r, rec); err != nil {
		return nil, err
	}
	a := &u.attempts
	attrs := a.kept()
	now := d.now()
	if cause := d.locked(u, now); a.locked.IsZero() && (cause == causeLocked || d.lockedOut(u) && d.refuses(u, now)) {
		attrs = append(attrs, Attribute{pwdAccountLockedTime, [][]byte{preciseTime(a.last)}})
	}
	failures := slices.Clone(a.recent)
	if a.failures > 0 && len(failures) == 0 {
		failures = append(failures, a.last)
	}
	return append(attrs, timesAttribute(pwdFailureTime, failures)...), nil
}

// looksAtPasswords finds out of whom who may see the computed attributes.
func (s *search) looksAtPasswords(who Requester) error {
	may, err := s.d.privilegesOf(s.r, who)
	if err != nil {
		return err
	}
	s.seesPasswords = may.bypassACL || may.passwordReset
	if own, err := s.d.requester(s.r, who); err != nil {
		return err
	} else if own.known() {
		s.self = own.id
	}
	return nil
}

func timesAttribute(name string, times []time.Time) []Attribute {
	if len(times) == 0 {
		return nil
	}
	a := Attribute{Name: name}
	for _, t := range slices.CompactFunc(times, time.Time.Equal) {
		a.Values = append(a.Values, preciseTime(t))
	}
	return []Attribute{a}
}

// kept are the attributes that an export takes along, but for the history.
func (a *attempts) kept() []Attribute {
	var attrs []Attribute
	if !a.locked.IsZero() {
		attrs = append(attrs, Attribute{pwdAccountLockedTime, [][]byte{preciseTime(a.locked)}})
	}
	attrs = append(attrs, timesAttribute(pwdGraceUseTime, slices.Clone(a.graceUses))...)
	if !a.lastSuccess.IsZero() {
		attrs = append(attrs, Attribute{pwdLastSuccess, [][]byte{preciseTime(a.lastSuccess)}})
	}
	return attrs
}

// octetString is the syntax that pwdHistory says of the passwords in it.
const octetString = "1.3.6.1.4.1.1466.115.121.1.40"

// historyText is a former password as slapd's pwdHistory has it: when it was
// replaced, a syntax, a length and the stored value, with # between them.
func (f formerPassword) historyText() []byte {
	return fmt.Appendf(nil, "%s#%s#%d#%s", generalizedTime(f.replaced), octetString, len(f.stored), f.stored)
}

var errHistory = errors.New("not a time, a syntax, a length and a stored password")

func formerPasswordOf(text []byte) (f formerPassword, err error) {
	parts := bytes.SplitN(text, []byte("#"), 4)
	if len(parts) != 4 {
		return f, errHistory
	}
	n, err := strconv.Atoi(string(parts[2]))
	if err != nil || n != len(parts[3]) || n > 4*maxStoredPassword {
		return f, errHistory
	}
	if f.replaced, err = schema.ParseGeneralizedTime(parts[0]); err != nil {
		return f, err
	}
	f.stored = slices.Clone(parts[3])
	return f, nil
}

// maxStoredPassword is how long a stored value of a former password may be.
const maxStoredPassword = 1024

// importKept takes over one of the attributes that kept and historyText wrote,
// or slapd.
func (a *attempts) importKept(in Attribute) error {
	for _, v := range in.Values {
		if in.Name == pwdHistory {
			f, err := formerPasswordOf(v)
			if err != nil || len(a.history) >= maxInHistory {
				return errHistory
			}
			a.history = append(a.history, f)
			continue
		}
		t, err := schema.ParseGeneralizedTime(v)
		if err != nil {
			return err
		}
		switch t = t.UTC(); {
		case in.Name == pwdGraceUseTime && len(a.graceUses) < maxRecorded:
			a.graceUses = append(a.graceUses, t)
		case in.Name == pwdAccountLockedTime:
			a.locked = t
		case in.Name == pwdLastSuccess:
			a.lastSuccess = t
		}
	}
	slices.SortFunc(a.history, func(x, y formerPassword) int { return x.replaced.Compare(y.replaced) })
	return nil
}

// checkLock fails if a change of pwdAccountLockedTime makes no sense.
func checkLock(c *Change) error {
	n := len(c.Attribute.Values)
	for _, v := range c.Attribute.Values {
		if _, err := schema.ParseGeneralizedTime(v); err != nil {
			return Errorf(InvalidAttributeSyntax, "%s: %v", pwdAccountLockedTime, err)
		}
	}
	switch {
	case c.Operation == IncrementValues:
		return Errorf(ConstraintViolation, "%s: not a number", pwdAccountLockedTime)
	case n > 1:
		return Errorf(ConstraintViolation, "%s: has only one value", pwdAccountLockedTime)
	case n == 0 && c.Operation == AddValues:
		return Errorf(InvalidAttributeSyntax, "%s: no values given", pwdAccountLockedTime)
	}
	return nil
}

// unlocks reports whether a change of pwdAccountLockedTime unlocks the account.
func (c *Change) unlocks() bool {
	return c.Operation == DeleteValues || len(c.Attribute.Values) == 0
}

// unlocks reports whether one of the changes unlocks the account.
func (m *modification) unlocks() bool {
	return slices.ContainsFunc(m.changes, func(c Change) bool {
		return isLock(m.d.schema.AttributeOrUndefined(c.Attribute.Name)) && c.unlocks()
	})
}

// changeLock locks or unlocks an account. To unlock one that failures have
// locked forgives them.
func (m *modification) changeLock(u *user) error {
	d, now := m.d, m.d.now()
	for _, c := range m.changes {
		if !isLock(d.schema.AttributeOrUndefined(c.Attribute.Name)) {
			continue
		}
		if c.unlocks() {
			byFailures := d.lockedOut(u) && d.refuses(u, now)
			if u.attempts.locked.IsZero() && !byFailures && c.Operation == DeleteValues && !m.permissive {
				return Errorf(NoSuchAttribute, "%s: the account is not locked", pwdAccountLockedTime)
			}
			if !u.attempts.locked.IsZero() {
				u.note(AuditUnlocked, nil, "", 0)
			}
			d.forgive(u)
			u.unlock()
			continue
		}
		since, _ := schema.ParseGeneralizedTime(c.Attribute.Values[0]) // checkLock did
		u.attempts.locked = since.UTC()
		u.counted = true
		u.note(AuditLocked, nil, "by an administrator", 0)
	}
	return nil
}
