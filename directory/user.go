package directory

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tallystick/directory/password"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// user is what is kept about one account, as one transaction sees it, and
// what is to change of it.
type user struct {
	account
	entry       *record  // nil: the root user, or nobody
	passwords   [][]byte // stored values; copies
	attempts    attempts
	credentials []*credential
	decision    decision // what the policies ask; see decide

	passwordPolicy *passwordPolicy // nil: he is under none

	// early says that who tries comes from where he has to wait.
	early bool

	// fault is why nobody is believed to be this user; nil: all is well.
	fault error

	// lostToken is why the user's OATH-LDAP token cannot be found, so that he
	// cannot log in; nil: he has one, or needs none.
	lostToken error

	changed  map[*credential]bool // to be written
	removed  []*credential        // to be deleted
	enrolled bool                 // the entry has to say so
	counted  bool                 // attempts has to be written
	events   []AuditEvent         // to be added to the audit log

	forgotten []*credential // abandoned: to be deleted once anything is written
}

const rootPasswordKey = "root password"

// readUser reads what is kept about an account. A state that cannot be right
// is not an error but the user's fault: it must look like any other refusal.
func (d *Directory) readUser(r store.Reader, a account) (*user, error) {
	u := &user{account: a, changed: map[*credential]bool{}}
	switch {
	case !a.known():
	case a.root():
		value, err := r.Get(metaKey(rootPasswordKey))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			u.passwords = [][]byte{slices.Clone(value)}
		}
	default:
		rec, err := readRecord(r, a.id)
		if errors.Is(err, store.ErrNotFound) { // deleted a moment ago
			u.account = d.nobody(a.dn.Norm())
			break
		}
		if err != nil {
			return nil, err
		}
		u.entry = rec
		for _, p := range rec.passwords {
			u.passwords = append(u.passwords, slices.Clone(p))
		}
	}
	if err := d.readAttempts(r, u); err != nil {
		return nil, err
	}
	if !u.root() {
		var err error
		if u.passwordPolicy, err = d.passwordPolicyOf(r, u.entry); err != nil {
			return nil, err
		}
	}
	if u.entry == nil {
		return u, nil
	}
	if u.entry.enrolled {
		if err := d.readEnrolled(r, u); err != nil {
			return nil, err
		}
	}
	if u.fault != nil {
		return u, nil
	}
	return u, d.oathTokens(r, u)
}

// readEnrolled reads the user's own credentials.
func (d *Directory) readEnrolled(r store.Reader, u *user) error {
	list, err := readCredentials(r, u.id)
	if errors.Is(err, errRecord) {
		u.fault = fmt.Errorf("a credential: %w", err)
		return nil
	}
	if err != nil {
		return err
	}
	u.credentials = list
	if u.fault == nil && len(list) != u.attempts.credentials {
		u.fault = fmt.Errorf("%d credentials where there should be %d", len(list), u.attempts.credentials)
	}
	u.forget(d.credentials.abandoned(d.now()))
	return nil
}

// readUserFor is readUser, with what the policies ask of the user when who
// stands for him.
func (d *Directory) readUserFor(r store.Reader, a account, who Requester) (*user, error) {
	u, err := d.readUser(r, a)
	if err == nil {
		u.decision, err = d.decide(r, u, who)
	}
	return u, err
}

func (d *Directory) readAttempts(r store.Reader, u *user) error {
	value, err := r.Get(attemptKey(u.id))
	switch {
	case errors.Is(err, store.ErrNotFound):
		if u.entry != nil && u.entry.enrolled {
			u.fault = errors.New("the entry has had credentials and their state is missing")
		}
	case err != nil:
		return err
	default:
		if err := u.attempts.decode(value); err != nil {
			u.fault = fmt.Errorf("the attempt counter: %w", err)
		}
	}
	d.credentials.remembered(u)
	return nil
}

// remembered takes over a counter that the store did not take.
func (c *credentials) remembered(u *user) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.unsaved[u.id]; ok && a.failures > u.attempts.failures {
		u.attempts.failures, u.attempts.last, u.attempts.refused, u.attempts.recent = a.failures, a.last, a.refused, a.recent
	}
}

// remember keeps a counter while the store does not take it: a full disk must
// not make guessing free.
func (c *credentials) remember(id entryID, a attempts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unsaved[id] = a
}

