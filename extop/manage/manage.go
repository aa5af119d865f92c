// Package manage is Manage TOTP, an operation of our own on the credentials of
// a user: enrol, confirm, list, rename, disable, enable, resync, revoke,
// recovery codes, import from another system, what a policy asks, and passwords
// for applications. It is what the vendor's generate and revoke lack. Who may
// do what is decided in the directory behind it.
package manage

import (
	"context"
	"errors"

	"tallystick/directory"
	"tallystick/directory/seal"
	"tallystick/directory/totp"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Credentials keeps the credentials of users; *directory.Directory does.
type Credentials interface {
	ListTOTP(ctx context.Context, who directory.Requester, c directory.Claim) (directory.TOTPList, error)
	EnrolTOTP(ctx context.Context, who directory.Requester, c directory.Claim, req directory.EnrolRequest) (directory.Enrolment, error)
	ConfirmTOTP(ctx context.Context, who directory.Requester, c directory.Claim, id, code string) error
	RenameTOTP(ctx context.Context, who directory.Requester, c directory.Claim, id, name string) error
	DisableTOTP(ctx context.Context, who directory.Requester, c directory.Claim, id string) error
	EnableTOTP(ctx context.Context, who directory.Requester, c directory.Claim, id string) error
	ResyncTOTP(ctx context.Context, who directory.Requester, c directory.Claim, id, code, next string) error
	RevokeTOTP(ctx context.Context, who directory.Requester, c directory.Claim, id string) error
	NewRecoveryCodes(ctx context.Context, who directory.Requester, c directory.Claim) ([]string, error)
	NewApplicationPassword(ctx context.Context, who directory.Requester, c directory.Claim, req directory.ApplicationPasswordRequest) (id, password string, err error)
	ListApplicationPasswords(ctx context.Context, who directory.Requester, c directory.Claim) ([]directory.ApplicationPassword, error)
	RevokeApplicationPassword(ctx context.Context, who directory.Requester, c directory.Claim, id string) error
	Explain(ctx context.Context, who directory.Requester, c directory.Claim, listener, address string) (directory.Explanation, error)
	FindTOTP(ctx context.Context, who directory.Requester, number string) ([]directory.FoundTOTP, error)
	Unlock(ctx context.Context, who directory.Requester, authenticationID *string) error
	ImportTOTP(ctx context.Context, who directory.Requester, authenticationID *string, req directory.ImportRequest) (directory.Import, error)
}

// Operation is Manage TOTP. New makes one.
type Operation struct{ credentials Credentials }

// New returns the operation on c.
func New(c Credentials) Operation { return Operation{c} }

// OID is the requestName.
func (Operation) OID() string { return wire.ManageTOTPOID }

// Serve does what the request's action says. The response has no OID, and a
// value only where there is something to tell.
func (o Operation) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodeManageTOTPRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	if needsID(r.Action) && r.ID == "" {
		return nil, directory.Errorf(directory.ProtocolError, "the id of the credential is missing")
	}
	c := directory.Claim{AuthenticationID: r.AuthenticationID, StaticPassword: r.StaticPassword}
	switch r.Action {
	case wire.ManageList:
		return o.list(ctx, req.From, c)
	case wire.ManageEnrol:
		return o.enrol(ctx, req.From, c, r)
	case wire.ManageConfirm:
		err = o.credentials.ConfirmTOTP(ctx, req.From, c, r.ID, r.Code)
	case wire.ManageRename:
		err = o.credentials.RenameTOTP(ctx, req.From, c, r.ID, r.Name)
	case wire.ManageDisable:
		err = o.credentials.DisableTOTP(ctx, req.From, c, r.ID)
	case wire.ManageEnable:
		err = o.credentials.EnableTOTP(ctx, req.From, c, r.ID)
	case wire.ManageResync:
		err = o.credentials.ResyncTOTP(ctx, req.From, c, r.ID, r.Code, r.NextCode)
	case wire.ManageRevoke:
		err = o.credentials.RevokeTOTP(ctx, req.From, c, r.ID)
	case wire.ManageNewRecoveryCodes:
		return o.newRecoveryCodes(ctx, req.From, c)
	case wire.ManageImport:
		return o.importOne(ctx, req.From, r)
	case wire.ManageFind:
		return o.find(ctx, req.From, r)
	case wire.ManageExplain:
		return o.explain(ctx, req.From, c, r)
	case wire.ManageUnlock:
		err = o.credentials.Unlock(ctx, req.From, c.AuthenticationID)
	case wire.ManageNewApplicationPassword:
		return o.newApplicationPassword(ctx, req.From, c, r)
	case wire.ManageListApplicationPasswords:
		return o.applicationPasswords(ctx, req.From, c)
	case wire.ManageRevokeApplicationPassword:
		err = o.credentials.RevokeApplicationPassword(ctx, req.From, c, r.ID)
	default:
		err = extop.Malformed(errors.New("unknown action"))
	}
	if err != nil {
		return nil, err
	}
	return &extop.Response{}, nil
}

func needsID(a wire.ManageAction) bool {
	return a >= wire.ManageConfirm && a <= wire.ManageRevoke || a == wire.ManageRevokeApplicationPassword
}

