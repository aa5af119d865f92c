package pingdirectory

import (
	"context"
	"strings"

	"tallystick/extop/wire"
)

// validate asks whether a code of the user in the path is right, for a caller
// who may know. The operation takes a plain DN.
func validate(ctx context.Context, h *Handler, c *call) (*reply, error) {
	code, ok := c.body[totpPassword]
	if !ok {
		return nil, errNoCode
	}
	s, authID, err := session(ctx, h.ldap, c, false)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	dn, ok := strings.CutPrefix(authID, "dn:")
	if !ok {
		return nil, errNoDN
	}
	req := wire.ValidateTOTPPasswordRequest{UserDN: dn, TOTPPassword: code}
	if _, _, err := s.Extended(ctx, wire.ValidateTOTPPasswordOID, req.Encode()); err != nil {
		return nil, err
	}
	return done(object{succeeded}), nil
}
