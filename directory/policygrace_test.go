package directory

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tallystick/directory/store"
)

// put stores an entry without looking at it.
func (h *house) put(dn DN, rec *record) {
	h.t.Helper()
	h.stamp(rec, root)
	err := h.update(context.Background(), func(w store.Writer) error {
		_, err := h.insert(w, dn, rec)
		return err
	})
	h.want("put "+dn.String(), err, Success)
}

func (h *house) decisionOf(uid string, who Requester) (found decision) {
	h.t.Helper()
	dn, err := h.parseDN(person(uid))
	h.want("name", err, Success)
	err = h.Directory.view(context.Background(), func(r store.Reader) error {
		a, err := h.accountOf(r, dn)
		if err != nil {
			return err
		}
		u, err := h.readUserFor(r, a, who)
		if err == nil {
			found = u.decision
		}
		return err
	})
	h.want("decide", err, Success)
	return found
}

// Within the grace a user may enrol, confirm and look; all else says so.
func TestGraceSession(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.policy("p", 1, "required", "tallystickGraceLogins: 1")
	grace, err := h.bind(person("ann"), secretWord)
	h.want("bind", err, Success)
	if grace.How != InGrace {
		t.Fatalf("bound as %v", grace.How)
	}
	own := Claim{StaticPassword: []byte(secretWord)}
	annsDN := person("ann")
	change := &ModifyRequest{Object: annsDN, Changes: []Change{{Operation: ReplaceValues, Attribute: Attribute{Name: "userPassword", Values: [][]byte{[]byte("new")}}}}}
	for what, do := range map[string]func() error{
		"search": func() error {
			_, err := find(t, h.Directory, grace, SearchRequest{BaseObject: annsDN}, "(objectClass=*)")
			return err
		},
		"schema": func() error {
			_, err := find(t, h.Directory, grace, SearchRequest{BaseObject: subschemaDN}, "(objectClass=*)")
			return err
		},
		"audit": func() error {
			_, err := find(t, h.Directory, grace, SearchRequest{BaseObject: auditDN}, "(objectClass=*)")
			return err
		},
		"compare": func() error {
			_, err := h.Compare(ctx, grace, &CompareRequest{Entry: annsDN, Attribute: "cn", Value: []byte("ann")})
			return err
		},
		"add": func() error {
			return h.Add(ctx, grace, &AddRequest{Entry: "cn=x," + annsDN, Attributes: attributes("objectClass: device")})
		},
		"delete":   func() error { return h.Delete(ctx, grace, &DeleteRequest{Entry: annsDN}) },
		"modifyDN": func() error { return h.ModifyDN(ctx, grace, &ModifyDNRequest{Entry: annsDN, NewRDN: "uid=x"}) },
		"modify":   func() error { return h.Modify(ctx, grace, change) },
		"password": func() error {
			_, err := h.ChangePassword(ctx, grace, nil, []byte(secretWord), []byte("new"))
			return err
		},
		"validate": func() error { return h.ValidateTOTPPassword(ctx, grace, annsDN, "123456") },
		"revoke":   func() error { return h.RevokeTOTPSharedSecret(ctx, grace, nil, own.StaticPassword, nil) },
		"rename":   func() error { return h.RenameTOTP(ctx, grace, own, "x", "y") },
		"disable":  func() error { return h.DisableTOTP(ctx, grace, own, "x") },
		"enable":   func() error { return h.EnableTOTP(ctx, grace, own, "x") },
		"resync":   func() error { return h.ResyncTOTP(ctx, grace, own, "x", "1", "2") },
		"one":      func() error { return h.RevokeTOTP(ctx, grace, own, "x") },
		"recovery": func() error { _, err := h.NewRecoveryCodes(ctx, grace, own); return err },
	} {
		err := do()
		if Result(err).ResultCode != UnwillingToPerform || Result(err).DiagnosticMessage != errEnrolFirst.DiagnosticMessage {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = h.ChangePassword(ctx, nobodyAsks, id("u:ann"), []byte(secretWord), []byte("new"))
	h.want("password modify with the old one, after the grace", err, InvalidCredentials)
	if _, err := find(t, h.Directory, grace, SearchRequest{}, "(objectClass=*)"); err != nil {
		t.Errorf("root DSE: %v", err)
	}
	if _, err := h.GenerateTOTPSharedSecret(ctx, grace, nil, []byte(secretWord)); err != nil {
		t.Errorf("generate: %v", err)
	}

	// The one log-in there was is used up, but its session goes on.
	_, err = h.bind(person("ann"), secretWord)
	h.want("bind again", err, InvalidCredentials)
	made, err := h.EnrolTOTP(ctx, grace, own, EnrolRequest{})
	h.want("enrol", err, Success)
	_, err = h.ListTOTP(ctx, grace, Claim{})
	h.want("list", err, Success)
	h.want("confirm", h.ConfirmTOTP(ctx, grace, Claim{}, made.ID, h.code(made.Secret, 0)), Success)
	h.advance(time.Minute)
	full, err := h.bind(person("ann"), secretWord+h.code(made.Secret, 0))
	h.want("bind with a code", err, Success)
	_, err = find(t, h.Directory, full, SearchRequest{BaseObject: annsDN}, "(objectClass=*)")
	h.want("search", err, Success)
}

// An administrator in the grace is none.
func TestGraceHasNoPrivileges(t *testing.T) {
	h := newHouse(t)
	h.policy("p", 1, "required", "tallystickGraceUntil: 20990101000000Z")
	grace, err := h.bind(person("admin"), secretWord)
	h.want("bind", err, Success)
	_, err = h.EnrolTOTP(context.Background(), grace, Claim{AuthenticationID: id("u:ann")}, EnrolRequest{})
	h.want("enrol somebody else", err, InsufficientAccessRights)
	_, err = h.ChangePassword(context.Background(), nobodyAsks, id("u:admin"), []byte(secretWord), []byte("new"))
	h.want("password modify with the old one", err, UnwillingToPerform)
}

// Log-ins in the grace are counted once each, however many come at a time,
// whichever policy lets them, over restarts, and whatever else is forgotten.
func TestGraceLoginsAreCounted(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter = 1000, 1000 })
	const logins = 5
	h.policy("near", 1, "required", "tallystickGraceLogins: 5", "tallystickPolicyNetwork: 192.0.2.0/24")
	h.policy("far", 2, "required", "tallystickGraceLogins: 5")
	var let atomic.Int32
	var all sync.WaitGroup
	for n := range 40 {
		all.Go(func() {
			from := Requester{}
			if n%2 == 0 {
				from.Peer = "192.0.2.1:1"
			}
			if who, err := h.bindFrom(from, "ann", secretWord); err == nil && who.How == InGrace {
				let.Add(1)
			}
		})
	}
	all.Wait()
	if n := let.Load(); n != logins {
		t.Errorf("let in %d times, want %d", n, logins)
	}
	h.restart()
	h.advance(48 * time.Hour)
	_, err := h.bind(person("ann"), secretWord)
	h.want("after a restart", err, InvalidCredentials)
	_, err = h.bind(person("bob"), secretWord)
	h.want("somebody else", err, Success)
	h.want("all revoked", h.RevokeTOTPSharedSecret(context.Background(), root, id("u:ann"), nil, nil), Success)
	_, err = h.bind(person("ann"), secretWord)
	h.want("after that", err, InvalidCredentials)
}

// A grace ends at its date, for sessions too that began before.
func TestGraceUntil(t *testing.T) {
	h := newHouse(t)
	end := h.Directory.now().Add(time.Hour).UTC().Format("20060102150405Z")
	h.policy("p", 1, "required", "tallystickGraceUntil: "+end)
	grace, err := h.bind(person("ann"), secretWord)
	h.want("before", err, Success)
	h.advance(time.Hour)
	_, err = h.bind(person("ann"), secretWord)
	h.want("at the date", err, InvalidCredentials)
	_, err = h.EnrolTOTP(context.Background(), grace, Claim{StaticPassword: []byte(secretWord)}, EnrolRequest{})
	h.want("enrol at the date", err, InvalidCredentials)
}
