package directory

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mailServer is where the application of these tests is.
var mailServer = Requester{Listener: "ldaps", Peer: "192.0.2.25:40000"}

// application gives a user an application password for the mail server.
func (h *house) application(uid string) (name, password string) {
	h.t.Helper()
	name, password, err := h.NewApplicationPassword(context.Background(), root, Claim{AuthenticationID: id("u:" + uid)},
		ApplicationPasswordRequest{Name: "mail", Networks: []string{"192.0.2.0/24"}})
	h.want("new application password", err, Success)
	return name, password
}

// withCode is a session of the user's that showed a code of the secret.
func (h *house) withCode(uid, secret string) Requester {
	h.t.Helper()
	h.advance(time.Minute)
	who, err := h.bind(person(uid), secretWord+h.code(secret, 0))
	h.want("bind with a code", err, Success)
	return who
}

// Whoever showed a code, or an administrator, makes an application password;
// the password alone never does.
func TestNewApplicationPasswordAuthority(t *testing.T) {
	req := ApplicationPasswordRequest{Name: "mail", Networks: []string{"192.0.2.0/24"}}
	for _, row := range []struct {
		rule string
		has  string // ann's credential
		who  Requester
		id   string // "-": absent
		show string // "-": absent
		want ResultCode
	}{
		{"password and code", "active", nobodyAsks, "u:ann", "secretCODE", Success},
		{"password alone", "active", nobodyAsks, "u:ann", "secret", InvalidCredentials},
		{"password alone, without a credential", "none", nobodyAsks, "u:ann", "secret", UnwillingToPerform},
		{"session by password, without a credential", "none", annAsks, "-", "-", UnwillingToPerform},
		{"session by password, and the password", "none", annAsks, "-", "secret", UnwillingToPerform},
		{"session with a code", "active", annWithOne, "-", "-", Success},
		{"another user's session with a code", "active", Requester{DN: person("bob"), How: ByPasswordAndCode}, "u:ann", "-", InsufficientAccessRights},
		{"administrator of passwords", "none", helpAsks, "u:ann", "-", Success},
		{"administrator, for an administrator", "none", helpAsks, "u:admin", "-", InsufficientAccessRights},
		{"administrator, for himself", "none", helpAsks, "-", "-", UnwillingToPerform},
		{"nobody", "none", nobodyAsks, "u:ann", "-", InsufficientAccessRights},
		{"in the grace", "none", Requester{DN: person("ann"), How: InGrace}, "-", "secret", UnwillingToPerform},
		{"by an application", "active", Requester{DN: person("ann"), How: ByApplicationPassword}, "-", "secretCODE", InsufficientAccessRights},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			secret := h.give("ann", row.has)
			var c Claim
			if row.id != "-" {
				c.AuthenticationID = &row.id
			}
			if row.show != "-" {
				c.StaticPassword = []byte(row.show)
				if secret != "" {
					c.StaticPassword = []byte(strings.ReplaceAll(row.show, "CODE", h.code(secret, 0)))
				}
			}
			_, password, err := h.NewApplicationPassword(context.Background(), row.who, c, req)
			h.want("new", err, row.want)
			if (err == nil) != regexp.MustCompile(`^([a-z2-7]{4}-){4}[a-z2-7]{4}$`).MatchString(password) {
				t.Errorf("password %q", password)
			}
		})
	}
}

func TestNewApplicationPasswordErrors(t *testing.T) {
	h := newHouse(t)
	network := []string{"192.0.2.0/24"}
	for rule, req := range map[string]ApplicationPasswordRequest{
		"no name":           {Networks: network},
		"a long name":       {Name: strings.Repeat("x", 65), Networks: network},
		"no networks":       {Name: "mail"},
		"a listener alone":  {Name: "mail", Listeners: []string{"ldaps"}},
		"networks on ldapi": {Name: "mail", Networks: network, Listeners: []string{"ldapi"}},
		"no network":        {Name: "mail", Networks: []string{"office"}},
		"within a network":  {Name: "mail", Networks: []string{"192.0.2.1/24"}},
		"too many networks": {Name: "mail", Networks: strings.Fields(strings.Repeat("192.0.2.0/24 ", maxScope+1))},
		"no listener":       {Name: "mail", Networks: network, Listeners: []string{"gopher"}},
		"expired":           {Name: "mail", Networks: network, NotAfter: h.Directory.now()},
	} {
		_, _, err := h.NewApplicationPassword(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, req)
		h.want(rule, err, ConstraintViolation)
	}
	for range maxApplications {
		h.application("ann")
	}
	_, _, err := h.NewApplicationPassword(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, ApplicationPasswordRequest{Name: "mail", Networks: network})
	h.want("one too many", err, AdminLimitExceeded)
}

