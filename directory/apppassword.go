package directory

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"time"
)

// Application passwords let an application that cannot ask for a code bind as
// a user: from the networks that it was made for, and for nothing but a bind
// and what any user reads. The server makes them, of 100 random bits, so a
// salted hash that takes no time keeps them: there is nothing to guess, and an
// application may bind often.

// applicationPassword is what is kept of one, in the attempts of its user,
// which every change of them writes anyway: protobuf wire format.
type applicationPassword struct {
	id        string // opaque and random
	name      string // of the application
	salt      []byte
	hash      []byte // of salt and password
	networks  []string
	listeners []string // none: all

	// byCode says that its owner made it, having shown a code. It counts while
	// he has an active credential and goes with the last one.
	byCode bool

	created  time.Time // UTC, to the second; here and below
	madeBy   string    // DN
	notAfter time.Time // zero: no end
	used     time.Time // to the hour; zero: never
}

const (
	applicationGroups = 5 // of four letters: 100 bits
	applicationSalt   = 16

	// maxApplications is how many a user may have: each is looked at with
	// every bind.
	maxApplications = 20

	// usedWithin is how old the last use of one is before another is written
	// down, since that costs a flush.
	usedWithin = time.Hour
)

// newApplicationPassword makes a password to be shown once, and what to keep
// of it: five groups of four letters of base32, in lower case.
func newApplicationPassword() (text string, kept *applicationPassword) {
	letters := strings.ToLower(rand.Text())[:4*applicationGroups]
	groups := make([]string, applicationGroups)
	for i := range groups {
		groups[i] = letters[4*i : 4*i+4]
	}
	kept = &applicationPassword{id: rand.Text(), salt: make([]byte, applicationSalt)}
	_, _ = rand.Read(kept.salt) // never fails
	kept.hash = kept.hashOf([]byte(letters))
	return strings.Join(groups, "-"), kept
}

func (a *applicationPassword) hashOf(letters []byte) []byte {
	sum := sha256.Sum256(append(slices.Clone(a.salt), letters...))
	return sum[:]
}

// readApplicationPassword is the letters of a password that is written like
// one, nil for all others. Case does not matter, and the hyphens may be left
// out.
func readApplicationPassword(text []byte) []byte {
	if len(text) > 5*applicationGroups {
		return nil
	}
	letters := make([]byte, 0, 4*applicationGroups)
	for i, c := range text {
		switch {
		case c == '-' && len(text) == 5*applicationGroups-1 && i%5 == 4:
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '2' && c <= '7':
		default:
			return nil
		}
		letters = append(letters, c)
	}
	if len(letters) != 4*applicationGroups {
		return nil
	}
	return letters
}

// applicationOf is which application password of the user was sent; nil: none.
func (u *user) applicationOf(sent []byte) *applicationPassword {
	letters := readApplicationPassword(sent)
	if letters == nil {
		return nil
	}
	var found *applicationPassword
	for _, a := range u.attempts.applications {
		if subtle.ConstantTimeCompare(a.hash, a.hashOf(letters)) == 1 {
			found = a
		}
	}
	return found
}

// application is the user's application password with the given id; nil: there
// is none.
func (u *user) application(id string) *applicationPassword {
	i := slices.IndexFunc(u.attempts.applications, func(a *applicationPassword) bool { return a.id == id })
	if i < 0 {
		return nil
	}
	return u.attempts.applications[i]
}

// admits is why an application password does not count at the time now for a
// client; "": it does.
func (a *applicationPassword) admits(u *user, who Requester, now time.Time) (cause string) {
	switch {
	case !a.notAfter.IsZero() && !now.Before(a.notAfter):
		return "application password expired"
	case a.byCode && !u.has(active):
		return "application password of a user without an active credential"
	case !a.inScope(who):
		return "application password out of its scope"
	}
	return ""
}

func (a *applicationPassword) inScope(who Requester) bool {
	s := &subject{listener: who.Listener, address: who.address()}
	for _, c := range a.scope() {
		if _, ok, err := c.holds(s); !ok || err != nil {
			return false
		}
	}
	return true
}

// scope is where the password counts. A value that cannot be read never holds.
func (a *applicationPassword) scope() []condition {
	var list []condition
	for _, kind := range []struct {
		texts   []string
		compile func(*Directory, string) (func(*subject) (bool, error), error)
	}{{a.listeners, onListener}, {a.networks, fromNetwork}} {
		if len(kind.texts) == 0 {
			continue
		}
		var c condition
		for _, text := range kind.texts {
			if holds, err := kind.compile(nil, text); err == nil {
				c.values = append(c.values, conditionValue{text, holds})
			}
		}
		list = append(list, c)
	}
	return list
}

// use notes that an application has bound.
func (u *user) use(a *applicationPassword, now time.Time) {
	if now.Sub(a.used) < usedWithin && !now.Before(a.used) {
		return
	}
	changed := *a
	changed.used = now.UTC().Truncate(time.Second)
	u.replace(a, &changed)
	u.noteApplication(AuditAccepted, a)
}

// replace puts one application password in the place of another; nil: of none,
// or nothing in its place.
func (u *user) replace(old, new *applicationPassword) {
	list := slices.DeleteFunc(slices.Clone(u.attempts.applications), func(a *applicationPassword) bool { return a == old })
	if new != nil {
		list = append(list, new)
	}
	u.attempts.applications = list
	u.counted = true
}

// dropVouched removes what only the codes of the user vouched for.
func (u *user) dropVouched() {
	for _, a := range u.attempts.applications {
		if a.byCode {
			u.replace(a, nil)
			u.noteApplication(AuditRevoked, a)
		}
	}
}

func (u *user) noteApplication(kind AuditKind, a *applicationPassword) {
	u.events = append(u.events, AuditEvent{Kind: kind, User: u.dn.String(), Credential: a.id, Cause: a.cause()})
}

// cause is what the audit log says it is about.
func (a *applicationPassword) cause() string { return "application password " + a.name }
