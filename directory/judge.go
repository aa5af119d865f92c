package directory

import (
	"bytes"
	"crypto/subtle"
	"slices"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// verdict is a judgement, and the counter it leads to.
type verdict struct {
	evidence
	err      error
	attempts attempts
	failed   bool // and that counts
	locked   bool // from now on
	forgives bool // the failures before
}

// judge decides, and notes in u what has to be written. It is pure but for u.
func (d *Directory) judge(u *user, p proof, w weighed, now time.Time) verdict {
	needed := u.codesForgive() // before what is proved changes it
	e, cause := d.believe(u, p, w, now)
	if cause == "" {
		if cause, err := d.standing(u, p, &e, now); err != nil {
			d.countEarly(u, cause)
			return verdict{err: err, attempts: u.attempts}
		}
		if e.application != "" {
			u.use(u.application(e.application), now)
		}
		e.fingerprint, e.limits = u.fingerprint(), d.limitsOf(u)
		// Where codes count only a code forgives: else whoever knows the
		// password could begin to guess codes anew as often as he likes.
		// Nor does an application password, for that reason.
		forgives := e.code || !needed && e.application == ""
		if forgives {
			if failures := d.forgiveSelf(u, now); failures > 0 && !e.code && e.secret == nil {
				u.note(AuditAccepted, nil, "", failures)
			}
		}
		return verdict{evidence: e, attempts: u.attempts, forgives: forgives}
	}
	early := d.refuses(u, now)
	if early {
		d.countEarly(u, cause)
	} else {
		d.countFailure(u, cause, now)
	}
	refused := refuse(p.door, cause)
	locked := d.lockedOut(u) || early && cause != causeDelayed
	if locked && d.credentials.cfg.TellLocked {
		refused.PasswordPolicy = AccountLocked
	}
	return verdict{err: refused, attempts: u.attempts, failed: !early, locked: locked}
}

// codesForgive reports whether only a code forgives: a bind takes one, or one
// that can be guessed would vouch for more than the password does.
func (u *user) codesForgive() bool {
	return u.has(active) || u.has(disabled) && u.has(pending)
}

// mayForgive reports whether failures are forgotten when the user, who asks,
// takes another password in a session of his: as they would be at a log-in. An
// administrator who sets one vouches for him.
// draft-behera-ldap-password-policy-11, section 8.2.7.
func (d *Directory) mayForgive(u *user, who Requester) bool {
	return !u.codesForgive() || d.provedByCode(who, u)
}

// forgive forgets the user's failures, and returns how many there were.
func (d *Directory) forgive(u *user) uint64 {
	failures, locked := u.attempts.failures, d.lockedOut(u)
	u.counted = u.attempts.succeed() || u.counted
	if locked {
		u.note(AuditUnlocked, nil, "", 0)
	}
	return uint64(failures)
}

// forgiveSelf is forgive by what the user did, and not an administrator.
func (d *Directory) forgiveSelf(u *user, now time.Time) uint64 {
	if life := d.codeLife(u, now); life > 0 {
		u.attempts.forgive(life)
	}
	return d.forgive(u)
}

// countEarly counts an attempt before its time.
func (d *Directory) countEarly(u *user, cause string) {
	u.attempts.refused++
	u.counted = true
	n := u.attempts.refused
	u.noteSome(AuditRefused, cause, n, n&(n-1) == 0 && u.fault == nil) // damage is in the other log
}

// countFailure counts an attempt that was judged and failed.
func (d *Directory) countFailure(u *user, cause string, now time.Time) {
	u.attempts.fail(now, u.passwordPolicy)
	u.counted = true
	failures, limit := uint64(u.attempts.failures), uint64(d.credentials.cfg.LockoutAfter)
	some := failures <= limit || failures&(failures-1) == 0
	u.noteSome(AuditRefused, cause, failures, some)
	if some && d.lockedOut(u) {
		u.note(AuditLocked, nil, "", failures)
	}
}

// refuses reports whether nothing is believed at the moment.
func (d *Directory) refuses(u *user, now time.Time) bool {
	return u.fault != nil || u.early || d.early(u, now) > 0 || d.locked(u, now) != ""
}

// believe decides whether p proves that somebody is u. The cause is "" if it
// does.
func (d *Directory) believe(u *user, p proof, w weighed, now time.Time) (e evidence, cause string) {
	switch {
	case p.password == nil && p.code == nil && p.secret == nil:
		return e, causeNothing
	case u.fault != nil:
		return e, causeDamaged
	case d.locked(u, now) != "":
		return e, d.locked(u, now)
	case d.refuses(u, now) && u.attempts.failures >= d.credentials.cfg.LockoutAfter:
		return e, causeLocked
	case d.refuses(u, now):
		return e, causeDelayed
	case !u.known():
		return e, causeNobody
	case u.lostToken != nil:
		return e, causeDamaged
	}
	for _, code := range w.spent {
		found, _ := d.matches(u, p, code, now)
		for _, m := range found {
			m.credential.totp.LastStep = m.state.LastStep
			u.changed[m.credential] = true
			u.note(AuditSpent, m.credential, "", 0)
		}
	}
	if w.application != "" {
		a := u.application(w.application)
		if a == nil {
			return e, causePassword
		}
		if cause := a.admits(u, p.who, now); cause != "" {
			return e, cause
		}
		e.application = a.id
		return e, ""
	}
	if p.password != nil {
		if w.stored == nil && w.misplaced != "" {
			return e, w.misplaced
		}
		if w.stored == nil || !slices.ContainsFunc(u.passwords, func(v []byte) bool { return bytes.Equal(v, w.stored) }) {
			return e, causePassword
		}
		if w.wrongCode {
			return e, wrongCode(w.replayed)
		}
		if w.code == nil && d.needsCode(u, p.rule) {
			if !u.has(active, disabled) {
				return e, causeRequired
			}
			return e, causeMissing
		}
		if e.grace = w.code == nil && u.decision.grace && p.rule == codeIfActive; e.grace && p.bind {
			u.graceLogin()
		}
		e.stored, e.password = w.stored, w.password
	}
	switch {
	case p.next != nil:
		m := d.resyncs(u, p, w, now)
		if m == nil {
			return e, causeCode
		}
		d.accept(u, p, *m, now)
		e.code = true
	case w.code != nil:
		accepted, replayed := d.matches(u, p, w.code, now)
		for _, m := range accepted {
			d.accept(u, p, m, now)
			e.factor = m.credential.id
		}
		if len(accepted) == 0 {
			if u.decision.asks == factorRefused {
				return e, causeRefused
			}
			if p.only != "" || !d.spendRecoveryCode(u, w.code) {
				return e, wrongCode(replayed)
			}
			e.factor = recoveryFactor(u.attempts.recovery)
		}
		e.code = true
	}
	if p.secret != nil {
		// That the user does not have the secret is only told to somebody who
		// could have all of them removed.
		e.secret = d.holding(u, p.secret)
		if e.secret == nil && (p.password == nil || !e.code && !p.trusted && d.needsCode(u, codeIfAccepted)) {
			return e, causeSecret
		}
	}
	return e, ""
}

// wrongCode is why a code was not accepted.
func wrongCode(replayed *credential) (cause string) {
	if replayed != nil {
		return causeReplayed
	}
	return causeCode
}

// accept notes that a code of a credential was accepted. The first one makes
// it count.
func (d *Directory) accept(u *user, p proof, m match, now time.Time) {
	c := m.credential
	c.totp, c.used, c.restored = m.state, now.UTC(), time.Time{}
	if c.state == pending {
		c.state = active
		d.touchCredential(u, c, p.changedBy(u))
		u.note(AuditConfirmed, c, "", 0)
	}
	u.note(AuditAccepted, c, "", 0)
	u.changed[c] = true
}

func (p proof) changedBy(u *user) string {
	if p.who.Anonymous() {
		return u.dn.String()
	}
	return p.who.DN
}

// needsCode reports whether a static password needs a code behind it.
func (d *Directory) needsCode(u *user, rule codeRule) bool {
	switch rule {
	case codeIfActive:
		return u.codeToBind()
	case codeIfAccepted:
		return u.decision.asks == factorRequired && !u.decision.grace ||
			!d.credentials.cfg.PasswordAloneMayChange && u.has(active, disabled)
	default:
		return false
	}
}

// counts reports whether the codes of c are accepted. A pending credential
// that nothing but the static password made is not believed beside one that
// had a code accepted: else whoever knew the password before the user enrolled
// would keep a second way in.
func (d *Directory) counts(u *user, p proof, c *credential) bool {
	if p.only != "" && p.only != c.id || u.decision.asks == factorRefused {
		return false
	}
	switch c.state {
	case active:
		return true
	case pending:
		return !c.passwordAlone || p.trusted || d.credentials.cfg.PasswordAloneMayChange || !u.has(active, disabled)
	default:
		return false
	}
}

// looksAt reports whether a code of c is looked at, now that it is shown by p.
// One that is lost waits for a resync, by somebody of whom more is known than
// the password: two codes may have been seen being used.
func (d *Directory) looksAt(u *user, p proof, c *credential, now time.Time) bool {
	return d.counts(u, p, c) && c.valid(now) && (!c.lost() || p.next != nil && p.trusted)
}

// digits is the lengths that the user's codes may have.
func (u *user) digits(d *Directory, p proof) []int {
	var lengths []int
	for _, c := range u.credentials {
		if d.counts(u, p, c) {
			lengths = append(lengths, c.parameters.Digits)
		}
	}
	return lengths
}

// match is a credential that accepts a code, and its state once it has.
type match struct {
	credential *credential
	state      totp.State
}

// matches returns the credentials that accept the code. Usually there is one;
// if a secret was stored twice the code is spent for both. replayed is one
// that has accepted it, or a later one, before; nil: there is none.
func (d *Directory) matches(u *user, p proof, code []byte, now time.Time) (found []match, replayed *credential) {
	for _, c := range u.credentials {
		if !d.looksAt(u, p, c, now) {
			continue
		}
		if c.token != nil && c.token.fault != nil {
			d.log.Error("an OATH-LDAP token cannot be used", "token", c.token.dn, "err", c.token.fault)
			continue
		}
		v, state, err := d.verify(u, p, c, code, now)
		if err != nil {
			d.log.Error("a TOTP credential cannot be used", "entry", uint64(u.id), "credential", c.id, "err", err)
			continue
		}
		switch v {
		case totp.Accepted:
			found = append(found, match{c, state})
		case totp.Replayed:
			replayed = c
		}
	}
	return found, replayed
}

// verify is totp.Verify of one credential, once for all judgements of a proof.
func (d *Directory) verify(u *user, p proof, c *credential, code []byte, now time.Time) (totp.Verdict, totp.State, error) {
	_, owner := u.owner(c)
	v := verified{owner, c.id, c.parameters, c.totp, d.credentials.limits(c), c.sealed, code, totp.Wrong, c.totp}
	for _, before := range *p.verified {
		if before.same(&v) {
			return before.verdict, before.after, nil
		}
	}
	secret, err := d.unseal(owner, c)
	if err != nil {
		return totp.Wrong, c.totp, err
	}
	defer secret.Wipe()
	v.verdict, v.after, err = totp.Verify(v.parameters, secret, v.state, v.limits, now, code)
	if err == nil {
		*p.verified = append(*p.verified, v)
	}
	return v.verdict, v.after, err
}

// verified is what a code came to at a credential. A proof is judged before
// the transaction and in it, and between the two hardly ever anything changes.
type verified struct {
	owner      [16]byte
	id         string
	parameters totp.Parameters
	state      totp.State
	limits     totp.Limits
	sealed     []byte
	code       []byte

	verdict totp.Verdict
	after   totp.State
}

// same reports whether v and other are about the same code and credential, as
// it was.
func (v *verified) same(other *verified) bool {
	return v.owner == other.owner && v.id == other.id && v.parameters == other.parameters &&
		v.state == other.state && v.limits == other.limits &&
		bytes.Equal(v.sealed, other.sealed) && bytes.Equal(v.code, other.code)
}

// holding returns the credential with the given secret, nil if there is none.
// All are looked at, so that the time does not tell which one it was.
func (d *Directory) holding(u *user, secret seal.Secret) *credential {
	var found *credential
	for _, c := range u.credentials {
		have, err := d.unsealOf(u, c)
		if err != nil {
			d.log.Error("a TOTP secret does not open", "entry", uint64(u.id), "credential", c.id, "err", err)
			continue
		}
		if subtle.ConstantTimeCompare(have, secret) == 1 {
			found = c
		}
		have.Wipe()
	}
	return found
}
