package directory

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// Every door at which somebody proves to be a user, by password, by code or
// by secret, goes through prove: it is the one place where attempts are
// counted, codes are spent and the differences between failures disappear.

// codeRule says whether a code must stand behind a static password.
type codeRule int

const (
	// codeIfActive: to be taken for the user, a code must be shown if there
	// is an active credential.
	codeIfActive codeRule = iota

	// codeIfAccepted: to change the user's factors, a code must be shown if
	// one was ever accepted.
	codeIfAccepted

	// codeOptional: a code may be shown, and need not be.
	codeOptional
)

// proof is what somebody shows. Password, code and secret are nil where they
// are not shown. A password without a code may have one behind it; one that is
// shown with a code is all there is of it.
type proof struct {
	door     string // for the log
	password seal.Secret
	code     seal.Secret
	secret   seal.Secret // the key itself, decoded
	rule     codeRule
	by       string // DN of who asks, for changedBy; "": the user

	// trusted says that whoever asks has proved more than the password, so
	// that any pending credential may become active.
	trusted bool

	// then changes what belongs to the user, in the transaction that accepts
	// the proof. Its *Error goes to the client and does not take back what
	// the proof did, so it must not change anything before it fails.
	then func(u *user, e evidence) error
}

// evidence is what was proved.
type evidence struct {
	code   bool        // a code was accepted
	stored []byte      // the stored value that the password matched; nil: none was shown
	secret *credential // the credential whose secret was shown; nil: none was
}

// refuse is the one answer to whatever was not believed, with the reason for
// the log.
func refuse(door, reason string) error {
	return &Error{ResultCode: InvalidCredentials, Cause: fmt.Errorf("%s: %s", door, reason)}
}

// prove judges a proof of being a. It fails with invalidCredentials, the same
// after the same work whatever the reason, and with busy if too many attempts
// on the account wait.
func (d *Directory) prove(ctx context.Context, a account, p proof) (evidence, error) {
	leave, err := d.credentials.turns.enter(ctx, a.id)
	if err != nil {
		return evidence{}, err
	}
	defer leave()

	var u *user
	if err := d.view(ctx, func(r store.Reader) (err error) {
		u, err = d.readUser(r, a)
		return err
	}); err != nil {
		return evidence{}, err
	}
	if u.fault != nil {
		d.log.Error("nobody is believed to be this user", "entry", uint64(u.id), "fault", u.fault)
	}
	now := d.now()
	if p.password != nil && !d.quick(u) {
		Slow(ctx)
	}
	weighed := d.weigh(u, p, now)

	// Where nothing changes nothing is written: this judgement then stands.
	verdict := d.judge(u, p, weighed, now)
	if verdict.err == nil && p.then == nil && !u.dirty() {
		d.upgrade(ctx, a, verdict.stored, weighed.password)
		return verdict.evidence, nil
	}
	// Whoever gives up waiting for the answer has made the attempt all the same.
	err = d.update(context.WithoutCancel(ctx), func(w store.Writer) error {
		u, err := d.readUser(w, a)
		if err != nil {
			return err
		}
		verdict = d.judge(u, p, weighed, now)
		if verdict.err == nil && p.then != nil {
			if err := p.then(u, verdict.evidence); err != nil {
				if _, ok := errors.AsType[*Error](err); !ok {
					return err
				}
				verdict.err = err
			}
		}
		u.save(w)
		return nil
	})
	if err != nil {
		if refused := verdict.err; refused != nil {
			d.credentials.remember(a.id, verdict.attempts, false)
			d.log.Error("a failed attempt could not be written down", "err", err)
			return evidence{}, refused
		}
		return evidence{}, err
	}
	d.credentials.remember(a.id, verdict.attempts, true)
	if verdict.err != nil {
		return evidence{}, verdict.err
	}
	d.upgrade(ctx, a, verdict.stored, weighed.password)
	return verdict.evidence, nil
}

// weighed is the part of a judgement that takes long and needs no lock: which
// reading of what was sent holds a right password.
type weighed struct {
	stored   []byte   // the stored value that matched; nil: none
	password []byte   // the static password that matched it
	code     []byte   // the code behind it; nil: none
	spent    [][]byte // codes that are right beside a password that is wrong
}

func (d *Directory) weigh(u *user, p proof, now time.Time) weighed {
	if p.password == nil {
		return weighed{code: p.code}
	}
	if p.code != nil {
		stored := d.checkPassword(u, p.password)
		if stored == nil || len(p.password) == 0 {
			return weighed{spent: [][]byte{p.code}}
		}
		return weighed{stored: stored, password: p.password, code: p.code}
	}
	var readings []totp.Candidate
	if !d.refuses(u, now) {
		for _, c := range totp.Split(p.password, u.digits(d, p), d.credentials.cfg.Separator) {
			if len(d.matches(u, p, c.Code, now)) > 0 {
				readings = append(readings, c)
			}
		}
	}
	if len(readings) == 0 || !d.needsCode(u, p.rule) {
		readings = append(readings, totp.Candidate{Password: p.password})
	}
	var result weighed
	for _, c := range readings {
		if stored := d.checkPassword(u, c.Password); stored != nil {
			result.stored, result.password, result.code = stored, c.Password, c.Code
			break
		}
		if c.Code != nil {
			result.spent = append(result.spent, c.Code)
		}
	}
	return result
}

