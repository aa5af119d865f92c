package totp

import (
	"context"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Validator checks codes; *directory.Directory does.
type Validator interface {
	// ValidateTOTPPassword accepts a current code of the user, once. userDN is a
	// plain DN.
	ValidateTOTPPassword(ctx context.Context, who directory.Requester, userDN, code string) error
}

// Validate is the operation Validate TOTP password. NewValidate makes one.
type Validate struct{ validator Validator }

// NewValidate returns the operation on v.
func NewValidate(v Validator) Validate { return Validate{v} }

// OID is the requestName.
func (Validate) OID() string { return wire.ValidateTOTPPasswordOID }

// Serve accepts the code or says why not. The response has neither OID nor
// value.
func (o Validate) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodeValidateTOTPPasswordRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	if err := o.validator.ValidateTOTPPassword(ctx, req.From, r.UserDN, r.TOTPPassword); err != nil {
		return nil, err
	}
	return &extop.Response{}, nil
}
