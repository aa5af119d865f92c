package totp

import (
	"context"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Revoker removes shared secrets; *directory.Directory does.
type Revoker interface {
	// RevokeTOTPSharedSecret removes totpSharedSecret (nil: every secret) of the
	// user whom authenticationID names (nil: who). A nil staticPassword is
	// absent; an empty one is there and wrong.
	RevokeTOTPSharedSecret(ctx context.Context, who directory.Requester,
		authenticationID *string, staticPassword []byte, totpSharedSecret *string) error
}

// Revoke is the operation Revoke TOTP shared secret. NewRevoke makes one.
type Revoke struct{ revoker Revoker }

// NewRevoke returns the operation on r.
func NewRevoke(r Revoker) Revoke { return Revoke{r} }

// OID is the requestName.
func (Revoke) OID() string { return wire.RevokeTOTPSharedSecretOID }

// Serve removes what the request says. The response has neither OID nor value.
func (o Revoke) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodeRevokeTOTPSharedSecretRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	err = o.revoker.RevokeTOTPSharedSecret(ctx, req.From, r.AuthenticationID, r.StaticPassword, r.TOTPSharedSecret)
	if err != nil {
		return nil, err
	}
	return &extop.Response{}, nil
}
