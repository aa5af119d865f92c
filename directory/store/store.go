// Package store is the narrow contract between the directory and the engine
// that keeps its bytes: ordered keys, snapshots to read, atomic durable
// updates. Engines live in packages of their own and pass storetest.Run.
package store

import (
	"context"
	"errors"
)

// ErrNotFound is returned by Get for a key that is not there.
var ErrNotFound = errors.New("store: key not found")

// ErrReadOnly is returned by Update while the engine protects what it has,
// for example when the disk is nearly full.
var ErrReadOnly = errors.New("store: read-only")

// ErrTooLarge is returned by Update and Load for a key, a value or a whole
// update beyond what the engine takes at once. Every engine takes keys of up
// to 1 KiB and values of up to 1,000,000 bytes.
var ErrTooLarge = errors.New("store: too large")

// ErrInvalidKey is returned by Update and Load for an empty key and for one
// that the engine keeps for itself; no printable key is among those.
var ErrInvalidKey = errors.New("store: invalid key")

// ErrChanged is returned by Load when an Update changed the store meanwhile.
var ErrChanged = errors.New("store: changed while it was being loaded")

// ErrCorrupt is returned by Get and Scan for a value that is not what was
// stored. It never means "not there": callers must refuse, not assume.
var ErrCorrupt = errors.New("store: corrupt value")

// ErrReleased is returned by Held.View for a state that is not held any more.
var ErrReleased = errors.New("store: no longer held")

// ErrClosed is returned by everything that is called after Close.
var ErrClosed = errors.New("store: closed")

// Range selects keys: Start <= key < End, bytewise. An empty End is no bound.
type Range struct {
	Start, End []byte
	KeysOnly   bool // the callback gets a nil value, and less is read
	Reverse    bool // descending order
}

// Prefix is the range of all keys that begin with p.
func Prefix(p []byte) Range {
	end := append([]byte(nil), p...)
	for len(end) > 0 {
		if end[len(end)-1]++; end[len(end)-1] != 0 {
			break
		}
		end = end[:len(end)-1]
	}
	return Range{Start: p, End: end}
}

// Reader reads one consistent state of the store. Keys and values it hands
// out are valid until the surrounding View or Update returns (inside Scan:
// until the callback returns) and must not be modified.
type Reader interface {
	// Get returns the value of key, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan calls fn for each key in r, in order, until it returns false. In
	// an Update it does not see what fn itself sets or deletes meanwhile. It
	// ends with the context's error when that of the View or Update ends.
	Scan(r Range, fn func(key, value []byte) bool) error
}

// Writer is a Reader that sees its own writes. Set and Delete keep copies of
// what they are given.
type Writer interface {
	Reader
	Set(key, value []byte)
	Delete(key []byte)
}

// Held is a state of the store as it was. Its methods may be called from many
// goroutines.
type Held interface {
	// View is Store.View on that state, or ErrReleased, and then fn has not run.
	View(ctx context.Context, fn func(Reader) error) error

	// Release lets it go; views that have begun end as they would. It may be
	// called more than once.
	Release()
}

// Store is an ordered key-value store with serialisable transactions: an
// Update that scanned a range and found nothing can rely on it.
type Store interface {
	// View runs fn on one consistent snapshot that holds every Update which
	// returned before View was called. Views never wait for the disk to flush.
	View(ctx context.Context, fn func(Reader) error) error

	// Hold keeps the state that a View would read now, for views to come, until
	// it is released. An engine may release it by itself, when it is closed or
	// loaded at the latest. What changes overwrite stays on the disk meanwhile.
	Hold() (Held, error)

	// Update runs fn and makes what it wrote durable, all or nothing, before
	// it returns nil. When fn returns an error nothing is written and Update
	// returns that error. fn may run again and may run on another goroutine:
	// it must touch nothing outside but to assign its results, and must not
	// call Update. It does not run when ctx has ended before its turn.
	Update(ctx context.Context, fn func(Writer) error) error

	// Load adds the pairs that fn puts, in any order, no key twice, to those
	// that are there; a key that is there already gets the new value. The pairs
	// appear all together when Load returns nil and not at all otherwise. It is
	// much faster than Update for many pairs, uses bounded memory, and fails
	// with ErrChanged if an Update came between.
	Load(ctx context.Context, fn func(put func(key, value []byte) error) error) error

	Close() error
}
