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

// Create makes a keyset and writes it to a new file of mode 0600, in folders
// of mode 0700 that it makes as needed. A file that is there already is left
// alone: the error is fs.ErrExist.
func Create(path string) (*Keyset, error) {
	k, err := Generate()
	if err != nil {
		return nil, err
	}
	return k, k.WriteNew(path)
}

// WriteNew writes the keyset to a new file, as Create does.
func (k *Keyset) WriteNew(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := k.write(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	// A link, because unlike a renaming it fails if the file is there.
	if err := os.Link(temporary, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
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
	k, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// errText says no more, because the error of the library could quote a key.
var errText = errors.New("seal: not a keyset")

// read reads a keyset as write writes it.
func read(r io.Reader) (*Keyset, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxText))
	if err != nil {
		return nil, err
	}
	defer clear(text)
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, errText
	}
	return newKeyset(h)
}

// Rotate adds a key to the keyset in a file (see Rotated) and returns the
// keyset with it.
func Rotate(path string) (*Keyset, error) {
	return changeFile(path, (*Keyset).Rotated)
}

// Drop takes an old key out of the keyset in a file (see Without) and returns
// the keyset without it.
func Drop(path string, id uint32) (*Keyset, error) {
	return changeFile(path, func(k *Keyset) (*Keyset, error) { return k.Without(id) })
}

// changeFile puts another keyset in the place of the one in a file. Only one
// process at a time does so: else the key of one would be lost to the other.
func changeFile(path string, change func(*Keyset) (*Keyset, error)) (*Keyset, error) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer folder.Close() // and with that the lock is gone
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("seal: locking %s: %w", folder.Name(), err)
	}
	k, err := Open(path)
	if err != nil {
		return nil, err
	}
	if k, err = change(k); err != nil {
		return nil, err
	}
	temporary, err := k.write(folder.Name())
	if err != nil {
		return nil, err
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return nil, err
	}
	return k, folder.Sync()
}

// write leaves the keyset, durable, in a new file in folder.
func (k *Keyset) write(folder string) (path string, err error) {
	f, err := os.CreateTemp(folder, ".keyset-*") // mode 0600
	if err != nil {
		return "", err
	}
	err = insecurecleartextkeyset.Write(k.keys.Load().handle, keyset.NewJSONWriter(f))
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
