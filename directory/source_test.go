package directory

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/netip"
	"sync"
	"testing"
	"time"

	"tallystick/directory/store"
)

var (
	here  = Requester{Peer: "192.0.2.1:1000"}
	there = Requester{Peer: "[2001:db8::1]:1000"}
)

func TestSourceOf(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) {
		c.SharedSources = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8:f::/48")}
	})
	for peer, want := range map[string]string{
		"192.0.2.1:1000":             "192.0.2.1",
		"192.0.2.1":                  "192.0.2.1",
		"[::ffff:192.0.2.1]:1000":    "192.0.2.1",
		"[2001:db8:1:2:3::4]:1000":   "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::4]:10":  "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1000":        "fe80::/64",
		"local:uid=1000":             "local:uid=1000",
		"198.51.100.3:1000":          "",
		"[::ffff:198.51.100.3]:1000": "",
		"[2001:db8:f::1]:1000":       "",
		"local":                      "",
		"pipe":                       "",
		"":                           "",
	} {
		if got := h.sourceOf(Requester{Peer: peer}); got != want {
			t.Errorf("%s counts as %q; want %q", peer, got, want)
		}
	}
	bridge := Requester{Peer: "local:uid=0", External: h.RootDN()}
	if got := h.sourceOf(bridge); got != "" {
		t.Errorf("who could be the root user counts as %q", got)
	}
	bridge.Peer = "192.0.2.1"
	if got := h.sourceOf(bridge); got != "192.0.2.1" {
		t.Errorf("the bridge's client counts as %q", got)
	}
}

// An address is delayed before the user is: what it tries then is not judged,
// however right, and counts for nobody; the user goes on elsewhere.
func TestSourceIsDelayedFirst(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	for range 3 {
		_, err := h.bindFrom(here, "ann", "wrong")
		h.want("a guess", err, InvalidCredentials)
	}
	for range 100 {
		_, err := h.bindFrom(Requester{Peer: "192.0.2.1:2000"}, "ann", secretWord+h.code(secret, 0))
		h.want("from the same address", err, InvalidCredentials)
		if r := Result(err); r.DiagnosticMessage != "" || r.MatchedDN != "" {
			t.Fatalf("the client is told %q", r.DiagnosticMessage)
		}
	}
	self := Requester{DN: person("ann"), How: ByPassword, Peer: here.Peer}
	h.want("a code alone", h.ValidateTOTPPassword(t.Context(), self, person("ann"), h.code(secret, 0)), InvalidCredentials)
	h.want("the secret alone", h.RevokeTOTPSharedSecret(t.Context(), here, id("u:ann"), nil, &secret), InvalidCredentials)
	if n := h.failures("ann"); n != 3 {
		t.Errorf("%d failures were counted", n)
	}
	_, err := h.bindFrom(here, "bob", secretWord)
	h.want("as another user", err, Success)
	_, err = h.bindFrom(there, "ann", secretWord+h.code(secret, 0))
	h.want("the user elsewhere, with the code that was not judged", err, Success)

	h.advance(90*time.Second - time.Millisecond)
	_, err = h.bindFrom(here, "ann", secretWord+h.code(secret, 0))
	h.want("a moment too early", err, InvalidCredentials)
	h.advance(time.Millisecond)
	_, err = h.bindFrom(here, "ann", "wrong")
	h.want("the next guess", err, InvalidCredentials)
	h.advance(3*time.Minute - time.Millisecond)
	_, err = h.bindFrom(here, "ann", secretWord+h.code(secret, 0))
	h.want("the delay has doubled", err, InvalidCredentials)
	h.advance(time.Millisecond)
	_, err = h.bindFrom(here, "ann", secretWord+h.code(secret, 0))
	h.want("after it", err, Success)
	for range 2 {
		_, err = h.bindFrom(here, "ann", "wrong")
		h.want("a guess after a success", err, InvalidCredentials)
	}
	h.advance(30 * time.Second)
	_, err = h.bindFrom(here, "ann", secretWord+h.code(secret, 0))
	h.want("two failures delay nobody", err, Success)
}

