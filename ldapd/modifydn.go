package ldapd

import (
	"context"

	"tallystick/directory"
)

// modifyDN serves RFC 4511, section 4.9.
func (s *Server) modifyDN(ctx context.Context, op *operation, req *directory.ModifyDNRequest) error {
	return s.dir.ModifyDN(ctx, op.who, req)
}
