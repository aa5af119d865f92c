package ldapd

import (
	"context"

	"tallystick/directory"
)

// bind serves RFC 4511, section 4.2. No other operation runs. The client is
// anonymous from here on unless the bind succeeds.
func (s *Server) bind(ctx context.Context, op *operation, req *directory.BindRequest) error {
	c, before := op.c, op.who
	c.who = directory.Requester{External: before.External, Peer: before.Peer, Secure: before.Secure}
	if req.Password == nil && req.SASL == nil {
		return directory.Errorf(directory.AuthMethodNotSupported, "unknown authentication method")
	}
	who, err := s.dir.Bind(ctx, before, req)
	if err != nil {
		return err
	}
	c.who.DN, c.who.How = who.DN, who.How
	return nil
}
