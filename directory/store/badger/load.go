package badger

import (
	"bytes"
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
// database of them and of what is there beside the one in use, and changes
// over to it. It needs twice the disk space of the pairs and once that of the
// store. Views go on meanwhile. put must not be called from several goroutines
// at once.
func (s *Store) Load(ctx context.Context, fn func(put func(key, value []byte) error) error) error {
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

	var base uint64
	var next *database
	err := s.View(ctx, func(r store.Reader) (err error) {
		old := r.(*reader)
		base = old.snap.version
		next, err = s.merged(ctx, old, fn)
		return err
	})
	if err != nil {
		return err
	}
	return s.changeOver(base, next)
}

// merged builds a database of what old reads and of the pairs that fn puts.
func (s *Store) merged(ctx context.Context, old *reader, fn func(put func(key, value []byte) error) error) (_ *database, err error) {
	sorted, err := newSorter(s.root, s.cfg.sortMemory)
	if err != nil {
		return nil, err
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
		return nil, err
	}
	size, err := sizeOf(s.db.dir)
	if err != nil {
		return nil, err
	}
	if err := roomFor(s.root, s.cfg, sorted.bytes+size); err != nil {
		return nil, err
	}
	// A scan passes over a damaged block, and the database it is in goes away.
	if err := old.snap.db.verifyBlocks(); err != nil {
		return nil, err
	}
	return s.build(ctx, sorted, old, old.snap.version+1)
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

// build makes a database of the sorted pairs over those of old, all with the
// same version, and opens it. On failure nothing is left of it.
func (s *Store) build(ctx context.Context, sorted *sorter, old *reader, version uint64) (_ *database, err error) {
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
	written, all := int64(0), sorted.bytes
	for _, table := range old.snap.db.badger.Tables() {
		all += int64(table.OnDiskSize)
	}
	err = stream(ctx, b, sorted, old, version, func(octets int) {
		if before := written; before/residentMost != (before+int64(octets))/residentMost {
			pageOut(dir)
		}
		written += int64(octets)
		s.cfg.Progress(min(written, all), all)
	})
	if err := errors.Join(err, badgerError(b.Close())); err != nil {
		return nil, err
	}
	if err := writeWatermark(dir, version); err != nil {
		return nil, err
	}
	return openDatabase(s.root, name, s.cfg)
}

// residentMost is how many octets of new tables a Load leaves in its memory, or a
// few times that: they are written behind our back.
const residentMost = 64 << 20

// stream writes the sorted pairs over those of old into the empty database b.
// wrote hears how many octets were handed over.
func stream(ctx context.Context, b *badgerdb.DB, sorted *sorter, old *reader, version uint64, wrote func(octets int)) error {
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
		wrote(buf.LenNoPadding())
		return errors.Join(ctx.Err(), w.Write(buf))
	}
	add := func(key, sealed []byte) error {
		badgerdb.KVToBuffer(&pb.KV{Key: key, Value: sealed, Version: version}, buf)
		if buf.LenNoPadding() < chunk {
			return nil
		}
		return flush()
	}
	err := mergeOver(old, sorted, add)
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

// mergeOver calls fn for the pairs of old and sorted in the order of their
// keys. Where both have a key, the pair of sorted counts.
func mergeOver(old *reader, sorted *sorter, fn func(key, sealed []byte) error) error {
	c := old.cursor(store.Range{})
	defer c.close()
	passOn := func(below []byte) error { // nil: all that is left
		for key := c.key(); key != nil && (below == nil || bytes.Compare(key, below) < 0); key = c.key() {
			value, err := c.value()
			if err != nil {
				return err
			}
			if err := fn(key, seal(key, value)); err != nil {
				return err
			}
			c.next()
		}
		return nil
	}
	err := sorted.merge(func(key, sealed []byte) error {
		if err := passOn(key); err != nil {
			return err
		}
		if bytes.Equal(c.key(), key) {
			c.next()
		}
		return fn(key, sealed)
	})
	if err != nil {
		return err
	}
	return passOn(nil)
}

// changeOver makes next the database in use, if the one in use is still at
// version base, and removes the old one when its last reader has gone. If it
// is not known which of them CURRENT names, because the disk failed, neither is
// removed: that is for the next Open.
func (s *Store) changeOver(base uint64, next *database) error {
	old, unknown := s.db, false
	err := s.exchange(func() error {
		if s.db.version != base {
			return store.ErrChanged
		}
		if err := writeCurrent(s.root, filepath.Base(next.dir)); err != nil {
			unknown = true
			return s.breakOff(fmt.Errorf("badger: changing over to the loaded database failed; restart the server: %w", err))
		}
		s.db = next
		s.published.Swap(next.snapshot(next.version)).release()
		s.letGo()
		return nil
	})
	discard := old
	if err != nil {
		discard = next
	}
	discard.live.wait()
	err = errors.Join(err, discard.shut())
	if unknown {
		return err
	}
	return errors.Join(err, removeDatabase(discard.dir))
}

func removeDatabase(dir string) error {
	err := os.Remove(watermarkFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(dir))
}
