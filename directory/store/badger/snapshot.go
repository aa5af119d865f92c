package badger

import (
	"slices"
	"sync"
	"sync/atomic"

	badgerdb "github.com/dgraph-io/badger/v4"
)

// snapshot is one version of a database. It is shared by all who read that
// version; Badger keeps the version until the last of them has released it.
type snapshot struct {
	db      *database
	version uint64
	txn     *badgerdb.Txn // read-only: may be used by many goroutines
	refs    atomic.Int64  // never rises again once it is 0
}

// hold adds a reference unless the last one is gone.
func (s *snapshot) hold() bool {
	for {
		n := s.refs.Load()
		if n == 0 {
			return false
		}
		if s.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *snapshot) release() {
	if s.refs.Add(-1) == 0 {
		s.db.live.drop(s)
	}
}

// snapshots are those of one database that are still held, oldest first.
type snapshots struct {
	mu   sync.Mutex
	list []*snapshot
	none sync.Cond // signalled when list becomes empty
}

// snapshot returns the database at version, with one reference.
func (db *database) snapshot(version uint64) *snapshot {
	s := &snapshot{db: db, version: version, txn: db.badger.NewTransactionAt(version, false)}
	s.refs.Store(1)
	db.live.mu.Lock()
	db.live.list = append(db.live.list, s)
	db.live.mu.Unlock()
	return s
}

// drop forgets a snapshot that nobody holds any more and tells Badger which
// versions compaction may discard. An old one that is held long does not keep
// those behind it.
func (l *snapshots) drop(s *snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := len(l.list) - 1
	for l.list[i] != s {
		i--
	}
	l.list = slices.Delete(l.list, i, i+1)
	switch {
	case len(l.list) == 0:
		l.none.Broadcast()
	case i == 0:
		s.db.badger.SetDiscardTs(l.list[0].version)
	}
}

// wait returns when no snapshot is held.
func (l *snapshots) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.list) > 0 {
		l.none.Wait()
	}
}
