package directory

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tallystick/directory/password"
	"tallystick/directory/store"
)

func TestBindSimple(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	if err := h.SetRootPassword(ctx, "rootword"); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		rule           string
		version        int
		name, password string
		want           ResultCode
		dn             string
	}{
		{"anonymous", 3, "", "", Success, ""},
		{"a password", 3, person("ann"), secretWord, Success, person("ann")},
		{"a name written in another way", 3, "UID=Ann, OU=People,DC=Example , dc=com", secretWord, Success, person("ann")},
		{"the root user", 3, "cn=directory manager", "rootword", Success, DefaultRootDN},
		{"version 2", 2, person("ann"), secretWord, ProtocolError, ""},
		{"version 0", 0, "", "", ProtocolError, ""},
		{"version 4", 4, "", "", ProtocolError, ""},
		{"a name and no password", 3, person("ann"), "", UnwillingToPerform, ""},
		{"a password and no name", 3, "", secretWord, InvalidCredentials, ""},
		{"a malformed name", 3, "ann", secretWord, InvalidDNSyntax, ""},
		{"a wrong password", 3, person("ann"), "Secret", InvalidCredentials, ""},
		{"a password and something behind it", 3, person("ann"), secretWord + "123456", InvalidCredentials, ""},
		{"no such user", 3, person("nobody"), secretWord, InvalidCredentials, ""},
		{"no such naming context", 3, "dc=example,dc=net", secretWord, InvalidCredentials, ""},
		{"an entry without password", 3, "ou=people,dc=example,dc=com", secretWord, InvalidCredentials, ""},
		{"the root user with another password", 3, DefaultRootDN, secretWord, InvalidCredentials, ""},
		{"a password without end", 3, person("bob"), strings.Repeat("x", password.MaxLength+1), InvalidCredentials, ""},
	} {
		who := Requester{DN: person("bob"), How: ByPassword, Peer: "peer", Secure: true, External: "cn=x"}
		got, err := h.Bind(ctx, who, &BindRequest{Version: row.version, Name: row.name, Password: []byte(row.password)})
		h.want(row.rule, err, row.want)
		dn, parseErr := h.parseDN(row.dn)
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		is, parseErr := h.parseDN(got.DN)
		if parseErr != nil || !is.Equal(dn) || (got.How == Unauthenticated) != (row.dn == "") {
			t.Errorf("%s: is %q by %d; want %q", row.rule, got.DN, got.How, row.dn)
		}
		if got.Peer != "peer" || !got.Secure || got.External != "cn=x" {
			t.Errorf("%s: the transport was forgotten: %+v", row.rule, got)
		}
	}
}

// What a stranger must not tell apart has one code and one message.
func TestBindFailuresLookTheSame(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	for range 20 {
		_, err := h.bind(person("bob"), "wrong")
		h.want("wrong", err, InvalidCredentials)
	}
	for rule, try := range map[string][2]string{
		"unknown user":             {person("nobody"), secretWord},
		"wrong password":           {person("help"), "wrong"},
		"code missing":             {person("ann"), secretWord},
		"code wrong":               {person("ann"), secretWord + "000000"},
		"password wrong":           {person("ann"), "wrong" + h.code(secret, 0)},
		"locked, and all is right": {person("bob"), secretWord},
	} {
		_, err := h.bind(try[0], try[1])
		r := Result(err)
		if r.ResultCode != InvalidCredentials || r.DiagnosticMessage != "" || r.MatchedDN != "" {
			t.Errorf("%s: %v %q %q", rule, r.ResultCode, r.DiagnosticMessage, r.MatchedDN)
		}
	}
}

