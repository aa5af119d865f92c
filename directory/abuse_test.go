package directory

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tallystick/directory/sasl"
	"tallystick/directory/totp"
)

// door is a way to show a user's static password and a code.
type door struct {
	name string
	show func(password, code string) error
}

// lostSecret is one that nobody has.
const lostSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// doors are all the ways, to be one user. None changes anything but that
// generate adds a pending secret.
func (h *house) doors(uid string) []door {
	ctx := context.Background()
	dn, name := person(uid), id("u:"+uid)
	return []door{
		{"simple bind", func(p, c string) error { _, err := h.bind(dn, p+c); return err }},
		{"PLAIN", func(p, c string) error {
			m := sasl.PlainMessage{AuthenticationID: uid, Password: []byte(p + c)}
			_, err := h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.Plain, m.Encode()}})
			return err
		}},
		{"UNBOUNDID-TOTP", func(p, c string) error { _, err := h.bindTOTP(*name, "-", c, p); return err }},
		{"validate", func(_, c string) error { return h.ValidateTOTPPassword(ctx, root, dn, c) }},
		{"validate by the user", func(_, c string) error { return h.ValidateTOTPPassword(ctx, as(uid), dn, c) }},
		{"generate", func(p, c string) error {
			_, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, name, []byte(p+c))
			return err
		}},
		{"revoke", func(p, c string) error {
			err := h.RevokeTOTPSharedSecret(ctx, Requester{}, name, []byte(p+c), id(lostSecret))
			if errors.Is(err, NoSuchAttribute) { // believed, but there is nothing to revoke
				err = nil
			}
			return err
		}},
		{"change password", func(p, c string) error {
			_, err := h.ChangePassword(ctx, Requester{}, name, []byte(p+c), []byte(p))
			return err
		}},
	}
}

// unlimited lets a test fail as often as it likes.
func unlimited(c *CredentialsConfig) {
	c.FreeAttempts, c.LockoutAfter, c.MaxCredentials = 1<<19, 1<<19, 1000
}

// inMemory puts the folders of a test that writes very much, and asks what is
// decided rather than what a disk does, into memory if the system offers that,
// and enough: a store that finds it full ends the process.
func inMemory(t *testing.T) {
	const folder = "/dev/shm"
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err == nil && int64(st.Bavail)*int64(st.Bsize) >= 1<<30 {
		t.Setenv("TMPDIR", folder)
	}
}

// A code that all doors are shown at the same time opens one of them, whatever
// it is.
func TestOneCodeAtAllDoorsAtOnce(t *testing.T) {
	h := newHouse(t, unlimited)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	for range 20 {
		code := h.code(secret, 0)
		var wg sync.WaitGroup
		var opened atomic.Int64
		for _, d := range h.doors("ann") {
			for range 3 {
				wg.Go(func() {
					err := d.show(secretWord, code)
					if err == nil {
						opened.Add(1)
					} else if Result(err).ResultCode != InvalidCredentials {
						t.Errorf("%s: %v", d.name, err)
					}
				})
			}
		}
		wg.Wait()
		if n := opened.Load(); n != 1 {
			t.Errorf("one code opened %d doors", n)
		}
		h.advance(30 * time.Second)
	}
}

// Of 100,000 times that one code is shown, at all doors and with a restart in
// between, it is accepted once.
func TestReplays(t *testing.T) {
	total := 100_000
	if testing.Short() || raceDetector {
		total = 10_000
	}
	inMemory(t)
	h := newHouse(t, unlimited)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	code := h.code(secret, 0)
	doors := h.doors("ann")
	var opened, next atomic.Int64
	replay := func(until int) {
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for i := int(next.Add(1)); i <= until; i = int(next.Add(1)) {
					d := doors[i%len(doors)]
					err := d.show(secretWord, code)
					if err == nil {
						opened.Add(1)
					} else if Result(err).ResultCode != InvalidCredentials {
						t.Errorf("%s: %v", d.name, err)
					}
				}
			})
		}
		wg.Wait()
		next.Store(int64(until))
	}
	replay(total / 2)
	h.restart()
	replay(total)
	if n := opened.Load(); n != 1 {
		t.Errorf("accepted %d times", n)
	}
}

