package directory

import (
	"context"
	"errors"
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
	// codeIfActive: to be taken for the user, a code must be shown as the
	// policies ask; without one, if there is an active credential.
	codeIfActive codeRule = iota

	// codeIfAccepted: to change the user's factors, a code must be shown if
	// one was ever accepted, or if a policy requires one.
	codeIfAccepted

	// codeOptional: a code may be shown, and need not be.
	codeOptional
)

// proof is what somebody shows. Password, code and secret are nil where they
// are not shown. A password without a code may have one behind it; one that is
// shown with a code is all there is of it.
type proof struct {
	door     string    // for the log and the audit
	who      Requester // who asks; the user himself if anonymous
	password seal.Secret
	code     seal.Secret
	secret   seal.Secret // the key itself, decoded
	rule     codeRule
	bind     bool // it is a log-in
	use      passwordUse

	// trusted says that whoever asks has proved more than the password, so
	// that any pending credential may become active.
	trusted bool

	// only is the id of the one credential whose code counts; "": any. With
	// next, the code that the token shows after code, it is looked for far
	// from the time of day, and the credential follows.
	only string
	next seal.Secret

	// then changes what belongs to the user, in the transaction that accepts
	// the proof. Its *Error goes to the client and does not take back what
	// the proof did, so it must not change anything before it fails.
	then func(u *user, e evidence) error

	verified *[]verified // what codes came to so far; made by prove
}

// evidence is what was proved.
type evidence struct {
	code     bool        // a code was accepted
	grace    bool        // a code is required, and was let go by the grace of a policy
	factor   string      // what accepted it: id of a credential, or the user's set of recovery codes; "": nothing
	stored   []byte      // the stored value that the password matched; nil: none was shown
	password []byte      // the static password, without what stood behind it; nil: none was shown
	secret   *credential // the credential whose secret was shown; nil: none was

	fingerprint string // of the user's passwords

	standing PasswordPolicyAnswer // of the password
	limits   Limits               // in the entry

	application string // id of the application password that was shown, and nothing else; "": none
}

// refusal is why something was not believed, for the log.
type refusal struct{ door, reason string }

func (r *refusal) Error() string { return r.door + ": " + r.reason }

// refuse is the one answer to whatever was not believed, with the reason for
// the log.
func refuse(door, reason string) *Error {
	return &Error{ResultCode: InvalidCredentials, Cause: &refusal{door, reason}}
}

// prove judges a proof of being a. It fails with invalidCredentials, the same
// after the same work whatever the reason, and with busy if too many attempts
// on the account wait.
func (d *Directory) prove(ctx context.Context, a account, p proof) (proved evidence, err error) {
	if p.then != nil || p.only != "" { // a change, and no log-in
		if err := d.takes(false); err != nil {
			return evidence{}, err // before a code is spent
		}
	}
	defer func() { d.outcomes.count(proved, err) }()
	guess, err := d.guess(ctx, a, p)
	if err != nil {
		return evidence{}, err
	}
	leave, early, err := guess.turn(ctx)
	if err != nil {
		return evidence{}, err
	}
	defer leave()

	now := d.now()
	p.verified = new([]verified)
	weighed := weighed{code: p.code}
	var verdict verdict
	// A code or a secret alone takes no time to weigh, and whatever comes of it
	// is written: there one look, in the transaction, is enough.
	if p.password != nil || p.next != nil {
		var u *user
		if err := d.view(ctx, func(r store.Reader) (err error) {
			u, err = d.readUserFor(r, a, p.who)
			return err
		}); err != nil {
			return evidence{}, err
		}
		if p.password != nil && !d.quick(u) || p.next != nil {
			Slow(ctx)
		}
		u.early = early
		if again, ok, err := d.proveAgain(ctx, u, p, now); ok || err != nil {
			return again, err
		}
		weighed = d.weigh(u, p, now)
		if early {
			return evidence{}, refuse(p.door, causeSource)
		}

		// Where nothing changes nothing is written: this judgement then stands.
		// So it does for a password alone where nothing may be written, unless
		// it is let go so many times only.
		verdict = d.judge(u, p, weighed, now)
		e := verdict.evidence
		needless := d.takes(true) != nil && !e.code && !e.grace && !e.standing.Grace && e.secret == nil
		if verdict.err == nil && p.then == nil && (needless || !u.dirty()) {
			guess.settle(verdict)
			return verdict.evidence, nil
		}
	} else if early {
		return evidence{}, refuse(p.door, causeSource)
	}
	var opens *window
	// Whoever gives up waiting for the answer has made the attempt all the same.
	err = d.updateState(context.WithoutCancel(ctx), func(w store.Writer) error {
		u, err := d.readUserFor(w, a, p.who)
		if err != nil {
			return err
		}
		if u.fault != nil {
			d.log.Error("nobody is believed to be this user", "entry", uint64(u.id), "fault", u.fault)
		}
		if u.lostToken != nil {
			d.log.Error("the user cannot log in", "entry", uint64(u.id), "err", u.lostToken)
		}
		verdict = d.judge(u, p, weighed, now)
		if verdict.failed && guess.last() {
			u.note(AuditDelayed, nil, "", uint64(d.credentials.cfg.SourceFree))
		}
		if verdict.err == nil && p.then != nil {
			if err := p.then(u, verdict.evidence); err != nil {
				if _, ok := errors.AsType[*Error](err); !ok {
					return err
				}
				verdict.err = err
			}
		}
		opens = d.windowOf(u, verdict.evidence, now)
		return d.save(w, u, p.who, p.door)
	})
	if err == nil || verdict.err != nil {
		guess.settle(verdict)
	}
	if verdict.failed && verdict.locked {
		d.credentials.windows.closeOf(a.id)
	}
	if err != nil {
		if refused := verdict.err; refused != nil {
			d.credentials.remember(a.id, verdict.attempts)
			d.log.Error("a failed attempt could not be written down", "err", err)
			return evidence{}, refused
		}
		return evidence{}, err
	}
	d.credentials.forget(a.id)
	if opens != nil && verdict.err == nil {
		d.credentials.windows.open(a, p, *opens, now)
	}
	return verdict.evidence, verdict.err
}

