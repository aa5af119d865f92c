package totp_test

import (
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/extoptest"
	"tallystick/extop/totp"
	"tallystick/extop/wire"
	"tallystick/internal/directorytest"
)

const (
	ann = directorytest.Ann
	bob = directorytest.Bob
	ada = directorytest.Ada
)

func TestContract(t *testing.T) {
	d := directorytest.Open(t, nil)
	for name, op := range map[string]extop.Operation{
		"generate": totp.NewGenerate(d),
		"revoke":   totp.NewRevoke(d),
		"validate": totp.NewValidate(d),
	} {
		t.Run(name, func(t *testing.T) { extoptest.Run(t, op) })
	}
}

// house is a directory with its three operations and a clock that stands.
type house struct {
	t   *testing.T
	d   *directory.Directory
	now time.Time
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	h.d = directorytest.Open(t, func(cfg *directory.Config) {
		cfg.Now = func() time.Time { return h.now }
	})
	return h
}

// code is the code of a secret at the moment, computed by somebody else.
func (h *house) code(secret string) string {
	h.t.Helper()
	code, err := otp.GenerateCode(secret, h.now)
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// by is a requester who has authenticated with a password; "" is anonymous.
func by(dn string) directory.Requester {
	if dn == "" {
		return directory.Requester{Secure: true}
	}
	return directory.Requester{DN: dn, How: directory.ByPassword, Secure: true}
}

// generate returns the secret, "" if there is an error.
func (h *house) generate(from string, req wire.GenerateTOTPSharedSecretRequest) (string, directory.ResultCode) {
	h.t.Helper()
	resp, err := totp.NewGenerate(h.d).Serve(h.t.Context(), &extop.Request{Value: req.Encode(), From: by(from)})
	if err != nil {
		h.t.Log(err)
		return "", directory.Result(err).ResultCode
	}
	if resp.OID != "1.3.6.1.4.1.30221.2.6.57" {
		h.t.Errorf("generate answered with OID %q", resp.OID)
	}
	r, err := wire.DecodeGenerateTOTPSharedSecretResponse(resp.Value)
	if err != nil {
		h.t.Fatal(err)
	}
	return r.TOTPSharedSecret, directory.Success
}

// secret returns a new secret of a user, given by the administrator.
func (h *house) secret(user string) string {
	h.t.Helper()
	secret, code := h.generate(ada, wire.GenerateTOTPSharedSecretRequest{AuthenticationID: name("dn:" + user)})
	if code != directory.Success {
		h.t.Fatalf("a secret for %s: %v", user, code)
	}
	return secret
}

func (h *house) revoke(from string, req wire.RevokeTOTPSharedSecretRequest) directory.ResultCode {
	h.t.Helper()
	resp, err := totp.NewRevoke(h.d).Serve(h.t.Context(), &extop.Request{Value: req.Encode(), From: by(from)})
	return h.bare(resp, err)
}

func (h *house) validate(from, dn, code string) directory.ResultCode {
	h.t.Helper()
	req := wire.ValidateTOTPPasswordRequest{UserDN: dn, TOTPPassword: code}
	resp, err := totp.NewValidate(h.d).Serve(h.t.Context(), &extop.Request{Value: req.Encode(), From: by(from)})
	return h.bare(resp, err)
}

// bare is the resultCode of a response that has neither OID nor value.
func (h *house) bare(resp *extop.Response, err error) directory.ResultCode {
	h.t.Helper()
	if err != nil {
		h.t.Log(err)
		return directory.Result(err).ResultCode
	}
	if resp.OID != "" || resp.Value != nil {
		h.t.Errorf("the response has OID %q and value %x", resp.OID, resp.Value)
	}
	return directory.Success
}

// has reports whether a secret is one of the user's: whether its codes are
// accepted. It lets time pass, so that every code is new.
func (h *house) has(user, secret string) bool {
	h.t.Helper()
	h.now = h.now.Add(2 * time.Minute)
	switch code := h.validate(ada, user, h.code(secret)); code {
	case directory.Success:
		return true
	case directory.InvalidCredentials:
		return false
	default:
		h.t.Fatalf("validate: %v", code)
		return false
	}
}

func name(s string) *string { return &s }

var (
	right = []byte(directorytest.Password)
	wrong = []byte("wrong")
	empty = []byte{}
)
