package enrol

import (
	"context"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
)

// devicesData is what devices.html shows.
type devicesData struct {
	wire.ManageTOTPResponse
	Confirmed bool // a code of one of them was once accepted
	Active    bool // and is accepted now
}

// Few reports whether there should be new recovery codes soon.
func (d devicesData) Few() bool { return d.RecoveryCodesLeft <= 3 }

// showDevices is the page of the user's own credentials.
func (v *visit) showDevices(status int, problems ...problem) error {
	list, err := v.manage(wire.ManageTOTPRequest{Action: wire.ManageList})
	if err != nil {
		return err
	}
	data := devicesData{list, hasState(list, "active", "disabled"), hasState(list, "active")}
	v.session.strong = v.session.strong && data.Active // authority ends with the credential
	return v.render(status, "devices", &view{Title: "devices", Problems: problems, Data: data})
}

// manage has the LDAP server do something with credentials. A connection that
// broke takes the session with it.
func (v *visit) manage(req wire.ManageTOTPRequest) (wire.ManageTOTPResponse, error) {
	r, err := manage(v.r.Context(), v.session.link, req)
	if err != nil && !refused(err) {
		v.endSession()
	}
	return r, err
}

func manage(ctx context.Context, link *upstream.Session, req wire.ManageTOTPRequest) (wire.ManageTOTPResponse, error) {
	_, value, err := link.Extended(ctx, wire.ManageTOTPOID, req.Encode())
	if err != nil {
		return wire.ManageTOTPResponse{}, err
	}
	return wire.DecodeManageTOTPResponse(value)
}

// change is manage for what a form of the devices' page asks for, with what it
// shows; prefix is that of its fields. done is told if it worked.
func (v *visit) change(req wire.ManageTOTPRequest, prefix, done string) error {
	if in, err := v.signedIn(false); !in {
		return err
	}
	req.StaticPassword = v.password()
	if _, err := v.manage(req); err != nil {
		return v.devicesRefused(err, prefix)
	}
	v.session.notice = done
	return v.redirect("/enrol")
}

// devicesRefused tells beside the form why the LDAP server did not do it.
func (v *visit) devicesRefused(err error, prefix string) error {
	if !refused(err) {
		return err
	}
	v.noteError(err)
	f := v.failureOf(err)
	field := ""
	switch {
	case f.text == "badName":
		field = prefix + "-name"
	case f.text == "unwilling" && (v.session.strong || v.form("password") != ""):
		f = &failure{f.status, "signInAgain"}
	case !v.session.strong:
		field = prefix + "-password"
	}
	return v.showDevices(f.status, problem{field, f.text})
}

// setUp makes a credential.
func (v *visit) setUp() error {
	if in, err := v.signedIn(false); !in {
		return err
	}
	if err := v.enrol(v.password()); err != nil {
		return v.devicesRefused(err, "set-up")
	}
	return v.redirect("/enrol/device")
}

// enrol makes a credential and keeps what it shows until a code confirms it.
func (v *visit) enrol(password []byte) error {
	made, err := v.manage(wire.ManageTOTPRequest{Action: wire.ManageEnrol, StaticPassword: password, QRCode: true})
	if err != nil {
		return err
	}
	if !strings.HasPrefix(made.URI, "otpauth://totp/") || len(made.QRCode) == 0 {
		return errors.New("the LDAP server's credential has no otpauth URI or no QR code")
	}
	v.session.fresh = &made
	return nil
}

// deviceData is what device.html shows of a new credential.
type deviceData struct {
	Secret    string
	URI       template.URL // otpauth
	QRCode    template.URL // data
	Account   string
	Rehearsal bool // the password is wanted too
}

// device is the page with the QR code.
func (v *visit) device() error {
	if v.session == nil || v.session.fresh == nil {
		return v.redirect("/enrol")
	}
	return v.showDevice(http.StatusOK)
}

func (v *visit) showDevice(status int, problems ...problem) error {
	made := v.session.fresh
	return v.render(status, "device", &view{Title: "setUp", Problems: problems, Data: deviceData{
		Secret:    made.Secret,
		URI:       template.URL(made.URI), // checked in enrol
		QRCode:    template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(made.QRCode)),
		Rehearsal: !v.session.strong,
	}})
}