// Outside its scope an application password is a wrong password.
func TestApplicationPasswordScope(t *testing.T) {
	network := []string{"192.0.2.0/24", "2001:db8::/32"}
	for _, row := range []struct {
		rule  string
		scope ApplicationPasswordRequest
		from  Requester
		want  ResultCode
	}{
		{"in the network", ApplicationPasswordRequest{Networks: network}, mailServer, Success},
		{"in another of the networks", ApplicationPasswordRequest{Networks: network}, Requester{Peer: "[2001:db8::25]:1"}, Success},
		{"elsewhere", ApplicationPasswordRequest{Networks: network}, Requester{Listener: "ldaps", Peer: "198.51.100.1:1"}, InvalidCredentials},
		{"without an address", ApplicationPasswordRequest{Networks: network}, Requester{Listener: "ldapi", Peer: "local:uid=0"}, InvalidCredentials},
		{"network and listener", ApplicationPasswordRequest{Networks: network, Listeners: []string{"LDAPS"}}, mailServer, Success},
		{"network and another listener", ApplicationPasswordRequest{Networks: network, Listeners: []string{"ldap"}}, mailServer, InvalidCredentials},
		{"local", ApplicationPasswordRequest{Listeners: []string{"ldapi"}}, Requester{Listener: "ldapi", Peer: "local:uid=0"}, Success},
		{"local, from afar", ApplicationPasswordRequest{Listeners: []string{"ldapi"}}, mailServer, InvalidCredentials},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			h.activate("ann", h.enrol("ann"))
			row.scope.Name = "mail"
			_, password, err := h.NewApplicationPassword(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, row.scope)
			h.want("new", err, Success)
			who, err := h.bindFrom(row.from, "ann", password)
			h.want("bind", err, row.want)
			if err == nil && who.How != ByApplicationPassword {
				t.Errorf("bound as %v", who.How)
			}
			if err != nil && (h.failures("ann") != 1 || !h.audited(AuditRefused, "application password out of its scope")) {
				t.Error("not counted, or the audit log does not have the cause")
			}
		})
	}
}

// An application password is taken in any case, with the hyphens or without,
// for its own user, alone.
func TestApplicationPasswordAsWritten(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter = 1000, 1000 })
	secret := h.enrol("ann")
	h.activate("ann", secret)
	_, password := h.application("ann")
	letters := strings.ReplaceAll(password, "-", "")
	for _, row := range []struct {
		rule, uid, sent string
		want            ResultCode
	}{
		{"as shown", "ann", password, Success},
		{"upper case", "ann", strings.ToUpper(password), Success},
		{"without hyphens", "ann", letters, Success},
		{"hyphens elsewhere", "ann", letters[:5] + "-" + letters[5:10] + "-" + letters[10:15] + "-" + letters[15:19] + "-" + letters[19:], InvalidCredentials},
		{"cut", "ann", password[:len(password)-1], InvalidCredentials},
		{"with a code behind", "ann", password + h.code(secret, 0), InvalidCredentials},
		{"behind the password", "ann", secretWord + password, InvalidCredentials},
		{"somebody else's", "bob", password, InvalidCredentials},
		{"empty groups", "ann", "----", InvalidCredentials},
	} {
		_, err := h.bindFrom(mailServer, row.uid, row.sent)
		h.want(row.rule, err, row.want)
	}
}

