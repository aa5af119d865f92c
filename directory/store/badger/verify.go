package badger

import (
	"context"
	"fmt"

	"tallystick/directory/store"
)

// Verify reads everything that is on disk: the checksum of each block of each
// table, of which Badger itself would only say that the keys in it are not
// there, and then each value's own. progress, if not nil, is called now and
// then with the number of keys read. The store may be in use meanwhile.
func (s *Store) Verify(ctx context.Context, progress func(keys int64)) error {
	snap := s.acquire()
	if snap == nil {
		return store.ErrClosed
	}
	defer snap.release()
	if err := snap.db.verifyBlocks(); err != nil {
		return err
	}
	var keys int64
	r := &reader{ctx: ctx, snap: snap}
	err := r.Scan(store.Range{}, func(_, _ []byte) bool {
		if keys++; progress != nil && keys%10_000 == 0 {
			progress(keys)
		}
		return true
	})
	if progress != nil {
		progress(keys)
	}
	return err
}

// verifyBlocks checks all blocks of all tables. Badger reports a broken one
// with an error or a panic, depending on what is broken.
func (db *database) verifyBlocks() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: a table in %s: %v", store.ErrCorrupt, db.dir, p)
		}
	}()
	if err := db.badger.VerifyChecksum(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	return nil
}
