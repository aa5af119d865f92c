package directory

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tallystick/directory/sasl"
)

// withWindow is a house with a re-bind window of five minutes for ann, who has
// bound from here with what is returned.
func withWindow(t *testing.T, change ...func(*CredentialsConfig)) (h *house, secret, typed string) {
	t.Helper()
	h = newHouse(t, change...)
	h.policy("mail", 1, "optional", "tallystickRebindFor: 300", "tallystickPolicyBindDN: "+person("ann"))
	secret = h.enrol("ann")
	h.activate("ann", secret)
	typed = secretWord + h.code(secret, 0)
	_, err := h.bindFrom(here, "ann", typed)
	h.want("the first bind", err, Success)
	return h, secret, typed
}

// What was accepted binds again for as long as the policy says, as what it was,
// and the audit log tells the one from the other.
func TestRebind(t *testing.T) {
	h, secret, typed := withWindow(t)
	if h.audited(AuditAccepted, "again") {
		t.Error("the first bind is one again")
	}
	for range 10 {
		who, err := h.bindFrom(here, "ann", typed)
		h.want("again", err, Success)
		if who.How != ByPasswordAndCode || who.Factor != h.credentialsOf("ann")[0].id {
			t.Errorf("is %+v", who)
		}
		_, err = h.AccessToken(t.Context(), who)
		h.want("a token, which would outlive the window", err, UnwillingToPerform)
		h.advance(29 * time.Second)
	}
	if !h.audited(AuditAccepted, "again") {
		t.Error("it is not in the audit log")
	}
	m := sasl.PlainMessage{AuthenticationID: "ann", Password: []byte(typed)}
	_, err := h.Bind(t.Context(), here, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.Plain, m.Encode()}})
	h.want("by PLAIN", err, Success)

	h.advance(10*time.Second - time.Millisecond)
	_, err = h.bindFrom(here, "ann", typed)
	h.want("at the end of the window", err, Success)
	h.advance(time.Millisecond)
	_, err = h.bindFrom(here, "ann", typed)
	h.want("after it, which no use made longer", err, InvalidCredentials)

	typed = secretWord + h.code(secret, 0)
	_, err = h.bindFrom(here, "ann", typed)
	h.want("the next code", err, Success)
	_, err = h.bindFrom(here, "ann", typed)
	h.want("opens a window of its own", err, Success)
}

// The window is open for the same octets, address and user, in a bind, and
// nowhere else.
func TestRebindIsNarrow(t *testing.T) {
	for rule, again := range map[string]func(h *house, typed, code string) error{
		"another address": func(h *house, typed, _ string) error {
			_, err := h.bindFrom(there, "ann", typed)
			return err
		},
		"another address of the same network": func(h *house, typed, _ string) error {
			_, err := h.bindFrom(Requester{Peer: "192.0.2.2:1000"}, "ann", typed)
			return err
		},
		"no address": func(h *house, typed, _ string) error {
			_, err := h.bindFrom(Requester{}, "ann", typed)
			return err
		},
		"another user": func(h *house, typed, _ string) error {
			_, err := h.bindFrom(here, "bob", typed)
			return err
		},
		"the code behind another password": func(h *house, _, code string) error {
			_, err := h.bindFrom(here, "ann", "Secret"+code)
			return err
		},
		"the password alone": func(h *house, _, _ string) error {
			_, err := h.bindFrom(here, "ann", secretWord)
			return err
		},
		"validate": func(h *house, _, code string) error {
			return h.ValidateTOTPPassword(t.Context(), Requester{DN: person("ann"), How: ByPassword, Peer: here.Peer}, person("ann"), code)
		},
		"validate by an administrator": func(h *house, _, code string) error {
			return h.ValidateTOTPPassword(t.Context(), adminAsks, person("ann"), code)
		},
		"UNBOUNDID-TOTP": func(h *house, _, code string) error {
			m := sasl.UnboundIDTOTPMessage{AuthenticationID: "u:ann", TOTPPassword: []byte(code), StaticPassword: []byte(secretWord)}
			_, err := h.Bind(t.Context(), here, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.UnboundIDTOTP, m.Encode()}})
			return err
		},
		"password modify": func(h *house, typed, _ string) error {
			_, err := h.ChangePassword(t.Context(), here, id("u:ann"), []byte(typed), []byte("new"))
			return err
		},
		"generate": func(h *house, typed, _ string) error {
			_, err := h.GenerateTOTPSharedSecret(t.Context(), here, id("u:ann"), []byte(typed))
			return err
		},
		"revoke all": func(h *house, typed, _ string) error {
			return h.RevokeTOTPSharedSecret(t.Context(), here, id("u:ann"), []byte(typed), nil)
		},
	} {
		h, _, typed := withWindow(t)
		h.want(rule, again(h, typed, typed[len(secretWord):]), InvalidCredentials)
		_, err := h.bindFrom(here, "ann", typed)
		h.want("the window after: "+rule, err, Success)
	}
}

