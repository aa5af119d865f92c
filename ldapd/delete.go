package ldapd

import (
	"context"

	"tallystick/directory"
)

// delete serves RFC 4511, section 4.8.
func (s *Server) delete(ctx context.Context, op *operation, req *directory.DeleteRequest) error {
	return s.dir.Delete(ctx, op.who, req)
}
