package pingdirectory

import (
	"context"
	"fmt"
	"strings"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
)

// The members of changePassword.
const (
	oldPassword = "oldPassword"
	newPassword = "newPassword"
)

// changePassword sets the password of the user in the path (RFC 3062): with the
// old one for himself, whoever asks; without, for whom the header's user may.
// If there is no new one the server makes it.
func changePassword(ctx context.Context, h *Handler, c *call) (*reply, error) {
	b, controls, err := readStrings(c.document, []string{oldPassword, newPassword})
	if err != nil {
		return nil, err
	}
	s, identity, err := session(ctx, h.ldap, c, b.octets(oldPassword) != nil)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	identity = strings.TrimPrefix(identity, "dn:") // OpenLDAP takes a DN alone
	req := wire.PasswordModifyRequest{UserIdentity: &identity, OldPasswd: b.octets(oldPassword), NewPasswd: b.octets(newPassword)}
	_, value, err := s.Extended(ctx, wire.PasswordModifyOID, req.Encode(), controls...)
	if err != nil {
		return nil, err
	}
	resp, err := wire.DecodePasswordModifyResponse(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", upstream.ErrProtocol, err)
	}
	answered, err := responseControls(s)
	if err != nil {
		return nil, err
	}
	o := object{succeeded}
	if resp.GenPasswd != nil {
		o = append(o, member{"generatedPassword", string(resp.GenPasswd)})
	}
	return done(withControls(o, answered)), nil
}
