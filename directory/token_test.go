package directory

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"tallystick/directory/sasl"
	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// bearer binds with an access token.
func (h *house) bearer(authzID string, token seal.Secret) (Requester, error) {
	m := sasl.OAuthBearerMessage{AuthorizationID: authzID, Token: string(token)}
	return h.Bind(context.Background(), Requester{Peer: "peer"}, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.OAuthBearer, m.Encode()}})
}

// token is one for ann, who showed password and code.
func (h *house) token(secret string) AccessToken {
	h.t.Helper()
	who, err := h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("bind", err, Success)
	token, err := h.AccessToken(context.Background(), who)
	h.want("token", err, Success)
	h.advance(30 * time.Second)
	return token
}

// A token makes of whoever shows it who it was made for, as often as he likes,
// as he authenticated.
func TestTokenStandsForABind(t *testing.T) {
	ctx := context.Background()
	for door, row := range map[string]struct {
		bind func(h *house, secret string) (Requester, error)
		how  Authentication
	}{
		"password": {func(h *house, _ string) (Requester, error) { return h.bind(person("bob"), secretWord) }, ByPassword},
		"simple": {func(h *house, secret string) (Requester, error) {
			return h.bind(person("ann"), secretWord+h.code(secret, 0))
		}, ByPasswordAndCode},
		"PLAIN": {func(h *house, secret string) (Requester, error) {
			m := sasl.PlainMessage{AuthenticationID: "ann", Password: []byte(secretWord + h.code(secret, 0))}
			return h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.Plain, m.Encode()}})
		}, ByPasswordAndCode},
		"UNBOUNDID-TOTP": {func(h *house, secret string) (Requester, error) {
			return h.bindTOTP("u:ann", "-", h.code(secret, 0), secretWord)
		}, ByPasswordAndCode},
		"UNBOUNDID-TOTP, a code alone": {func(h *house, secret string) (Requester, error) {
			return h.bindTOTP("u:ann", "-", h.code(secret, 0), "-")
		}, ByCode},
		"recovery code": {func(h *house, _ string) (Requester, error) {
			codes, err := h.NewRecoveryCodes(ctx, root, Claim{AuthenticationID: id("u:ann")})
			h.want("recovery codes", err, Success)
			return h.bind(person("ann"), secretWord+codes[0])
		}, ByPasswordAndCode},
	} {
		h := newHouse(t, func(c *CredentialsConfig) { c.CodeAloneMayBind = true })
		secret := h.enrol("ann")
		h.activate("ann", secret)
		who, err := row.bind(h, secret)
		h.want(door, err, Success)
		token, err := h.AccessToken(ctx, who)
		h.want(door+": token", err, Success)
		if want := h.Directory.now().Add(5 * time.Minute); !token.Expires.Equal(want) {
			t.Errorf("%s: expires at %v; want %v", door, token.Expires, want)
		}
		h.restart()
		for range 3 {
			got, err := h.bearer("", token.Token)
			h.want(door+": its token", err, Success)
			who.fingerprint, who.Peer, who.Method = "", "peer", "OAUTHBEARER"
			if got != who || got.How != row.how {
				t.Errorf("%s: the token makes %+v of %+v", door, got, who)
			}
		}
	}
}

