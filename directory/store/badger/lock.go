package badger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrInUse is returned by Open and by the functions for closed stores while a
// process has the store open.
var ErrInUse = errors.New("in use: the server is running")

// lock is the right to touch a store's folder. The kernel takes it back when
// the process ends, however it ends.
type lock struct{ file *os.File }

// lockFolder makes the folder if need be and locks it.
func lockFolder(root string) (*lock, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(root, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder := make([]byte, 32)
		n, _ := f.ReadAt(holder, 0) // only for the message
		return nil, errors.Join(
			fmt.Errorf("badger: %s: %w (process %s)", root, ErrInUse, strings.TrimSpace(string(holder[:n]))),
			f.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("badger: locking %s: %w", root, err), f.Close())
	}
	pid := fmt.Sprintf("%-10d\n", os.Getpid())
	if _, err := f.WriteAt([]byte(pid), 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &lock{f}, nil
}

func (l *lock) release() error { return l.file.Close() }
