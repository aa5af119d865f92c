package directory

import (
	"errors"
	"strings"
	"time"

	"tallystick/directory/password"
	"tallystick/directory/store"
)

// Password policies are entries of the class pwdPolicy, as
// draft-behera-ldap-password-policy-11 and slapo-ppolicy(5) have them. A user is
// under the one that pwdPolicySubentry of his entry names, else under the one
// of the configuration, else under none. The root user is under none.
//
// What a policy says of failures feeds the one counter, see attempts, and can
// only make it stricter: what the configuration says of guesses holds beside.
//
// Where there never was such an entry nothing of this happens, and it costs
// nothing.

const passwordPolicyClass = "pwdPolicy"

// passwordPolicy is one password policy, compiled. It does not change.
type passwordPolicy struct {
	id entryID

	minAge, maxAge, expireWarning time.Duration // 0: none
	graceLimit                    int           // log-ins with an expired password
	graceExpiry                   time.Duration // 0: no such limit

	inHistory            int
	quality              int // pwdCheckQuality: 0, 1, 2
	minLength, maxLength int // characters; 0: none
	minScore             int // of the estimator

	lockout         bool
	maxFailure      int           // 0: none
	lockoutDuration time.Duration // 0: until an administrator ends it
	countInterval   time.Duration // 0: until a success
	recorded        int           // failures remembered with their time
	minDelay        time.Duration // 0: none
	maxDelay        time.Duration // 0: minDelay
	maxIdle         time.Duration // 0: none

	mustChange, allowUserChange, safeModify bool

	// malformed is what is wrong with the entry, which got into the store past
	// the checks; nil: nothing. What cannot be read of it is as if it were not
	// there.
	malformed error
}

// maxInHistory is how many former passwords a policy may keep: each costs a
// hash with every change.
const maxInHistory = 24

// maxRecorded is how many failures are remembered with their time, at most;
// defaultRecorded, at least, where a policy counts them.
const (
	maxRecorded     = 100
	defaultRecorded = 5
)

// maxSeconds bounds the times in a policy: a century.
const maxSeconds = 100 * 366 * 24 * 3600

// newPasswordPolicies is the password policies by the order of their ids.
func (d *Directory) newPasswordPolicies() *compiledEntries[*passwordPolicy] {
	return &compiledEntries[*passwordPolicy]{name: "password policies", class: passwordPolicyClass, compile: func(id entryID, rec *record) *passwordPolicy {
		p := d.compilePasswordPolicy(id, rec)
		if p.malformed != nil {
			d.log.Error("a password policy is malformed, and what is counts for nothing", "entry", uint64(id), "rdn", rec.rdn, "err", p.malformed)
		}
		return p
	}}
}

// compilePasswordPolicy reads a policy from its entry.
func (d *Directory) compilePasswordPolicy(id entryID, rec *record) *passwordPolicy {
	e := policyEntry{d: d, rec: rec}
	number := func(name string, most int64) int { return int(e.optional(name, 0, most)) }
	seconds := func(name string) time.Duration {
		return time.Duration(e.optional(name, 0, maxSeconds)) * time.Second
	}
	p := &passwordPolicy{
		id:              id,
		minAge:          seconds("pwdMinAge"),
		maxAge:          seconds("pwdMaxAge"),
		expireWarning:   seconds("pwdExpireWarning"),
		graceLimit:      number("pwdGraceAuthNLimit", maxRecorded),
		graceExpiry:     seconds("pwdGraceExpiry"),
		inHistory:       number("pwdInHistory", maxInHistory),
		quality:         number("pwdCheckQuality", 2),
		minLength:       number("pwdMinLength", 128),
		maxLength:       number("pwdMaxLength", password.MaxLength),
		minScore:        number("tallystickPwdMinScore", 4),
		lockout:         e.boolean("pwdLockout", false),
		maxFailure:      number("pwdMaxFailure", maxRecorded),
		lockoutDuration: seconds("pwdLockoutDuration"),
		countInterval:   seconds("pwdFailureCountInterval"),
		recorded:        number("pwdMaxRecordedFailure", maxRecorded),
		minDelay:        seconds("pwdMinDelay"),
		maxDelay:        seconds("pwdMaxDelay"),
		maxIdle:         seconds("pwdMaxIdle"),
		mustChange:      e.boolean("pwdMustChange", false),
		allowUserChange: e.boolean("pwdAllowUserChange", true),
		safeModify:      e.boolean("pwdSafeModify", false),
	}
	if p.recorded == 0 {
		p.recorded = defaultRecorded
	}
	p.recorded = max(p.recorded, p.maxFailure)
	if of := e.one("pwdAttribute"); d.schema.AttributeOrUndefined(of).Name() != "userPassword" {
		e.fail("pwdAttribute: the server has policies for userPassword only")
	}
	switch {
	case p.maxAge > 0 && p.minAge > p.maxAge:
		e.fail("pwdMinAge: nobody could change a password before it expires")
	case p.maxLength > 0 && p.minLength > p.maxLength:
		e.fail("pwdMinLength: more than pwdMaxLength")
	}
	if e.problems != nil {
		p.malformed = errors.New(strings.Join(e.problems, "; "))
	}
	return p
}