// At no other door is an application password anything but wrong.
func TestApplicationPasswordAtOtherDoors(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter = 1000, 1000 })
	ctx := context.Background()
	secret := h.enrol("ann")
	h.activate("ann", secret)
	_, password := h.application("ann")
	claim := Claim{id("u:ann"), []byte(password)}
	_, err := h.ChangePassword(ctx, mailServer, id("u:ann"), []byte(password), []byte("new"))
	h.want("password modify", err, InvalidCredentials)
	_, err = h.ChangePassword(ctx, mailServer, id("u:ann"), []byte(password+h.code(secret, 0)), []byte("new"))
	h.want("password modify, with a code", err, InvalidCredentials)
	_, err = h.EnrolTOTP(ctx, mailServer, claim, EnrolRequest{})
	h.want("enrol", err, InvalidCredentials)
	_, err = h.GenerateTOTPSharedSecret(ctx, mailServer, id("u:ann"), []byte(password))
	h.want("generate", err, InvalidCredentials)
	h.want("revoke", h.RevokeTOTPSharedSecret(ctx, mailServer, id("u:ann"), []byte(password), nil), InvalidCredentials)
	_, err = h.ListTOTP(ctx, mailServer, claim)
	h.want("list", err, InvalidCredentials)
	h.want("validate", h.ValidateTOTPPassword(ctx, root, person("ann"), password), InvalidCredentials)
	h.advance(time.Minute)
	_, err = h.bindTOTP("u:ann", "", h.code(secret, 0), password)
	h.want("UNBOUNDID-TOTP", err, InvalidCredentials)
}

// What binds with an application password reads as the user, and changes
// nothing, whatever privileges the user has.
func TestApplicationPasswordSession(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.TokenLifetime = time.Hour })
	ctx := context.Background()
	_, password := h.application("admin")
	who, err := h.bindFrom(mailServer, "admin", password)
	h.want("bind", err, Success)
	dn, bob := person("admin"), Claim{AuthenticationID: id("u:bob")}
	own := Claim{StaticPassword: []byte(secretWord)}
	_, err = find(t, h.Directory, who, SearchRequest{BaseObject: dn}, "(objectClass=*)")
	h.want("search", err, Success)
	change := func(name string) *ModifyRequest {
		return &ModifyRequest{Object: dn, Changes: []Change{{Operation: ReplaceValues, Attribute: Attribute{Name: name, Values: [][]byte{[]byte("new")}}}}}
	}
	for what, do := range map[string]func() error{
		"audit": func() error {
			_, err := find(t, h.Directory, who, SearchRequest{BaseObject: auditDN}, "(objectClass=*)")
			return err
		},
		"add": func() error {
			return h.Add(ctx, who, &AddRequest{Entry: "cn=x," + dn, Attributes: attributes("objectClass: device")})
		},
		"delete":              func() error { return h.Delete(ctx, who, &DeleteRequest{Entry: person("bob")}) },
		"modifyDN":            func() error { return h.ModifyDN(ctx, who, &ModifyDNRequest{Entry: dn, NewRDN: "uid=x"}) },
		"modify":              func() error { return h.Modify(ctx, who, change("title")) },
		"own password":        func() error { return h.Modify(ctx, who, change("userPassword")) },
		"password modify":     func() error { _, err := h.ChangePassword(ctx, who, nil, []byte(secretWord), []byte("new")); return err },
		"password of another": func() error { _, err := h.ChangePassword(ctx, who, id("u:bob"), nil, []byte("new")); return err },
		"validate":            func() error { return h.ValidateTOTPPassword(ctx, who, person("bob"), "123456") },
		"generate":            func() error { _, err := h.GenerateTOTPSharedSecret(ctx, who, nil, own.StaticPassword); return err },
		"generate for bob":    func() error { _, err := h.GenerateTOTPSharedSecret(ctx, who, id("u:bob"), nil); return err },
		"revoke":              func() error { return h.RevokeTOTPSharedSecret(ctx, who, nil, own.StaticPassword, nil) },
		"enrol":               func() error { _, err := h.EnrolTOTP(ctx, who, own, EnrolRequest{}); return err },
		"enrol bob":           func() error { _, err := h.EnrolTOTP(ctx, who, bob, EnrolRequest{}); return err },
		"list":                func() error { _, err := h.ListTOTP(ctx, who, Claim{}); return err },
		"confirm":             func() error { return h.ConfirmTOTP(ctx, who, own, "x", "1") },
		"resync":              func() error { return h.ResyncTOTP(ctx, who, own, "x", "1", "2") },
		"recovery codes":      func() error { _, err := h.NewRecoveryCodes(ctx, who, own); return err },
		"explain":             func() error { _, err := h.Explain(ctx, who, bob, "", ""); return err },
		"another": func() error {
			_, _, err := h.NewApplicationPassword(ctx, who, own, ApplicationPasswordRequest{Name: "x", Networks: []string{"192.0.2.1"}})
			return err
		},
		"revoke itself":    func() error { return h.RevokeApplicationPassword(ctx, who, own, "x") },
		"its list":         func() error { _, err := h.ListApplicationPasswords(ctx, who, Claim{}); return err },
		"another identity": func() error { _, err := h.authorize(ctx, Requester{}, who, "u:bob"); return err },
	} {
		h.want(what, do(), InsufficientAccessRights)
	}
	_, err = h.AccessToken(ctx, who)
	h.want("token", err, UnwillingToPerform)
}