// forget drops a counter that was remembered, now that the store has a newer
// one.
func (c *credentials) forget(id entryID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.unsaved, id)
}

// forget drops the credentials that are abandoned: from now on they are not
// there. They go for good when something else of the user is written.
func (u *user) forget(abandoned func(*credential) bool) {
	if u.fault != nil {
		return
	}
	u.credentials = slices.DeleteFunc(u.credentials, func(c *credential) bool {
		if !abandoned(c) {
			return false
		}
		u.forgotten = append(u.forgotten, c)
		u.attempts.credentials--
		return true
	})
}

// store writes what changed of u at the time now. See Directory.save.
func (u *user) store(w store.Writer, now time.Time) {
	if u.dirty() && len(u.forgotten) > 0 {
		for _, c := range u.forgotten {
			u.note(AuditRevoked, c, "never confirmed", 0)
		}
		u.removed = append(u.removed, u.forgotten...)
		u.counted = true
	}
	for _, e := range u.events {
		if e.Kind.changesCredential() {
			u.attempts.step(now)
			u.counted = true
		}
	}
	for c := range u.changed {
		id, _ := u.owner(c)
		putCredential(w, id, c)
	}
	for _, c := range u.removed {
		dropCredential(w, u.id, c)
	}
	if u.enrolled {
		u.entry.enrolled = true
		w.Set(entryKey(u.id), u.entry.encode())
	}
	// A faulty state is left as it is found: it is evidence, and writing a
	// counter would make it look whole.
	if u.counted && u.fault == nil {
		w.Set(attemptKey(u.id), u.attempts.encode())
	}
}

// dirty reports whether there is anything to save.
func (u *user) dirty() bool {
	return u.counted || u.enrolled || len(u.changed)+len(u.removed) > 0
}

// touchCredential notes a change of a credential, and who made it.
func (d *Directory) touchCredential(u *user, c *credential, by string) {
	c.sequence++
	c.changed = d.now().UTC()
	c.changedBy = by
	u.changed[c] = true
}

// add gives the user one more credential, which was created or imported.
func (u *user) add(c *credential, kind AuditKind) {
	u.credentials = append(u.credentials, c)
	u.changed[c] = true
	u.attempts.credentials++
	u.counted = true
	u.enrolled = !u.entry.enrolled
	u.note(kind, c, "", 0)
}

// remove takes a credential from the user, and with the last one that was
// confirmed the recovery codes, which stand in for nothing any more. Then
// nothing but the password stands behind those that are pending, either.
func (u *user) remove(c *credential) {
	u.credentials = slices.DeleteFunc(u.credentials, func(other *credential) bool { return other == c })
	delete(u.changed, c)
	u.removed = append(u.removed, c)
	u.attempts.credentials--
	u.counted = true
	u.note(AuditRevoked, c, "", 0)
	if c.state != pending && !u.has(active, disabled) {
		u.attempts.recovery = totp.RecoveryCodes{}
		u.dropVouched()
		for _, c := range u.credentials {
			c.passwordAlone = true
			u.changed[c] = true
		}
	}
}

// has reports whether the user has a credential in one of the states.
func (u *user) has(states ...credentialState) bool {
	return slices.ContainsFunc(u.credentials, func(c *credential) bool { return slices.Contains(states, c.state) })
}

// checkPassword finds the stored value that the password matches; nil if none
// does. A failure always costs as much as a value of the default scheme, so
// that it does not show what is stored, or whether anything is.
func (d *Directory) checkPassword(u *user, given []byte) []byte {
	scheme := d.credentials.cfg.Scheme
	paid := false
	for _, value := range u.passwords {
		ok, err := password.Verify(value, given)
		if err != nil {
			d.log.Warn("a stored password cannot be verified", "entry", uint64(u.id), "err", err)
			continue
		}
		if ok {
			return value
		}
		if s, err := password.SchemeOf(value); err == nil && s == scheme {
			paid = true
		}
	}
	if !paid {
		_, _ = password.Verify(d.credentials.decoy(), given)
	}
	return nil
}

// quick reports whether checkPassword will take microseconds.
func (d *Directory) quick(u *user) bool {
	quick := d.credentials.cfg.Scheme.Quick()
	for _, value := range u.passwords {
		if s, err := password.SchemeOf(value); err == nil && !s.Quick() {
			quick = false
		}
	}
	return quick
}
