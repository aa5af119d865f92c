package directory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tallystick/directory/totp"
)

// withCodes is a house in which ann has an active secret and recovery codes.
func withCodes(t *testing.T, change ...func(*CredentialsConfig)) (h *house, secret string, codes []string) {
	t.Helper()
	h = newHouse(t, change...)
	secret = h.enrol("ann")
	h.activate("ann", secret)
	codes, err := h.NewRecoveryCodes(context.Background(), root, Claim{AuthenticationID: id("u:ann")})
	if err != nil {
		t.Fatal(err)
	}
	return h, secret, codes
}

func (h *house) codesLeft(uid string) int {
	h.t.Helper()
	list, err := h.ListTOTP(context.Background(), root, Claim{AuthenticationID: id("u:" + uid)})
	if err != nil {
		h.t.Fatal(err)
	}
	return list.RecoveryCodes
}

// A recovery code is taken wherever a code is, once.
func TestRecoveryCodeAtEveryDoor(t *testing.T) {
	ctx := context.Background()
	simple := func(h *house, shown string) error {
		who, err := h.bind(person("ann"), shown)
		if err == nil && who.How != ByPasswordAndCode {
			t.Errorf("authenticated as %v", who.How)
		}
		return err
	}
	for door, show := range map[string]func(h *house, password, code string) error{
		"simple bind": func(h *house, password, code string) error { return simple(h, password+code) },
		"simple bind, lower case": func(h *house, password, code string) error {
			return simple(h, password+strings.ToLower(code))
		},
		"simple bind, no hyphens": func(h *house, password, code string) error {
			return simple(h, password+strings.ReplaceAll(code, "-", ""))
		},
		"PLAIN": func(h *house, password, code string) error {
			_, err := h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{Mechanism: "PLAIN", Credentials: []byte("\x00u:ann\x00" + password + code)}})
			return err
		},
		"UNBOUNDID-TOTP": func(h *house, password, code string) error {
			_, err := h.bindTOTP("u:ann", "-", code, password)
			return err
		},
		"generate": func(h *house, password, code string) error {
			_, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("u:ann"), []byte(password+code))
			return err
		},
		"password modify": func(h *house, password, code string) error {
			_, err := h.ChangePassword(ctx, Requester{}, id("u:ann"), []byte(password+code), []byte(password))
			return err
		},
		"list": func(h *house, password, code string) error {
			_, err := h.ListTOTP(ctx, Requester{}, Claim{AuthenticationID: id("u:ann"), StaticPassword: []byte(password + code)})
			return err
		},
	} {
		t.Run(door, func(t *testing.T) {
			h, _, codes := withCodes(t)
			h.want("wrong password", show(h, "wrong", codes[0]), InvalidCredentials)
			h.want("a wrong code", show(h, secretWord, "AAAA-AAAA-AAAA-AAAA"), InvalidCredentials)
			if n := h.codesLeft("ann"); n != totp.NewCodes {
				t.Errorf("failures spent %d codes", totp.NewCodes-n)
			}
			h.want("the first time", show(h, secretWord, codes[0]), Success)
			h.want("the second time", show(h, secretWord, codes[0]), InvalidCredentials)
			h.restart()
			h.want("after a restart", show(h, secretWord, codes[0]), InvalidCredentials)
			h.want("another", show(h, secretWord, codes[1]), Success)
			if n := h.codesLeft("ann"); n != totp.NewCodes-2 {
				t.Errorf("%d codes left", n)
			}
		})
	}
	h, secret, codes := withCodes(t)
	h.want("validate", h.ValidateTOTPPassword(ctx, annAsks, person("ann"), codes[0]), Success)
	h.want("validate again", h.ValidateTOTPPassword(ctx, annAsks, person("ann"), codes[0]), InvalidCredentials)
	h.want("confirm takes codes of the credential only", h.ConfirmTOTP(ctx, annAsks, Claim{}, h.credentialsOf("ann")[0].id, codes[1]), InvalidCredentials)
	_, err := h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("codes of the secret are taken still", err, Success)
}