// Where a code counts, the password alone forgives an address nothing either.
func TestSourceIsForgivenByACode(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	revoke := func(password string) error {
		return h.RevokeTOTPSharedSecret(t.Context(), here, id("u:ann"), []byte(password), id(lostSecret))
	}
	h.want("a guess", revoke("wrong"), InvalidCredentials)
	h.want("a guess", revoke("wrong"), InvalidCredentials)
	h.want("the password", revoke(secretWord), InvalidCredentials)
	_, err := h.bindFrom(here, "ann", secretWord+h.code(secret, 0))
	h.want("three failures", err, InvalidCredentials)
}

// One address that guesses at a user for a week: how long must the user wait
// elsewhere?
func TestOneSourceForAWeek(t *testing.T) {
	inMemory(t)
	const (
		step = time.Minute
		week = 7 * 24 * time.Hour
	)
	for _, row := range []struct {
		rule            string
		logsIn          time.Duration // how often the owner does; 0: never
		longest, inAll  time.Duration // that the owner is refused elsewhere
		fewest, guesses int           // that are judged
	}{
		{"an owner who stays away", 0, 15 * time.Minute, 13 * time.Hour, 20, 60},
		{"an owner who logs in every eight hours", 8 * time.Hour, 15 * time.Minute, 75 * time.Minute, 20, 60},
	} {
		h := newHouse(t)
		secret := h.enrol("ann")
		h.activate("ann", secret)
		begun := h.Directory.now()
		next := begun.Add(row.logsIn)
		var refused, longest, inAll time.Duration
		var judged, before int
		for h.Directory.now().Sub(begun) < week {
			for range 3 {
				_, err := h.bindFrom(here, "ann", secretWord+h.code(secret, 1000))
				h.want("a guess", err, InvalidCredentials)
				if n := h.failures("ann"); n != before {
					judged, before = judged+1, n
				}
			}
			var waits bool
			if err := h.view("ann", func(u *user) { waits = h.refuses(u, h.Directory.now()) }); err != nil {
				t.Fatal(err)
			}
			refused += step
			if !waits {
				refused = 0
			} else {
				inAll += step
			}
			longest = max(longest, refused)
			if now := h.Directory.now(); row.logsIn > 0 && !now.Before(next) && !waits {
				_, err := h.bindFrom(there, "ann", secretWord+h.code(secret, 0))
				h.want("the owner elsewhere", err, Success)
				next, before = next.Add(row.logsIn), 0
			}
			h.advance(step)
		}
		t.Logf("%s: of %d guesses judged, he waits %v at the longest, and %v in a week", row.rule, judged, longest, inAll)
		if longest > row.longest || inAll > row.inAll {
			t.Errorf("%s waits %v at the longest, %v in a week; want at most %v and %v", row.rule, longest, inAll, row.longest, row.inAll)
		}
		if judged < row.fewest || judged > row.guesses {
			t.Errorf("%s: %d guesses were judged", row.rule, judged)
		}
	}
}

// However many addresses there are, in the life of a code no more than five
// guesses are judged.
func TestManySources(t *testing.T) {
	inMemory(t)
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	var judged []time.Time
	for n := range 2000 {
		before := h.failures("ann")
		_, err := h.bindFrom(Requester{Peer: fmt.Sprintf("[2001:db8:%x::1]:1", n)}, "ann", secretWord+h.code(secret, 1000))
		h.want("a guess", err, InvalidCredentials)
		if h.failures("ann") > before {
			judged = append(judged, h.Directory.now())
		}
		h.advance(time.Second)
	}
	for i := 5; i < len(judged); i++ {
		if since := judged[i].Sub(judged[i-5]); since < 90*time.Second {
			t.Errorf("six guesses were judged in %v", since)
		}
	}
	if len(judged) < 6 {
		t.Error("too few to show anything")
	}
}

