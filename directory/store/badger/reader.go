package badger

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"

	badgerdb "github.com/dgraph-io/badger/v4"

	"tallystick/directory/store"
)

// versionKey is written by every commit, so that the newest version in the
// database is always that of the last commit: compaction drops deletions, and
// with them the versions they had. Keys from here on are ours.
var versionKey = bytes.Repeat([]byte{0xff}, 16)

// reader reads one snapshot. It may be used by many goroutines.
type reader struct {
	ctx     context.Context
	snap    *snapshot
	lessons atomic.Int32 // given to the memory
}

// Get implements store.Reader.
func (r *reader) Get(key []byte) ([]byte, error) {
	if bytes.Compare(key, versionKey) >= 0 {
		return nil, store.ErrNotFound
	}
	values := r.snap.db.memory.values
	if v, ok := values.get(key, r.snap.version); ok {
		if v == nil {
			return nil, store.ErrNotFound
		}
		return v, nil
	}
	v, err := r.snap.read(key)
	if (err == nil || errors.Is(err, store.ErrNotFound)) && r.lesson() {
		values.learn(key, v, r.snap.version)
	}
	return v, err
}

// read returns what Badger has under key.
func (s *snapshot) read(key []byte) ([]byte, error) {
	item, err := s.txn.Get(key)
	if err != nil {
		return nil, badgerError(err)
	}
	return itemValue(item, key)
}

// Scan implements store.Reader. It stops with the context's error when that
// has ended.
func (r *reader) Scan(rng store.Range, fn func(key, value []byte) bool) error {
	c := r.cursor(rng)
	defer c.close()
	return scan(r.ctx, rng, fn, c)
}

// itemValue returns the checked value of item; it lives as long as the item.
func itemValue(item *badgerdb.Item, key []byte) (value []byte, err error) {
	err = item.Value(func(sealed []byte) error {
		value, err = unseal(key, sealed)
		return err
	})
	return value, err
}

// snapshotCursor walks the keys of a range in one snapshot.
type snapshotCursor struct {
	it   *badgerdb.Iterator
	rng  store.Range
	last []byte // forwards: the key before, older versions of which may follow
}

// fewVersions is how many versions of a key are stepped over before seeking
// the next key is cheaper.
const fewVersions = 8

// baseCursor is the cursor of what lies beneath all changes.
type baseCursor interface {
	cursor
	close()
}

func (r *reader) cursor(rng store.Range) baseCursor {
	if f, ok := r.family(rng); ok {
		return newFamilyCursor(f)
	}
	return r.walk(rng)
}

// walk begins at the first key of the range in the database.
func (r *reader) walk(rng store.Range) *snapshotCursor {
	if len(rng.End) == 0 || bytes.Compare(rng.End, versionKey) > 0 {
		rng.End = versionKey
	}
	opts := badgerdb.IteratorOptions{Reverse: rng.Reverse}
	if !rng.Reverse {
		// Lets Badger skip the tables that cannot hold the range. Backwards
		// it would get in the way: the iterator starts on End itself.
		opts.Prefix = commonPrefix(rng)
		// Badger would step over every version of a key that is often changed,
		// of which there are thousands before compaction.
		opts.AllVersions = true
	}
	c := &snapshotCursor{it: r.snap.txn.NewIterator(opts), rng: rng}
	if rng.Reverse {
		c.it.Seek(rng.End)
		if c.it.Valid() && bytes.Equal(c.it.Item().Key(), rng.End) {
			c.it.Next()
		}
	} else {
		c.it.Seek(rng.Start)
		c.settle()
	}
	return c
}

// commonPrefix returns the longest prefix of r.Start that all keys in r have.
func commonPrefix(r store.Range) []byte {
	for n := len(r.Start); n > 0; n-- {
		p := r.Start[:n]
		end := store.Prefix(p).End
		if len(end) == 0 || bytes.Compare(r.End, end) <= 0 {
			return p
		}
	}
	return nil
}

func (c *snapshotCursor) key() []byte {
	if !c.it.Valid() {
		return nil
	}
	key := c.it.Item().Key()
	if c.rng.Reverse && bytes.Compare(key, c.rng.Start) < 0 ||
		!c.rng.Reverse && bytes.Compare(key, c.rng.End) >= 0 {
		return nil
	}
	return key
}

func (c *snapshotCursor) value() ([]byte, error) {
	item := c.it.Item()
	return itemValue(item, item.Key())
}

func (c *snapshotCursor) deleted() bool { return false }
func (c *snapshotCursor) close()        { c.it.Close() }

func (c *snapshotCursor) next() {
	if c.rng.Reverse {
		c.it.Next()
		return
	}
	c.leave()
	c.settle()
}

// leave steps over the version the iterator is at, and remembers its key.
func (c *snapshotCursor) leave() {
	c.last = append(c.last[:0], c.it.Item().Key()...)
	c.it.Next()
}

// settle goes on, from the newest version of a key or an older one of the last,
// to the next key that is not deleted.
func (c *snapshotCursor) settle() {
	for older := 0; c.it.Valid(); {
		item := c.it.Item()
		switch {
		case bytes.Equal(item.Key(), c.last):
			if older++; older < fewVersions {
				c.it.Next()
			} else {
				c.it.Seek(append(c.last, 0))
			}
		case item.IsDeletedOrExpired():
			c.leave()
			older = 0
		default:
			return
		}
	}
}
