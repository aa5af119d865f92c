package badger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"tallystick/directory/store"
)

// Update implements store.Store. fn runs alone, and not at all if ctx has ended
// before its turn. When fn panics the update fails and the store goes on; when it
// ends its goroutine (runtime.Goexit), that is the caller's.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	g, first, err := s.join(ctx, fn)
	if first {
		s.lead(g)
	} else {
		<-g.done
	}
	if g.err != nil {
		return g.err
	}
	return err
}

// group is the updates that share one commit. They run while the group before
// is being committed, on top of what it changes.
type group struct {
	changes overlay
	updates uint64          // that changed something
	before  <-chan struct{} // done of the group before; nil: that has ended
	done    chan struct{}   // closed when the commit has ended
	err     error           // of the commit, once it has ended
}

// next is a group behind g, which is nil if that has ended.
func (g *group) next() *group {
	n := &group{done: make(chan struct{})}
	if g != nil {
		n.before = g.done
	}
	return n
}

// ended reports whether what the group has changed is in the snapshot that is
// published, or never will be.
func (g *group) ended() bool {
	if g == nil {
		return true
	}
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// join runs fn and adds its changes to the group that is open, whose first one
// is the one to lead it. An update that has failed leaves nothing behind, but
// waits like the others: what made it fail may be in this very commit.
func (s *Store) join(ctx context.Context, fn func(store.Writer) error) (g *group, first bool, err error) {
	s.updating.Lock()
	defer s.updating.Unlock()
	if s.last.ended() {
		s.last = nil // its changes are in the snapshot
	}
	var own *overlay
	if err = s.refusal(ctx); err == nil {
		own, err = s.run(ctx, fn)
	}
	if err == nil {
		err = s.makeRoom(own)
	}
	if s.open == nil {
		s.open, first = s.last.next(), true
	}
	if err == nil && own.count() > 0 {
		s.open.changes.addAll(own)
		s.open.updates++
	}
	return s.open, first, err
}

// refusal is why an update does not run; nil: it does.
func (s *Store) refusal(ctx context.Context) error {
	switch broken := s.broken.Load(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case broken != nil:
		return *broken
	case s.readOnly.Load():
		return store.ErrReadOnly
	}
	return nil
}

// run runs one update and returns its changes.
func (s *Store) run(ctx context.Context, fn func(store.Writer) error) (own *overlay, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("store: update panicked", "panic", p, "stack", string(debug.Stack()))
			own, err = nil, fmt.Errorf("badger: update panicked: %v", p)
		}
	}()
	w := &writer{base: reader{ctx: ctx}}
	if s.open != nil {
		w.below[0] = &s.open.changes
	}
	if s.last != nil {
		w.below[1] = &s.last.changes
	}
	w.base.snap = s.acquire() // after join has looked at last, so that no commit is missed
	defer w.base.snap.release()
	if err = fn(w); err == nil {
		err = w.err
	}
	return &w.own, err
}

// makeRoom commits the open group if own does not fit into the same commit.
// What own has read is what that commit makes true, so it stays good.
func (s *Store) makeRoom(own *overlay) error {
	b := s.db.badger
	maxSize, maxCount := b.MaxBatchSize()-1024, b.MaxBatchCount()-16
	if own.size > maxSize || own.count() > maxCount {
		return fmt.Errorf("%w: update of %d keys and %d bytes, at most %d and %d",
			store.ErrTooLarge, own.count(), own.size, maxCount, maxSize)
	}
	if g := s.open; g != nil && (g.changes.size+own.size > maxSize || g.changes.count()+own.count() > maxCount) {
		return s.flush()
	}
	return nil
}

// flush commits the open group in place of who leads it, and returns when
// nothing is left to be committed. The caller has locked updating.
func (s *Store) flush() error {
	g := s.open
	if g == nil {
		if s.last != nil {
			<-s.last.done
		}
		return nil
	}
	if g.before != nil {
		<-g.before
	}
	s.open, s.last = nil, g
	s.commit(g)
	return g.err
}

// lead commits g when the group before it has been.
func (s *Store) lead(g *group) {
	if g.before != nil {
		<-g.before
	}
	// Those whom that commit has answered may be about to come back: a moment
	// for them costs less than another flush.
	runtime.Gosched()
	s.updating.Lock()
	mine := s.open == g // or flush was quicker
	if mine {
		s.open, s.last = nil, g
	}
	s.updating.Unlock()
	if mine {
		s.commit(g)
	} else {
		<-g.done
	}
}

// commit makes a closed group durable, publishes it, and answers. The snapshot
// is published before that, so whoever has an answer can read what he wrote.
func (s *Store) commit(g *group) {
	defer close(g.done)
	g.err = errBroken // unless it comes to another end
	switch broken := s.broken.Load(); {
	case broken != nil:
		g.err = *broken
	case g.changes.count() == 0:
		g.err = nil
	default:
		g.err = s.write(&g.changes)
	}
	if g.err == nil {
		s.updates.Add(g.updates)
	}
}

// errBroken is behind every answer once a commit has failed.
var errBroken = errors.New("badger: a commit failed and its outcome is unknown; restart the server")

// write makes changes durable and publishes them. After an error some of them
// may be in memory or on disk, which only a restart can tell, and other updates
// have run on top of them: nothing may be built on either.
func (s *Store) write(changes *overlay) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panicked: %v", p)
		}
		if err != nil {
			err = s.breakOff(fmt.Errorf("%w: %w", errBroken, err))
		}
	}()
	version := s.db.version + 1
	txn := s.db.badger.NewTransactionAt(s.db.version, true)
	defer txn.Discard()
	changes.changes.Scan(func(key string, c change) bool {
		if c.deleted {
			err = txn.Delete([]byte(key))
		} else {
			err = txn.SetEntry(badgerdb.NewEntry([]byte(key), c.sealed))
		}
		return err == nil
	})
	if err == nil {
		err = txn.SetEntry(badgerdb.NewEntry(versionKey, seal(versionKey, nil)))
	}
	if err == nil {
		err = txn.CommitAt(version, nil)
	}
	if err == nil {
		err = s.db.wal.flush()
	}
	if err != nil {
		return err
	}
	now := time.Now()
	s.commits.Add(1)
	s.committed.Store(&now)
	s.db.version = version
	s.db.memory.wrote(changes, version)
	s.published.Swap(s.db.snapshot(version)).release()
	return nil
}

// breakOff ends all updates with err.
func (s *Store) breakOff(err error) error {
	s.broken.Store(&err)
	s.log.Error("store: closed for updates", "err", err)
	return err
}

// exchange changes s.db between two commits.
func (s *Store) exchange(fn func() error) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	s.updating.Lock()
	defer s.updating.Unlock()
	if err := s.flush(); err != nil {
		return err
	}
	if broken := s.broken.Load(); broken != nil {
		return *broken
	}
	return fn()
}
