package ldapd

import (
	"context"

	"tallystick/directory"
	"tallystick/internal/ber"
	"tallystick/ldapd/wire"
)

const oidCancel = "1.3.6.1.1.8"

// cancel serves RFC 3909. Its answer tells whether the operation was stopped,
// so it waits until that has ended.
func (s *Server) cancel(ctx context.Context, op *operation, req *wire.ExtendedRequest) error {
	id, err := cancelID(req.Value)
	if err != nil {
		return &directory.Error{ResultCode: directory.ProtocolError, DiagnosticMessage: "malformed cancelRequestValue", Cause: err}
	}
	c := op.c
	c.mu.Lock()
	target := c.ops[id]
	c.mu.Unlock()
	if target == nil {
		return directory.NoSuchOperation
	}
	if r, ok := target.request.(*wire.ExtendedRequest); ok && r.Name == oidCancel {
		return directory.CannotCancel // or two could wait for each other
	}
	target.cancel()
	op.slow()
	select {
	case <-target.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if target.code != directory.Canceled {
		return directory.TooLate
	}
	return nil
}

// cancelID reads a cancelRequestValue: SEQUENCE { cancelID MessageID }.
func cancelID(value []byte) (int32, error) {
	r := ber.NewReader(value)
	seq, err := r.Enter(ber.Sequence)
	if err != nil {
		return 0, err
	}
	id, err := seq.Int(ber.Integer)
	if err != nil {
		return 0, err
	}
	if id < 0 || id > wire.MaxMessageID {
		return 0, wire.ErrMessageID
	}
	return int32(id), nil
}
