// Package badger keeps the directory's bytes on one machine, in Badger.
//
// It uses Badger in one particular way. Updates run one at a time, while those
// before them are being flushed; those that wait share a transaction, and so pay
// for one flush where each would pay for its own; conflicts cannot happen. Readers
// share a published snapshot and never wait for the disk; what was read lately
// they find on the heap. Values carry a checksum of their own, because Badger is
// silent about most damage; for the same reason the newest version is also kept
// in a small file beside the database, so that one that has lost its tail is
// refused instead of served.
package badger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"tallystick/directory/store"
)

// Store is a store.Store in one folder of one machine. Its methods may be
// called from many goroutines; a View or Update must not call Load or Close,
// nor an Update another Update.
type Store struct {
	root string // the folder, see folder.go
	cfg  Config
	log  *slog.Logger
	lock *lock

	published atomic.Pointer[snapshot] // what View reads; nil when closed
	readOnly  atomic.Bool              // set by the free-space watch
	broken    atomic.Pointer[error]    // why there are no more updates; nil: there are
	free      atomic.Int64             // what the watch has seen; -1: nothing
	updates   atomic.Uint64            // see Stats
	commits   atomic.Uint64
	committed atomic.Pointer[time.Time]

	closing sync.RWMutex // held for reading by each update
	closed  bool         // guarded by closing
	waiting atomic.Int64 // updates that have been called and not returned

	updating sync.Mutex // held by who runs an update
	open     *group     // guarded by updating: takes in more updates; nil: none does
	last     *group     // guarded by updating: the one before, being committed; nil: it has ended

	stop    chan struct{} // closed when the background goroutines shall end
	running sync.WaitGroup

	holding sync.Mutex         // guards held
	held    map[*held]struct{} // not released yet

	loading sync.Mutex // held by Load, without which db is not exchanged

	db *database // exchanged under updating, while nothing is being committed
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the folder root, which is made if it is not there.
// It fails with ErrInUse while another process has it open, and with
// ErrRolledBack if the database is older than it was when last seen.
func Open(root string, cfg Config) (_ *Store, err error) {
	cfg = cfg.withDefaults()
	lock, err := lockFolder(root)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.release())
		}
	}()
	if err := enoughRoom(root, cfg); err != nil {
		return nil, err
	}
	name, err := currentDatabase(root)
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(root, name, cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{
		root: root,
		cfg:  cfg,
		log:  cfg.Logger,
		lock: lock,
		db:   db,
		stop: make(chan struct{}),
		held: map[*held]struct{}{},
	}
	s.free.Store(-1)
	s.published.Store(db.snapshot(db.version))
	s.watchSpace()
	s.running.Add(1)
	go s.watch()
	return s, nil
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	snap := s.acquire()
	if snap == nil {
		return store.ErrClosed
	}
	defer snap.release()
	return fn(&reader{ctx: ctx, snap: snap})
}

// Close waits for the updates and views that have begun and closes the
// database. Later calls return store.ErrClosed.
func (s *Store) Close() error {
	s.closing.Lock()
	if s.closed {
		s.closing.Unlock()
		return store.ErrClosed
	}
	s.closed = true
	s.closing.Unlock()

	close(s.stop)
	s.running.Wait()
	s.published.Swap(nil).release()
	s.letGo()
	return errors.Join(s.db.close(), s.lock.release())
}

// watch looks after the store while it is open: free space four times a
// second, the watermark once.
func (s *Store) watch() {
	defer s.running.Done()
	ticker := time.NewTicker(time.Second / 4)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		s.watchSpace()
		if n%4 == 0 {
			if snap := s.acquire(); snap != nil {
				if err := snap.db.saveWatermark(snap.version); err != nil {
					s.log.Error("store: watermark not written", "err", err)
				}
				snap.release()
			}
		}
	}
}

// acquire returns the published snapshot, which the caller must release, or
// nil when the store is closed.
func (s *Store) acquire() *snapshot {
	for {
		snap := s.published.Load()
		if snap == nil || snap.hold() {
			return snap
		}
		// It was replaced and let go between the two lines: load again.
	}
}

// badgerError gives Badger's errors the words of the contract.
func badgerError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, badgerdb.ErrKeyNotFound), errors.Is(err, badgerdb.ErrEmptyKey):
		return store.ErrNotFound
	case errors.Is(err, badgerdb.ErrDBClosed), errors.Is(err, badgerdb.ErrBlockedWrites):
		return store.ErrClosed
	}
	return fmt.Errorf("badger: %w", err)
}
