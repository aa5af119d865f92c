package pingdirectory

import (
	"context"
	"fmt"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
)

// resultCode is how a body says which LDAP result it stands for.
type resultCode struct {
	Value int    `json:"value"`
	Name  string `json:"name"`
}

// generate makes a secret for the user in the path: for himself with
// staticPassword, for somebody else with the header's identity.
func generate(ctx context.Context, h *Handler, c *call) (*reply, error) {
	password := c.body.octets(staticPassword)
	s, authID, err := session(ctx, h.ldap, c, password != nil)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	req := wire.GenerateTOTPSharedSecretRequest{AuthenticationID: &authID, StaticPassword: password}
	_, value, err := s.Extended(ctx, wire.GenerateTOTPSharedSecretOID, req.Encode())
	if err != nil {
		return nil, err
	}
	resp, err := wire.DecodeGenerateTOTPSharedSecretResponse(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", upstream.ErrProtocol, err)
	}
	return done(object{succeeded, {"totpSharedSecret", resp.TOTPSharedSecret}}), nil
}