func TestBindWithCode(t *testing.T) {
	for _, row := range []struct {
		rule    string
		state   credentialState
		sent    func(h *house, secret string) string
		want    ResultCode
		how     Authentication
		becomes credentialState
	}{
		{"pending: password alone", pending, func(h *house, s string) string { return secretWord }, Success, ByPassword, pending},
		{"pending: with a code, which activates", pending, func(h *house, s string) string { return secretWord + h.code(s, 0) }, Success, ByPasswordAndCode, active},
		{"pending: with a wrong code", pending, func(h *house, s string) string { return secretWord + "000000" }, InvalidCredentials, 0, pending},
		{"pending: wrong password does not activate", pending, func(h *house, s string) string { return "wrong" + h.code(s, 0) }, InvalidCredentials, 0, pending},
		{"active: password alone", active, func(h *house, s string) string { return secretWord }, InvalidCredentials, 0, active},
		{"active: with a code", active, func(h *house, s string) string { return secretWord + h.code(s, 0) }, Success, ByPasswordAndCode, active},
		{"active: with the next code", active, func(h *house, s string) string { return secretWord + h.code(s, 1) }, Success, ByPasswordAndCode, active},
		{"active: code outside the window", active, func(h *house, s string) string { return secretWord + h.code(s, 2) }, InvalidCredentials, 0, active},
		{"active: code spent before", active, func(h *house, s string) string { return secretWord + h.code(s, -1) }, InvalidCredentials, 0, active},
		{"active: code alone", active, func(h *house, s string) string { return h.code(s, 0) }, InvalidCredentials, 0, active},
		{"active: code before the password", active, func(h *house, s string) string { return h.code(s, 0) + secretWord }, InvalidCredentials, 0, active},
		{"disabled: password alone", disabled, func(h *house, s string) string { return secretWord }, Success, ByPassword, disabled},
		{"disabled: with a code", disabled, func(h *house, s string) string { return secretWord + h.code(s, 0) }, InvalidCredentials, 0, disabled},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			secret := h.enrol("ann")
			if row.state != pending {
				h.activate("ann", secret)
			}
			if row.state == disabled {
				h.setState("ann", disabled)
			}
			who, err := h.bind(person("ann"), row.sent(h, secret))
			h.want(row.rule, err, row.want)
			if who.How != row.how {
				t.Errorf("authenticated by %d; want %d", who.How, row.how)
			}
			if got := h.credentialsOf("ann")[0].state; got != row.becomes {
				t.Errorf("the credential is %v; want %v", got, row.becomes)
			}
		})
	}
}

// setState changes the state of a user's credentials behind everybody's back.
func (h *house) setState(uid string, state credentialState) {
	h.t.Helper()
	err := h.store.Update(context.Background(), func(w store.Writer) error {
		dn, err := h.parseDN(person(uid))
		if err != nil {
			return err
		}
		id, err := h.resolve(w, dn)
		if err != nil {
			return err
		}
		list, err := readCredentials(w, id)
		for _, c := range list {
			c.state = state
			w.Set(credentialKey(id, c.id), c.encode())
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestBindWithSeparator(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.Separator = ":" })
	secret := h.enrol("ann")
	h.activate("ann", secret)
	_, err := h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("separator missing", err, InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+":"+h.code(secret, 0))
	h.want("with separator", err, Success)
}

// A code that matched is spent even if the password beside it was wrong.
func TestCodeBesideAWrongPasswordIsSpent(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	code := h.code(secret, 0)
	_, err := h.bind(person("ann"), "wrong"+code)
	h.want("wrong password", err, InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+code)
	h.want("the same code", err, InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 1))
	h.want("the next code", err, Success)
}

// Of two credentials either will do, and a secret stored twice is spent for both.
func TestBindWithSeveralCredentials(t *testing.T) {
	h := newHouse(t)
	one, two := h.enrol("ann"), h.enrol("ann")
	h.activate("ann", one)
	h.activate("ann", two)
	code := h.code(one, 0)
	_, err := h.bind(person("ann"), secretWord+code)
	h.want("the first", err, Success)
	_, err = h.bind(person("ann"), secretWord+code)
	h.want("the first again", err, InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+h.code(two, 0))
	h.want("the second", err, Success)
}

// Whoever knew the password before the user enrolled does not keep a second
// way in.
func TestPendingSecretOfPasswordAloneBesideAnActiveOne(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	planted, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(secretWord))
	h.want("planted", err, Success)
	mine := h.enrol("ann")
	h.activate("ann", mine)
	_, err = h.bind(person("ann"), secretWord+h.code(planted, 0))
	h.want("bind with the planted secret", err, InvalidCredentials)
	self := Requester{DN: person("ann"), How: ByPassword}
	err = h.ValidateTOTPPassword(ctx, self, person("ann"), h.code(planted, 0))
	h.want("validate the planted secret after a password alone", err, InvalidCredentials)
	self.How = ByPasswordAndCode
	err = h.ValidateTOTPPassword(ctx, self, person("ann"), h.code(planted, 0))
	h.want("validate it after a code of the other", err, Success)
	_, err = h.bind(person("ann"), secretWord+h.code(planted, 1))
	h.want("bind with it from then on", err, Success)
}

