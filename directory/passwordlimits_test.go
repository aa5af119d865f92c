package directory

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A server that writes nothing down cannot count what is let go by grace, so it
// lets nothing go.
func TestGraceIsCountedOrRefused(t *testing.T) {
	ctx := context.Background()
	server := Requester{How: ByServer}
	h := policed(t, "pwdMaxAge: 1000", "pwdGraceAuthNLimit: 1")
	h.want("no writes", h.SetWritability(ctx, server, WritesDisabled), Success)
	_, err := h.bind(person("ann"), secretWord)
	h.want("before it expires", err, Success)
	h.advance(1001 * time.Second)
	_, err = h.bind(person("ann"), secretWord)
	h.want("expired, with grace", err, UnwillingToPerform)
	h.want("writes", h.SetWritability(ctx, server, WritesEnabled), Success)
	_, err = h.bind(person("ann"), secretWord)
	h.want("counted", err, Success)
	_, err = h.bind(person("ann"), secretWord)
	h.want("and used up", err, InvalidCredentials)
}

// Who deletes a password he must change has not changed it.
func TestDeletingIsNoChange(t *testing.T) {
	h := policed(t, "pwdMustChange: TRUE")
	_, err := h.ChangePassword(context.Background(), as("help"), id("dn:"+person("ann")), nil, []byte("given"))
	h.want("reset", err, Success)
	ann, err := h.bind(person("ann"), "given")
	h.want("bind", err, Success)
	for _, c := range []Change{set("userPassword"), changing(DeleteValues, "userPassword")} {
		_ = h.modify(ann, "ann", c)
		if ann, err = h.Refresh(context.Background(), ann); err != nil || !ann.Password.MustChange {
			t.Fatalf("after %v: the session may do everything, %v", c.Operation, err)
		}
	}
	h.want("a new one", h.modify(ann, "ann", set("userPassword", "mine")), Success)
	if ann, err = h.Refresh(context.Background(), ann); err != nil || ann.Password.MustChange {
		t.Errorf("then: %+v, %v", ann.Password, err)
	}
}

// A session that may only change the password stays one when its user is renamed
// or deleted.
func TestMustChangeOutlivesTheName(t *testing.T) {
	ctx := context.Background()
	h := policed(t, "pwdMustChange: TRUE")
	_, err := h.ChangePassword(ctx, as("help"), id("dn:"+person("ann")), nil, []byte("given"))
	h.want("reset", err, Success)
	ann, err := h.bind(person("ann"), "given")
	h.want("bind", err, Success)
	h.want("rename", h.ModifyDN(ctx, root, &ModifyDNRequest{Entry: person("ann"), NewRDN: "uid=anna"}), Success)
	if ann, err = h.Refresh(ctx, ann); err != nil || !ann.Password.MustChange {
		t.Errorf("renamed: %+v, %v", ann.Password, err)
	}
	h.want("delete", h.Delete(ctx, root, &DeleteRequest{Entry: person("anna")}), Success)
	if ann, err = h.Refresh(ctx, ann); !errors.Is(err, ErrUserGone) {
		t.Errorf("deleted: %+v, %v", ann.Password, err)
	}
}

// A request with more passwords than a policy takes is refused before any of them
// is looked at: each would cost as many hashes as the history is long.
func TestManyPasswordsCostNothing(t *testing.T) {
	h := policed(t, "pwdInHistory: 24", "pwdCheckQuality: 2", "pwdMinLength: 8")
	for what, changes := range map[string][]Change{
		"values":  {set("userPassword", "a", "b")},
		"changes": {set("userPassword", "a"), changing(AddValues, "userPassword", "b")},
		"again":   {set("userPassword", "a"), set("userPassword", "b")},
	} {
		h.wantPolicy(what, h.modify(as("ann"), "ann", changes...), ConstraintViolation, 0)
	}
}

// Who may not set a password does not find out by the history what it is: each try
// would be a guess that nobody counts.
func TestHistoryTellsNobodyElse(t *testing.T) {
	h := policed(t, "pwdInHistory: 3")
	h.activate("ann", h.enrol("ann"))
	for _, how := range []Authentication{ByPassword, ByCode} {
		who := as("ann")
		who.How = how
		for _, guess := range []string{secretWord, "another"} {
			_, err := h.ChangePassword(context.Background(), who, nil, nil, []byte(guess))
			h.wantPolicy(guess, err, UnwillingToPerform, 0)
			h.wantPolicy(guess+" by modify", h.modify(who, "ann", set("userPassword", guess)), UnwillingToPerform, 0)
		}
	}
}

// Nobody acts for a user whom an administrator has locked out, or who is not to
// be one yet, or any more.
func TestNobodyActsForTheLocked(t *testing.T) {
	ctx := context.Background()
	h := policed(t, "pwdMaxIdle: 1000")
	acts := func(want ResultCode) {
		t.Helper()
		_, err := h.ProxiedAs(ctx, as("proxy"), "dn:"+person("ann"))
		h.want("proxied", err, want)
		_, err = h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{Mechanism: "PLAIN",
			Credentials: []byte("dn:" + person("ann") + "\x00dn:" + person("proxy") + "\x00" + secretWord)}})
		if want == AuthorizationDenied {
			want = InsufficientAccessRights
		}
		h.want("PLAIN", err, want)
	}
	acts(Success)
	h.want("lock", h.modify(as("help"), "ann", set(pwdAccountLockedTime, "000001010000Z")), Success)
	acts(AuthorizationDenied)
	h.want("unlock", h.Unlock(ctx, as("help"), id("dn:"+person("ann"))), Success)
	acts(Success)
	h.want("ends", h.modify(root, "ann", set(pwdEndTime, string(generalizedTime(h.now)))), Success)
	acts(AuthorizationDenied)
	h.want("goes on", h.modify(root, "ann", set(pwdEndTime)), Success)
	acts(Success)
	for range 3 {
		_, err := h.bind(person("ann"), "wrong")
		h.want("what anybody may do", err, InvalidCredentials)
	}
	acts(Success)
}