// An application password ends when it is revoked and when it expires; one
// that a user made rests while he has no active credential, and goes with the
// last one. Nothing of this needs more than the stored state.
func TestApplicationPasswordEnds(t *testing.T) {
	ctx := context.Background()
	anns := Claim{AuthenticationID: id("u:ann")}
	for _, row := range []struct {
		rule         string
		byAdmin      bool
		end          func(h *house, one, secret string)
		want, after1 ResultCode // at once; after what was done is undone
		undo         func(h *house)
	}{
		{rule: "nothing", end: func(*house, string, string) {}, want: Success},
		{rule: "revoked", end: func(h *house, one, _ string) {
			h.want("revoke", h.RevokeApplicationPassword(ctx, root, anns, one), Success)
		}, want: InvalidCredentials},
		{rule: "expired", end: func(h *house, _, _ string) { h.advance(25 * time.Hour) }, want: InvalidCredentials},
		{rule: "credential disabled", end: func(h *house, _, _ string) {
			h.want("disable", h.DisableTOTP(ctx, root, anns, h.credentialsOf("ann")[0].id), Success)
		}, want: InvalidCredentials, undo: func(h *house) {
			h.want("enable", h.EnableTOTP(ctx, root, anns, h.credentialsOf("ann")[0].id), Success)
		}, after1: Success},
		{rule: "credential disabled, made by an administrator", byAdmin: true, end: func(h *house, _, _ string) {
			h.want("disable", h.DisableTOTP(ctx, root, anns, h.credentialsOf("ann")[0].id), Success)
		}, want: Success},
		{rule: "last credential revoked", end: func(h *house, _, _ string) {
			h.want("revoke", h.RevokeTOTP(ctx, root, anns, h.credentialsOf("ann")[0].id), Success)
		}, want: InvalidCredentials, undo: func(h *house) { h.activate("ann", h.enrol("ann")) }, after1: InvalidCredentials},
		{rule: "all credentials revoked", end: func(h *house, _, _ string) {
			h.want("revoke", h.RevokeTOTPSharedSecret(ctx, root, id("u:ann"), nil, nil), Success)
		}, want: InvalidCredentials, undo: func(h *house) { h.activate("ann", h.enrol("ann")) }, after1: InvalidCredentials},
		{rule: "all credentials revoked, made by an administrator", byAdmin: true, end: func(h *house, _, _ string) {
			h.want("revoke", h.RevokeTOTPSharedSecret(ctx, root, id("u:ann"), nil, nil), Success)
		}, want: Success},
		{rule: "another user", end: func(h *house, _, _ string) {
			h.want("delete", h.Delete(ctx, root, &DeleteRequest{Entry: person("ann")}), Success)
			mustAdd(h.t, h.Directory, person("ann"), "objectClass: inetOrgPerson", "cn: ann", "sn: x", "uid: ann", "userPassword: "+secretWord)
		}, want: InvalidCredentials},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			secret := h.enrol("ann")
			h.activate("ann", secret)
			req := ApplicationPasswordRequest{Name: "mail", Networks: []string{"192.0.2.0/24"}, NotAfter: h.Directory.now().Add(24 * time.Hour)}
			who, claim := root, anns
			if !row.byAdmin {
				who, claim = h.withCode("ann", secret), Claim{}
			}
			one, password, err := h.NewApplicationPassword(ctx, who, claim, req)
			h.want("new", err, Success)
			_, err = h.bindFrom(mailServer, "ann", password)
			h.want("before", err, Success)
			row.end(h, one, secret)
			_, err = h.bindFrom(mailServer, "ann", password)
			h.want("after", err, row.want)
			h.restart()
			if row.undo == nil {
				return
			}
			row.undo(h)
			_, err = h.bindFrom(mailServer, "ann", password)
			h.want("in the end", err, row.after1)
		})
	}
}

