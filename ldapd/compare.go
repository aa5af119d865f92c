package ldapd

import (
	"context"

	"tallystick/directory"
)

// compare serves RFC 4511, section 4.10, where the answer is a resultCode.
func (s *Server) compare(ctx context.Context, op *operation, req *directory.CompareRequest) error {
	match, err := s.dir.Compare(ctx, op.who, req)
	switch {
	case err != nil:
		return err
	case match:
		return directory.CompareTrue
	}
	return directory.CompareFalse
}
