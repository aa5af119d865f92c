package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tallystick/directory/password"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

func TestAttemptsRules(t *testing.T) {
	cfg := CredentialsConfig{FreeAttempts: 3, Delay: time.Second, LockoutAfter: 6, Lockout: time.Minute}.withDefaults()
	now := time.Unix(1_700_000_000, 0)
	for _, row := range []struct {
		failures int
		wait     time.Duration
	}{
		{0, 0}, {1, 0}, {2, 0}, {3, time.Second}, {4, 2 * time.Second}, {5, 4 * time.Second},
		{6, time.Minute}, {7, time.Minute}, {maxFailures, time.Minute},
	} {
		var a attempts
		for range min(row.failures, 10) {
			a.fail(now, nil)
		}
		a.failures = row.failures
		if got := cfg.wait(row.failures, 0); got != row.wait {
			t.Errorf("%d failures: wait %v; want %v", row.failures, got, row.wait)
		}
		if got := cfg.early(a, 0, now) > 0; got != (row.wait > 0) {
			t.Errorf("%d failures: refuses %v at once", row.failures, got)
		}
		if cfg.early(a, 0, now.Add(row.wait)) > 0 {
			t.Errorf("%d failures: refuses after %v", row.failures, row.wait)
		}
		if row.wait > 0 && cfg.early(a, 0, now.Add(-time.Hour)) == 0 {
			t.Errorf("%d failures: a clock set back lets it pass", row.failures)
		}
	}
	if got := (CredentialsConfig{FreeAttempts: 1, LockoutAfter: 100}).withDefaults().wait(80, 0); got != 15*time.Minute {
		t.Errorf("a delay has no end: %v", got)
	}
	for n := range 100 {
		long := CredentialsConfig{FreeAttempts: 1, Delay: time.Hour, LockoutAfter: 200, Lockout: 24 * time.Hour}.withDefaults()
		if got := long.wait(n+1, 0); got < time.Hour || got > 24*time.Hour {
			t.Errorf("a long delay overflows after %d failures: %v", n+1, got)
		}
	}
	a := attempts{failures: 5, last: now}
	a.fail(now.Add(forgetAfter+time.Second), nil)
	if a.failures != 1 {
		t.Errorf("%d failures a day later", a.failures)
	}
}

// Wrong passwords, codes and secrets count alike, at whatever door; a success
// forgets them.
func TestOneCounterForAllDoors(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts = 100; c.LockoutAfter = 100 })
	ctx := context.Background()
	secret := h.enrol("ann")
	h.activate("ann", secret)
	wrong := []byte("wrong")
	doors := []struct {
		name string
		try  func() error
	}{
		{"bind", func() error { _, err := h.bind(person("ann"), "wrong"); return err }},
		{"bind with a wrong code", func() error { _, err := h.bind(person("ann"), secretWord+"000000"); return err }},
		{"bind without a code", func() error { _, err := h.bind(person("ann"), secretWord); return err }},
		{"PLAIN", func() error {
			_, err := h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{"PLAIN", []byte("\x00ann\x00wrong")}})
			return err
		}},
		{"generate", func() error { _, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("u:ann"), wrong); return err }},
		{"revoke by password", func() error { return h.RevokeTOTPSharedSecret(ctx, Requester{}, id("u:ann"), wrong, nil) }},
		{"revoke by secret", func() error { return h.RevokeTOTPSharedSecret(ctx, Requester{}, id("u:ann"), nil, id("MFRGGZDF")) }},
		{"validate", func() error { return h.ValidateTOTPPassword(ctx, root, person("ann"), "000000") }},
		{"change password", func() error {
			_, err := h.ChangePassword(ctx, Requester{}, id("u:ann"), wrong, []byte("new"))
			return err
		}},
	}
	for i, door := range doors {
		h.want(door.name, door.try(), InvalidCredentials)
		if n := h.failures("ann"); n != i+1 {
			t.Errorf("%s: %d failures; want %d", door.name, n, i+1)
		}
	}
	h.restart()
	if n := h.failures("ann"); n != len(doors) {
		t.Errorf("%d failures after a restart", n)
	}
	if n := h.failures("bob"); n != 0 {
		t.Errorf("bob has %d failures", n)
	}
	_, err := h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("bind", err, Success)
	if n := h.failures("ann"); n != 0 {
		t.Errorf("%d failures after a success", n)
	}
}