// An address that tries one password at very many users is delayed as a whole,
// whether or not they exist, and goes on slowly. Others do not feel it.
func TestSpraying(t *testing.T) {
	inMemory(t)
	h := newHouse(t)
	spray := func(users int) (judged int) {
		for n := range users {
			before := h.sourceFailures(here)
			_, err := h.bindFrom(here, fmt.Sprintf("nobody%d", n), "Winter2026!")
			h.want("a guess", err, InvalidCredentials)
			if h.sourceFailures(here) > before {
				judged++
			}
		}
		return judged
	}
	if n := spray(500); n != 100 {
		t.Errorf("%d guesses were judged at once; want 100", n)
	}
	_, err := h.bindFrom(here, "bob", secretWord)
	h.want("somebody else behind the address", err, InvalidCredentials)
	_, err = h.bindFrom(there, "bob", secretWord)
	h.want("the same elsewhere", err, Success)
	h.advance(time.Hour)
	if n := spray(500); n != 100 {
		t.Errorf("%d guesses were judged in the next hour; want 100", n)
	}
	h.advance(36 * time.Second)
	_, err = h.bindFrom(here, "bob", secretWord)
	h.want("somebody else behind the address, when there is room", err, Success)
}

// sourceFailures is how many failures of an address were judged lately.
func (h *house) sourceFailures(from Requester) float64 {
	h.t.Helper()
	g, err := h.guess(h.t.Context(), account{}, proof{who: from})
	h.want("guess", err, Success)
	n, last := h.credentials.sources.alone.get(g.alone)
	return h.credentials.cfg.left(n, h.Directory.now().Sub(last))
}

// Who has no source: the fault of the one must not be the other's.
func TestNoSource(t *testing.T) {
	h := newHouse(t, unlimited, func(c *CredentialsConfig) {
		c.SharedSources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	})
	secret := h.enrol("ann")
	h.activate("ann", secret)
	validate := func(code string) error {
		application := Requester{DN: person("admin"), How: ByPassword, Peer: there.Peer}
		return h.ValidateTOTPPassword(t.Context(), application, person("ann"), code)
	}
	for range 200 {
		_, err := h.bindFrom(here, "ann", "wrong")
		h.want("through a proxy that was named", err, InvalidCredentials)
		h.want("through an application", validate(h.code(secret, 1000)), InvalidCredentials)
	}
	h.want("through the application", validate(h.code(secret, 0)), Success)
	h.advance(30 * time.Second)
	_, err := h.bindFrom(here, "ann", secretWord+h.code(secret, 0))
	h.want("through the proxy", err, Success)

	h = newHouse(t, unlimited, func(c *CredentialsConfig) { c.SourceFree = -1 })
	for range 200 {
		_, err := h.bindFrom(here, "bob", "wrong")
		h.want("addresses are not told apart", err, InvalidCredentials)
	}
	_, err = h.bindFrom(here, "bob", secretWord)
	h.want("and so delay nobody", err, Success)
}

// However many attempts an address has running, those beyond its guesses do not
// keep the user waiting elsewhere.
func TestFloodOfOneSource(t *testing.T) {
	h := newHouse(t)
	dn, err := h.parseDN(person("ann"))
	h.want("name", err, Success)
	a, err := h.lookUp(t.Context(), func(r store.Reader) (account, error) { return h.accountOf(r, dn) })
	h.want("account", err, Success)
	g, err := h.guess(t.Context(), a, proof{who: here})
	h.want("guess", err, Success)
	waiting := func(turns *turnstile, at entryID, want int) {
		t.Helper()
		if !comesTrue(t, func() bool {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			return turns.turns[at].users == want
		}) {
			t.Errorf("not %d wait", want) // and the test goes on, to let them go
		}
	}
	users, addresses := &h.credentials.turns, &h.credentials.sources.turns
	atUser, err := users.enter(t.Context(), a.id)
	h.want("the user's turn", err, Success)
	atAddress, err := addresses.enter(t.Context(), entryID(g.alone))
	h.want("the address's turn", err, Success)

	const guesses = 50
	var all sync.WaitGroup
	for range guesses {
		all.Go(func() {
			_, err := h.bindFrom(here, "ann", "wrong")
			h.want("a guess", err, InvalidCredentials)
		})
	}
	waiting(users, a.id, 1+guesses)
	atUser()
	waiting(addresses, entryID(g.alone), 1+guesses-3)
	_, err = h.bindFrom(there, "ann", secretWord)
	h.want("the user elsewhere", err, Success)
	for range guesses {
		all.Go(func() {
			_, err := h.bindFrom(here, "ann", secretWord)
			h.want("a guess", err, InvalidCredentials)
		})
	}
	waiting(addresses, entryID(g.alone), 1+2*guesses-3)
	_, err = h.bindFrom(there, "ann", secretWord)
	h.want("the user elsewhere", err, Success)
	atAddress()
	all.Wait()
}

