package ldapd

import (
	"context"

	"tallystick/directory"
	"tallystick/extop"
	extopwire "tallystick/extop/wire"
	"tallystick/ldapd/wire"
)

// extended serves the operations of the plug-in set (RFC 4511, section 4.12).
func (s *Server) extended(ctx context.Context, op *operation, req *wire.ExtendedRequest) error {
	if op.who.Password.MustChange && req.Name != extopwire.PasswordModifyOID {
		return directory.ErrMustChange
	}
	if err := s.dir.MayExtend(ctx, op.who, req.Name); err != nil {
		return err
	}
	r, err := s.ops.Lookup(req.Name).Serve(ctx, &extop.Request{Value: req.Value, From: op.who})
	if err != nil {
		return err
	}
	if r != nil {
		op.name, op.value = r.OID, r.Value
	}
	return nil
}

// unknownExtended answers what is not in the set.
func (s *Server) unknownExtended(context.Context, *operation, *wire.ExtendedRequest) error {
	return directory.Errorf(directory.ProtocolError, "unknown extended operation")
}
