package directory

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// factor is a row about a user's factors: who asks, and what they show. In
// texts, CODE is a current code of ann's active secret, SECRET her secret, and
// OTHER one she does not have; "-" is an element that was not sent.
type factor struct {
	rule     string
	who      Requester
	authID   string
	password string
	secret   string
	want     ResultCode
	effect   int // how many secrets more (or fewer) ann has
}

// enrolled is how ann stands before a row.
type enrolled int

const (
	without   enrolled = iota // no secret
	withNew                   // one that no code was ever accepted of
	withProof                 // one that a code was accepted of
)

func (row factor) run(t *testing.T, start enrolled, do func(h *house, authID *string, password []byte, secret *string) error, change ...func(*CredentialsConfig)) {
	t.Run(row.rule, func(t *testing.T) {
		h := newHouse(t, change...)
		secret := "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"
		if start != without {
			secret = h.enrol("ann")
		}
		if start == withProof {
			h.activate("ann", secret)
		}
		before := len(h.credentialsOf("ann"))
		fill := func(text string) *string {
			if text == "-" {
				return nil
			}
			text = strings.ReplaceAll(text, "CODE", h.code(secret, 0))
			text = strings.ReplaceAll(text, "SECRET", secret)
			text = strings.ReplaceAll(text, "secret_lower", strings.ToLower(secret)+"====")
			text = strings.ReplaceAll(text, "OTHER", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
			return &text
		}
		var password []byte
		if p := fill(row.password); p != nil {
			password = []byte(*p)
		}
		err := do(h, fill(row.authID), password, fill(row.secret))
		h.want(row.rule, err, row.want)
		if got := len(h.credentialsOf("ann")) - before; got != row.effect {
			t.Errorf("ann has %+d secrets; want %+d", got, row.effect)
		}
	})
}

func generate(row factor) func(h *house, authID *string, password []byte, _ *string) error {
	return func(h *house, authID *string, password []byte, _ *string) error {
		secret, err := h.GenerateTOTPSharedSecret(context.Background(), row.who, authID, password)
		if (err == nil) != (len(secret) == 32) {
			return errors.New("secret " + secret)
		}
		return err
	}
}

var (
	nobodyAsks = Requester{}
	annAsks    = as("ann")
	annWithOne = Requester{DN: person("ann"), How: ByPasswordAndCode}
	bobAsks    = as("bob")
	helpAsks   = as("help")
	adminAsks  = as("admin")
)

// Spec 1.4 (who may do what) and 1.7 (result codes).
func TestGenerate(t *testing.T) {
	annID := "dn:" + person("ann")
	for _, row := range []factor{
		{"requester's own, password right", annAsks, "-", "secret", "", Success, 1},
		{"requester's own, password wrong", annAsks, "-", "wrong", "", InvalidCredentials, 0},
		{"requester's own, password empty", annAsks, "-", "", "", InvalidCredentials, 0},
		{"anonymous, nobody named, password sent", nobodyAsks, "-", "secret", "", InvalidCredentials, 0},
		{"named, password right, anonymous", nobodyAsks, annID, "secret", "", Success, 1},
		{"named by u:, password right, anonymous", nobodyAsks, "u:ann", "secret", "", Success, 1},
		{"named, password right, another's connection", bobAsks, annID, "secret", "", Success, 1},
		{"named, password right, own connection", annAsks, annID, "secret", "", Success, 1},
		{"named, password wrong", nobodyAsks, annID, "wrong", "", InvalidCredentials, 0},
		{"named, password wrong, by an administrator", adminAsks, annID, "wrong", "", InvalidCredentials, 0},
		{"named, no password, administrator", helpAsks, annID, "-", "", Success, 1},
		{"named by u:, no password, administrator", helpAsks, "u:ann", "-", "", Success, 1},
		{"named, no password, root user", root, annID, "-", "", Success, 1},
		{"named, no password, no privilege", bobAsks, annID, "-", "", InsufficientAccessRights, 0},
		{"named, no password, anonymous", nobodyAsks, annID, "-", "", InsufficientAccessRights, 0},
		{"named is the requester, no password", annAsks, annID, "-", "", UnwillingToPerform, 0},
		{"named is the requester, no password, with a code", annWithOne, annID, "-", "", UnwillingToPerform, 0},
		{"named is the administrator, no password", helpAsks, "u:help", "-", "", UnwillingToPerform, 0},
		{"administrator of passwords, another administrator", helpAsks, "u:admin", "-", "", InsufficientAccessRights, 0},
		{"neither", nobodyAsks, "-", "-", "", ProtocolError, 0},
		{"unknown user, password", nobodyAsks, "u:nobody", "secret", "", InvalidCredentials, 0},
		{"unknown DN, password", nobodyAsks, "dn:" + person("nobody"), "secret", "", InvalidCredentials, 0},
		{"unknown user, no password, administrator", helpAsks, "u:nobody", "-", "", NoSuchObject, 0},
		{"unknown user, no password, no privilege", bobAsks, "u:nobody", "-", "", InsufficientAccessRights, 0},
		{"no prefix, password", nobodyAsks, person("ann"), "secret", "", InvalidCredentials, 0},
		{"no prefix, no password, administrator", helpAsks, person("ann"), "-", "", NoSuchObject, 0},
		{"prefix in upper case, password", nobodyAsks, "DN:" + person("ann"), "secret", "", InvalidCredentials, 0},
		{"malformed DN, password", nobodyAsks, "dn:ann", "secret", "", InvalidCredentials, 0},
		{"malformed DN, no password", helpAsks, "dn:ann", "-", "", InvalidDNSyntax, 0},
		{"the empty DN, password", nobodyAsks, "dn:", "secret", "", InvalidCredentials, 0},
		{"the root user, password", nobodyAsks, "dn:" + DefaultRootDN, "secret", "", InvalidCredentials, 0},
		{"the root user, no password", helpAsks, "dn:" + DefaultRootDN, "-", "", NoSuchObject, 0},
	} {
		row.run(t, without, generate(row))
	}
	for _, row := range []factor{
		{"a secret without an accepted code: password alone", nobodyAsks, annID, "secret", "", Success, 1},
		{"a secret without an accepted code: password and code", nobodyAsks, annID, "secretCODE", "", Success, 1},
	} {
		row.run(t, withNew, generate(row))
	}
	for _, row := range []factor{
		{"accepted once: password alone", nobodyAsks, annID, "secret", "", InvalidCredentials, 0},
		{"accepted once: password alone, own connection without code", annAsks, "-", "secret", "", InvalidCredentials, 0},
		{"accepted once: password and code", nobodyAsks, annID, "secretCODE", "", Success, 1},
		{"accepted once: password and wrong code", nobodyAsks, annID, "secret000000", "", InvalidCredentials, 0},
		{"accepted once: wrong password and code", nobodyAsks, annID, "wrongCODE", "", InvalidCredentials, 0},
		{"accepted once: password alone, own connection with code", annWithOne, "-", "secret", "", Success, 1},
		{"accepted once: password and code, own connection with code", annWithOne, "-", "secretCODE", "", Success, 1},
		{"accepted once: wrong password, own connection with code", annWithOne, "-", "wrong", "", InvalidCredentials, 0},
		{"accepted once: another's connection with code", Requester{DN: person("bob"), How: ByPasswordAndCode}, annID, "secret", "", InvalidCredentials, 0},
		{"accepted once: administrator", helpAsks, annID, "-", "", Success, 1},
	} {
		row.run(t, withProof, generate(row))
	}
	row := factor{"accepted once, as PingDirectory: password alone", nobodyAsks, annID, "secret", "", Success, 1}
	row.run(t, withProof, generate(row), func(c *CredentialsConfig) { c.PasswordAloneMayChange = true })
}

// Spec 1.5 (the seven forms) and 1.7 (result codes).
func TestRevoke(t *testing.T) {
	annID := "dn:" + person("ann")
	do := func(row factor) func(h *house, authID *string, password []byte, secret *string) error {
		return func(h *house, authID *string, password []byte, secret *string) error {
			return h.RevokeTOTPSharedSecret(context.Background(), row.who, authID, password, secret)
		}
	}
	for _, row := range []factor{
		{"secret", annAsks, "-", "-", "SECRET", Success, -1},
		{"secret in lower case with padding", annAsks, "-", "-", "secret_lower", Success, -1},
		{"secret she does not have", annAsks, "-", "-", "OTHER", InvalidCredentials, 0},
		{"secret that is not base32", annAsks, "-", "-", "189!", InvalidCredentials, 0},
		{"secret that is empty", annAsks, "-", "-", "", InvalidCredentials, 0},
		{"secret, anonymous", nobodyAsks, "-", "-", "SECRET", UnwillingToPerform, 0},
		{"password and secret", annAsks, "-", "secret", "SECRET", Success, -1},
		{"wrong password and secret", annAsks, "-", "wrong", "SECRET", InvalidCredentials, 0},
		{"password and a secret she does not have", annAsks, "-", "secret", "OTHER", NoSuchAttribute, 0},
		{"password and a secret that is not base32", annAsks, "-", "secret", "189!", NoSuchAttribute, 0},
		{"wrong password and a secret she does not have", annAsks, "-", "wrong", "OTHER", InvalidCredentials, 0},
		{"password", annAsks, "-", "secret", "-", Success, -1},
		{"wrong password", annAsks, "-", "wrong", "-", InvalidCredentials, 0},
		{"password, anonymous", nobodyAsks, "-", "secret", "-", InvalidCredentials, 0},
		{"authID and secret", nobodyAsks, annID, "-", "SECRET", Success, -1},
		{"authID and secret, another's connection", bobAsks, "u:ann", "-", "SECRET", Success, -1},
		{"authID and a secret she does not have", nobodyAsks, annID, "-", "OTHER", InvalidCredentials, 0},
		{"authID of nobody and a secret", nobodyAsks, "u:nobody", "-", "SECRET", InvalidCredentials, 0},
		{"authID, password and secret", nobodyAsks, annID, "secret", "SECRET", Success, -1},
		{"authID, password and a secret she does not have", nobodyAsks, annID, "secret", "OTHER", NoSuchAttribute, 0},
		{"authID, wrong password and secret", nobodyAsks, annID, "wrong", "SECRET", InvalidCredentials, 0},
		{"authID and password", nobodyAsks, annID, "secret", "-", Success, -1},
		{"authID and password and code", nobodyAsks, annID, "secretCODE", "-", Success, -1},
		{"authID and wrong password", nobodyAsks, annID, "wrong", "-", InvalidCredentials, 0},
		{"authID of nobody and password", nobodyAsks, "u:nobody", "secret", "-", InvalidCredentials, 0},
		{"authID, administrator", helpAsks, annID, "-", "-", Success, -1},
		{"authID, root user", root, annID, "-", "-", Success, -1},
		{"authID, no privilege", bobAsks, annID, "-", "-", InsufficientAccessRights, 0},
		{"authID, anonymous", nobodyAsks, annID, "-", "-", InsufficientAccessRights, 0},
		{"authID of the requester", annAsks, annID, "-", "-", UnwillingToPerform, 0},
		{"authID of nobody, administrator", helpAsks, "u:nobody", "-", "-", NoSuchObject, 0},
		{"authID of nobody, no privilege", bobAsks, "u:nobody", "-", "-", InsufficientAccessRights, 0},
		{"authID without prefix, password", nobodyAsks, person("ann"), "secret", "-", InvalidCredentials, 0},
		{"malformed DN, no password", helpAsks, "dn:ann", "-", "-", InvalidDNSyntax, 0},
		{"malformed DN, password", nobodyAsks, "dn:ann", "secret", "-", InvalidCredentials, 0},
		{"none", annAsks, "-", "-", "-", ProtocolError, 0},
	} {
		row.run(t, withNew, do(row))
	}
	for _, row := range []factor{
		{"accepted once: password alone", nobodyAsks, annID, "secret", "-", InvalidCredentials, 0},
		{"accepted once: password and code", nobodyAsks, annID, "secretCODE", "-", Success, -1},
		{"accepted once: password, own connection with code", annWithOne, "-", "secret", "-", Success, -1},
		{"accepted once: the secret itself", nobodyAsks, annID, "-", "SECRET", Success, -1},
		{"accepted once: password and the secret itself", nobodyAsks, annID, "secret", "SECRET", Success, -1},
		{"accepted once: password and another secret", nobodyAsks, annID, "secret", "OTHER", InvalidCredentials, 0},
		{"accepted once: password, code and another secret", nobodyAsks, annID, "secretCODE", "OTHER", NoSuchAttribute, 0},
		{"accepted once: password and another secret, own connection with code", annWithOne, "-", "secret", "OTHER", NoSuchAttribute, 0},
		{"accepted once: administrator", helpAsks, annID, "-", "-", Success, -1},
	} {
		row.run(t, withProof, do(row))
	}
	row := factor{"accepted once, as PingDirectory: password alone", nobodyAsks, annID, "secret", "-", Success, -1}
	row.run(t, withProof, do(row), func(c *CredentialsConfig) { c.PasswordAloneMayChange = true })
	row = factor{"all of none", nobodyAsks, annID, "secret", "-", Success, 0}
	row.run(t, without, do(row))
}

func TestValidate(t *testing.T) {
	ctx := context.Background()
	for _, row := range []struct {
		rule string
		who  Requester
		dn   string
		code string // CODE: a current one
		want ResultCode
	}{
		{"the user himself", annAsks, person("ann"), "CODE", Success},
		{"an administrator", adminAsks, person("ann"), "CODE", Success},
		{"the root user", root, person("ann"), "CODE", Success},
		{"the server", Requester{How: ByServer}, person("ann"), "CODE", Success},
		{"somebody else", bobAsks, person("ann"), "CODE", InsufficientAccessRights},
		{"somebody else, nobody", bobAsks, person("nobody"), "CODE", InsufficientAccessRights},
		{"an administrator of passwords only", helpAsks, person("ann"), "CODE", InsufficientAccessRights},
		{"anonymous", nobodyAsks, person("ann"), "CODE", InsufficientAccessRights},
		{"anonymous, nobody", nobodyAsks, person("nobody"), "CODE", InsufficientAccessRights},
		{"administrator, nobody", adminAsks, person("nobody"), "CODE", NoSuchObject},
		{"user without secrets", bobAsks, person("bob"), "CODE", InvalidCredentials},
		{"wrong code", annAsks, person("ann"), "000000", InvalidCredentials},
		{"empty code", annAsks, person("ann"), "", InvalidCredentials},
		{"too long a code", annAsks, person("ann"), strings.Repeat("1", 5000), InvalidCredentials},
		{"malformed DN", adminAsks, "ann", "CODE", InvalidDNSyntax},
		{"a prefix is not part of a DN", adminAsks, "dn:" + person("ann"), "CODE", InvalidDNSyntax},
		{"the root user has none", root, DefaultRootDN, "CODE", InvalidCredentials},
	} {
		h := newHouse(t)
		secret := h.enrol("ann")
		code := strings.ReplaceAll(row.code, "CODE", h.code(secret, 0))
		err := h.ValidateTOTPPassword(ctx, row.who, row.dn, code)
		h.want(row.rule, err, row.want)
		wantState := pending
		if row.want == Success {
			wantState = active
			h.want(row.rule+", again", h.ValidateTOTPPassword(ctx, row.who, row.dn, code), InvalidCredentials)
		}
		if got := h.credentialsOf("ann")[0].state; got != wantState {
			t.Errorf("%s: the credential is %v; want %v", row.rule, got, wantState)
		}
	}
}

func TestCredentialCap(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.MaxCredentials = 2 })
	ctx := context.Background()
	for range 2 {
		_, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(secretWord))
		h.want("generate", err, Success)
	}
	_, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(secretWord))
	h.want("one too many", err, AdminLimitExceeded)
	_, err = h.GenerateTOTPSharedSecret(ctx, root, id("u:ann"), nil)
	h.want("one too many by root", err, AdminLimitExceeded)
	if n := len(h.credentialsOf("ann")); n != 2 {
		t.Errorf("%d secrets", n)
	}
}

