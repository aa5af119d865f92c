package directory

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tallystick/directory/store"
)

// The history is what entries were before each of the last changes, by
// the number of the change: what a search for what has changed since then asks
// (see sync.go). A change is written to it in its own transaction, so whoever
// reads a snapshot of the store knows which changes are in it. Passwords are
// not in it.
//
// It begins when somebody asks for the first time: whom nobody copies pays
// nothing for it.
//
// A generation is a history without a hole. Whatever changes entries without
// writing to it begins a new one.

// SyncConfig is how many changes are kept for those who ask what has changed.
type SyncConfig struct {
	Keep    int           // changes; 0: 50,000, negative: none, and nobody can ask; at least 1,000 are kept
	KeepFor time.Duration // 0: no limit
}

const (
	defaultChangesKept = 50_000
	leastChangesKept   = 1_000
)

func (c SyncConfig) keep() uint64 {
	if c.Keep == 0 {
		return defaultChangesKept
	}
	return uint64(max(c.Keep, leastChangesKept))
}

// historyHead says where the history begins and ends.
type historyHead struct {
	generation uint64 // microseconds since 1970 when it began: grows from one to the next; 0: nothing is written
	first      uint64 // number of the oldest change kept; last+1 if there is none
	last       uint64 // number of the newest change; 0: there was none
	key        []byte // of what cookies are authenticated with; empty: there is none yet
}

var historyHeadKey = metaKey("changes")

const (
	fieldHistoryGeneration = 1
	fieldHistoryFirst      = 2
	fieldHistoryLast       = 3
	fieldHistoryKey        = 4
)

func (h historyHead) encode() []byte {
	b := appendUint(make([]byte, 0, 64), fieldHistoryGeneration, h.generation)
	b = appendUint(b, fieldHistoryFirst, h.first)
	b = appendUint(b, fieldHistoryLast, h.last)
	return protowire.AppendBytes(protowire.AppendTag(b, fieldHistoryKey, protowire.BytesType), h.key)
}

func decodeHistoryHead(b []byte) (h historyHead, err error) {
	err = fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldHistoryKey:
			h.key = slices.Clone(data)
		case fieldHistoryGeneration:
			h.generation = v
		case fieldHistoryFirst:
			h.first = v
		case fieldHistoryLast:
			h.last = v
		}
		return nil
	})
	if err == nil && (h.first == 0 || h.first > h.last+1) {
		err = errRecord
	}
	if err != nil {
		return h, fmt.Errorf("the head of the history: %w", err)
	}
	return h, nil
}

// readHistoryHead reads the head. Without one nobody has ever asked.
func readHistoryHead(r store.Reader) (historyHead, error) {
	b, err := r.Get(historyHeadKey)
	if errors.Is(err, store.ErrNotFound) {
		return historyHead{first: 1}, nil
	}
	if err != nil {
		return historyHead{}, err
	}
	return decodeHistoryHead(b)
}

// generationGap is by how much, at least, generations differ.
const generationGap = 1 << 24

// renewed is the head of the next generation, if there is one now.
func (h historyHead) renewed() historyHead {
	if h.generation == 0 {
		return h
	}
	return h.begun()
}

// begun is the head of the next generation.
func (h historyHead) begun() historyHead {
	h.generation = max(uint64(time.Now().UnixMicro()), h.generation+generationGap)
	h.key = make([]byte, 16)
	rand.Read(h.key)
	return h
}

// changeKey is the key of a change, with the entry that it is of.
func historyKey(number uint64, id entryID) []byte {
	return id.append(spaceKey(historySpace, entryID(number)))
}

// historyBetween is the range of changes from first to last.
func historyBetween(first, last uint64) store.Range {
	return store.Range{Start: spaceKey(historySpace, entryID(first)), End: spaceKey(historySpace, entryID(last+1))}
}

// historyNumber is the number in a changeKey.
func historyNumber(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }

// pastState is one record of the history.
type pastState struct {
	time   time.Time // UTC, to the second
	before []byte    // the entry as it was, encoded; nil: it was not there
	cut    bool      // before lacks attributes, for it was too long
}

const (
	fieldHistoryTime   = 1
	fieldHistoryBefore = 2
	fieldHistoryCut    = 3
)