// Whoever has authenticated and is no administrator guesses like anybody else:
// he cannot lock others out from one place.
func TestSourceOfAnotherUser(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	bob := Requester{DN: person("bob"), How: ByPassword, Peer: here.Peer}
	claim := Claim{AuthenticationID: id("u:ann"), StaticPassword: []byte("wrong")}
	for range 10 {
		_, err := h.ChangePassword(ctx, bob, id("u:ann"), []byte("wrong"), []byte("new"))
		h.want("password modify", err, InvalidCredentials)
		_, err = h.GenerateTOTPSharedSecret(ctx, bob, id("u:ann"), []byte("wrong"))
		h.want("generate", err, InvalidCredentials)
		_, err = h.EnrolTOTP(ctx, bob, claim, EnrolRequest{})
		h.want("enrol", err, InvalidCredentials)
		h.want("revoke", h.RevokeTOTPSharedSecret(ctx, bob, id("u:ann"), nil, id(lostSecret)), InvalidCredentials)
	}
	if n := h.failures("ann"); n != 3 {
		t.Errorf("%d failures were counted", n)
	}
	_, err := h.bindFrom(there, "ann", secretWord)
	h.want("the user elsewhere", err, Success)
}

// The audit log says once that an address is delayed.
func TestDelayIsAudited(t *testing.T) {
	h := newHouse(t)
	for range 50 {
		_, err := h.bindFrom(here, "ann", "wrong")
		h.want("a guess", err, InvalidCredentials)
	}
	var kinds []AuditKind
	if err := h.store.View(t.Context(), func(r store.Reader) error {
		return scanAll(t.Context(), r, auditSpace, func(key, value []byte) error {
			rec, err := decodeAudit(key, value)
			if err == nil && rec.Door != "add" {
				kinds = append(kinds, rec.Kind)
			}
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint([]AuditKind{AuditRefused, AuditRefused, AuditRefused, AuditDelayed}); fmt.Sprint(kinds) != want {
		t.Errorf("%v; want %v", kinds, want)
	}
}

// A multitude of addresses takes no more memory than the table has, and does
// not push out who is delayed.
func TestMultitudeOfSources(t *testing.T) {
	var f failures
	now := time.Unix(1_700_000_000, 0)
	seed := maphash.MakeSeed()
	key := func(n uint64) uint64 { return maphash.Bytes(seed, binary.BigEndian.AppendUint64(nil, n)) }
	const delayed = 1000
	for n := range uint64(delayed) {
		f.set(key(n), 1, now, func(float64, time.Time) (float64, time.Time) { return 4, now.Add(time.Hour) })
	}
	for n := range uint64(1_000_000) {
		f.set(key(delayed+n), 1, now, func(float64, time.Time) (float64, time.Time) { return 1, now })
	}
	kept := 0
	for n := range uint64(delayed) {
		if failures, _ := f.get(key(n)); failures == 4 {
			kept++
		}
	}
	if kept != delayed {
		t.Errorf("%d of %d delays are left", kept, delayed)
	}
}