// What ends a token, and what does not.
func TestTokenEnds(t *testing.T) {
	ctx := context.Background()
	ann := Claim{AuthenticationID: id("u:ann")}
	for end, row := range map[string]struct {
		do   func(h *house, factor string) error
		ends bool
	}{
		"nothing": {func(*house, string) error { return nil }, false},
		"a bind with another code": {func(h *house, _ string) error {
			h.advance(time.Minute)
			return nil
		}, false},
		"a new name": {func(h *house, _ string) error {
			return h.ModifyDN(ctx, root, &ModifyDNRequest{Entry: person("ann"), NewRDN: "cn=ann"})
		}, false},
		"guesses at the user": {func(h *house, _ string) error {
			for range 100 {
				_, err := h.bind(person("ann"), "wrong")
				h.want("a guess", err, InvalidCredentials)
			}
			return nil
		}, false},
		"a second secret": {func(h *house, _ string) error {
			h.enrol("ann")
			return nil
		}, false},
		"its lifetime, almost": {func(h *house, _ string) error {
			h.advance(270*time.Second - time.Millisecond)
			return nil
		}, false},
		"its lifetime": {func(h *house, _ string) error {
			h.advance(270 * time.Second)
			return nil
		}, true},
		"a new password": {func(h *house, _ string) error {
			_, err := h.ChangePassword(ctx, adminAsks, id("u:ann"), nil, []byte(secretWord))
			return err
		}, true},
		"a password more": {func(h *house, _ string) error {
			return h.Modify(ctx, root, &ModifyRequest{Object: person("ann"), Changes: []Change{{AddValues, Attribute{"userPassword", [][]byte{[]byte("another")}}}}})
		}, true},
		"disable": {func(h *house, factor string) error { return h.DisableTOTP(ctx, root, ann, factor) }, true},
		"disable and enable": {func(h *house, factor string) error {
			return errors.Join(h.DisableTOTP(ctx, root, ann, factor), h.EnableTOTP(ctx, root, ann, factor))
		}, true},
		"revoke": {func(h *house, factor string) error { return h.RevokeTOTP(ctx, root, ann, factor) }, true},
		"revoke all": {func(h *house, _ string) error {
			return h.RevokeTOTPSharedSecret(ctx, adminAsks, id("u:ann"), nil, nil)
		}, true},
		"delete": {func(h *house, _ string) error {
			return h.Delete(ctx, root, &DeleteRequest{Entry: person("ann")})
		}, true},
		"delete, and another of the name": {func(h *house, _ string) error {
			err := h.Delete(ctx, root, &DeleteRequest{Entry: person("ann")})
			mustAdd(t, h.Directory, person("ann"), "objectClass: inetOrgPerson", "cn: ann", "sn: x", "userPassword: "+secretWord)
			return err
		}, true},
		"another keyset": {func(h *house, _ string) (err error) {
			h.credentials.cfg.Keyset, err = seal.Generate()
			return err
		}, true},
	} {
		t.Run(end, func(t *testing.T) {
			h := newHouse(t)
			secret := h.enrol("ann")
			h.activate("ann", secret)
			token := h.token(secret)
			who, err := h.bearer("", token.Token)
			h.want("before", err, Success)
			keyset := h.credentials.cfg.Keyset
			h.want(end, row.do(h, who.Factor), Success)
			_, err = h.bearer("", token.Token)
			if want := map[bool]ResultCode{true: SaslBindInProgress, false: Success}[row.ends]; Result(err).ResultCode != want {
				t.Errorf("%v; want %v", err, want)
			}
			h.credentials.cfg.Keyset = keyset // for the check at the end
		})
	}
}

// A token of the password alone ends when the user begins to need a code.
func TestTokenWithoutACodeEndsWithEnrolment(t *testing.T) {
	h := newHouse(t)
	who, err := h.bind(person("ann"), secretWord)
	h.want("bind", err, Success)
	token, err := h.AccessToken(t.Context(), who)
	h.want("token", err, Success)
	secret := h.enrol("ann")
	_, err = h.bearer("", token.Token)
	h.want("while the secret is pending", err, Success)
	h.activate("ann", secret)
	_, err = h.bearer("", token.Token)
	h.want("when it is active", err, SaslBindInProgress)
}

