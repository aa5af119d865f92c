package wire

import (
	"tallystick/directory"
	"tallystick/internal/ber"
)

// What draft-ietf-ldapext-psearch-03 adds to a search.
const (
	PersistentSearch        = "2.16.840.1.113730.3.4.3" // control of the request
	EntryChangeNotification = "2.16.840.1.113730.3.4.7" // control of an entry
)

// DecodePersistentSearch reads a PersistentSearch value (section 3 of the draft).
func DecodePersistentSearch(value []byte) (*directory.PersistentSearch, error) {
	outer := ber.NewReader(value)
	r, err := enterOnly(&outer)
	if err != nil {
		return nil, err
	}
	types, err := r.Int(ber.Integer)
	if err != nil {
		return nil, err
	}
	if types <= 0 || types > int64(directory.AllChangeTypes) {
		return nil, refuse("unknown types of changes")
	}
	p := &directory.PersistentSearch{Types: directory.ChangeType(types)}
	for _, flag := range []*bool{&p.ChangesOnly, &p.Notify} {
		c, err := r.Read(ber.Boolean)
		if err != nil {
			return nil, err
		}
		if *flag, err = ber.ParseBool(c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// EncodePersistentSearch is the value of the control, as a client writes it.
func EncodePersistentSearch(p *directory.PersistentSearch) []byte {
	b, seq := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, int64(p.Types))
	b = ber.AppendBool(b, ber.Boolean, p.ChangesOnly)
	b = ber.AppendBool(b, ber.Boolean, p.Notify)
	return ber.End(b, seq)
}

// EncodeEntryChange is an EntryChangeNotification value (section 5 of the
// draft), without a changeNumber: there is no changelog to look it up in.
func EncodeEntryChange(c directory.EntryChange) []byte {
	b, seq := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Enumerated, int64(c.Type))
	if c.PreviousDN != "" {
		b = ber.AppendBytes(b, ber.OctetString, []byte(c.PreviousDN))
	}
	return ber.End(b, seq)
}