// However an attacker who knows the password spreads his guesses over the
// doors, and whatever he does in between to have his failures forgotten, in
// the time in which one code is accepted no more than five are judged.
func TestGuesses(t *testing.T) {
	inMemory(t)
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	ctx := context.Background()
	doors := h.doors("ann")
	doors = append(doors, door{"a wrong secret beside the right password", func(p, _ string) error {
		err := h.RevokeTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(p), id(lostSecret))
		if errors.Is(err, NoSuchAttribute) {
			err = Errorf(InvalidCredentials, "")
		}
		return err
	}}, door{"a wrong secret", func(_, _ string) error {
		return h.RevokeTOTPSharedSecret(ctx, Requester{}, id("u:ann"), nil, id(lostSecret))
	}})
	const step = 5 * time.Second
	const window = 90 * time.Second // three time steps: one code's life
	var judged []time.Time
	for range int(time.Hour / step) {
		for _, d := range doors {
			before := h.failures("ann")
			h.want(d.name, d.show(secretWord, h.code(secret, 100)), InvalidCredentials)
			switch after := h.failures("ann"); {
			case after > before:
				judged = append(judged, h.Directory.now())
			case after < before:
				t.Errorf("%s: %d failures are forgotten", d.name, before-after)
			}
		}
		h.advance(step)
	}
	for i := 5; i < len(judged); i++ {
		if since := judged[i].Sub(judged[i-5]); since < window {
			t.Errorf("six guesses were judged in %v", since)
		}
	}
	t.Logf("%d guesses were judged in an hour", len(judged))
	if len(judged) < 6 {
		t.Error("too few to show anything")
	}
	h.advance(time.Hour)
	_, err := h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("the owner, later", err, Success)
}

// That holds however long a code lives, and however often the user, who is
// somewhere else, logs in meanwhile.
func TestGuessesOfAnyCode(t *testing.T) {
	for _, tt := range []struct {
		name       string
		parameters totp.Parameters
		window     int
		life       time.Duration
	}{
		{"as usual", totp.Parameters{}, 1, 90 * time.Second},
		{"a wide window", totp.Parameters{}, 3, 210 * time.Second},
		{"a long period", totp.Parameters{Period: 5 * time.Minute}, 1, 15 * time.Minute},
		{"a short one", totp.Parameters{Period: 15 * time.Second}, 1, 45 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inMemory(t)
			h := newHouse(t, func(c *CredentialsConfig) { c.Window, c.SourceFree = tt.window, -1 })
			made, err := h.EnrolTOTP(t.Context(), root, Claim{AuthenticationID: id("u:ann")}, EnrolRequest{Parameters: tt.parameters})
			h.want("enrol", err, Success)
			h.setState("ann", active)
			key, err := totp.DecodeSecret(made.Secret)
			h.want("secret", err, Success)
			parameters := tt.parameters.WithDefaults()
			steps := int(tt.life/parameters.Period) * 20
			var judged []time.Time
			logIns := 0
			for n := range steps {
				now := h.Directory.now()
				code, err := parameters.Code(key, parameters.Step(now))
				h.want("code", err, Success)
				guesses := 0
				if n%(4*steps/20) < 2 { // then he pauses, for the user to be let in again
					guesses = 3
				}
				for range guesses {
					before := h.failures("ann")
					_, err := h.bind(person("ann"), secretWord+"000000")
					h.want("a guess", err, InvalidCredentials)
					if h.failures("ann") > before {
						judged = append(judged, now)
					}
				}
				if _, err := h.bind(person("ann"), secretWord+code); err == nil {
					logIns++
				}
				h.advance(parameters.Period)
			}
			for i := 5; i < len(judged); i++ {
				if since := judged[i].Sub(judged[i-5]); since < tt.life {
					t.Fatalf("six guesses were judged in %v", since)
				}
			}
			t.Logf("%d guesses were judged and %d log-ins let in, in %d steps", len(judged), logIns, steps)
			if len(judged) < 20 || logIns < 5 {
				t.Error("too few to show anything")
			}
		})
	}
}
