package directory

import (
	"crypto/sha256"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	fieldApplicationID       = 1
	fieldApplicationName     = 2
	fieldApplicationSalt     = 3
	fieldApplicationHash     = 4
	fieldApplicationNetwork  = 5 // repeated
	fieldApplicationListener = 6 // repeated
	fieldApplicationByCode   = 7
	fieldApplicationCreated  = 8
	fieldApplicationMadeBy   = 9
	fieldApplicationNotAfter = 10
	fieldApplicationUsed     = 11
)

func (a *applicationPassword) encode() []byte {
	b := appendText(nil, fieldApplicationID, a.id)
	b = appendText(b, fieldApplicationName, a.name)
	b = protowire.AppendBytes(protowire.AppendTag(b, fieldApplicationSalt, protowire.BytesType), a.salt)
	b = protowire.AppendBytes(protowire.AppendTag(b, fieldApplicationHash, protowire.BytesType), a.hash)
	for _, n := range a.networks {
		b = appendText(b, fieldApplicationNetwork, n)
	}
	for _, l := range a.listeners {
		b = appendText(b, fieldApplicationListener, l)
	}
	if a.byCode {
		b = appendUint(b, fieldApplicationByCode, 1)
	}
	b = appendTime(b, fieldApplicationCreated, a.created)
	b = appendText(b, fieldApplicationMadeBy, a.madeBy)
	b = appendTime(b, fieldApplicationNotAfter, a.notAfter)
	return appendTime(b, fieldApplicationUsed, a.used)
}

// decode reads what encode wrote; nothing of a aliases b.
func (a *applicationPassword) decode(b []byte) error {
	err := fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldApplicationID:
			a.id = string(data)
		case fieldApplicationName:
			a.name = string(data)
		case fieldApplicationSalt:
			a.salt = slices.Clone(data)
		case fieldApplicationHash:
			a.hash = slices.Clone(data)
		case fieldApplicationNetwork:
			a.networks = append(a.networks, string(data))
		case fieldApplicationListener:
			a.listeners = append(a.listeners, string(data))
		case fieldApplicationByCode:
			a.byCode = v != 0
		case fieldApplicationCreated:
			a.created = time.Unix(int64(v), 0).UTC()
		case fieldApplicationMadeBy:
			a.madeBy = string(data)
		case fieldApplicationNotAfter:
			a.notAfter = time.Unix(int64(v), 0).UTC()
		case fieldApplicationUsed:
			a.used = time.Unix(int64(v), 0).UTC()
		}
		return nil
	})
	if err == nil {
		err = a.check()
	}
	return err
}

// check fails for what cannot have been made here: nobody is believed on half
// a record, and a password without a scope would count everywhere.
func (a *applicationPassword) check() error {
	if a.id == "" || len(a.id) > maxCredentialText || len(a.salt) != applicationSalt || len(a.hash) != sha256.Size || len(a.networks)+len(a.listeners) == 0 {
		return errRecord
	}
	return nil
}
