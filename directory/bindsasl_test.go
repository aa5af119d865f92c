package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory/sasl"
)

// bindTOTP is a bind by UNBOUNDID-TOTP; "-" is an element that is not sent.
func (h *house) bindTOTP(authcID, authzID, code, password string) (Requester, error) {
	m := sasl.UnboundIDTOTPMessage{AuthenticationID: authcID, TOTPPassword: []byte(code)}
	if authzID != "-" {
		m.AuthorizationID = &authzID
	}
	if password != "-" {
		m.StaticPassword = []byte(password)
	}
	return h.bindMessage(m.Encode())
}

func (h *house) bindMessage(message []byte) (Requester, error) {
	return h.Bind(context.Background(), Requester{Peer: "peer"}, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.UnboundIDTOTP, message}})
}

// Spec 1.8. In code, a letter stands for a code: c ann's current one, p the
// one that was spent to activate her credential, w a wrong one, x the current
// one of proxy's.
func TestBindUnboundIDTOTP(t *testing.T) {
	ann, bob := person("ann"), person("bob")
	codeAlone := func(c *CredentialsConfig) { c.CodeAloneMayBind = true }
	for _, row := range []struct {
		rule, authcID, authzID, code, password string
		change                                 func(*CredentialsConfig)
		want                                   ResultCode
		dn                                     string
		how                                    Authentication
	}{
		{"dn:", "dn:" + ann, "-", "c", secretWord, nil, Success, ann, ByPasswordAndCode},
		{"u:", "u:ann", "-", "c", secretWord, nil, Success, ann, ByPasswordAndCode},
		{"a DN written in another way", "dn:UID=Ann, OU=People,DC=example,DC=com", "-", "c", secretWord, nil, Success, ann, ByPasswordAndCode},
		{"one's own authzID", "u:ann", "dn:" + ann, "c", secretWord, nil, Success, ann, ByPasswordAndCode},
		{"the empty authzID", "u:ann", "", "c", secretWord, nil, Success, ann, ByPasswordAndCode},
		{"the anonymous authzID", "u:ann", "dn:", "c", secretWord, nil, Success, "", Unauthenticated},
		{"another's authzID without privilege", "u:ann", "dn:" + bob, "c", secretWord, nil, InsufficientAccessRights, "", 0},
		{"another's authzID with proxied-auth", "u:proxy", "dn:" + bob, "x", secretWord, nil, Success, bob, ByPassword},
		{"the root user's authzID with proxied-auth", "u:proxy", "dn:" + DefaultRootDN, "x", secretWord, nil, InsufficientAccessRights, "", 0},
		{"nobody's authzID with proxied-auth", "u:proxy", "u:nobody", "x", secretWord, nil, InsufficientAccessRights, "", 0},
		{"wrong password", "u:ann", "-", "c", "wrong", nil, InvalidCredentials, "", 0},
		{"empty password", "u:ann", "-", "c", "", nil, InvalidCredentials, "", 0},
		{"no password", "u:ann", "-", "c", "-", nil, InvalidCredentials, "", 0},
		{"password with the code behind it as well", "u:ann", "-", "c", secretWord + "c", nil, InvalidCredentials, "", 0},
		{"wrong code", "u:ann", "-", "w", secretWord, nil, InvalidCredentials, "", 0},
		{"spent code", "u:ann", "-", "p", secretWord, nil, InvalidCredentials, "", 0},
		{"empty code", "u:ann", "-", "", secretWord, nil, InvalidCredentials, "", 0},
		{"no code but behind the password", "u:ann", "-", "", secretWord + "c", nil, InvalidCredentials, "", 0},
		{"another's code", "u:ann", "-", "x", secretWord, nil, InvalidCredentials, "", 0},
		{"no credential", "u:bob", "-", "c", secretWord, nil, InvalidCredentials, "", 0},
		{"unknown user", "u:nobody", "-", "c", secretWord, nil, InvalidCredentials, "", 0},
		{"unknown DN", "dn:" + person("nobody"), "-", "c", secretWord, nil, InvalidCredentials, "", 0},
		{"malformed DN", "dn:ann", "-", "c", secretWord, nil, InvalidCredentials, "", 0},
		{"the anonymous identity", "dn:", "-", "c", secretWord, nil, InvalidCredentials, "", 0},
		{"no prefix", ann, "-", "c", secretWord, nil, InvalidCredentials, "", 0},
		{"prefix in upper case", "U:ann", "-", "c", secretWord, nil, InvalidCredentials, "", 0},
		{"the root user", "dn:" + DefaultRootDN, "-", "c", secretWord, nil, InvalidCredentials, "", 0},
		{"code alone allowed", "u:ann", "-", "c", "-", codeAlone, Success, ann, ByCode},
		{"code alone allowed, spent", "u:ann", "-", "p", "-", codeAlone, InvalidCredentials, "", 0},
		{"code alone allowed, wrong", "u:ann", "-", "w", "-", codeAlone, InvalidCredentials, "", 0},
		{"code alone allowed, no credential", "u:bob", "-", "c", "-", codeAlone, InvalidCredentials, "", 0},
		{"code alone allowed, password wrong", "u:ann", "-", "c", "wrong", codeAlone, InvalidCredentials, "", 0},
		{"code alone allowed, password empty", "u:ann", "-", "c", "", codeAlone, InvalidCredentials, "", 0},
		{"code alone allowed, password right", "u:ann", "-", "c", secretWord, codeAlone, Success, ann, ByPasswordAndCode},
		{"code alone allowed, as another", "u:proxy", "u:bob", "x", "-", codeAlone, Success, bob, ByPassword},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			if row.change != nil {
				row.change(&h.credentials.cfg)
			}
			secret, others := h.enrol("ann"), h.enrol("proxy")
			spent := h.code(secret, 0)
			h.activate("ann", secret)
			fill := func(text string) string {
				switch text {
				case "c":
					return h.code(secret, 0)
				case "p":
					return spent
				case "w":
					return h.code(secret, 5)
				case "x":
					return h.code(others, 0)
				case secretWord + "c":
					return secretWord + h.code(secret, 0)
				}
				return text
			}
			got, err := h.bindTOTP(row.authcID, row.authzID, fill(row.code), fill(row.password))
			h.want(row.rule, err, row.want)
			if r := Result(err); row.want == InvalidCredentials && (r.DiagnosticMessage != "" || r.MatchedDN != "") {
				t.Errorf("the client is told %q %q", r.DiagnosticMessage, r.MatchedDN)
			}
			is, err1 := h.parseDN(got.DN)
			dn, err2 := h.parseDN(row.dn)
			if err := errors.Join(err1, err2); err != nil || !is.Equal(dn) || got.How != row.how || got.Peer != "peer" {
				t.Errorf("is %+v; want %q by %d", got, row.dn, row.how)
			}
		})
	}
}