func TestDelayAndLockout(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) {
		c.FreeAttempts = 2
		c.LockoutAfter = 4
		c.Delay = time.Second
		c.Lockout = time.Minute
	})
	try := func(what, password string, want ResultCode, failures int) {
		t.Helper()
		_, err := h.bind(person("ann"), password)
		h.want(what, err, want)
		if n := h.failures("ann"); n != failures {
			t.Errorf("%s: %d failures; want %d", what, n, failures)
		}
	}
	try("first", "wrong", InvalidCredentials, 1)
	try("second", "wrong", InvalidCredentials, 2)
	try("right, but too early", secretWord, InvalidCredentials, 2)
	h.restart()
	try("right, but too early after a restart", secretWord, InvalidCredentials, 2)
	h.advance(time.Second)
	try("third, in time", "wrong", InvalidCredentials, 3)
	h.advance(time.Second)
	try("too early: the delay has doubled", secretWord, InvalidCredentials, 3)
	h.advance(time.Second)
	try("fourth, in time: locked", "wrong", InvalidCredentials, 4)
	h.advance(59 * time.Second)
	try("locked", secretWord, InvalidCredentials, 4)
	h.advance(time.Second)
	try("no more", secretWord, Success, 0)
	try("begins anew", "wrong", InvalidCredentials, 1)

	for range 10 {
		_, _ = h.bind(person("bob"), "wrong")
		h.advance(time.Hour)
	}
	_, _ = h.bind(person("bob"), "wrong")
	_, err := h.bind(person("bob"), secretWord)
	h.want("bob is locked", err, InvalidCredentials)
	if _, err := h.ChangePassword(context.Background(), helpAsks, id("u:bob"), nil, []byte("fresh")); err != nil {
		t.Fatal(err)
	}
	_, err = h.bind(person("bob"), "fresh")
	h.want("an administrator's new password", err, Success)
}

// A code is not spent, nor a guess answered, while the user is locked.
func TestNothingIsJudgedWhileLocked(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts = 1; c.LockoutAfter = 1; c.Lockout = 10 * time.Second })
	secret := h.enrol("ann")
	h.activate("ann", secret)
	_, err := h.bind(person("ann"), "wrong")
	h.want("wrong", err, InvalidCredentials)
	h.advance(60 * time.Second)
	code := h.code(secret, 1)
	_, err = h.bind(person("ann"), secretWord+code)
	h.want("locked for as long as a code lives, though 10 s would do", err, InvalidCredentials)
	h.advance(30 * time.Second)
	_, err = h.bind(person("ann"), secretWord+code)
	h.want("the same code when no longer locked", err, Success)
}

// However many guess at one time, no more guesses are judged than the budget
// allows.
func TestParallelGuessing(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts = 4; c.LockoutAfter = 4 })
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			_, err := h.bind(person("ann"), fmt.Sprint("guess", i))
			if !errors.Is(err, InvalidCredentials) {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if n := h.failures("ann"); n != 4 {
		t.Errorf("%d guesses were judged; the budget is 4", n)
	}
	var refused uint64
	if err := h.view("ann", func(u *user) { refused = u.attempts.refused }); err != nil || refused != 196 {
		t.Errorf("%d attempts were refused, %v", refused, err)
	}
}

