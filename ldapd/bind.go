package ldapd

import (
	"context"

	"tallystick/directory"
)

// bind serves RFC 4511, section 4.2. No other operation runs, and the session
// is anonymous by now; op.who is who it was before, and afterwards who it is, so
// that the log does not tell of one user as of another.
func (s *Server) bind(ctx context.Context, op *operation, req *directory.BindRequest) error {
	if req.Password == nil && req.SASL == nil {
		return directory.Errorf(directory.AuthMethodNotSupported, "unknown authentication method")
	}
	var err error
	if op.who, err = s.dir.Bind(ctx, op.who, req); err != nil {
		return err
	}
	if err := s.claim(op.c, op.who.Limits.Identity); err != nil {
		op.who = op.who.Transport()
		return err
	}
	op.c.idleLimit.Store(op.who.Limits.Idle.Milliseconds())
	transport := op.c.who
	op.c.who = op.who
	// Whom a server in front asks for it says with every operation.
	op.c.who.Peer, op.c.who.Listener = transport.Peer, transport.Listener
	return nil
}

// forget makes the session anonymous, as every BindRequest does that arrives,
// whatever becomes of it (RFC 4513, section 4). No operation runs.
func (c *conn) forget() {
	c.who = c.who.Transport()
	c.dropTransactions() // RFC 5805, section 3.5
	c.idleLimit.Store(0)
	_ = c.srv.claim(c, "") // of whom there are never too many
}
