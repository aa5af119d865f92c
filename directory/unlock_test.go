package directory

import (
	"context"
	"testing"
	"time"
)

// An administrator ends a lockout, also of the address that brought it about,
// and of no other user's.
func TestUnlock(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	secret := h.enrol("ann")
	h.activate("ann", secret)
	for range 4 {
		_, err := h.bindFrom(here, "bob", "wrong")
		h.want("a guess at another", err, InvalidCredentials)
	}
	for h.failures("ann") < 10 {
		_, err := h.bindFrom(here, "ann", "wrong")
		h.want("a guess", err, InvalidCredentials)
		h.advance(time.Minute)
	}
	list, err := h.ListTOTP(ctx, adminAsks, Claim{AuthenticationID: id("u:ann")})
	h.want("list", err, Success)
	if at := h.Directory.now().Add(14 * time.Minute); list.Failures != 10 || !list.WaitUntil.Equal(at) {
		t.Errorf("%d failures, locked until %v; want 10, %v", list.Failures, list.WaitUntil, at)
	}
	_, err = h.bindFrom(there, "ann", secretWord+h.code(secret, 0))
	h.want("locked", err, InvalidCredentials)

	h.want("by a user", h.Unlock(ctx, as("bob"), id("u:ann")), InsufficientAccessRights)
	h.want("by nobody", h.Unlock(ctx, nobodyAsks, id("u:ann")), InsufficientAccessRights)
	h.want("of himself", h.Unlock(ctx, adminAsks, id("u:admin")), UnwillingToPerform)
	h.want("without a user", h.Unlock(ctx, adminAsks, nil), UnwillingToPerform)
	h.want("of somebody with privileges, without bypass-acl", h.Unlock(ctx, as("help"), id("u:admin")), InsufficientAccessRights)
	h.want("of nobody", h.Unlock(ctx, adminAsks, id("u:nobody")), NoSuchObject)
	_, err = h.bindFrom(there, "ann", secretWord+h.code(secret, 0))
	h.want("still locked", err, InvalidCredentials)

	h.want("unlock", h.Unlock(ctx, as("help"), id("u:ann")), Success)
	_, err = h.bindFrom(here, "ann", secretWord+h.code(secret, 0))
	h.want("where the guesses came from", err, Success)
	list, err = h.ListTOTP(ctx, adminAsks, Claim{AuthenticationID: id("u:ann")})
	h.want("list", err, Success)
	if list.Failures != 0 || !list.WaitUntil.IsZero() {
		t.Errorf("%d failures, locked until %v", list.Failures, list.WaitUntil)
	}
	h.want("unlock who is not locked", h.Unlock(ctx, adminAsks, id("u:ann")), Success)
}

// What an address has failed at a user is forgotten when an administrator
// vouches for him, and by no other change of his state.
func TestPardon(t *testing.T) {
	ctx := context.Background()
	yes, no, now := true, false, time.Unix(1_700_000_000, 0)
	state := func(c PasswordStateChange) func(h *house) error {
		return func(h *house) error {
			_, err := h.PasswordState(ctx, adminAsks, person("ann"), []PasswordStateChange{c})
			return err
		}
	}
	modify := func(changes ...Change) func(h *house) error {
		return func(h *house) error { return h.modify(as("help"), "ann", changes...) }
	}
	for what, row := range map[string]struct {
		change  func(h *house) error
		pardons bool
	}{
		"set the password": {modify(set("userPassword", "another secret")), true},
		"password modify": {func(h *house) error {
			_, err := h.ChangePassword(ctx, as("help"), id("u:ann"), nil, []byte("another secret"))
			return err
		}, true},
		"unlock":                     {func(h *house) error { return h.Unlock(ctx, as("help"), id("u:ann")) }, true},
		"take pwdAccountLockedTime":  {modify(set(pwdAccountLockedTime)), true},
		"clear the failures":         {state(PasswordStateChange{ForgetFailures: true}), true},
		"give pwdAccountLockedTime":  {modify(set(pwdAccountLockedTime, "000001010000Z")), false},
		"another attribute":          {func(h *house) error { return h.modify(root, "ann", set("mail", "ann@example.com")) }, false},
		"state: disable":             {state(PasswordStateChange{Disabled: &yes}), false},
		"state: enable":              {state(PasswordStateChange{Disabled: &no}), false},
		"state: when it was changed": {state(PasswordStateChange{Changed: &now}), false},
		"state: reset":               {state(PasswordStateChange{Reset: &yes}), false},
		"state: clear the history":   {state(PasswordStateChange{ForgetHistory: true}), false},
	} {
		h := newHouse(t)
		for range 3 {
			_, err := h.bindFrom(here, "ann", "wrong")
			h.want(what+": a guess", err, InvalidCredentials)
		}
		h.want(what, row.change(h), Success)
		var guess guess
		h.want(what, h.view("ann", func(u *user) { guess, _ = h.guess(ctx, u.account, proof{who: here}) }), Success)
		if pardoned := !guess.delayed(); pardoned != row.pardons {
			t.Errorf("%s: the address is pardoned: %v", what, pardoned)
		}
	}
}

// Section 8.2.7 of draft-behera-ldap-password-policy-11: with a new password of
// the user's own the failures are forgotten. Where codes count he has shown one.
func TestOwnPasswordForgives(t *testing.T) {
	ctx := context.Background()
	for what, change := range map[string]func(h *house, who Requester) error{
		"modify": func(h *house, who Requester) error {
			return h.modify(who, "ann", set("userPassword", "another secret"))
		},
		"password modify": func(h *house, who Requester) error {
			_, err := h.ChangePassword(ctx, who, nil, nil, []byte("another secret"))
			return err
		},
	} {
		for _, coded := range []bool{false, true} {
			h := policed(t, "pwdLockout: TRUE", "pwdMaxFailure: 3")
			password := secretWord
			if coded {
				secret := h.enrol("ann")
				h.activate("ann", secret)
				h.advance(time.Minute)
				password += h.code(secret, 0)
			}
			who, err := h.bind(person("ann"), password)
			h.want(what+": bind", err, Success)
			for range 3 {
				_, err := h.bind(person("ann"), "wrong")
				h.want(what+": a guess", err, InvalidCredentials)
				h.advance(time.Minute)
			}
			if n := h.failures("ann"); n != 3 {
				t.Errorf("%s: %d failures", what, n)
			}
			h.want(what, change(h, who), Success)
			if got := h.attribute(root, "ann", pwdFailureTime); got != nil || h.failures("ann") != 0 {
				t.Errorf("%s, with a code %v: still %v", what, coded, got)
			}
		}
		// Whoever may begin to guess codes anew must not do so by a password that
		// takes none.
		h := newHouse(t)
		secret := h.enrol("ann")
		h.activate("ann", secret)
		h.setState("ann", disabled)
		h.enrol("ann") // pending
		who, err := h.bind(person("ann"), secretWord)
		h.want(what+": bind", err, Success)
		h.want(what+": a guess", h.ValidateTOTPPassword(ctx, who, person("ann"), "000000"), InvalidCredentials)
		h.advance(time.Minute)
		h.want(what, change(h, who), Success)
		if n := h.failures("ann"); n != 1 {
			t.Errorf("%s by the password alone: %d failures", what, n)
		}
	}
}