// boolean returns the value of an attribute of syntax boolean.
func (e *policyEntry) boolean(attribute string, absent bool) bool {
	switch text := e.one(attribute); {
	case text == "":
		return absent
	case strings.EqualFold(text, "TRUE"):
		return true
	case !strings.EqualFold(text, "FALSE"):
		e.fail("%s: neither TRUE nor FALSE", attribute)
	}
	return false
}

const policySubentry = "pwdPolicySubentry"

// passwordPolicyOf is the policy that the user whose entry is rec is under; nil
// if he is under none. Of nobody, rec is nil, it is the configuration's: what a
// lock looks like must not tell who there is. A name in pwdPolicySubentry that
// leads to none counts as if it were not there.
func (d *Directory) passwordPolicyOf(r store.Reader, rec *record) (*passwordPolicy, error) {
	list, err := d.passwordPolicies.in(d, r)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if rec != nil {
		for _, name := range d.valuesOf(rec, policySubentry) {
			dn, err := d.parseDN(string(name))
			if err != nil {
				continue
			}
			if p, err := d.passwordPolicyNamed(r, list, dn); p != nil || err != nil {
				return p, err
			}
			d.log.Warn("pwdPolicySubentry names no password policy", "rdn", rec.rdn, "policy", string(name))
		}
	}
	if d.defaultPasswordPolicy.IsZero() {
		return nil, nil
	}
	return d.passwordPolicyNamed(r, list, d.defaultPasswordPolicy)
}

// passwordPolicyNamed is the one of list whose entry has the name; nil: there is
// none.
func (d *Directory) passwordPolicyNamed(r store.Reader, list []*passwordPolicy, dn DN) (*passwordPolicy, error) {
	id, err := d.resolve(r, dn)
	if errors.Is(err, NoSuchObject) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.id == id {
			return p, nil
		}
	}
	return nil, nil
}

// PasswordPolicyError is what a password policy refuses, or asks for: the error
// of the response control (draft-behera-ldap-password-policy-11, section 6.2).
// The zero value is none.
type PasswordPolicyError int

// The errors. On the wire each is one less.
const (
	PasswordExpired PasswordPolicyError = 1 + iota
	AccountLocked
	ChangeAfterReset
	PasswordModNotAllowed
	MustSupplyOldPassword
	InsufficientPasswordQuality
	PasswordTooShort
	PasswordTooYoung
	PasswordInHistory
	PasswordTooLong // the draft of 2022
)

// PasswordPolicyAnswer is what a password policy has to say of a successful
// bind. The zero value is nothing.
type PasswordPolicyAnswer struct {
	// MustChange: the session may change the password, and no more.
	MustChange bool

	// Expires is in how much time the password expires, where that is worth a
	// warning, to the second; 0: no warning.
	Expires time.Duration

	// Grace: the password has expired, and this was let go. GraceLeft is how
	// often it will be again.
	Grace     bool
	GraceLeft int
}

// policyError is an *Error of a password policy.
func policyError(code ResultCode, e PasswordPolicyError, format string, args ...any) *Error {
	err := Errorf(code, format, args...)
	err.PasswordPolicy = e
	return err
}

// ErrMustChange is the answer to all but changing the password, binding and what
// is about the connection in the session of somebody who must.
var ErrMustChange = policyError(InsufficientAccessRights, ChangeAfterReset, "the password was set by an administrator: change it first")