// The same where a policy begins to require one, with grace or without; and in
// grace there is none to be had.
func TestTokenWithoutACodeEndsWithAPolicy(t *testing.T) {
	for _, grace := range []string{"", "tallystickGraceLogins: 5"} {
		h := newHouse(t)
		who, err := h.bind(person("bob"), secretWord)
		h.want("bind", err, Success)
		token, err := h.AccessToken(t.Context(), who)
		h.want("token", err, Success)
		var lines []string
		if grace != "" {
			lines = append(lines, grace)
		}
		h.policy("all", 1, "required", lines...)
		_, err = h.bearer("", token.Token)
		h.want("required, "+grace, err, SaslBindInProgress)
		if grace != "" {
			who, err := h.bind(person("bob"), secretWord)
			h.want("bind by grace", err, Success)
			_, err = h.AccessToken(t.Context(), who)
			h.want("a token", err, UnwillingToPerform)
		}
	}
}

// The upgrade of the stored password by the very bind that gets the token does
// not end it.
func TestTokenOutlivesAnUpgrade(t *testing.T) {
	h := newHouse(t)
	h.credentials.cfg.Scheme = "SSHA512"
	who, err := h.bind(person("bob"), secretWord)
	h.want("bind", err, Success)
	token, err := h.AccessToken(t.Context(), who)
	h.want("token", err, Success)
	_, err = h.bearer("", token.Token)
	h.want("its token", err, Success)
}

// Who gets no token.
func TestNoToken(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	h.want("root's password", h.SetRootPassword(ctx, "root's"), Success)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	byToken, err := h.bearer("", h.token(secret).Token)
	h.want("bind with a token", err, Success)
	plain := func(authzID, uid, password string) (Requester, error) {
		m := sasl.PlainMessage{AuthorizationID: authzID, AuthenticationID: uid, Password: []byte(password)}
		return h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.Plain, m.Encode()}})
	}
	for rule, bind := range map[string]func() (Requester, error){
		"anonymous":           func() (Requester, error) { return h.bind("", "") },
		"the root user":       func() (Requester, error) { return h.bind(DefaultRootDN, "root's") },
		"an assumed identity": func() (Requester, error) { return plain("u:bob", "proxy", secretWord) },
		"who has a token":     func() (Requester, error) { return byToken, nil },
		"who showed an old password": func() (Requester, error) {
			who, err := h.bind(person("bob"), secretWord)
			_, changed := h.ChangePassword(ctx, adminAsks, id("u:bob"), nil, []byte("new"))
			return who, errors.Join(err, changed)
		},
		"who showed a credential that was revoked": func() (Requester, error) {
			who, err := h.bind(person("ann"), secretWord+h.code(secret, 0))
			return who, errors.Join(err, h.RevokeTOTPSharedSecret(ctx, nobodyAsks, id("u:ann"), nil, &secret))
		},
	} {
		who, err := bind()
		h.want(rule, err, Success)
		_, err = h.AccessToken(ctx, who)
		h.want(rule, err, UnwillingToPerform)
	}
}

// A token is no static password: it opens no door that wants one.
func TestTokenIsNoPassword(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	token := string(h.token(secret).Token)
	for _, d := range h.doors("ann") {
		if !strings.HasPrefix(d.name, "validate") {
			h.want(d.name, d.show(token, ""), InvalidCredentials)
			h.advance(time.Hour)
		}
	}
}