func TestBindSASL(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	if err := h.SetRootPassword(ctx, "rootword"); err != nil {
		t.Fatal(err)
	}
	plain := func(authzid, authcid, password string) string { return authzid + "\x00" + authcid + "\x00" + password }
	ann, bob := person("ann"), person("bob")
	for _, row := range []struct {
		rule, mechanism, external, credentials string
		want                                   ResultCode
		dn                                     string
		how                                    Authentication
	}{
		{"PLAIN with dn:", "PLAIN", "", plain("", "dn:"+ann, secretWord), Success, ann, ByPassword},
		{"PLAIN with u:", "PLAIN", "", plain("", "u:ann", secretWord), Success, ann, ByPassword},
		{"PLAIN with a bare DN", "PLAIN", "", plain("", ann, secretWord), Success, ann, ByPassword},
		{"PLAIN with a bare name", "PLAIN", "", plain("", "ANN", secretWord), Success, ann, ByPassword},
		{"PLAIN as the root user", "PLAIN", "", plain("", DefaultRootDN, "rootword"), Success, DefaultRootDN, ByPassword},
		{"PLAIN with one's own authzid", "PLAIN", "", plain("u:ann", "ann", secretWord), Success, ann, ByPassword},
		{"PLAIN with the anonymous authzid", "PLAIN", "", plain("dn:", "ann", secretWord), Success, "", Unauthenticated},
		{"PLAIN as another without privilege", "PLAIN", "", plain("dn:"+bob, "ann", secretWord), InsufficientAccessRights, "", 0},
		{"PLAIN as nobody without privilege", "PLAIN", "", plain("u:nobody", "ann", secretWord), InsufficientAccessRights, "", 0},
		{"PLAIN as a malformed DN without privilege", "PLAIN", "", plain("dn:x", "ann", secretWord), InsufficientAccessRights, "", 0},
		{"PLAIN as another with proxied-auth", "PLAIN", "", plain("dn:"+bob, "proxy", secretWord), Success, bob, ByPassword},
		{"PLAIN as u: with proxied-auth", "PLAIN", "", plain("u:bob", "proxy", secretWord), Success, bob, ByPassword},
		{"PLAIN as nobody with proxied-auth", "PLAIN", "", plain("u:nobody", "proxy", secretWord), InsufficientAccessRights, "", 0},
		{"PLAIN as a malformed DN with proxied-auth", "PLAIN", "", plain("dn:x", "proxy", secretWord), InvalidDNSyntax, "", 0},
		{"PLAIN as root with proxied-auth", "PLAIN", "", plain("dn:"+DefaultRootDN, "proxy", secretWord), InsufficientAccessRights, "", 0},
		{"PLAIN with a wrong password", "PLAIN", "", plain("", "ann", "wrong"), InvalidCredentials, "", 0},
		{"PLAIN of nobody", "PLAIN", "", plain("", "nobody", secretWord), InvalidCredentials, "", 0},
		{"PLAIN without password", "PLAIN", "", plain("", "ann", ""), ProtocolError, "", 0},
		{"PLAIN without name", "PLAIN", "", plain("", "", secretWord), ProtocolError, "", 0},
		{"PLAIN in two parts", "PLAIN", "", "ann\x00secret", ProtocolError, "", 0},
		{"PLAIN in four parts", "PLAIN", "", plain("", "ann", "sec\x00ret"), ProtocolError, "", 0},
		{"PLAIN that is not UTF-8", "PLAIN", "", plain("", "ann", "\xff"), ProtocolError, "", 0},
		{"EXTERNAL", "EXTERNAL", ann, "", Success, ann, ByTransport},
		{"EXTERNAL as root", "EXTERNAL", DefaultRootDN, "", Success, DefaultRootDN, ByTransport},
		{"EXTERNAL as root for another", "EXTERNAL", DefaultRootDN, "u:bob", Success, bob, ByTransport},
		{"EXTERNAL for another without privilege", "EXTERNAL", ann, "u:bob", InsufficientAccessRights, "", 0},
		{"EXTERNAL where nothing says who", "EXTERNAL", "", "", InappropriateAuthentication, "", 0},
		{"another mechanism", "GSSAPI", "", "", AuthMethodNotSupported, "", 0},
		{"a mechanism in lower case", "plain", "", plain("", "ann", secretWord), AuthMethodNotSupported, "", 0},
	} {
		who := Requester{External: row.external}
		got, err := h.Bind(ctx, who, &BindRequest{Version: 3, SASL: &SASLCredentials{row.mechanism, []byte(row.credentials)}})
		h.want(row.rule, err, row.want)
		is, err1 := h.parseDN(got.DN)
		dn, err2 := h.parseDN(row.dn)
		if err := errors.Join(err1, err2); err != nil || !is.Equal(dn) || got.How != row.how {
			t.Errorf("%s: is %q by %d; want %q by %d", row.rule, got.DN, got.How, row.dn, row.how)
		}
	}
	secret := h.enrol("bob")
	h.activate("bob", secret)
	who, err := h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{"PLAIN", []byte(plain("", "bob", secretWord+h.code(secret, 0)))}})
	h.want("PLAIN with a code", err, Success)
	if who.How != ByPasswordAndCode {
		t.Errorf("authenticated by %d", who.How)
	}
}