// They rest while their user has to change his password, grace or not, and what
// tries them meanwhile locks nobody out.
func TestApplicationPasswordOfOverdueUser(t *testing.T) {
	h := policed(t, "pwdMaxAge: 1000", "pwdGraceAuthNLimit: 3", "pwdMustChange: TRUE")
	_, password := h.application("ann")
	listed := func(want int) {
		t.Helper()
		e, err := h.Explain(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, mailServer.Listener, "192.0.2.25")
		if err != nil || len(e.Applications) != want {
			t.Errorf("%d of them count, %v; want %d", len(e.Applications), err, want)
		}
	}
	bind := func(what string, code ResultCode, e PasswordPolicyError) {
		t.Helper()
		_, err := h.bindFrom(mailServer, "ann", password)
		h.wantPolicy(what, err, code, e)
	}
	own := func(old, new string) {
		t.Helper()
		_, err := h.ChangePassword(context.Background(), Requester{}, id("u:ann"), []byte(old), []byte(new))
		h.want("his own change", err, Success)
	}
	bind("at first", Success, 0)
	h.advance(1001 * time.Second)
	for range 20 {
		bind("expired", InvalidCredentials, PasswordExpired)
	}
	listed(0)
	if n := h.failures("ann"); n != 0 {
		t.Errorf("%d failures", n)
	}
	own(secretWord, "second")
	bind("changed", Success, 0)
	listed(1)
	h.want("reset", h.modify(as("help"), "ann", set("userPassword", "third")), Success)
	bind("reset", InvalidCredentials, ChangeAfterReset)
	listed(0)
	own("third", "fourth")
	bind("changed again", Success, 0)
	_, err := h.bindFrom(mailServer, "ann", "aaaa-bbbb-cccc-dddd-eeee")
	h.wantPolicy("a wrong one", err, InvalidCredentials, 0)
}

// Application passwords are guessed at the same cost as all else, and a right
// one neither forgives failures nor gets past a lockout.
func TestApplicationPasswordAndAttempts(t *testing.T) {
	h := newHouse(t)
	_, password := h.application("ann")
	for i := range 3 { // each from an address that is not delayed
		_, err := h.bindFrom(Requester{Peer: fmt.Sprintf("198.51.100.%d:1", i)}, "ann", "aaaa-bbbb-cccc-dddd-eeee")
		h.want("a guess", err, InvalidCredentials)
	}
	_, err := h.bindFrom(mailServer, "ann", password)
	h.want("the right one", err, Success)
	if n := h.failures("ann"); n != 3 {
		t.Errorf("%d failures, want 3", n)
	}
	h.lock("ann")
	_, err = h.bindFrom(mailServer, "ann", password)
	h.want("while locked", err, InvalidCredentials)
}