// maxLoggedEntry is how long an entry may be, encoded, to be logged whole.
const maxLoggedEntry = 64 << 10

func (c *pastState) encode() []byte {
	b := appendUint(make([]byte, 0, len(c.before)+24), fieldHistoryTime, uint64(c.time.Unix()))
	if c.before != nil {
		b = protowire.AppendTag(b, fieldHistoryBefore, protowire.BytesType)
		b = protowire.AppendBytes(b, c.before)
	}
	if c.cut {
		b = appendUint(b, fieldHistoryCut, 1)
	}
	return b
}

// decodeChange reads a record of the history, which aliases b.
func decodePastState(b []byte) (c pastState, err error) {
	err = fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldHistoryTime:
			c.time = time.Unix(int64(v), 0).UTC()
		case fieldHistoryBefore:
			c.before = data
		case fieldHistoryCut:
			c.cut = v != 0
		}
		return nil
	})
	return c, err
}

// begins reports whether the history has begun, with a key.
func (h historyHead) begins() bool { return h.generation != 0 && len(h.key) > 0 }

// beginHistory begins the history, if it has not begun.
func (d *Directory) beginHistory(ctx context.Context) error {
	return d.updateState(ctx, func(w store.Writer) error {
		head, err := readHistoryHead(w)
		if err == nil && !head.begins() {
			w.Set(historyHeadKey, head.begun().encode())
		}
		return err
	})
}

// remember writes down that an entry changes, and what it was: nil if it is
// new.
func (d *Directory) remember(w store.Writer, id entryID, old *record) error {
	head, err := readHistoryHead(w)
	if err != nil {
		return err
	}
	switch {
	case head.generation == 0:
		return nil
	case d.cfg.Sync.Keep < 0: // a hole begins
		head.generation = 0
		w.Set(historyHeadKey, head.encode())
		return nil
	}
	head.last++
	now := d.now().UTC()
	c := pastState{time: now}
	if old != nil {
		before := *old
		before.passwords = nil
		if c.before = before.encode(); len(c.before) > maxLoggedEntry {
			before.attributes, c.cut = nil, true
			c.before = before.encode()
		}
	}
	w.Set(historyKey(head.last, id), c.encode())
	if head.last%pruneEvery == 0 {
		if err := head.prune(w, now, d.cfg.Sync); err != nil {
			return err
		}
	}
	w.Set(historyHeadKey, head.encode())
	return nil
}

// RenewHistory begins a new generation of the history: whoever follows
// changes begins anew. It is for a store that may have lost some.
func (d *Directory) RenewHistory(ctx context.Context) error {
	return d.update(ctx, func(w store.Writer) error {
		head, err := readHistoryHead(w)
		if err == nil {
			w.Set(historyHeadKey, head.renewed().encode())
		}
		return err
	})
}

// prune removes changes that are too many or too old, some at a time.
func (h *historyHead) prune(w store.Writer, now time.Time, cfg SyncConfig) error {
	var doomed [][]byte
	var failed error
	err := w.Scan(historyBetween(h.first, h.last), func(key, value []byte) bool {
		if len(doomed) == pruneAtMost {
			return false
		}
		if h.last-historyNumber(key) < cfg.keep() {
			if cfg.KeepFor <= 0 {
				return false
			}
			c, err := decodePastState(value)
			if err != nil {
				failed = err
				return false
			}
			if now.Sub(c.time) <= cfg.KeepFor {
				return false
			}
		}
		doomed = append(doomed, slices.Clone(key))
		return true
	})
	for _, key := range doomed {
		w.Delete(key)
		h.first = historyNumber(key) + 1
	}
	return errors.Join(err, failed)
}

// followers are told that there may be changes.
type followers struct {
	waiting atomic.Int32 // or about to

	mu   sync.Mutex    // guards next
	next chan struct{} // closed with the next change; nil: nobody has asked
}

// wait returns a channel that is closed when there are changes that a
// snapshot taken before does not have. waiting counts the caller already.
func (f *followers) wait() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil {
		f.next = make(chan struct{})
	}
	return f.next
}

// tell is called after a change has become durable.
func (f *followers) tell() {
	if f.waiting.Load() == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next != nil {
		close(f.next)
		f.next = nil
	}
}
