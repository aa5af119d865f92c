package badger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	badgerdb "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/ristretto/v2/z"

	"tallystick/directory/store"
)

// Load implements store.Store. It sorts the pairs in runs of 32 MiB, builds a
// database beside the one in use, and changes over to it. It needs twice the
// disk space of the pairs. Views go on meanwhile; an Update that changes
// something makes Load fail with ErrNotEmpty. put must not be called from
// several goroutines at once.
func (s *Store) Load(ctx context.Context, fn func(put func(key, value []byte) error) error) (err error) {
	s.closing.RLock()
	if s.closed {
		s.closing.RUnlock()
		return store.ErrClosed
	}
	s.running.Add(1) // Close waits for us
	s.closing.RUnlock()
	defer s.running.Done()
	s.loading.Lock()
	defer s.loading.Unlock()

	base, err := s.emptyVersion(ctx)
	if err != nil {
		return err
	}
	sorted, err := newSorter(s.root, s.cfg.sortMemory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sorted.close()) }()

	var refused error // what put returned, in case fn does not look
	err = fn(func(key, value []byte) error {
		if refused == nil {
			refused = s.put(ctx, sorted, key, value)
		}
		return refused
	})
	if err = errors.Join(err, refused); err != nil {
		return err
	}
	if err := roomFor(s.root, s.cfg, sorted.bytes); err != nil {
		return err
	}
	next, err := s.build(ctx, sorted, base+1)
	if err != nil {
		return err
	}
	return s.changeOver(ctx, base, next)
}

// emptyVersion returns the version of the store, which must hold no key.
func (s *Store) emptyVersion(ctx context.Context) (version uint64, err error) {
	err = s.View(ctx, func(r store.Reader) error {
		version = r.(*reader).snap.version
		empty := true
		if err := r.Scan(store.Range{KeysOnly: true}, func(_, _ []byte) bool {
			empty = false
			return false
		}); err != nil {
			return err
		}
		if !empty {
			return store.ErrNotEmpty
		}
		return nil
	})
	return version, err
}

func (s *Store) put(ctx context.Context, sorted *sorter, key, value []byte) error {
	if err := checkPair(key, value); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.readOnly.Load():
		return store.ErrReadOnly
	}
	select {
	case <-s.stop:
		return store.ErrClosed
	default:
	}
	return sorted.add(key, seal(key, value))
}

// build makes a database of the sorted pairs, all with the same version, and
// opens it. On failure nothing is left of it.
func (s *Store) build(ctx context.Context, sorted *sorter, version uint64) (_ *database, err error) {
	name := nextName(filepath.Base(s.db.dir))
	dir := filepath.Join(s.root, name)
	defer func() {
		if err != nil {
			err = errors.Join(err, removeDatabase(dir))
		}
	}()
	opts := s.cfg.badgerOptions(dir).
		WithMemTableSize(8 << 20). // is not used
		WithBaseTableSize(1 << 20) // 32 MiB in the last level: several are built at once
	b, err := openBadger(opts)
	if err != nil {
		return nil, err
	}
	err = stream(ctx, b, sorted, version)
	if err := errors.Join(err, badgerError(b.Close())); err != nil {
		return nil, err
	}
	if err := writeWatermark(dir, version); err != nil {
		return nil, err
	}
	return openDatabase(s.root, name, s.cfg)
}

// stream writes the sorted pairs into the empty database b.
func stream(ctx context.Context, b *badgerdb.DB, sorted *sorter, version uint64) error {
	w := b.NewStreamWriter()
	if err := w.Prepare(); err != nil {
		w.Cancel()
		return err
	}
	const chunk = 4 << 20
	buf := z.NewBuffer(chunk+2*maxValue, "load")
	defer func() { _ = buf.Release() }() // gives memory back; cannot fail
	flush := func() error {
		defer buf.Reset()
		return errors.Join(ctx.Err(), w.Write(buf))
	}
	add := func(key, sealed []byte) error {
		badgerdb.KVToBuffer(&pb.KV{Key: key, Value: sealed, Version: version}, buf)
		if buf.LenNoPadding() < chunk {
			return nil
		}
		return flush()
	}
	err := sorted.merge(add)
	if err == nil {
		err = add(versionKey, seal(versionKey, nil)) // the last key of all
	}
	if err == nil {
		err = flush()
	}
	if err != nil {
		w.Cancel()
		return err
	}
	return w.Flush()
}

// changeOver makes next the database in use, if the one in use is still at
// version base, and removes the old one when its last reader has gone.
func (s *Store) changeOver(ctx context.Context, base uint64, next *database) error {
	old := s.db
	err := s.submit(&request{ctx: ctx, done: make(chan error, 1), swap: func() error {
		if s.broken != nil {
			return s.broken
		}
		if s.db.version != base {
			return fmt.Errorf("%w: it was written to while it was being loaded", store.ErrNotEmpty)
		}
		if err := writeCurrent(s.root, filepath.Base(next.dir)); err != nil {
			s.broken = fmt.Errorf("badger: changing over to the loaded database failed; restart the server: %w", err)
			return s.broken
		}
		s.db = next
		s.published.Swap(next.snapshot(next.version)).release()
		return nil
	}})
	discard := old
	if err != nil {
		discard = next
	}
	discard.live.wait()
	return errors.Join(err, badgerError(discard.badger.Close()), removeDatabase(discard.dir))
}

func removeDatabase(dir string) error {
	err := os.Remove(watermarkFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(dir))
}
