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

// maxGroup is how many updates may share a commit.
const maxGroup = 1024

// request is one call of Update, or the end of a Load, on its way through the
// writer.
type request struct {
	ctx  context.Context
	fn   func(store.Writer) error
	swap func() error // instead of fn: changes s.db, between two commits
	done chan error   // receives the answer, once
}

// Update implements store.Store. fn runs on the store's own goroutine, alone,
// and not at all if ctx has ended by then. When fn panics the update fails
// and the store goes on.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.submit(&request{ctx: ctx, fn: fn, done: make(chan error, 1)})
}

// submit queues req and waits for its answer. Once queued it is always
// answered, soon if ctx has ended.
func (s *Store) submit(req *request) error {
	s.closing.RLock()
	if s.closed {
		s.closing.RUnlock()
		return store.ErrClosed
	}
	select {
	case s.queue <- req:
		s.closing.RUnlock()
		return <-req.done
	case <-req.ctx.Done():
		s.closing.RUnlock()
		return req.ctx.Err()
	}
}

// write is the writer goroutine. It takes what is waiting, runs it, commits
// it together, and only then answers.
func (s *Store) write() {
	clean := false
	defer func() {
		if !clean { // an update left with runtime.Goexit, as t.Fatal does
			go s.write()
			return
		}
		s.running.Done()
	}()
	for req := range s.queue {
		g := &group{s: s}
		g.collect(req)
	}
	clean = true
}

// group is the updates that share one commit.
type group struct {
	s       *Store
	changes overlay
	waiting []answer // for those that have run and wait for the commit
}

// answer is what a request is told once the commit has succeeded. A failed
// update waits too: what made it fail may be in this very commit.
type answer struct {
	req *request
	err error
}

// collect runs first and those that wait behind it, and commits.
func (g *group) collect(first *request) {
	defer g.abandon()
	g.add(first)
	for n, yielded := 1, false; n < maxGroup; {
		select {
		case req, ok := <-g.s.queue:
			if ok {
				g.add(req)
				n++
				continue
			}
		default:
			// Those whom the last commit has answered may be about to come
			// back: a moment for them costs less than another flush.
			if !yielded {
				yielded = true
				runtime.Gosched()
				continue
			}
		}
		break
	}
	_ = g.commit() // has answered
}

// abandon answers those that are left when an update has ended the goroutine.
func (g *group) abandon() {
	for _, a := range g.waiting {
		a.req.done <- errors.New("badger: another update in the same commit ended the writer")
	}
}

// add runs req on top of the group. An update that fails leaves nothing
// behind; one that no longer fits commits the group first.
func (g *group) add(req *request) {
	if req.swap != nil {
		_ = g.commit() // has answered; swap looks whether the store is broken
		req.done <- req.swap()
		return
	}
	own, err := g.run(req)
	if err != nil {
		g.waiting = append(g.waiting, answer{req, err})
		return
	}
	b := g.s.db.badger
	maxSize, maxCount := b.MaxBatchSize()-1024, b.MaxBatchCount()-16
	if g.changes.size+own.size > maxSize || g.changes.count()+own.count() > maxCount {
		// What the update has read is what this commit makes true, so its
		// changes stay good if it succeeds.
		if err := g.commit(); err != nil {
			req.done <- err
			return
		}
	}
	if own.size > maxSize || own.count() > maxCount {
		req.done <- fmt.Errorf("%w: update of %d keys and %d bytes, at most %d and %d",
			store.ErrTooLarge, own.count(), own.size, maxCount, maxSize)
		return
	}
	g.changes.addAll(own)
	g.waiting = append(g.waiting, answer{req: req})
}

// run runs one update and returns its changes.
func (g *group) run(req *request) (own *overlay, err error) {
	s := g.s
	switch {
	case req.ctx.Err() != nil:
		return nil, req.ctx.Err()
	case s.broken != nil:
		return nil, s.broken
	case s.readOnly.Load():
		return nil, store.ErrReadOnly
	}
	w := newWriter(req.ctx, &g.changes, s.published.Load())
	returned := false
	defer func() {
		if returned {
			return
		}
		p := recover()
		if p == nil { // runtime.Goexit: this goroutine is ending
			req.done <- errors.New("badger: update did not return")
			return
		}
		s.log.Error("store: update panicked", "panic", p, "stack", string(debug.Stack()))
		own, err = nil, fmt.Errorf("badger: update panicked: %v", p)
	}()
	err = req.fn(w)
	returned = true
	if err == nil {
		err = w.err
	}
	return &w.own, err
}

// commit makes the group durable, publishes it, and answers. The snapshot is
// published before the answers, so whoever has one can read what he wrote.
func (g *group) commit() error {
	err := g.s.commit(&g.changes)
	for _, a := range g.waiting {
		if g.changes.count() > 0 && a.err == nil {
			g.s.updates.Add(1)
		}
		if err != nil {
			a.err = err
		}
		a.req.done <- a.err
	}
	g.changes, g.waiting = overlay{}, nil
	return err
}

func (s *Store) commit(changes *overlay) error {
	if changes.count() == 0 {
		return nil
	}
	version := s.db.version + 1
	txn := s.db.badger.NewTransactionAt(s.db.version, true)
	defer txn.Discard()
	var err error
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
	if err != nil {
		return fmt.Errorf("badger: filling a transaction: %w", err) // nothing was sent
	}
	if err := txn.CommitAt(version, nil); err != nil {
		// Some of it may be in memory or on disk. Only a restart can tell,
		// and until then nothing may be built on it.
		s.broken = fmt.Errorf("badger: a commit failed and its outcome is unknown; restart the server: %w", err)
		s.failed.Store(true)
		s.log.Error("store: closed for updates", "err", s.broken)
		return s.broken
	}
	now := time.Now()
	s.commits.Add(1)
	s.committed.Store(&now)
	s.db.version = version
	s.db.memory.wrote(changes, version)
	s.published.Swap(s.db.snapshot(version)).release()
	return nil
}