// Whatever is wrong with a token the client is told the same, and nobody is
// locked for it.
func TestTokenRefusal(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	token := h.token(secret).Token
	other, err := h.credentials.cfg.Keyset.Seal([]byte{8, 1}, tokenPurpose)
	h.want("seal", err, Success)
	for rule, text := range map[string]string{
		"not base64url":    "a+b/",
		"nothing in it":    "AAAA",
		"cut":              string(token[:len(token)-1]),
		"longer":           string(token) + "AAAA",
		"tampered with":    string(token[:40]) + "AAAA" + string(token[44:]),
		"a sealed secret":  base64.RawURLEncoding.EncodeToString(h.credentialsOf("ann")[0].sealed),
		"sealed by us":     base64.RawURLEncoding.EncodeToString(other),
		"bits behind it":   string(token) + "=",
		"another's base64": base64.StdEncoding.EncodeToString([]byte(token)),
	} {
		for range 20 {
			who, err := h.bearer("", seal.Secret(text))
			r := Result(err)
			if r.ResultCode != SaslBindInProgress || r.DiagnosticMessage != "" || string(r.ServerSASLCreds) != `{"status":"invalid_token"}` || !who.Anonymous() {
				t.Fatalf("%s: %+v, %v", rule, who, err)
			}
		}
	}
	if n := h.failures("ann"); n != 0 {
		t.Errorf("%d failures were counted", n)
	}
	_, err = h.Bind(t.Context(), Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.OAuthBearer, []byte{1}}})
	h.want("the end of the exchange", err, InvalidCredentials)
	_, err = h.Bind(t.Context(), Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{sasl.OAuthBearer, []byte("Bearer t")}})
	h.want("a malformed message", err, ProtocolError)
}

// Authorization identities are as in PLAIN.
func TestTokenAuthorization(t *testing.T) {
	h := newHouse(t)
	for _, row := range []struct {
		who, as string
		want    ResultCode
		is      string
	}{
		{"bob", "u:bob", Success, person("bob")},
		{"bob", "dn:", Success, ""},
		{"bob", "u:ann", InsufficientAccessRights, ""},
		{"proxy", "dn:" + person("ann"), Success, person("ann")},
	} {
		who, err := h.bind(person(row.who), secretWord)
		h.want("bind", err, Success)
		token, err := h.AccessToken(t.Context(), who)
		h.want("token", err, Success)
		got, err := h.bearer(row.as, token.Token)
		h.want(row.who+" as "+row.as, err, row.want)
		if got.DN != row.is {
			t.Errorf("%s as %s is %q", row.who, row.as, got.DN)
		}
	}
}

// Without a lifetime there are no tokens, those made before included.
func TestTokensOff(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	token := h.token(secret)
	h.credentials.cfg.TokenLifetime = time.Minute
	_, err := h.bearer("", token.Token)
	h.want("made to live longer than any does now", err, SaslBindInProgress)
	h.credentials.cfg.TokenLifetime = -1
	_, err = h.bearer("", token.Token)
	h.want("off", err, AuthMethodNotSupported)
	who, err := h.bind(person("bob"), secretWord)
	h.want("bind", err, Success)
	_, err = h.AccessToken(t.Context(), who)
	h.want("no token", err, UnwillingToPerform)
}

func FuzzTokenDecode(f *testing.F) {
	f.Add(token{id: 7, how: ByPasswordAndCode, factor: "f", sequence: 3, fingerprint: "x", expires: time.UnixMilli(1)}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		var one, again token
		if one.decode(b) != nil {
			return
		}
		if err := again.decode(one.encode()); err != nil || again != one {
			t.Errorf("%x: %+v became %+v, %v", b, one, again, err)
		}
	})
}

// A code alone made it: it ends with its credential too, also with one that
// never changed since it was imported.
func TestTokenByACodeAloneEnds(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.CodeAloneMayBind = true })
	made, err := h.importFor(ImportRequest{Key: importedKey})
	h.want("import", err, Success)
	h.advance(time.Minute)
	m := sasl.UnboundIDTOTPMessage{AuthenticationID: "u:ann", TOTPPassword: []byte(h.code(totp.EncodeSecret(importedKey), 0))}
	who, err := h.bindMessage(m.Encode())
	h.want("bind", err, Success)
	token, err := h.AccessToken(t.Context(), who)
	h.want("token", err, Success)
	_, err = h.bearer("", token.Token)
	h.want("the token", err, Success)
	h.want("revoke", h.RevokeTOTP(t.Context(), root, Claim{AuthenticationID: id("u:ann")}, made.ID), Success)
	_, err = h.bearer("", token.Token)
	h.want("the token of a credential that is gone", err, SaslBindInProgress)
}
