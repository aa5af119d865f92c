// Package seal keeps secrets unreadable at rest: AES-256-GCM by Tink, under a
// keyset that lies in a file of its own, apart from the database. The keyset
// can be rotated: new secrets are sealed with the newest key, old ones open
// with the key that sealed them.
package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrMode means that others than the owner may read or write a keyset file.
var ErrMode = errors.New("seal: keyset file must be a regular file of mode 0600 or narrower")

// ErrSealed means that something does not open: it was sealed under another
// keyset, belongs to another place, or was tampered with.
var ErrSealed = errors.New("seal: does not open")

// maxFile is more octets than any keyset has.
const maxFile = 1 << 20

// Keyset seals and opens. Its methods may be called from many goroutines.
type Keyset struct {
	handle *keyset.Handle
	aead   tink.AEAD
}

// Generate returns a new keyset with one key that is in no file.
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
	return &Keyset{h, a}, nil
}

// Create makes a keyset and writes it to a new file of mode 0600, in folders
// of mode 0700 that it makes as needed. A file that is there already is left
// alone: the error is fs.ErrExist.
func Create(path string) (*Keyset, error) {
	k, err := Generate()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	temporary, err := k.write(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer os.Remove(temporary)
	// A link, because unlike a renaming it fails if the file is there.
	if err := os.Link(temporary, path); err != nil {
		return nil, err
	}
	return k, syncFolder(filepath.Dir(path))
}

// Open reads the keyset in a file. ErrMode: others may read or write it. A
// file that is not there is fs.ErrNotExist.
func Open(path string) (*Keyset, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o177 != 0 {
		return nil, fmt.Errorf("%w: %s has %v", ErrMode, path, info.Mode())
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(b)))
	if err != nil {
		return nil, fmt.Errorf("seal: %s is not a keyset", path) // the library's error could quote it
	}
	return newKeyset(h)
}

// OpenOrCreate opens the keyset in a file, which it makes if there is none.
func OpenOrCreate(path string) (k *Keyset, created bool, err error) {
	if k, err = Open(path); !errors.Is(err, fs.ErrNotExist) {
		return k, false, err
	}
	k, err = Create(path)
	return k, err == nil, err
}

// Rotate adds a new key to the keyset in the file at path and returns the
// keyset with it. What older keys sealed still opens.
func Rotate(path string) (*Keyset, error) {
	old, err := Open(path)
	if err != nil {
		return nil, err
	}
	m := keyset.NewManagerFromHandle(old.handle)
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("seal: adding a key: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("seal: adding a key: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("seal: adding a key: %w", err)
	}
	k, err := newKeyset(h)
	if err != nil {
		return nil, err
	}
	temporary, err := k.write(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return nil, err
	}
	return k, syncFolder(filepath.Dir(path))
}

// write leaves the keyset, durable, in a new file in folder.
func (k *Keyset) write(folder string) (path string, err error) {
	f, err := os.CreateTemp(folder, ".keyset-*") // mode 0600
	if err != nil {
		return "", err
	}
	err = insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(f))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("seal: writing a keyset: %w", err)
	}
	return f.Name(), nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Seal encrypts plaintext. What it returns opens only with the same
// associatedData, which says where it belongs.
func (k *Keyset) Seal(plaintext, associatedData []byte) ([]byte, error) {
	return k.aead.Encrypt(plaintext, associatedData)
}

// Open decrypts what Seal made. The error is ErrSealed.
func (k *Keyset) Open(sealed, associatedData []byte) ([]byte, error) {
	plaintext, err := k.aead.Decrypt(sealed, associatedData)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// String keeps keys out of logs.
func (k *Keyset) String() string { return redacted }

// GoString keeps keys out of %#v.
func (k *Keyset) GoString() string { return redacted }