// A code is spent by the first attempt at this door too, whether or not the
// password beside it was right.
func TestUnboundIDTOTPSpendsTheCode(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts = 100; c.LockoutAfter = 100 })
	secret := h.enrol("ann")
	h.activate("ann", secret)
	for _, password := range []string{"wrong", "-"} {
		code := h.code(secret, 0)
		_, err := h.bindTOTP("u:ann", "-", code, password)
		h.want("password "+password, err, InvalidCredentials)
		_, err = h.bindTOTP("u:ann", "-", code, secretWord)
		h.want("the same code", err, InvalidCredentials)
		_, err = h.bind(person("ann"), secretWord+code)
		h.want("the same code in a simple bind", err, InvalidCredentials)
		h.advance(30 * time.Second)
	}
	_, err := h.bindTOTP("u:ann", "-", h.code(secret, 0), secretWord)
	h.want("the next code", err, Success)
	if n := h.failures("ann"); n != 0 {
		t.Errorf("%d failures are left", n)
	}
}

// The first code makes a pending credential active at this door as well.
func TestUnboundIDTOTPActivates(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	_, err := h.bindTOTP("u:ann", "-", h.code(secret, 0), secretWord)
	h.want("first code", err, Success)
	if got := h.credentialsOf("ann")[0].state; got != active {
		t.Errorf("the credential is %v", got)
	}
}

func TestUnboundIDTOTPMalformed(t *testing.T) {
	h := newHouse(t)
	for rule, message := range map[string][]byte{"absent": nil, "empty": {}, "no elements": {0x30, 0}, "not BER": []byte("ann")} {
		_, err := h.bindMessage(message)
		h.want(rule, err, ProtocolError)
	}
}

// Without a keyset there is no code to check, and no mechanism for it.
func TestMechanismsOffered(t *testing.T) {
	h := newHouse(t)
	if !slices.Contains(h.saslMechanisms(), sasl.UnboundIDTOTP) {
		t.Error("not offered")
	}
	bare := newDirectory(t)
	_, err := bare.Bind(t.Context(), Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.UnboundIDTOTP, nil}})
	h.want("without a keyset", err, AuthMethodNotSupported)
}

// Who showed a code alone may not make a password of it.
func TestPasswordByCodeAlone(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.CodeAloneMayBind = true })
	secret := h.enrol("ann")
	h.activate("ann", secret)
	who, err := h.bindTOTP("u:ann", "-", h.code(secret, 0), "-")
	h.want("bind", err, Success)
	_, err = h.ChangePassword(t.Context(), who, nil, nil, []byte("another"))
	h.want("new password", err, UnwillingToPerform)
	_, err = h.GenerateTOTPSharedSecret(t.Context(), who, nil, []byte(secretWord))
	h.want("new secret, password without code", err, InvalidCredentials)
}

