package badger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

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

// write is the writer goroutine. It runs what is waiting and has it committed
// together, and only then are those who wait answered. While the disk has one
// group, the next one runs on top of it and is sent when that one is durable.
func (s *Store) write() {
	clean := false
	defer func() {
		if !clean { // an update left with runtime.Goexit, as t.Fatal does
			s.failNext(errors.New("badger: another update in the same commit ended the writer"))
			go s.write()
			return
		}
		s.running.Done()
	}()
	for open := true; open || s.flying != nil; {
		queue := s.queue
		if !open || s.next.full() {
			queue = nil
		}
		select {
		case req, ok := <-queue:
			if open = ok; ok {
				s.add(req)
			}
		case err := <-s.landed:
			_ = s.land(err) // has answered
		}
		if s.flying == nil && !s.next.empty() {
			s.addWaiting()
			_ = s.send() // has answered
		}
	}
	clean = true
}

// group is the updates that share one commit.
type group struct {
	changes overlay
	waiting []answer // for those that have run and wait for the commit
}

// answer is what a request is told once the commit has succeeded. A failed
// update waits too: what made it fail may be in this very commit.
type answer struct {
	req *request
	err error
}

func (g *group) empty() bool { return len(g.waiting) == 0 }
func (g *group) full() bool  { return len(g.waiting) >= maxGroup }

// answer tells those who wait how the commit went.
func (s *Store) answer(g *group, err error) {
	for _, a := range g.waiting {
		switch {
		case err != nil:
			a.err = err
		case a.err == nil && g.changes.count() > 0:
			s.updates.Add(1)
		}
		a.req.done <- a.err
	}
}

// failNext answers those of the next group, which comes to nothing.
func (s *Store) failNext(err error) {
	g := s.next
	s.next = group{}
	s.answer(&g, err)
}

// addWaiting adds what waits to the group that is about to be sent.
func (s *Store) addWaiting() {
	for yielded := false; !s.next.full(); {
		select {
		case req, ok := <-s.queue:
			if ok {
				s.add(req)
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
		return
	}
}

// add runs req on top of what has run. An update that fails leaves nothing
// behind; one that no longer fits waits for the commit of those before it.
func (s *Store) add(req *request) {
	if req.swap != nil {
		_ = s.settle() // has answered; swap looks whether the store is broken
		req.done <- req.swap()
		return
	}
	own, err := s.run(req)
	if err != nil {
		s.next.waiting = append(s.next.waiting, answer{req, err})
		return
	}
	b := s.db.badger
	maxSize, maxCount := b.MaxBatchSize()-1024, b.MaxBatchCount()-16
	if s.next.changes.size+own.size > maxSize || s.next.changes.count()+own.count() > maxCount {
		// What the update has read is what this makes true, so its changes
		// stay good if it succeeds.
		if err := s.settle(); err != nil {
			req.done <- err
			return
		}
	}
	if own.size > maxSize || own.count() > maxCount {
		req.done <- fmt.Errorf("%w: update of %d keys and %d bytes, at most %d and %d",
			store.ErrTooLarge, own.count(), own.size, maxCount, maxSize)
		return
	}
	s.next.changes.addAll(own)
	s.next.waiting = append(s.next.waiting, answer{req: req})
}

// run runs one update and returns its changes.
func (s *Store) run(req *request) (own *overlay, err error) {
	switch {
	case req.ctx.Err() != nil:
		return nil, req.ctx.Err()
	case s.broken != nil:
		return nil, s.broken
	case s.readOnly.Load():
		return nil, store.ErrReadOnly
	}
	snap := s.acquire() // before or behind the commit under way, whose changes lie on top of it
	defer snap.release()
	w := newWriter(req.ctx, &s.next.changes, s.flying, snap)
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

// settle has all that has run committed, and waits for it. When it fails all of
// that has come to nothing.
func (s *Store) settle() error {
	for s.flying != nil || !s.next.empty() {
		var err error
		if s.flying != nil {
			err = s.land(<-s.landed)
		} else {
			err = s.send()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// send hands the next group to Badger, which tells land how it went. Nothing
// is under way.
func (s *Store) send() error {
	g := s.next
	s.next = group{}
	if g.changes.count() == 0 {
		s.answer(&g, nil)
		return nil
	}
	db, version := s.db, s.db.version+1
	txn := db.badger.NewTransactionAt(db.version, true)
	if err := fill(txn, &g.changes); err != nil {
		txn.Discard()
		err = fmt.Errorf("badger: filling a transaction: %w", err) // nothing was sent
		s.answer(&g, err)
		return err
	}
	s.flying = &g.changes
	return txn.CommitAt(version, func(err error) {
		if err != nil {
			// Some of it may be in memory or on disk. Only a restart can tell,
			// and until then nothing may be built on it.
			err = fmt.Errorf("badger: a commit failed and its outcome is unknown; restart the server: %w", err)
			s.log.Error("store: closed for updates", "err", err)
		} else {
			s.commits.Add(1)
			s.publish(db, &g.changes, version)
		}
		s.answer(&g, err)
		s.landed <- err
	})
}

// publish shows readers what was committed. It comes before the answers, so
// that whoever has one can read what he wrote.
func (s *Store) publish(db *database, changes *overlay, version uint64) {
	db.version = version
	db.memory.wrote(changes, version)
	s.published.Swap(db.snapshot(version)).release()
}

// land ends the commit under way. If it failed, what has run on top of it has
// too, and so does all that comes.
func (s *Store) land(err error) error {
	s.flying = nil
	if err != nil {
		s.broken = err
		s.failNext(err)
	}
	return err
}

func fill(txn *badgerdb.Txn, changes *overlay) (err error) {
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
	return err
}