// verdict is a judgement, and the counter it leads to.
type verdict struct {
	evidence
	err      error
	attempts attempts
}

// judge decides, and notes in u what has to be written. It is pure but for u.
func (d *Directory) judge(u *user, p proof, w weighed, now time.Time) verdict {
	e, reason := d.believe(u, p, w, now)
	if reason == "" {
		u.counted = u.attempts.succeed() || u.counted
		return verdict{e, nil, u.attempts}
	}
	if d.refuses(u, now) {
		u.attempts.refused++
	} else {
		u.attempts.fail(now)
	}
	u.counted = true
	return verdict{evidence{}, refuse(p.door, reason), u.attempts}
}

// refuses reports whether nothing is believed at the moment.
func (d *Directory) refuses(u *user, now time.Time) bool {
	return u.fault != nil || d.credentials.cfg.refuses(u.attempts, now)
}

// believe decides whether p proves that somebody is u. The reason is "" if it
// does.
func (d *Directory) believe(u *user, p proof, w weighed, now time.Time) (e evidence, reason string) {
	switch {
	case !u.known():
		return e, "no such user"
	case u.fault != nil:
		return e, u.fault.Error()
	case d.refuses(u, now):
		return e, fmt.Sprintf("too early after %d failures", u.attempts.failures)
	}
	for _, code := range w.spent {
		for _, m := range d.matches(u, p, code, now) {
			m.credential.totp.LastStep = m.state.LastStep
			u.changed[m.credential] = true
		}
	}
	if p.password != nil {
		if w.stored == nil || !slices.ContainsFunc(u.passwords, func(v []byte) bool { return bytes.Equal(v, w.stored) }) {
			return e, "wrong password or code"
		}
		if w.code == nil && d.needsCode(u, p.rule) {
			return e, "code missing or wrong"
		}
		e.stored = w.stored
	}
	if w.code != nil {
		accepted := d.matches(u, p, w.code, now)
		if len(accepted) == 0 {
			return e, "wrong or replayed code"
		}
		for _, m := range accepted {
			m.credential.totp = m.state
			if m.credential.state == pending {
				m.credential.state = active
				d.touchCredential(u, m.credential, p.changedBy(u))
			}
			u.changed[m.credential] = true
		}
		e.code = true
	}
	if p.secret != nil {
		if e.secret = d.holding(u, p.secret); e.secret == nil && p.password == nil {
			return e, "no such secret"
		}
	}
	return e, ""
}

func (p proof) changedBy(u *user) string {
	if p.by != "" {
		return p.by
	}
	return u.dn.String()
}

// needsCode reports whether a static password needs a code behind it.
func (d *Directory) needsCode(u *user, rule codeRule) bool {
	switch rule {
	case codeIfActive:
		return u.has(active)
	case codeIfAccepted:
		return !d.credentials.cfg.PasswordAloneMayChange && u.has(active, disabled)
	default:
		return false
	}
}

// counts reports whether the codes of c are accepted. A pending credential
// that nothing but the static password made is not believed beside one that
// had a code accepted: else whoever knew the password before the user enrolled
// would keep a second way in.
func (d *Directory) counts(u *user, p proof, c *credential) bool {
	switch c.state {
	case active:
		return true
	case pending:
		return !c.passwordAlone || p.trusted || d.credentials.cfg.PasswordAloneMayChange || !u.has(active, disabled)
	default:
		return false
	}
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
// if a secret was stored twice the code is spent for both.
func (d *Directory) matches(u *user, p proof, code []byte, now time.Time) []match {
	var found []match
	for _, c := range u.credentials {
		if !d.counts(u, p, c) {
			continue
		}
		secret, err := d.unseal(u.entry.uuid, c)
		if err != nil {
			d.log.Error("a TOTP secret does not open", "entry", uint64(u.id), "credential", c.id, "err", err)
			continue
		}
		v, state, err := totp.Verify(c.parameters, secret, c.totp, d.credentials.limits(), now, code)
		secret.Wipe()
		if err != nil {
			d.log.Error("a TOTP credential cannot be used", "entry", uint64(u.id), "credential", c.id, "err", err)
			continue
		}
		if v == totp.Accepted {
			found = append(found, match{c, state})
		}
	}
	return found
}

// holding returns the credential with the given secret, nil if there is none.
// All are looked at, so that the time does not tell which one it was.
func (d *Directory) holding(u *user, secret seal.Secret) *credential {
	var found *credential
	for _, c := range u.credentials {
		have, err := d.unseal(u.entry.uuid, c)
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