// TestProxiedAs is who may act as whom with proxied authorization (RFC 4370).
// proxy has proxied-auth and no other privilege.
func TestProxiedAs(t *testing.T) {
	h := newHouse(t)
	bob := person("bob")
	code := func(who, factor string) Requester {
		return Requester{DN: who, How: ByPasswordAndCode, Factor: factor, Peer: "peer", Secure: true}
	}
	proxy, ann := code(person("proxy"), "f"), code(person("ann"), "f")
	by := func(dn string, how Authentication) Requester {
		return Requester{DN: dn, How: how, Peer: "peer", Secure: true}
	}
	behalf := func(dn string, how Authentication, proxy string) Requester {
		as := by(dn, how)
		as.Proxy = proxy
		return as
	}
	for _, row := range []struct {
		rule    string
		who     Requester
		authzID string
		want    ResultCode
		as      Requester
	}{
		{"nobody", proxy, "", Success, behalf("", 0, proxy.DN)},
		{"nobody, as a DN", proxy, "dn:", Success, behalf("", 0, proxy.DN)},
		{"somebody, without the proxy's second factor", proxy, "dn:" + bob, Success, behalf(bob, ByPassword, proxy.DN)},
		{"somebody, by user name", proxy, "u:bob", Success, behalf(bob, ByPassword, proxy.DN)},
		{"the first proxy of several", behalf(person("proxy"), ByPassword, "cn=first"), "u:bob", Success, behalf(bob, ByPassword, "cn=first")},
		{"oneself", ann, "u:ann", Success, ann},
		{"without the privilege", ann, "u:bob", AuthorizationDenied, by("", 0)},
		{"anonymous", by("", 0), "u:bob", AuthorizationDenied, by("", 0)},
		{"anonymous, as the root user", by("", 0), "dn:" + DefaultRootDN, AuthorizationDenied, by("", 0)},
		{"anonymous, as nobody", by("", 0), "", Success, by("", 0)},
		{"the root user", proxy, "dn:" + DefaultRootDN, AuthorizationDenied, by("", 0)},
		{"somebody with privileges", proxy, "u:admin", AuthorizationDenied, by("", 0)},
		{"somebody who does not exist", proxy, "u:nobody", AuthorizationDenied, by("", 0)},
		{"a DN that does not exist", proxy, "dn:" + person("nobody"), AuthorizationDenied, by("", 0)},
		{"a malformed DN", proxy, "dn:bob", AuthorizationDenied, by("", 0)},
		{"a malformed DN without the privilege", ann, "dn:bob", AuthorizationDenied, by("", 0)},
		{"no prefix", proxy, bob, AuthorizationDenied, by("", 0)},
		{"the root user as an administrator", by(DefaultRootDN, ByPassword), "u:admin", Success, behalf(person("admin"), ByPassword, DefaultRootDN)},
	} {
		as, err := h.ProxiedAs(context.Background(), row.who, row.authzID)
		h.want(row.rule, err, row.want)
		as.Limits = Limits{}   // TestLimitsOfIdentity
		as.id, as.proxy = 0, 0 // TestSessionIsOfAnEntry
		if as != row.as {
			t.Errorf("%s: is %+v, want %+v", row.rule, as, row.as)
		}
	}
}

// Nobody is looked for on behalf of a stranger, who could see how long it takes.
func TestProxiedAsOfAStranger(t *testing.T) {
	h := newHouse(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.ProxiedAs(ended, Requester{}, "u:bob")
	h.want("by a stranger", err, AuthorizationDenied)
	if _, err := h.ProxiedAs(ended, Requester{DN: person("ann"), How: ByPassword}, "u:bob"); !errors.Is(err, context.Canceled) {
		t.Errorf("by a user: %v", err)
	}
}

// Who acts for somebody is in the audit log beside him.
func TestAuditOfAProxy(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	bob, err := h.ProxiedAs(ctx, Requester{DN: person("proxy"), How: ByPassword, Peer: "peer"}, "u:bob")
	h.want("proxied", err, Success)
	h.want("change", h.Modify(ctx, bob, &ModifyRequest{Object: person("bob"), Changes: []Change{{ReplaceValues, attributes("userPassword: new password")[0]}}}), Success)
	found, err := find(t, h.Directory, root, SearchRequest{BaseObject: "cn=audit", Scope: SingleLevel}, "(tallystickAuditProxy="+person("proxy")+")")
	if err != nil || len(found) != 1 || !strings.Contains(found[0].text(), "tallystickAuditBy: "+person("bob")+"\n") {
		t.Errorf("%v, %v", found, err)
	}
}
