package ldapd

import (
	"context"

	"tallystick/directory"
)

// modify serves RFC 4511, section 4.6.
func (s *Server) modify(ctx context.Context, op *operation, req *directory.ModifyRequest) error {
	return s.dir.Modify(ctx, op.who, req)
}
