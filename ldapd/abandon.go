package ldapd

import (
	"context"

	"tallystick/ldapd/wire"
)

// abandon serves RFC 4511, section 4.11. It is not answered, and neither is
// the operation that it ends. One that does not run is none of its business.
func (s *Server) abandon(_ context.Context, op *operation, req *wire.AbandonRequest) error {
	c := op.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if target := c.ops[req.ID]; target != nil {
		target.abandoned = true
		target.cancel()
	}
	return nil
}
