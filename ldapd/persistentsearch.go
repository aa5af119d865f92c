package ldapd

import (
	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// persistentSearch takes that a search goes on with changes
// (draft-ietf-ldapext-psearch-03).
func persistentSearch(op *operation, c *wire.Control) (err error) {
	op.request.(*directory.SearchRequest).Persistent, err = wire.DecodePersistentSearch(c.Value)
	return err
}

// WriteChangedEntry makes an operation, with WriteEntry and Flush, a
// directory.ChangeWriter. Its error is that of WriteEntry.
func (op *operation) WriteChangedEntry(change directory.EntryChange, e *directory.Entry) error {
	op.entries++
	return op.queue(func(b []byte) []byte {
		return wire.AppendEntry(b, op.id, e, wire.Control{OID: wire.EntryChangeNotification, Value: wire.EncodeEntryChange(change)})
	})
}