func (o Operation) enrol(ctx context.Context, who directory.Requester, c directory.Claim, r wire.ManageTOTPRequest) (*extop.Response, error) {
	p, err := parameters(r)
	if err != nil {
		return nil, err
	}
	req := directory.EnrolRequest{
		Name:       r.Name,
		Parameters: p,
		Issuer:     r.Issuer,
		QRCode:     r.QRCode,
		Serial:     r.Serial, Device: r.Device,
		NotBefore: r.NotBefore, NotAfter: r.NotAfter,
	}
	made, err := o.credentials.EnrolTOTP(ctx, who, c, req)
	if err != nil {
		return nil, err
	}
	return answer(wire.ManageTOTPResponse{ID: made.ID, Secret: made.Secret, URI: made.URI, QRCode: made.QRCode, Sequence: made.Sequence, LastChange: made.Changed})
}

// parameters are how the secret becomes codes.
func parameters(r wire.ManageTOTPRequest) (p totp.Parameters, err error) {
	p = totp.Parameters{Digits: r.Digits, Period: r.Period}
	if r.Algorithm != "" {
		if p.Algorithm, err = totp.ParseAlgorithm(r.Algorithm); err != nil {
			return p, directory.Errorf(directory.ConstraintViolation, "algorithm: SHA1, SHA256 or SHA512")
		}
	}
	return p, nil
}

func (o Operation) importOne(ctx context.Context, who directory.Requester, r wire.ManageTOTPRequest) (*extop.Response, error) {
	p, err := parameters(r)
	if err != nil {
		return nil, err
	}
	counter := int64(0)
	if p.Counter = r.Counter != nil; p.Counter {
		counter = *r.Counter
	}
	done, err := o.credentials.ImportTOTP(ctx, who, r.AuthenticationID, directory.ImportRequest{
		Name:       r.Name,
		Parameters: p,
		Key:        seal.Secret(r.Key),
		Disabled:   r.Disabled,
		LastStep:   r.LastStep,
		Drift:      r.Drift,
		Counter:    counter,
		Serial:     r.Serial, Device: r.Device,
		NotBefore: r.NotBefore, NotAfter: r.NotAfter,
		DryRun: r.DryRun,
	})
	if err != nil {
		return nil, err
	}
	return answer(wire.ManageTOTPResponse{ID: done.ID, There: done.There})
}

func (o Operation) list(ctx context.Context, who directory.Requester, c directory.Claim) (*extop.Response, error) {
	list, err := o.credentials.ListTOTP(ctx, who, c)
	if err != nil {
		return nil, err
	}
	r := wire.ManageTOTPResponse{RecoveryCodesLeft: list.RecoveryCodes, Sequence: list.Sequence, LastChange: list.Changed,
		Failures: list.Failures, WaitUntil: list.WaitUntil}
	r.Credentials = credentials(list.Credentials)
	return answer(r)
}

func credentials(list []directory.TOTPCredential) []wire.ManagedCredential {
	var told []wire.ManagedCredential
	for _, c := range list {
		told = append(told, credential(c))
	}
	return told
}

func credential(c directory.TOTPCredential) wire.ManagedCredential {
	return wire.ManagedCredential{
		ID: c.ID, Name: c.Name,
		State:     c.State,
		Algorithm: c.Parameters.Algorithm.String(),
		Digits:    c.Parameters.Digits,
		Period:    c.Parameters.Period,
		Created:   c.Created, Changed: c.Changed,
		ChangedBy: c.ChangedBy, CreatedBy: c.CreatedBy,
		LastUsed: c.LastUsed,
		Serial:   c.Serial, Device: c.Device,
		NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		Switched: c.Switched, SwitchedBy: c.SwitchedBy,
		CounterBased: c.Parameters.Counter,
	}
}

// find looks for the one number that the request has.
func (o Operation) find(ctx context.Context, who directory.Requester, r wire.ManageTOTPRequest) (*extop.Response, error) {
	if (r.Serial == "") == (r.Device == "") || r.AuthenticationID != nil {
		return nil, directory.Errorf(directory.ProtocolError, "find takes a serial number or that of a device, and no user")
	}
	list, err := o.credentials.FindTOTP(ctx, who, r.Serial+r.Device)
	if err != nil {
		return nil, err
	}
	var found []wire.ManagedCredential
	for _, f := range list {
		if r.Serial != "" && f.Serial != r.Serial || r.Device != "" && f.Device != r.Device {
			continue
		}
		c := credential(f.TOTPCredential)
		c.Owner = f.Owner
		found = append(found, c)
	}
	return answer(wire.ManageTOTPResponse{Credentials: found})
}

func (o Operation) explain(ctx context.Context, who directory.Requester, c directory.Claim, r wire.ManageTOTPRequest) (*extop.Response, error) {
	e, err := o.credentials.Explain(ctx, who, c, r.Listener, r.Address)
	if err != nil {
		return nil, err
	}
	return answer(wire.ManageTOTPResponse{Explanation: &wire.Explanation{
		LogIn: e.LogIn, SecondFactor: e.SecondFactor,
		Policy: e.Policy, Because: e.Because, Fault: e.Fault,
		Credentials: credentials(e.Credentials), RecoveryCodes: e.RecoveryCodes,
		GraceUntil: e.GraceUntil, GraceLogins: int(e.GraceLogins),
		RebindFor: e.RebindFor, Applications: applications(e.Applications), WaitUntil: e.WaitUntil,
	}})
}

func (o Operation) newRecoveryCodes(ctx context.Context, who directory.Requester, c directory.Claim) (*extop.Response, error) {
	codes, err := o.credentials.NewRecoveryCodes(ctx, who, c)
	if err != nil {
		return nil, err
	}
	return answer(wire.ManageTOTPResponse{RecoveryCodes: codes})
}

func answer(r wire.ManageTOTPResponse) (*extop.Response, error) {
	return &extop.Response{Value: r.Encode()}, nil
}