func TestRecoveryCodeRules(t *testing.T) {
	ctx := context.Background()
	bind := func(h *house, code string) error {
		_, err := h.bind(person("ann"), secretWord+code)
		return err
	}
	ann := Claim{AuthenticationID: id("u:ann")}

	h, _, codes := withCodes(t)
	if _, err := h.NewRecoveryCodes(ctx, root, ann); err != nil {
		t.Fatal(err)
	}
	h.want("a new set ends the old one", bind(h, codes[0]), InvalidCredentials)

	h, _, codes = withCodes(t)
	h.setState("ann", disabled)
	h.want("a disabled credential may be enabled by one", h.EnableTOTP(ctx, nobodyAsks, Claim{id("u:ann"), []byte(secretWord + codes[0])}, h.credentialsOf("ann")[0].id), Success)

	h, _, codes = withCodes(t)
	h.want("revoke the last credential", h.RevokeTOTP(ctx, root, ann, h.credentialsOf("ann")[0].id), Success)
	if n := h.codesLeft("ann"); n != 0 {
		t.Errorf("%d codes outlive it", n)
	}
	h.activate("ann", h.enrol("ann"))
	h.want("a code of the time before", bind(h, codes[0]), InvalidCredentials)

	h, _, codes = withCodes(t)
	h.want("revoke all", h.RevokeTOTPSharedSecret(ctx, root, id("u:ann"), nil, nil), Success)
	h.activate("ann", h.enrol("ann"))
	h.want("a code of the time before", bind(h, codes[0]), InvalidCredentials)

	h, _, codes = withCodes(t, func(c *CredentialsConfig) { c.Separator = ":" })
	h.want("without the separator", bind(h, codes[0]), InvalidCredentials)
	h.want("with it", bind(h, ":"+codes[0]), Success)

	h, _, codes = withCodes(t)
	h.activate("bob", h.enrol("bob"))
	_, err := h.bind(person("bob"), secretWord+codes[0])
	h.want("another's", err, InvalidCredentials)

	// Recovery codes count with all other guesses.
	h, _, codes = withCodes(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter = 2, 3 })
	for range 3 {
		h.want("a guess", bind(h, "AAAA-AAAA-AAAA-AAAA"), InvalidCredentials)
	}
	h.want("the right one, locked", bind(h, codes[0]), InvalidCredentials)
	if n := h.codesLeft("ann"); n != totp.NewCodes {
		t.Errorf("a refused attempt spent a code: %d left", n)
	}
}

// Of many who show the same recovery code at once one is believed.
func TestRecoveryCodeConcurrently(t *testing.T) {
	h, _, codes := withCodes(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter = 1000, 1000 })
	var believed atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 8 {
				if _, err := h.bind(person("ann"), secretWord+codes[0]); err == nil {
					believed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := believed.Load(); n != 1 {
		t.Errorf("believed %d times", n)
	}
}

// No code is written anywhere, only hashes; export and import carry them.
func TestRecoveryCodesSurviveExportAndImport(t *testing.T) {
	h, secret, codes := withCodes(t)
	_, err := h.bind(person("ann"), secretWord+codes[0])
	h.want("bind", err, Success)
	before := export(t, h.Directory)
	for _, e := range before {
		if slices.ContainsFunc(codes, func(c string) bool {
			return strings.Contains(e.text(), c) || strings.Contains(e.text(), strings.ReplaceAll(c, "-", ""))
		}) {
			t.Error("the export has a code in the clear")
		}
	}
	if log := h.log.String(); slices.ContainsFunc(codes, func(c string) bool { return strings.Contains(log, c) }) {
		t.Error("the log has a code in the clear")
	}
	to := newHouseWithout(t)
	if err := load(t, to.Directory, before); err != nil {
		t.Fatal(err)
	}
	to.now = h.now
	_, err = to.bind(person("ann"), secretWord+codes[0])
	to.want("a code spent before", err, InvalidCredentials)
	_, err = to.bind(person("ann"), secretWord+codes[1])
	to.want("one that was left", err, Success)
	_, err = to.bind(person("ann"), secretWord+to.code(secret, 1))
	to.want("a code of the secret", err, Success)

	for _, bad := range []string{"", "{}x", `{"salt":"AA=="}`, `{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","hashes":["AA=="]}`, `{"codes":[]}`} {
		to := newHouseWithout(t)
		to.want(bad, load(t, to.Directory, annWith("ds-auth-totp-shared-secret: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "tallystickRecoveryCodes: "+bad)), InvalidAttributeSyntax)
	}
}

func FuzzRecoveryCodesText(f *testing.F) {
	f.Add([]byte(`{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","hashes":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		kept, err := recoveryCodesOfText(text)
		if err != nil {
			return
		}
		var again attempts
		if err := again.decode(attempts{recovery: kept}.encode()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
