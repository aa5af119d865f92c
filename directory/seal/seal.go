// Package seal keeps secrets unreadable at rest: AES-256-GCM by Tink, under a
// keyset that is kept apart from the database. The keyset can be rotated: new
// secrets are sealed with the newest key, old ones open with the key that
// sealed them until they are sealed anew.
package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrSealed means that something does not open: it was sealed under another
// keyset, belongs to another place, or was tampered with.
var ErrSealed = errors.New("seal: does not open")

// ErrForeign means that a keyset lacks the key that the one it is to replace
// seals with.
var ErrForeign = errors.New("seal: the keyset lacks the key that seals now")

// ErrKey means that a keyset has no such key, or cannot do without it.
var ErrKey = errors.New("seal: not an old key of the keyset")

// Keyset seals and opens. Its methods may be called from many goroutines.
type Keyset struct {
	keys atomic.Pointer[keys] // never nil, and what it points to never changes
}

// keys is a keyset as it stands between two rotations.
type keys struct {
	handle *keyset.Handle
	aead   tink.AEAD
}

// Key is what may be told of a key.
type Key struct {
	ID      uint32
	Primary bool // seals; all the others only open
}

// Generate returns a new keyset with one key that is kept nowhere.
func Generate() (*Keyset, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("seal: making a keyset: %w", err)
	}
	return newKeyset(h)
}

func newKeyset(h *keyset.Handle) (*Keyset, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("seal: keyset without a usable key: %w", err)
	}
	k := new(Keyset)
	k.keys.Store(&keys{h, a})
	return k, nil
}

// Rotated returns a keyset with one key more, which seals from now on.
func (k *Keyset) Rotated() (*Keyset, error) {
	return k.changed(func(m *keyset.Manager) error {
		id, err := m.Add(aead.AES256GCMKeyTemplate())
		if err != nil {
			return err
		}
		return m.SetPrimary(id)
	})
}

// Without returns a keyset that lacks an old key. What that one sealed opens
// no more. ErrKey: it is not there, or it is the one that seals.
func (k *Keyset) Without(id uint32) (*Keyset, error) {
	for _, key := range k.Keys() {
		if key.ID == id && !key.Primary {
			return k.changed(func(m *keyset.Manager) error { return m.Delete(id) })
		}
	}
	return nil, ErrKey
}

func (k *Keyset) changed(change func(*keyset.Manager) error) (*Keyset, error) {
	m := keyset.NewManagerFromHandle(k.keys.Load().handle)
	if err := change(m); err != nil {
		return nil, fmt.Errorf("seal: changing a keyset: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("seal: changing a keyset: %w", err)
	}
	return newKeyset(h)
}

// Replace makes k what other is, for all who use k. ErrForeign: other could
// not open what k has just sealed, and nothing happened.
func (k *Keyset) Replace(other *Keyset) error {
	now := k.keys.Load()
	for _, key := range other.Keys() {
		if key.ID == now.primary() {
			k.keys.Store(other.keys.Load())
			return nil
		}
	}
	return ErrForeign
}

// Keys lists the keys, oldest first.
func (k *Keyset) Keys() []Key {
	now := k.keys.Load()
	var list []Key
	for _, info := range now.handle.KeysetInfo().GetKeyInfo() {
		list = append(list, Key{info.GetKeyId(), info.GetKeyId() == now.primary()})
	}
	return list
}

// Primary is the ID of the key that seals.
func (k *Keyset) Primary() uint32 { return k.keys.Load().primary() }

func (k *keys) primary() uint32 { return k.handle.KeysetInfo().GetPrimaryKeyId() }

// Current reports whether sealed was sealed with the newest key.
func (k *Keyset) Current(sealed []byte) bool {
	id, ok := SealedWith(sealed)
	return ok && id == k.keys.Load().primary()
}

// SealedWith is the ID of the key that sealed something; ok is false for what
// Seal does not make.
func SealedWith(sealed []byte) (id uint32, ok bool) {
	const prefix = 5 // Tink writes 1 and the ID in front
	if len(sealed) < prefix || sealed[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:prefix]), true
}

// Seal encrypts plaintext. What it returns opens only with the same
// associatedData, which says where it belongs.
func (k *Keyset) Seal(plaintext, associatedData []byte) ([]byte, error) {
	return k.keys.Load().aead.Encrypt(plaintext, associatedData)
}

// Open decrypts what Seal made. The error is ErrSealed.
func (k *Keyset) Open(sealed, associatedData []byte) ([]byte, error) {
	plaintext, err := k.keys.Load().aead.Decrypt(sealed, associatedData)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// String keeps keys out of logs.
func (k *Keyset) String() string { return redacted }

// GoString keeps keys out of %#v.
func (k *Keyset) GoString() string { return redacted }
