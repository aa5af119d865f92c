package manage_test

import (
	"bytes"
	"image/png"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

	"tallystick/directory"
	"tallystick/directory/schema"
	"tallystick/extop"
	"tallystick/extop/extoptest"
	"tallystick/extop/manage"
	"tallystick/extop/wire"
	"tallystick/internal/directorytest"
)

func TestContract(t *testing.T) { extoptest.Run(t, manage.New(directorytest.Open(t, nil))) }

// The OID is one of those that this project may assign.
func TestOID(t *testing.T) {
	if got := (manage.Operation{}).OID(); got != schema.Arc+".6.1" {
		t.Error(got)
	}
}

// house is a directory with the operation and a clock that stands.
type house struct {
	t   *testing.T
	op  manage.Operation
	d   *directory.Directory
	now time.Time
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	h.d = directorytest.Open(t, func(cfg *directory.Config) {
		cfg.Now = func() time.Time { return h.now }
	})
	h.op = manage.New(h.d)
	return h
}

// code is the code of a secret steps from the moment, computed by somebody
// else.
func (h *house) code(secret string, steps time.Duration) string {
	h.t.Helper()
	code, err := otp.GenerateCode(secret, h.now.Add(steps*30*time.Second))
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// do sends a request of Ada's, the administrator, about Ann.
func (h *house) do(req wire.ManageTOTPRequest) (wire.ManageTOTPResponse, directory.ResultCode) {
	h.t.Helper()
	id := "dn:" + directorytest.Ann
	req.AuthenticationID = &id
	resp, err := h.op.Serve(h.t.Context(), &extop.Request{
		Value: req.Encode(),
		From:  directory.Requester{DN: directorytest.Ada, How: directory.ByPassword, Secure: true},
	})
	if err != nil {
		h.t.Log(err)
		return wire.ManageTOTPResponse{}, directory.Result(err).ResultCode
	}
	if resp.OID != "" {
		h.t.Errorf("the response has OID %q", resp.OID)
	}
	r, err := wire.DecodeManageTOTPResponse(resp.Value)
	if err != nil {
		h.t.Fatal(err)
	}
	return r, directory.Success
}

func (h *house) want(what string, req wire.ManageTOTPRequest, code directory.ResultCode) wire.ManageTOTPResponse {
	h.t.Helper()
	r, got := h.do(req)
	if got != code {
		h.t.Errorf("%s: %v; want %v", what, got, code)
	}
	return r
}

// state is the state of Ann's credential; "" if she has none.
func (h *house) state() string {
	h.t.Helper()
	r := h.want("list", wire.ManageTOTPRequest{}, directory.Success)
	if len(r.Credentials) == 0 {
		return ""
	}
	return r.Credentials[0].State
}

// Every action, in the order of a life.
func TestLife(t *testing.T) {
	h := newHouse(t)
	made := h.want("enrol", wire.ManageTOTPRequest{
		Action: wire.ManageEnrol, Name: "token", Issuer: "Example", QRCode: true, Serial: "1", Device: "2", NotAfter: h.now.Add(24 * time.Hour),
	}, directory.Success)
	if _, err := png.Decode(bytes.NewReader(made.QRCode)); err != nil {
		t.Error(err)
	}
	if want := "otpauth://totp/Example:ann?algorithm=SHA1&digits=6&issuer=Example&period=30&secret=" + made.Secret; made.URI != want {
		t.Errorf("URI %s; want %s", made.URI, want)
	}
	one := wire.ManageTOTPRequest{ID: made.ID}
	step := func(action wire.ManageAction, code directory.ResultCode, state string) {
		t.Helper()
		one.Action = action
		h.want("action", one, code)
		if got := h.state(); got != state {
			t.Errorf("after action %d the state is %q; want %q", action, got, state)
		}
	}
	one.Code = "000000"
	step(wire.ManageConfirm, directory.InvalidCredentials, "pending")
	one.Code = h.code(made.Secret, 0)
	step(wire.ManageConfirm, directory.Success, "active")
	one.Name = "phone"
	step(wire.ManageRename, directory.Success, "active")
	step(wire.ManageDisable, directory.Success, "disabled")
	step(wire.ManageEnable, directory.Success, "active")
	one.Code, one.NextCode = h.code(made.Secret, 300), h.code(made.Secret, 301)
	step(wire.ManageResync, directory.Success, "active")
	codes := h.want("recovery codes", wire.ManageTOTPRequest{Action: wire.ManageNewRecoveryCodes}, directory.Success).RecoveryCodes
	if len(codes) != 10 {
		t.Errorf("%d recovery codes", len(codes))
	}
	list := h.want("list", wire.ManageTOTPRequest{}, directory.Success)
	want := wire.ManagedCredential{
		ID: made.ID, Name: "phone", State: "active", Algorithm: "SHA1", Digits: 6, Period: 30 * time.Second,
		Created: h.now, Changed: h.now, ChangedBy: directorytest.Ada, CreatedBy: directorytest.Ada, LastUsed: h.now, Serial: "1", Device: "2", NotAfter: h.now.Add(24 * time.Hour),
		Switched: h.now, SwitchedBy: directorytest.Ada,
	}
	if list.RecoveryCodesLeft != 10 || len(list.Credentials) != 1 || list.Credentials[0] != want {
		t.Errorf("%+v\nwant %+v", list, want)
	}
	step(wire.ManageRevoke, directory.Success, "")
	step(wire.ManageRevoke, directory.NoSuchAttribute, "")
}

func TestResults(t *testing.T) {
	h := newHouse(t)
	for what, row := range map[string]struct {
		req  wire.ManageTOTPRequest
		want directory.ResultCode
	}{
		"an action of later days":    {wire.ManageTOTPRequest{Action: 99}, directory.ProtocolError},
		"confirm without id":         {wire.ManageTOTPRequest{Action: wire.ManageConfirm, Code: "123456"}, directory.ProtocolError},
		"revoke without id":          {wire.ManageTOTPRequest{Action: wire.ManageRevoke}, directory.ProtocolError},
		"an unknown algorithm":       {wire.ManageTOTPRequest{Action: wire.ManageEnrol, Algorithm: "MD5"}, directory.ConstraintViolation},
		"five digits":                {wire.ManageTOTPRequest{Action: wire.ManageEnrol, Digits: 5}, directory.ConstraintViolation},
		"no such credential":         {wire.ManageTOTPRequest{Action: wire.ManageDisable, ID: "A"}, directory.NoSuchAttribute},
		"recovery codes for nothing": {wire.ManageTOTPRequest{Action: wire.ManageNewRecoveryCodes}, directory.UnwillingToPerform},
		"a wrong password":           {wire.ManageTOTPRequest{Action: wire.ManageEnrol, StaticPassword: []byte("x")}, directory.InvalidCredentials},
	} {
		h.want(what, row.req, row.want)
	}
}

// What an import says arrives.
func TestImport(t *testing.T) {
	h := newHouse(t)
	req := wire.ManageTOTPRequest{
		Action: wire.ManageImport, Key: []byte("12345678901234567890"), Name: "token", Algorithm: "SHA256", Digits: 8, Period: time.Minute,
		Serial: "1", Device: "2", NotBefore: h.now, NotAfter: h.now.Add(time.Hour), Disabled: true, DryRun: true,
	}
	if r := h.want("a dry run", req, directory.Success); r.ID != "" || h.state() != "" {
		t.Errorf("a dry run: %+v", r)
	}
	req.DryRun = false
	first := h.want("import", req, directory.Success)
	want := wire.ManagedCredential{
		ID: first.ID, Name: "token", State: "disabled", Algorithm: "SHA256", Digits: 8, Period: time.Minute,
		Created: h.now, Changed: h.now, ChangedBy: directorytest.Ada, CreatedBy: directorytest.Ada, Serial: "1", Device: "2", NotBefore: h.now, NotAfter: h.now.Add(time.Hour),
	}
	list := h.want("list", wire.ManageTOTPRequest{}, directory.Success)
	if len(list.Credentials) != 1 || list.Credentials[0] != want {
		t.Errorf("%+v\nwant %+v", list, want)
	}
	if r := h.want("again", req, directory.Success); r.ID != first.ID || !r.There {
		t.Errorf("again: %+v", r)
	}
	req.Algorithm = "MD5"
	h.want("an unknown algorithm", req, directory.ConstraintViolation)
	h.want("no key", wire.ManageTOTPRequest{Action: wire.ManageImport}, directory.ConstraintViolation)
}

// That a token is counter-based arrives, and goes no further than import.
func TestImportCounter(t *testing.T) {
	h := newHouse(t)
	h.want("import", wire.ManageTOTPRequest{Action: wire.ManageImport, Key: []byte("12345678901234567890"), Counter: new(int64(3))}, directory.Success)
	list := h.want("list", wire.ManageTOTPRequest{}, directory.Success)
	if len(list.Credentials) != 1 || !list.Credentials[0].CounterBased || list.Credentials[0].State != "active" {
		t.Errorf("%+v", list)
	}
	h.want("enrol ignores it", wire.ManageTOTPRequest{Action: wire.ManageEnrol, Counter: new(int64(3))}, directory.Success)
	list = h.want("list", wire.ManageTOTPRequest{}, directory.Success)
	if len(list.Credentials) != 2 || list.Credentials[0].CounterBased == list.Credentials[1].CounterBased {
		t.Errorf("%+v", list)
	}
}

// Whose a token is that somebody found in the lift.
func TestFind(t *testing.T) {
	h := newHouse(t)
	made := h.want("enrol", wire.ManageTOTPRequest{Action: wire.ManageEnrol, Serial: "1", Device: "2"}, directory.Success)
	find := func(what string, req wire.ManageTOTPRequest, code directory.ResultCode, found int) {
		t.Helper()
		req.Action = wire.ManageFind
		resp, err := h.op.Serve(t.Context(), &extop.Request{
			Value: req.Encode(),
			From:  directory.Requester{DN: directorytest.Ada, How: directory.ByPassword, Secure: true},
		})
		if err != nil {
			if got := directory.Result(err).ResultCode; got != code {
				t.Errorf("%s: %v; want %v", what, err, code)
			}
			return
		}
		r, err := wire.DecodeManageTOTPResponse(resp.Value)
		if err != nil {
			t.Fatal(err)
		}
		if code != directory.Success || len(r.Credentials) != found {
			t.Errorf("%s: %+v; want %v, %d", what, r, code, found)
		}
		for _, c := range r.Credentials {
			if c.Owner != directorytest.Ann || c.ID != made.ID || c.CreatedBy != directorytest.Ada {
				t.Errorf("%s: %+v", what, c)
			}
		}
	}
	find("by serial", wire.ManageTOTPRequest{Serial: "1"}, directory.Success, 1)
	find("by device", wire.ManageTOTPRequest{Device: "2"}, directory.Success, 1)
	find("a device with that serial", wire.ManageTOTPRequest{Device: "1"}, directory.Success, 0)
	find("neither", wire.ManageTOTPRequest{}, directory.ProtocolError, 0)
	find("both", wire.ManageTOTPRequest{Serial: "1", Device: "2"}, directory.ProtocolError, 0)
	name := "u:ann"
	find("of a user", wire.ManageTOTPRequest{Serial: "1", AuthenticationID: &name}, directory.ProtocolError, 0)
}