// Two entries with one uid are nobody's "u:".
func TestAmbiguousUserName(t *testing.T) {
	h := newHouse(t)
	mustAdd(t, h.Directory, "cn=other,ou=people,dc=example,dc=com", "objectClass: inetOrgPerson", "cn: other", "sn: x", "uid: ann", "userPassword: other")
	_, err := h.Bind(context.Background(), Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{"PLAIN", []byte("\x00ann\x00" + secretWord)}})
	h.want("u:ann", err, InvalidCredentials)
}

func TestBindUpgradesTheStoredPassword(t *testing.T) {
	h := newHouse(t)
	stored := func() (value []byte) {
		if err := h.view("ann", func(u *user) { value = u.passwords[0] }); err != nil {
			t.Fatal(err)
		}
		return value
	}
	before := string(stored())
	_, err := h.bind(person("ann"), secretWord)
	h.want("bind", err, Success)
	if string(stored()) != before {
		t.Error("replaced without need")
	}
	h.credentials.cfg.Scheme = password.SSHA512
	_, err = h.bind(person("ann"), "wrong")
	h.want("wrong", err, InvalidCredentials)
	if string(stored()) != before {
		t.Error("replaced by a failed bind")
	}
	_, err = h.bind(person("ann"), secretWord)
	h.want("bind", err, Success)
	if s, err := password.SchemeOf(stored()); s != password.SSHA512 || err != nil {
		t.Errorf("stored as %s, %v", s, err)
	}
	_, err = h.bind(person("ann"), secretWord)
	h.want("bind with the new one", err, Success)
}

// Whoever may act as others does not become an administrator by it.
func TestProxyForAnAdministrator(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	mustAdd(t, h.Directory, person("both"), "objectClass: inetOrgPerson", "cn: x", "sn: x", "userPassword: "+secretWord, "ds-privilege-name: proxied-auth", "ds-privilege-name: bypass-acl")
	for _, row := range []struct {
		rule, who, as string
		want          ResultCode
	}{
		{"a user", "proxy", "u:ann", Success},
		{"an administrator", "proxy", "u:admin", InsufficientAccessRights},
		{"one who resets passwords", "proxy", "u:help", InsufficientAccessRights},
		{"an administrator, by one who has bypass-acl", "both", "u:admin", Success},
		{"the root user", "both", "dn:" + DefaultRootDN, InsufficientAccessRights},
	} {
		_, err := h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{"PLAIN", []byte(row.as + "\x00" + row.who + "\x00" + secretWord)}})
		h.want(row.rule, err, row.want)
	}
}
