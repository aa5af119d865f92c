package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// ErrMode means that others than the owner may read or write a keyset file.
var ErrMode = errors.New("seal: keyset file must be a regular file of mode 0600 or narrower")

// maxText is more octets than any keyset has.
const maxText = 1 << 20

// File is a file with a keyset.
type File struct {
	Path    string
	Wrapper Wrapper // encrypts what is in it; nil: the keys lie there in the clear
}

// Wrapper encrypts keysets with a key that is kept elsewhere, as in a token.
type Wrapper interface {
	Encrypt(plaintext, associatedData []byte) ([]byte, error)
	Decrypt(ciphertext, associatedData []byte) ([]byte, error)
}

// Create makes a keyset and writes it to the file, which must be new, of mode
// 0600, in folders of mode 0700 that it makes as needed. A file that is there
// already is left alone: the error is fs.ErrExist.
func (file File) Create() (*Keyset, error) {
	k, err := Generate()
	if err != nil {
		return nil, err
	}
	return k, file.WriteNew(k)
}

// WriteNew writes a keyset to the file, as Create does.
func (file File) WriteNew(k *Keyset) error {
	folder := filepath.Dir(file.Path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	temporary, err := file.write(k)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	// A link, because unlike a renaming it fails if the file is there.
	if err := os.Link(temporary, file.Path); err != nil {
		return err
	}
	return syncFolder(folder)
}

// Open reads the keyset in the file. ErrMode: others may read or write it. A
// file that is not there is fs.ErrNotExist.
func (file File) Open() (*Keyset, error) {
	f, err := os.Open(file.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o177 != 0 {
		return nil, fmt.Errorf("%w: %s has %v", ErrMode, file.Path, info.Mode())
	}
	k, err := read(f, file.Wrapper)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	return k, nil
}

// errText says no more, because the error of the library could quote a key.
var errText = errors.New("seal: not a keyset")

// errWrapped is about a file that the wrapper's key has not encrypted.
var errWrapped = errors.New("seal: not a keyset that this key has encrypted")

// read reads a keyset as write writes it.
func read(r io.Reader, w Wrapper) (*Keyset, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxText))
	if err != nil {
		return nil, err
	}
	defer clear(text)
	if w != nil {
		return readWrapped(text, w)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, errText
	}
	return newKeyset(h)
}

func readWrapped(text []byte, w Wrapper) (*Keyset, error) {
	opened := &opener{Wrapper: w}
	h, err := keyset.Read(keyset.NewJSONReader(bytes.NewReader(text)), opened)
	if err != nil {
		return nil, errors.Join(errWrapped, opened.err)
	}
	return newKeyset(h)
}

// opener keeps the error of the wrapper, which the library drops.
type opener struct {
	Wrapper
	err error
}

func (o *opener) Decrypt(ciphertext, associatedData []byte) (plaintext []byte, err error) {
	plaintext, o.err = o.Wrapper.Decrypt(ciphertext, associatedData)
	return plaintext, o.err
}

// Rotate adds a key to the keyset in the file (see Rotated) and returns the
// keyset with it.
func (file File) Rotate() (*Keyset, error) {
	return file.change((*Keyset).Rotated)
}

// Drop takes an old key out of the keyset in the file (see Without) and
// returns the keyset without it.
func (file File) Drop(id uint32) (*Keyset, error) {
	return file.change(func(k *Keyset) (*Keyset, error) { return k.Without(id) })
}

// change puts another keyset in the place of the one in the file. Only one
// process at a time does so: else the key of one would be lost to the other.
func (file File) change(change func(*Keyset) (*Keyset, error)) (*Keyset, error) {
	folder, err := os.Open(filepath.Dir(file.Path))
	if err != nil {
		return nil, err
	}
	defer folder.Close() // and with that the lock is gone
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("seal: locking %s: %w", folder.Name(), err)
	}
	k, err := file.Open()
	if err != nil {
		return nil, err
	}
	if k, err = change(k); err != nil {
		return nil, err
	}
	temporary, err := file.write(k)
	if err != nil {
		return nil, err
	}
	if err := os.Rename(temporary, file.Path); err != nil {
		os.Remove(temporary)
		return nil, err
	}
	return k, folder.Sync()
}

// write leaves the keyset, durable, in a new file beside the one it is for.
func (file File) write(k *Keyset) (path string, err error) {
	f, err := os.CreateTemp(filepath.Dir(file.Path), ".keyset-*") // mode 0600
	if err != nil {
		return "", err
	}
	h, w := k.keys.Load().handle, keyset.NewJSONWriter(f)
	if file.Wrapper == nil {
		err = insecurecleartextkeyset.Write(h, w)
	} else {
		err = h.Write(w, file.Wrapper)
	}
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