// activate confirms the new credential by its first code. Somebody who signed
// in without one logs in anew with password and code: that is how it will be
// from now on, and it makes the session strong.
func (v *visit) activate() error {
	if in, err := v.signedIn(false); !in {
		return err
	}
	if v.session.fresh == nil {
		return v.redirect("/enrol")
	}
	var problems []problem
	name := strings.TrimSpace(v.form("name"))
	if len(name) > 64 {
		problems = append(problems, problem{"name", "badName"})
	}
	if !v.session.strong && v.form("password") == "" {
		problems = append(problems, problem{"password", "passwordMissing"})
	}
	if v.code("code") == "" {
		problems = append(problems, problem{"code", "codeMissing"})
	}
	if len(problems) > 0 {
		return v.showDevice(http.StatusUnprocessableEntity, problems...)
	}
	id := v.session.fresh.ID
	var err error
	if v.session.strong {
		_, err = v.manage(wire.ManageTOTPRequest{Action: wire.ManageConfirm, ID: id, Code: v.code("code")})
	} else {
		err = v.logInWith(id)
	}
	if err != nil {
		return v.activationRefused(err)
	}
	v.session.fresh, v.session.notice = nil, "activated"
	if name != "" {
		if _, err := v.manage(wire.ManageTOTPRequest{Action: wire.ManageRename, ID: id, Name: name}); err != nil {
			return v.devicesRefused(err, "rename-"+id)
		}
	}
	return v.redirect("/enrol")
}

// activationRefused tells what is wrong with a first code, or the password
// before it.
func (v *visit) activationRefused(err error) error {
	if _, rejected := errors.AsType[*upstream.RejectedError](err); !rejected && !refused(err) {
		return err
	}
	v.noteError(err)
	text := "wrongCode"
	if !v.session.strong {
		text = "wrongFirst"
	}
	return v.showDevice(http.StatusUnprocessableEntity, problem{"code", text})
}

// errNotByCode says that a password was right and the code behind it was not
// that of the new credential.
var errNotByCode = &upstream.Result{Code: 49, DiagnosticMessage: "the code is not that of the new credential"}

// logInWith exchanges the session's connection for one that is bound with the
// password and the first code of a credential.
func (v *visit) logInWith(id string) error {
	dn := strings.TrimPrefix(v.session.authzID, "dn:")
	link, err := v.ldap.As(v.r.Context(), upstream.Credentials{Name: dn, Password: string(v.password())})
	if err != nil {
		return err
	}
	s, list, err := begin(v.r.Context(), link)
	if err == nil && s.authzID != v.session.authzID {
		err = errors.New("the LDAP server takes the user for another")
	}
	if err == nil {
		err = errNotByCode
		for _, c := range list.Credentials {
			if c.ID == id && c.State == "active" {
				err = nil
			}
		}
	}
	if err != nil {
		link.Close()
		return err
	}
	v.session.link.Close()
	v.session.link, v.session.strong = link, true
	v.session.name, v.session.helpDesk = s.name, s.helpDesk // which he may not have been allowed to read before
	return nil
}

// cancel gives a new credential up. Somebody who signed in without a code has
// no authority to remove it; it protects nothing and is forgotten by itself.
func (v *visit) cancel() error {
	if in, err := v.signedIn(false); !in {
		return err
	}
	fresh := v.session.fresh
	v.session.fresh = nil
	if fresh != nil && v.session.strong {
		if _, err := v.manage(wire.ManageTOTPRequest{Action: wire.ManageRevoke, ID: fresh.ID}); err != nil {
			return v.devicesRefused(err, "remove-"+fresh.ID)
		}
	}
	return v.redirect("/enrol")
}

func (v *visit) rename() error {
	id, name := v.form("id"), strings.TrimSpace(v.form("name"))
	return v.change(wire.ManageTOTPRequest{Action: wire.ManageRename, ID: id, Name: name}, "rename-"+id, "renamed")
}

func (v *visit) remove() error {
	id := v.form("id")
	return v.change(wire.ManageTOTPRequest{Action: wire.ManageRevoke, ID: id}, "remove-"+id, "removed")
}

// recoveryCodes makes new ones and shows them, this once.
func (v *visit) recoveryCodes() error {
	if in, err := v.signedIn(false); !in {
		return err
	}
	made, err := v.manage(wire.ManageTOTPRequest{Action: wire.ManageNewRecoveryCodes, StaticPassword: v.password()})
	if err != nil {
		return v.devicesRefused(err, "recovery")
	}
	return v.render(http.StatusOK, "recovery-codes", &view{Title: "recoveryCodes", Data: made.RecoveryCodes})
}
