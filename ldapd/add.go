package ldapd

import (
	"context"

	"tallystick/directory"
)

// add serves RFC 4511, section 4.7.
func (s *Server) add(ctx context.Context, op *operation, req *directory.AddRequest) error {
	return s.dir.Add(ctx, op.who, req)
}
