package directory

import (
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
