package totp_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tallystick/directory"
)

// step is the time step of RFC 6238.
const step = 30 * time.Second

// Which codes are right, seen from the moment at which they are sent.
func TestValidate(t *testing.T) {
	for _, test := range []struct {
		rule string
		from string
		dn   string
		late time.Duration // how long ago the code was made
		want directory.ResultCode
	}{
		{"the current code", ada, ann, 0, directory.Success},
		{"the one before", ada, ann, step, directory.Success},
		{"the one after", ada, ann, -step, directory.Success},
		{"one too old", ada, ann, 2 * step, directory.InvalidCredentials},
		{"one too new", ada, ann, -2 * step, directory.InvalidCredentials},
		{"another spelling of the DN", ada, "UID=Ann,OU=People,DC=example,DC=com", 0, directory.Success},
		{"a user without a secret", ada, bob, 0, directory.InvalidCredentials},
		{"oneself", ann, ann, 0, directory.Success},
		{"another user", bob, ann, 0, directory.InsufficientAccessRights},
		{"anonymous", "", ann, 0, directory.InsufficientAccessRights},
		{"no such user", ada, "uid=none,ou=people,dc=example,dc=com", 0, directory.NoSuchObject},
		{"no such user, told to nobody else", bob, "uid=none,ou=people,dc=example,dc=com", 0, directory.InsufficientAccessRights},
		{"the prefix of another operation", ada, "dn:" + ann, 0, directory.InvalidDNSyntax},
		{"no DN", ada, "ann", 0, directory.InvalidDNSyntax},
		{"the empty DN", ada, "", 0, directory.NoSuchObject},
	} {
		t.Run(test.rule, func(t *testing.T) {
			h := newHouse(t)
			secret := h.secret(ann)
			h.now = h.now.Add(-test.late)
			code := h.code(secret)
			h.now = h.now.Add(test.late)
			if got := h.validate(test.from, test.dn, code); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// What is no code at all.
func TestValidateGarbage(t *testing.T) {
	h := newHouse(t)
	secret := h.secret(ann)
	for _, code := range []string{"", "0", "12a456", "1234567890", "\x00\x00\x00\x00\x00\x00", "١٢٣٤٥٦", h.code(secret) + " "} {
		if got := h.validate(ada, ann, code); got != directory.InvalidCredentials {
			t.Errorf("%q: %v", code, got)
		}
		h.now = h.now.Add(time.Hour) // no lockout here
	}
}

// A code is accepted once, and with it go all before it (RFC 6238, section
// 5.2).
func TestValidateOnce(t *testing.T) {
	h := newHouse(t)
	secret := h.secret(ann)
	before := h.code(secret)
	h.now = h.now.Add(step)
	current := h.code(secret)
	for _, test := range []struct {
		rule, code string
		want       directory.ResultCode
	}{
		{"the current code", current, directory.Success},
		{"again", current, directory.InvalidCredentials},
		{"the one before it", before, directory.InvalidCredentials},
	} {
		if got := h.validate(ada, ann, test.code); got != test.want {
			t.Errorf("%s: got %v, want %v", test.rule, got, test.want)
		}
	}
	h.now = h.now.Add(step)
	if got := h.validate(ada, ann, h.code(secret)); got != directory.Success {
		t.Errorf("the next code: %v", got)
	}
}

// However many send it at the same moment.
func TestValidateOnceAtOnce(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.secret(ann))
	var accepted atomic.Int32
	var running sync.WaitGroup
	for range 16 {
		running.Go(func() {
			if h.validate(ada, ann, code) == directory.Success {
				accepted.Add(1)
			}
		})
	}
	running.Wait()
	if n := accepted.Load(); n != 1 {
		t.Errorf("accepted %d times", n)
	}
}
