package badger

import (
	"fmt"

	"golang.org/x/sys/unix"

	"tallystick/directory/store"
)

// Badger writes its logs through sparse memory mappings, so a full disk ends
// the process with SIGBUS. The store stops writing while there is still room
// for what has begun.

// freeSpace returns the bytes an ordinary process may still use there.
func freeSpace(folder string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(folder, &st); err != nil {
		return 0, fmt.Errorf("badger: free space of %s: %w", folder, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// enoughRoom refuses to open where replaying the logs could fill the disk.
func enoughRoom(root string, cfg Config) error {
	if cfg.MinFree < 0 {
		return nil
	}
	free, err := cfg.freeSpace(root)
	if err != nil {
		return err
	}
	if floor := cfg.MinFree / 8; free < floor {
		return fmt.Errorf("badger: %s: only %d MiB free, opening takes %d MiB", root, free>>20, floor>>20)
	}
	return nil
}

// roomFor refuses to write so many bytes when that would leave less than
// MinFree.
func roomFor(root string, cfg Config, bytes int64) error {
	if cfg.MinFree < 0 {
		return nil
	}
	free, err := cfg.freeSpace(root)
	if err != nil {
		return err
	}
	if free-bytes-bytes/8 < cfg.MinFree {
		return fmt.Errorf("%w: %d MiB free in %s, %d MiB to write and %d MiB to keep free",
			store.ErrReadOnly, free>>20, root, bytes>>20, cfg.MinFree>>20)
	}
	return nil
}

// watchSpace makes the store read-only below MinFree and writable again a
// quarter above it.
func (s *Store) watchSpace() {
	if s.cfg.MinFree < 0 {
		return
	}
	free, err := s.cfg.freeSpace(s.root)
	if err != nil {
		s.log.Error("store: free space unknown", "err", err)
		return
	}
	s.free.Store(free)
	switch was := s.readOnly.Load(); {
	case !was && free < s.cfg.MinFree:
		s.readOnly.Store(true)
		s.log.Error("store: read-only, the disk is nearly full", "free", free, "needed", s.cfg.MinFree)
	case was && free >= s.cfg.MinFree+s.cfg.MinFree/4:
		s.readOnly.Store(false)
		s.log.Info("store: writable again", "free", free)
	}
}