// weighed is the part of a judgement that takes long and needs no lock: which
// reading of what was sent holds a right password.
type weighed struct {
	stored   []byte   // the stored value that matched; nil: none
	password []byte   // the static password that matched it
	code     []byte   // the code behind it; nil: none
	spent    [][]byte // codes that are right beside a password that is wrong

	// No code was right where one is needed: nothing will be believed, and
	// stored and password are only about what stands before the code.
	wrongCode bool
	replayed  *credential // whose code was right once; nil: nobody's

	// The application password that was sent; "": none. Else misplaced is why
	// the one that was does not count; "": none was.
	application, misplaced string

	resynced *match // the credential that shows both codes, and its state from then on; nil: none
}

func (d *Directory) weigh(u *user, p proof, now time.Time) weighed {
	if p.next != nil {
		return d.weighResync(u, p, now)
	}
	d.pretend(u, p, now)
	if p.code != nil {
		stored := d.checkPassword(u, p.password)
		if stored == nil || len(p.password) == 0 {
			return weighed{spent: [][]byte{p.code}}
		}
		return weighed{stored: stored, password: p.password, code: p.code}
	}
	var result weighed
	// Where nothing is believed the work is done all the same: it takes time.
	if p.bind && !d.refuses(u, now) && u.lostToken == nil {
		if a := u.applicationOf(p.password); a != nil {
			if result.misplaced = a.admits(u, p.who, now); result.misplaced == "" {
				return weighed{application: a.id}
			}
		}
	}
	candidates, readings := d.readings(u, p), []totp.Candidate(nil)
	for _, c := range candidates {
		found, replayed := d.matches(u, p, c.Code, now)
		if len(found) > 0 || u.recoveryCode(c.Code) >= 0 {
			readings = append(readings, c)
		}
		if replayed != nil {
			result.replayed = replayed
		}
	}
	if d.refuses(u, now) {
		candidates, readings, result.replayed = nil, nil, nil
	}
	switch needed := d.needsCode(u, p.rule); {
	case needed && len(readings) == 0 && len(candidates) > 0:
		result.wrongCode = true // whether the password is wrong too is for the audit
		readings = []totp.Candidate{{Password: candidates[0].Password}}
	case !needed || len(readings) == 0:
		readings = append(readings, totp.Candidate{Password: p.password})
	}
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

// pretend takes as long as it takes to look at a code that somebody shows who has
// no credential: that must not tell who has one.
func (d *Directory) pretend(u *user, p proof, now time.Time) {
	keyset, code := d.credentials.cfg.Keyset, []byte(p.code)
	if keyset == nil || len(u.digits(d, p)) > 0 {
		return
	}
	if code == nil {
		for _, c := range totp.Split(p.password, []int{totp.DefaultDigits}, d.credentials.cfg.Separator) {
			code = c.Code
		}
	}
	if code == nil {
		return
	}
	var secret [20]byte
	_, err := keyset.Seal(secret[:], sealedFor([16]byte{}, ""))
	if err == nil {
		_, _, err = totp.Verify(totp.Parameters{}, secret[:], totp.State{LastStep: totp.NoStep}, totp.DefaultLimits, now, code)
	}
	if err != nil {
		d.log.Error("a refusal takes less time than others", "err", err)
	}
}
