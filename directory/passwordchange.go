package directory

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tallystick/directory/password"
	"tallystick/directory/schema"
)

// Every door at which a password is set asks here whether the policy takes it,
// and says here that it was set: draft-behera-ldap-password-policy-11, section
// 8.2.

// Attributes of an entry that its password policy keeps. All but these are in
// attempts.
const (
	pwdChangedTime = "pwdChangedTime"
	pwdReset       = "pwdReset"
	pwdStartTime   = "pwdStartTime"
	pwdEndTime     = "pwdEndTime"
)

// passwordChange is what a password policy has to know of a change.
type passwordChange struct {
	self   bool // the user's own, else an administrator's
	proved bool // the old password came with it
	exempt bool // the root user's, or the server's: new passwords are as he likes

	clear  [][]byte // new passwords in the clear
	hashed int      // how many others there are, of which only the hash is known
}

// add adds new passwords as they were given for userPassword or authPassword.
func (c *passwordChange) add(t *schema.AttributeType, given [][]byte) {
	for _, v := range given {
		if isHashed(t, v) {
			c.hashed++
		} else {
			c.clear = append(c.clear, v)
		}
	}
}

var errOnePassword = Errorf(ConstraintViolation, "userPassword, authPassword: a password policy wants one value")

// mayChange fails for a change that is not the user's to make now. Sections
// 8.2.1, 8.2.3 and 8.2.4.
func (d *Directory) mayChange(u *user, c passwordChange) error {
	p := u.passwordPolicy
	if p == nil || !c.self {
		return nil
	}
	switch now := d.now(); {
	case p.safeModify && !c.proved && len(u.passwords) > 0:
		return policyError(InsufficientAccessRights, MustSupplyOldPassword, "the old password has to come with the new one")
	case !p.allowUserChange:
		return policyError(InsufficientAccessRights, PasswordModNotAllowed, "an administrator sets this password")
	case p.minAge > 0 && !u.mustChange() && now.Sub(timeOf(u.entry, pwdChangedTime)) < p.minAge:
		return policyError(ConstraintViolation, PasswordTooYoung, "the password was changed a short time ago")
	}
	return nil
}

// mayBecome fails if one of the new passwords is not what the policy wants: it
// takes long. Sections 8.2.5 and 8.2.6.
func (d *Directory) mayBecome(u *user, c passwordChange) error {
	p := u.passwordPolicy
	if p == nil || c.exempt {
		return nil
	}
	if len(c.clear)+c.hashed > 1 { // before each costs as many hashes as the history is long
		return errOnePassword
	}
	if c.hashed > 0 && p.quality == 2 {
		return policyError(ConstraintViolation, InsufficientPasswordQuality, "the policy takes passwords in the clear only, to look at them")
	}
	for _, clear := range c.clear {
		if err := p.accepts(clear, d.wordsOf(u.entry)); err != nil {
			return err
		}
		if p.inHistory > 0 && u.hadPassword(clear, p.inHistory) {
			return policyError(ConstraintViolation, PasswordInHistory, "the password was used before")
		}
	}
	return nil
}

// accepts fails if a password is too short, too long or too easy.
func (p *passwordPolicy) accepts(clear []byte, words []string) error {
	if p.quality == 0 {
		return nil
	}
	switch n := utf8.RuneCount(clear); {
	case n < p.minLength:
		return policyError(ConstraintViolation, PasswordTooShort, "the password has fewer than %d characters", p.minLength)
	case p.maxLength > 0 && n > p.maxLength:
		return policyError(ConstraintViolation, PasswordTooLong, "the password has more than %d characters", p.maxLength)
	case p.minScore > 0 && password.Strength(clear, words) < p.minScore:
		return policyError(ConstraintViolation, InsufficientPasswordQuality, "the password is too easy to guess")
	}
	return nil
}

// wordsOf are words that somebody would try who knows whose password it is.
func (d *Directory) wordsOf(rec *record) []string {
	if rec == nil {
		return nil
	}
	var words []string
	for _, name := range []string{"uid", "cn", "givenName", "sn", "mail", "ou", "o"} {
		for _, v := range d.valuesOf(rec, name) {
			for _, w := range strings.FieldsFunc(string(v), func(r rune) bool { return strings.ContainsRune(" @.-_,", r) }) {
				if len(words) < 32 && len(w) > 2 && len(w) <= maxWord {
					words = append(words, w)
				}
			}
		}
	}
	return words
}

const maxWord = 64

// hadPassword reports whether a password is the user's, or one of the last that
// were. All are looked at, so that the time does not tell which.
func (u *user) hadPassword(clear []byte, inHistory int) bool {
	had := false
	history := u.attempts.history
	history = history[max(0, len(history)-inHistory):]
	for _, f := range history {
		ok, err := password.Verify(f.stored, clear)
		had = had || ok && err == nil
	}
	for _, stored := range u.passwords {
		ok, err := password.Verify(stored, clear)
		had = had || ok && err == nil
	}
	return had
}

// passwordSet notes that the passwords of u became those of rec, which is the
// entry as it will be written, and goes with what is to be saved of u. Section
// 8.2.7. Where there never was a password policy it does nothing.
func (d *Directory) passwordSet(u *user, rec *record, self bool) {
	if !d.passwordPolicies.written.Load() {
		return
	}
	now, p, a := d.now().UTC(), u.passwordPolicy, &u.attempts
	rec.set(pwdChangedTime, generalizedTime(now))
	if p != nil && p.mustChange && !self {
		rec.set(pwdReset, []byte("TRUE"))
	} else if len(rec.passwords) > 0 { // without one he has not changed it
		rec.set(pwdReset, nil)
	}
	keep := 0
	if p != nil {
		keep = p.inHistory
	}
	before := len(a.history)
	for _, stored := range u.passwords {
		if !slices.ContainsFunc(rec.passwords, func(v []byte) bool { return string(v) == string(stored) }) {
			a.history = append(a.history, formerPassword{now.Truncate(time.Second), slices.Clone(stored)})
		}
	}
	a.history = a.history[max(0, len(a.history)-keep):]
	if before > 0 || len(a.history) > 0 || len(a.graceUses) > 0 {
		a.graceUses = nil
		u.counted = true
	}
	if !self {
		u.unlock()
	}
}

// set gives an entry one value of an attribute; nil takes it away.
func (r *record) set(name string, value []byte) {
	i := slices.IndexFunc(r.attributes, func(a Attribute) bool { return strings.EqualFold(a.Name, name) })
	switch {
	case i < 0 && value == nil:
	case i < 0:
		r.attributes = append(r.attributes, Attribute{name, [][]byte{value}})
	case value == nil:
		r.attributes = slices.Delete(r.attributes, i, i+1)
	default:
		r.attributes[i].Values = [][]byte{value}
	}
}
