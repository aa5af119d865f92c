package pingdirectory

import (
	"context"

	"tallystick/extop/wire"
)

// revoke takes one secret, or all if none is named, from the user in the path.
// The bare secret, which is proof enough for LDAP, needs a header here.
func revoke(ctx context.Context, h *Handler, c *call) (*reply, error) {
	password := c.body.octets(staticPassword)
	s, authID, err := session(ctx, h.ldap, c, password != nil)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	req := wire.RevokeTOTPSharedSecretRequest{
		AuthenticationID: &authID,
		StaticPassword:   password,
		TOTPSharedSecret: c.body.get(totpSharedSecret),
	}
	if _, _, err := s.Extended(ctx, wire.RevokeTOTPSharedSecretOID, req.Encode()); err != nil {
		return nil, err
	}
	return done(object{succeeded}), nil
}
