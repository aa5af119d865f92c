package ldapd

import (
	"context"

	"tallystick/directory"
)

// search serves RFC 4511, section 4.5. Entries go out while it runs.
func (s *Server) search(ctx context.Context, op *operation, req *directory.SearchRequest) error {
	if req.Sync != nil && req.Sync.Persist || req.Persistent != nil {
		var done func()
		var err error
		if ctx, done, err = s.persist(op); err != nil {
			return err
		}
		defer done()
	}
	return s.dir.Search(ctx, op.who, req, op)
}