func TestGenerateWithoutKeyset(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.Keyset = nil })
	_, err := h.GenerateTOTPSharedSecret(context.Background(), Requester{}, id("u:ann"), []byte(secretWord))
	h.want("generate", err, UnwillingToPerform)
}

// A code behind the password that came before an error of the operation itself
// is spent all the same.
func TestCodeIsSpentByAnOperationThatFails(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	password := []byte(secretWord + h.code(secret, 0))
	err := h.RevokeTOTPSharedSecret(context.Background(), Requester{}, id("u:ann"), password, id("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"))
	h.want("revoke another secret", err, NoSuchAttribute)
	_, err = h.bind(person("ann"), string(password))
	h.want("bind with the same code", err, InvalidCredentials)
}

// Whoever has had credentials and whose state is gone or incomplete is
// refused, and an administrator can begin anew.
func TestDamagedStateFailsClosed(t *testing.T) {
	for rule, damage := range map[string]func(w store.Writer, id entryID, c *credential){
		"counter gone":      func(w store.Writer, id entryID, c *credential) { w.Delete(attemptKey(id)) },
		"counter malformed": func(w store.Writer, id entryID, c *credential) { w.Set(attemptKey(id), []byte{0xff}) },
		"counter empty":     func(w store.Writer, id entryID, c *credential) { w.Set(attemptKey(id), nil) },
		"credential gone":   func(w store.Writer, id entryID, c *credential) { w.Delete(credentialKey(id, c.id)) },
		"all gone": func(w store.Writer, id entryID, c *credential) {
			w.Delete(credentialKey(id, c.id))
			w.Delete(attemptKey(id))
		},
		"credential malformed": func(w store.Writer, id entryID, c *credential) { w.Set(credentialKey(id, c.id), []byte("x")) },
		"credential of another": func(w store.Writer, id entryID, c *credential) {
			w.Set(credentialKey(id, "another"), c.encode())
		},
	} {
		t.Run(rule, func(t *testing.T) {
			h := newHouse(t)
			ctx := context.Background()
			secret := h.enrol("ann")
			h.activate("ann", secret)
			c := h.credentialsOf("ann")[0]
			err := h.store.Update(ctx, func(w store.Writer) error {
				dn, err := h.parseDN(person("ann"))
				if err != nil {
					return err
				}
				id, err := h.resolve(w, dn)
				damage(w, id, c)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			faults := 0
			if _, err := h.Check(ctx, func(string) { faults++ }); err != nil || faults == 0 {
				t.Errorf("check finds %d faults, %v", faults, err)
			}
			for range 2 {
				_, err = h.bind(person("ann"), secretWord)
				h.want("password alone", err, InvalidCredentials)
				_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
				h.want("password and code", err, InvalidCredentials)
			}
			_, err = h.GenerateTOTPSharedSecret(ctx, root, id("u:ann"), nil)
			h.want("one more secret", err, UnwillingToPerform)
			h.want("revoke all", h.RevokeTOTPSharedSecret(ctx, root, id("u:ann"), nil, nil), Success)
			_, err = h.bind(person("ann"), secretWord)
			h.want("password alone, after that", err, Success)
		})
	}
}

func FuzzCredentialDecode(f *testing.F) {
	c := credential{sealed: []byte("x"), parameters: totp.Parameters{Digits: 6, Period: totp.DefaultPeriod}, name: "phone", state: active}
	f.Add(c.encode())
	f.Add(attempts{failures: 3, credentials: 2}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		var c credential
		if c.decode(b) == nil {
			var again credential
			if err := again.decode(c.encode()); err != nil {
				t.Errorf("%x: %v", b, err)
			}
		}
		var a attempts
		if a.decode(b) == nil {
			var again attempts
			if err := again.decode(a.encode()); err != nil {
				t.Errorf("%x: %v", b, err)
			}
		}
	})
}
