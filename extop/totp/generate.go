package totp

import (
	"context"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Generator makes shared secrets; *directory.Directory does.
type Generator interface {
	// GenerateTOTPSharedSecret adds a secret to the user whom authenticationID
	// names (nil: who) and returns it in base32. A nil staticPassword is
	// absent, the administrator's form; an empty one is there and wrong.
	GenerateTOTPSharedSecret(ctx context.Context, who directory.Requester,
		authenticationID *string, staticPassword []byte) (secret string, err error)
}

// Generate is the operation Generate TOTP shared secret. NewGenerate makes one.
type Generate struct{ generator Generator }

// NewGenerate returns the operation on g.
func NewGenerate(g Generator) Generate { return Generate{g} }

// OID is the requestName.
func (Generate) OID() string { return wire.GenerateTOTPSharedSecretOID }

// Serve answers with the new secret.
func (o Generate) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodeGenerateTOTPSharedSecretRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	secret, err := o.generator.GenerateTOTPSharedSecret(ctx, req.From, r.AuthenticationID, r.StaticPassword)
	if err != nil {
		return nil, err
	}
	return &extop.Response{
		OID:   wire.GenerateTOTPSharedSecretResponseOID,
		Value: wire.GenerateTOTPSharedSecretResponse{TOTPSharedSecret: secret}.Encode(),
	}, nil
}
