package ldapd

import (
	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// assertion takes a condition (RFC 4528).
func assertion(op *operation, c *wire.Control) error {
	f, err := wire.DecodeFilter(c.Value, op.c.srv.cfg.Decoding)
	switch r := op.request.(type) {
	case *directory.SearchRequest:
		r.Assertion = f
	case *directory.CompareRequest:
		r.Assertion = f
	default:
		op.changeControls().Assertion = f
	}
	return err
}

// preRead and postRead take what to read of an entry before or after it is
// changed (RFC 4527).
func preRead(op *operation, c *wire.Control) (err error) {
	op.changeControls().PreRead, err = readEntry(op, c)
	return err
}

func postRead(op *operation, c *wire.Control) (err error) {
	op.changeControls().PostRead, err = readEntry(op, c)
	return err
}

func readEntry(op *operation, c *wire.Control) (*directory.ReadEntry, error) {
	names, err := wire.DecodeAttributeSelection(c.Value, op.c.srv.cfg.Decoding)
	if err != nil {
		return nil, err
	}
	read := &directory.ReadEntry{Attributes: names}
	oid := c.OID
	op.answer(func(directory.ResultCode) *wire.Control {
		if read.Entry == nil {
			return nil
		}
		return &wire.Control{OID: oid, Value: wire.EncodeEntry(read.Entry)}
	})
	return read, nil
}

func noOp(op *operation, c *wire.Control) error {
	op.changeControls().NoOp = true
	return wire.DecodeNoValue(c.Value)
}

func permissiveModify(op *operation, c *wire.Control) error {
	op.request.(*directory.ModifyRequest).Permissive = true
	return wire.DecodeNoValue(c.Value)
}

func subtreeDelete(op *operation, c *wire.Control) error {
	op.request.(*directory.DeleteRequest).Subtree = true
	return wire.DecodeNoValue(c.Value)
}

func nameWithEntryUUID(op *operation, c *wire.Control) error {
	op.request.(*directory.AddRequest).NameWithEntryUUID = true
	return wire.DecodeNoValue(c.Value)
}