// A required code is not required of an application.
func TestApplicationPasswordUnderPolicies(t *testing.T) {
	for _, asks := range secondFactors {
		h := newHouse(t)
		_, password := h.application("ann")
		h.policy("p", 1, asks)
		who, err := h.bindFrom(mailServer, "ann", password)
		h.want(asks, err, Success)
		if who.How != ByApplicationPassword {
			t.Errorf("%s: bound as %v", asks, who.How)
		}
	}
}

// They are listed without what they are, with the hour of their last use.
func TestListApplicationPasswords(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	one, password := h.application("ann")
	_, err := h.bindFrom(mailServer, "ann", password)
	h.want("bind", err, Success)
	used := h.Directory.now()
	h.advance(59 * time.Minute)
	before := h.auditNext()
	_, err = h.bindFrom(mailServer, "ann", password)
	h.want("bind within the hour", err, Success)
	if h.auditNext() != before {
		t.Error("that was written down")
	}
	h.restart()
	list, err := h.ListApplicationPasswords(ctx, as("ann"), Claim{})
	h.want("list", err, Success)
	if len(list) != 1 || list[0].ID != one || list[0].Name != "mail" || !list[0].LastUsed.Equal(used) || list[0].MadeBy != root.DN {
		t.Errorf("%+v", list)
	}
	if text := fmt.Sprintf("%+v", list); strings.Contains(text, password[:4]) {
		t.Errorf("%s shows the password", text)
	}
	h.advance(time.Minute)
	_, err = h.bindFrom(mailServer, "ann", password)
	h.want("bind after the hour", err, Success)
	list, err = h.ListApplicationPasswords(ctx, as("ann"), Claim{})
	h.want("list", err, Success)
	if !list[0].LastUsed.Equal(h.Directory.now()) {
		t.Errorf("last used %v", list[0].LastUsed)
	}
	_, err = h.ListApplicationPasswords(ctx, as("bob"), Claim{AuthenticationID: id("u:ann")})
	h.want("somebody else's", err, InsufficientAccessRights)
	h.want("revoke what is not there", h.RevokeApplicationPassword(ctx, root, Claim{AuthenticationID: id("u:ann")}, "x"), NoSuchAttribute)
}

// Application passwords go with an export and with a backup, and neither has
// what they are.
func TestApplicationPasswordsSurvive(t *testing.T) {
	h := newHouse(t)
	h.activate("bob", h.enrol("bob"))
	_, anns := h.application("ann")
	_, bobs := h.application("bob")
	check := func(what string, d *Directory) {
		t.Helper()
		for uid, password := range map[string]string{"ann": anns, "bob": bobs} {
			_, err := d.Bind(context.Background(), mailServer, &BindRequest{Version: 3, Name: person(uid), Password: []byte(password)})
			h.want(what+", "+uid, err, Success)
		}
	}
	entries := export(t, h.Directory)
	file := h.backUp()
	for _, password := range []string{anns, bobs} {
		letters := strings.ReplaceAll(password, "-", "")
		text := fmt.Sprintf("%s %s", entries, file)
		if strings.Contains(text, password) || strings.Contains(text, letters) {
			t.Error("the password is in the files")
		}
	}
	check("before", h.Directory)
	other := newDirectory(t, h.config)
	if err := load(t, other, entries); err != nil {
		t.Fatal(err)
	}
	check("imported", other)
	check("restored", h.restored(file).Directory)
	for i := range entries {
		for j, a := range entries[i].Attributes {
			if a.Name == applicationAttribute {
				entries[i].Attributes[j].Values = [][]byte{[]byte(strings.ReplaceAll(string(a.Values[0]), "192.0.2.0/24", "everywhere"))}
			}
		}
	}
	h.want("import of another scope", load(t, newDirectory(t, h.config), entries), InvalidAttributeSyntax)
}

func FuzzApplicationText(f *testing.F) {
	f.Add([]byte(`{"id":"A","name":"mail","salt":"AAAAAAAAAAAAAAAAAAAAAA==","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","networks":["::/0"],"created":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		one, err := applicationOfText(text)
		if err != nil {
			return
		}
		var again attempts
		if err := again.decode(attempts{applications: []*applicationPassword{one}}.encode()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
