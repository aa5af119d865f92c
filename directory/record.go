package directory

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tallystick/directory/store"
)

// record is an entry as it is stored: protobuf wire format, so that any
// protobuf tool can read it and unknown fields are skipped. What can be
// derived (normalised values, entryDN, hasSubordinates) is not in it.
type record struct {
	parent     entryID // 0: a naming context
	rdn        string  // as given; the whole DN for a naming context
	attributes []Attribute

	// passwords is the values of userPassword, each in a storage scheme. They
	// are kept apart so that nothing that sends attributes can send them.
	passwords [][]byte

	uuid              [16]byte
	created, modified time.Time // UTC, to the second
	creator, modifier string    // DNs; "" is anonymous
	structural        string    // structuralObjectClass; "" if the classes have none
	enrolled          bool      // has had a TOTP credential: its state must exist
	oathUser          bool      // has a token of OATH-LDAP: to be found by its attributes
}

const (
	fieldParent     = 1
	fieldRDN        = 2
	fieldUUID       = 3
	fieldCreated    = 4
	fieldCreator    = 5
	fieldModified   = 6
	fieldModifier   = 7
	fieldStructural = 8
	fieldEnrolled   = 9
	fieldAttribute  = 10
	fieldPassword   = 11
	fieldOATHUser   = 20

	fieldName  = 1
	fieldValue = 2
)

func (r *record) encode() []byte {
	n := 128 + len(r.rdn) + len(r.creator) + len(r.modifier)
	for _, a := range r.attributes {
		n += attributeSize(a) + 8
	}
	b := make([]byte, 0, n)
	b = appendUint(b, fieldParent, uint64(r.parent))
	b = appendText(b, fieldRDN, r.rdn)
	b = protowire.AppendTag(b, fieldUUID, protowire.BytesType)
	b = protowire.AppendBytes(b, r.uuid[:])
	b = appendUint(b, fieldCreated, uint64(r.created.Unix()))
	b = appendText(b, fieldCreator, r.creator)
	b = appendUint(b, fieldModified, uint64(r.modified.Unix()))
	b = appendText(b, fieldModifier, r.modifier)
	b = appendText(b, fieldStructural, r.structural)
	if r.enrolled {
		b = appendUint(b, fieldEnrolled, 1)
	}
	if r.oathUser {
		b = appendUint(b, fieldOATHUser, 1)
	}
	for _, p := range r.passwords {
		b = protowire.AppendTag(b, fieldPassword, protowire.BytesType)
		b = protowire.AppendBytes(b, p)
	}
	for _, a := range r.attributes {
		b = protowire.AppendTag(b, fieldAttribute, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(attributeSize(a)))
		b = appendText(b, fieldName, a.Name)
		for _, v := range a.Values {
			b = protowire.AppendTag(b, fieldValue, protowire.BytesType)
			b = protowire.AppendBytes(b, v)
		}
	}
	return b
}

func attributeSize(a Attribute) int {
	n := 1 + protowire.SizeBytes(len(a.Name))
	for _, v := range a.Values {
		n += 1 + protowire.SizeBytes(len(v))
	}
	return n
}

func appendUint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

var errRecord = errors.New("malformed record")

// fields calls fn for each field of a message in b: v for varints, data for
// byte strings.
func fields(b []byte, fn func(field protowire.Number, v uint64, data []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errRecord
		}
		b = b[n:]
		var v uint64
		var data []byte
		switch typ {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return errRecord
		}
		if err := fn(num, v, data); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// decodeRecord decodes b into r. Values alias b.
func decodeRecord(r *record, b []byte) error {
	*r = record{attributes: make([]Attribute, 0, 16)}
	values := make([][]byte, 0, 24) // of all attributes, which share it
	return fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldParent:
			r.parent = entryID(v)
		case fieldRDN:
			r.rdn = string(data)
		case fieldUUID:
			if len(data) != len(r.uuid) {
				return errRecord
			}
			copy(r.uuid[:], data)
		case fieldCreated:
			r.created = time.Unix(int64(v), 0).UTC()
		case fieldCreator:
			r.creator = string(data)
		case fieldModified:
			r.modified = time.Unix(int64(v), 0).UTC()
		case fieldModifier:
			r.modifier = string(data)
		case fieldStructural:
			r.structural = string(data)
		case fieldEnrolled:
			r.enrolled = v != 0
		case fieldOATHUser:
			r.oathUser = v != 0
		case fieldPassword:
			r.passwords = append(r.passwords, data)
		case fieldAttribute:
			var a Attribute
			first := len(values)
			err := fields(data, func(field protowire.Number, _ uint64, data []byte) error {
				switch field {
				case fieldName:
					a.Name = internName(data)
				case fieldValue:
					values = append(values, data)
				}
				return nil
			})
			if err != nil {
				return err
			}
			a.Values = values[first:len(values):len(values)]
			r.attributes = append(r.attributes, a)
		}
		return nil
	})
}

// readRecord reads the entry with the given id. Its values are valid as long
// as the reader. A missing entry is store.ErrNotFound.
func readRecord(r store.Reader, id entryID) (*record, error) {
	b, err := r.Get(entryKey(id))
	if err != nil {
		return nil, err
	}
	rec := new(record)
	if err := decodeRecord(rec, b); err != nil {
		return nil, fmt.Errorf("entry %d: %w", id, err)
	}
	return rec, nil
}

// clone returns a record whose attributes can be changed without touching r.
func (r *record) clone() *record {
	c := *r
	c.passwords = slices.Clone(r.passwords)
	c.attributes = make([]Attribute, len(r.attributes))
	for i, a := range r.attributes {
		c.attributes[i] = Attribute{a.Name, slices.Clone(a.Values)}
	}
	return &c
}