// What ends the window before its time.
func TestRebindEnds(t *testing.T) {
	ann := Claim{AuthenticationID: id("u:ann")}
	only := func(h *house) string { return h.credentialsOf("ann")[0].id }
	for end, do := range map[string]func(h *house) error{
		"revoke":  func(h *house) error { return h.RevokeTOTP(t.Context(), root, ann, only(h)) },
		"disable": func(h *house) error { return h.DisableTOTP(t.Context(), root, ann, only(h)) },
		"disable and enable": func(h *house) error {
			return errors.Join(h.DisableTOTP(t.Context(), root, ann, only(h)), h.EnableTOTP(t.Context(), root, ann, only(h)))
		},
		"a new password": func(h *house) error {
			_, err := h.ChangePassword(t.Context(), adminAsks, id("u:ann"), nil, []byte(secretWord))
			return err
		},
		"a lockout, also once it is over": func(h *house) error {
			for range 10 {
				_, err := h.bindFrom(Requester{}, "ann", "wrong")
				h.want("a guess", err, InvalidCredentials)
			}
			return h.Unlock(t.Context(), adminAsks, id("u:ann"))
		},
		"a lock, also once it is over": func(h *house) error {
			locked := "pwdAccountLockedTime"
			return errors.Join(
				h.modify(as("help"), "ann", Change{ReplaceValues, value(locked, "000001010000Z")}),
				h.modify(as("help"), "ann", Change{DeleteValues, Attribute{locked, nil}}))
		},
		"a time of validity that is over, also once it is gone": func(h *house) error {
			return errors.Join(
				h.modify(root, "ann", Change{ReplaceValues, value("pwdEndTime", "20000101000000Z")}),
				h.modify(root, "ann", Change{DeleteValues, Attribute{"pwdEndTime", nil}}))
		},
		"disabled by password state, also once it is over": func(h *house) error {
			for _, disabled := range []bool{true, false} {
				if _, err := h.PasswordState(t.Context(), adminAsks, person("ann"), []PasswordStateChange{{Disabled: &disabled}}); err != nil {
					return err
				}
			}
			return nil
		},
		"the policy has no window any more": func(h *house) error {
			return h.Modify(t.Context(), root, &ModifyRequest{Object: "cn=mail,dc=example,dc=com", Changes: []Change{{Operation: DeleteValues, Attribute: Attribute{Name: "tallystickRebindFor"}}}})
		},
		"the policy changes": func(h *house) error {
			return h.Modify(t.Context(), root, &ModifyRequest{Object: "cn=mail,dc=example,dc=com", Changes: []Change{{Operation: ReplaceValues, Attribute: Attribute{Name: "tallystickRebindFor", Values: [][]byte{[]byte("301")}}}}})
		},
		"the policy goes": func(h *house) error {
			return h.Delete(t.Context(), root, &DeleteRequest{Entry: "cn=mail,dc=example,dc=com"})
		},
		"another policy comes first": func(h *house) error {
			return h.tryPolicy("first", 0, "optional", "tallystickRebindFor: 300")
		},
		"a restart": func(h *house) error {
			h.restart()
			return nil
		},
		"delete": func(h *house) error {
			return h.Delete(t.Context(), root, &DeleteRequest{Entry: person("ann")})
		},
	} {
		t.Run(end, func(t *testing.T) {
			h, _, typed := withWindow(t, func(c *CredentialsConfig) { c.FreeAttempts = c.LockoutAfter + 10 })
			_, err := h.bindFrom(here, "ann", typed)
			h.want("before", err, Success)
			h.want(end, do(h), Success)
			_, err = h.bindFrom(here, "ann", typed)
			h.want("after", err, InvalidCredentials)
		})
	}
}

// Without a window the same code never binds twice; with one it does however
// many binds come at once, and at no other door.
func TestRebindAtOnce(t *testing.T) {
	for _, window := range []bool{false, true} {
		h := newHouse(t, unlimited, func(c *CredentialsConfig) { c.SourceFree = -1 })
		if window {
			h.policy("mail", 1, "optional", "tallystickRebindFor: 300")
		}
		secret := h.enrol("ann")
		h.activate("ann", secret)
		code := h.code(secret, 0)
		var binds, others atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := h.bindFrom(here, "ann", secretWord+code); err == nil {
					binds.Add(1)
				}
			})
			wg.Go(func() {
				if err := h.ValidateTOTPPassword(t.Context(), adminAsks, person("ann"), code); err == nil {
					others.Add(1)
				}
			})
		}
		wg.Wait()
		// Whoever came first spent the code.
		switch b, o := binds.Load(), others.Load(); {
		case o == 1 && b == 0:
		case o == 0 && b == 1 && !window:
		case o == 0 && b == 20 && window:
		default:
			t.Errorf("window %v: %d binds and %d other doors were opened", window, b, o)
		}
	}
}

// There are only so many windows; where there is no room, the code counts once
// as ever.
func TestRebindWindowsAreBounded(t *testing.T) {
	var s windows
	now := time.Unix(1_700_000_000, 0)
	p := proof{bind: true, password: []byte("p"), who: here}
	for n := range entryID(maxWindows + 10) {
		s.open(account{id: n}, p, window{user: n, until: now.Add(time.Minute)}, now)
	}
	if len(s.byKey) != maxWindows {
		t.Errorf("%d windows", len(s.byKey))
	}
	s.open(account{id: 1 << 20}, p, window{until: now.Add(time.Hour)}, now.Add(time.Minute))
	if len(s.byKey) != 1 {
		t.Errorf("%d windows when the others have ended", len(s.byKey))
	}
}