// One code, a thousand times at one time, at all doors, and across a restart:
// it is accepted once.
func TestReplayAcrossDoors(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts = 1 << 19; c.LockoutAfter = 1 << 19 })
	ctx := context.Background()
	secret := h.enrol("ann")
	h.activate("ann", secret)
	code := h.code(secret, 0)
	both := []byte(secretWord + code)
	doors := []func() error{
		func() error { _, err := h.bind(person("ann"), string(both)); return err },
		func() error {
			_, err := h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{"PLAIN", []byte("\x00ann\x00" + string(both))}})
			return err
		},
		func() error { return h.ValidateTOTPPassword(ctx, root, person("ann"), code) },
		func() error { return h.ValidateTOTPPassword(ctx, annAsks, person("ann"), code) },
		func() error { _, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("u:ann"), both); return err },
		func() error {
			_, err := h.ChangePassword(ctx, Requester{}, id("u:ann"), both, []byte(secretWord))
			return err
		},
	}
	var accepted atomic.Int32
	storm := func() {
		var wg sync.WaitGroup
		for i := range 500 {
			wg.Go(func() {
				switch err := doors[i%len(doors)](); {
				case err == nil:
					accepted.Add(1)
				case !errors.Is(err, InvalidCredentials):
					t.Errorf("door %d: %v", i%len(doors), err)
				}
			})
		}
		wg.Wait()
	}
	storm()
	h.restart()
	storm()
	if n := accepted.Load(); n != 1 {
		t.Errorf("accepted %d times", n)
	}
	h.advance(-totp.DefaultPeriod)
	_, err := h.bind(person("ann"), string(both))
	h.want("after the clock was set back", err, InvalidCredentials)
}

// A user who does not exist costs the same writes, and leaves nothing that
// grows.
func TestUnknownUsersAreCounted(t *testing.T) {
	h := newHouse(t)
	for i := range 50 {
		_, err := h.bind(person(fmt.Sprint("nobody", i%3)), "wrong")
		h.want("nobody", err, InvalidCredentials)
	}
	counters, total := 0, 0
	err := h.store.View(context.Background(), func(r store.Reader) error {
		return scanAll(context.Background(), r, attemptSpace, func(key, value []byte) error {
			var a attempts
			counters++
			err := a.decode(value)
			total += a.failures + int(a.refused)
			return err
		})
	})
	if err != nil || counters > 3 || total != 50 {
		t.Errorf("%d attempts in %d counters, %v; want 50 in 3", total, counters, err)
	}
}

// refusing is a store that takes no updates for a while.
type refusing struct {
	store.Store
	refuse atomic.Bool
}

func (s *refusing) Update(ctx context.Context, fn func(store.Writer) error) error {
	if s.refuse.Load() {
		return store.ErrReadOnly
	}
	return s.Store.Update(ctx, fn)
}

// A store that takes no writes does not make guessing free, and a code that
// cannot be spent is not accepted.
func TestReadOnlyStore(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts = 2; c.LockoutAfter = 2 })
	s := &refusing{Store: h.store}
	h.store = s
	secret := h.enrol("ann")
	h.activate("ann", secret)
	s.refuse.Store(true)
	_, err := h.bind(person("bob"), secretWord)
	h.want("a right password needs no write", err, Success)
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("a code that cannot be spent", err, UnwillingToPerform)
	for _, code := range []string{h.code(secret, 0), h.code(secret, 900)} { // whether it is right is not told
		err = h.ValidateTOTPPassword(t.Context(), adminAsks, person("ann"), code)
		h.want("a code alone", err, UnwillingToPerform)
	}
	for _, c := range []struct {
		name  string
		who   Requester
		claim Claim
		want  int // credentials
	}{
		{"by an administrator", adminAsks, Claim{AuthenticationID: id("dn:" + person("ann"))}, 1},
		{"by herself", annAsks, Claim{}, 1},
		{"by password", nobodyAsks, Claim{AuthenticationID: id("dn:" + person("bob")), StaticPassword: []byte(secretWord)}, 0},
	} {
		list, err := h.ListTOTP(t.Context(), c.who, c.claim)
		if err != nil || len(list.Credentials) != c.want {
			t.Errorf("a list %s: %v, %v", c.name, list, err)
		}
	}
	for range 2 {
		_, err = h.bind(person("bob"), "wrong")
		h.want("wrong", err, InvalidCredentials)
	}
	_, err = h.bind(person("bob"), secretWord)
	h.want("locked", err, InvalidCredentials)
	for range 2 {
		_, err = h.bind(person("help"), "wrong")
		h.want("wrong", err, InvalidCredentials)
	}
	s.refuse.Store(false)
	err = h.Modify(context.Background(), root, &ModifyRequest{Object: person("help"), Changes: []Change{{ReplaceValues, Attribute{"userPassword", [][]byte{[]byte(secretWord)}}}}})
	h.want("and for help, by modify", err, Success)
	_, err = h.bind(person("help"), secretWord)
	h.want("help, vouched for", err, Success)
	_, err = h.ChangePassword(context.Background(), root, id("u:bob"), nil, []byte(secretWord))
	h.want("an administrator vouches for bob", err, Success)
	_, err = h.bind(person("bob"), secretWord)
	h.want("not locked any more", err, Success)
	h.advance(time.Hour)
	_, err = h.bind(person("bob"), secretWord)
	h.want("writable again", err, Success)
	h.store = s.Store
}

func TestTurnstile(t *testing.T) {
	var turns turnstile
	leave, err := turns.enter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := turns.enter(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	other()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.enter(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	turns.turns[1].users = maxWaiting + 1
	if _, err := turns.enter(t.Context(), 1); !errors.Is(err, Busy) {
		t.Errorf("%v", err)
	}
	turns.turns[1].users = 1
	leave()
	if len(turns.turns) != 0 {
		t.Errorf("%d turns are kept", len(turns.turns))
	}
}

// The front is told of what takes long, and of nothing else.
func TestSlow(t *testing.T) {
	for _, row := range []struct {
		rule     string
		scheme   password.Scheme
		password string
		want     bool
	}{
		{"a quick scheme", password.SSHA, secretWord, false},
		{"a failure is written down", password.SSHA, "wrong", true},
		{"a slow scheme", password.Argon2id, secretWord, true},
	} {
		h := newHouse(t)
		h.credentials.cfg.Scheme = row.scheme
		slow := false
		ctx := WithSlow(context.Background(), func() { slow = true })
		_, _ = h.Bind(ctx, Requester{}, &BindRequest{Version: 3, Name: person("ann"), Password: []byte(row.password)})
		if slow != row.want {
			t.Errorf("%s: slow %v", row.rule, slow)
		}
	}
}

// Whoever has the password and not the second factor learns nothing more and
// gets no further guesses.
func TestPasswordAloneGivesNoMoreGuesses(t *testing.T) {
	const other = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	ctx := context.Background()
	for _, row := range []struct {
		rule string
		try  func(h *house, planted string) error
		want ResultCode
	}{
		{"revoke a secret the user does not have", func(h *house, planted string) error {
			return h.RevokeTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(secretWord), id(other))
		}, InvalidCredentials},
		{"revoke all", func(h *house, planted string) error {
			return h.RevokeTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(secretWord), nil)
		}, InvalidCredentials},
		{"generate", func(h *house, planted string) error {
			_, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(secretWord))
			return err
		}, InvalidCredentials},
		{"revoke a planted secret", func(h *house, planted string) error {
			return h.RevokeTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(secretWord), id(planted))
		}, Success},
		{"change the password", func(h *house, planted string) error {
			_, err := h.ChangePassword(ctx, Requester{}, id("u:ann"), []byte(secretWord), []byte("fresh"))
			return err
		}, InvalidCredentials},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			planted, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(secretWord))
			h.want("planted", err, Success)
			h.activate("ann", h.enrol("ann"))
			_, err = h.bind(person("ann"), secretWord+"000000")
			h.want("a guess", err, InvalidCredentials)
			before := h.failures("ann")
			h.want(row.rule, row.try(h, planted), row.want)
			if got := h.failures("ann"); got < before {
				t.Errorf("%d failures are left of %d", got, before)
			}
		})
	}
}
