package badger

import (
	"bytes"
	"fmt"

	"github.com/tidwall/btree"

	"tallystick/directory/store"
)

// overlay holds changes that are not in the database yet, by key. The zero
// value is empty.
type overlay struct {
	changes btree.Map[string, change]
	size    int64 // bytes, as Badger counts a transaction
}

// change is one Set or Delete.
type change struct {
	key     string
	sealed  []byte // with checksum
	deleted bool
}

// value is what was set; nil if it was deleted.
func (c change) value() []byte {
	if c.deleted {
		return nil
	}
	n := len(c.sealed) - checksumLen
	return c.sealed[:n:n]
}

func (c change) size() int64 { return int64(len(c.key) + len(c.sealed) + 12) }

func (o *overlay) put(c change) {
	if old, ok := o.changes.Set(c.key, c); ok {
		o.size -= old.size()
	}
	o.size += c.size()
}

func (o *overlay) count() int64 { return int64(o.changes.Len()) }

// addAll puts what is in other over what is in o.
func (o *overlay) addAll(other *overlay) {
	if o.count() == 0 {
		*o = *other
		return
	}
	other.changes.Scan(func(_ string, c change) bool {
		o.put(c)
		return true
	})
}

// get returns the value of key; found tells whether the overlay knows
// anything about it. A nil overlay does not.
func (o *overlay) get(key []byte) (value []byte, found bool, err error) {
	if o == nil {
		return nil, false, store.ErrNotFound
	}
	c, found := o.changes.Get(string(key))
	if !found || c.deleted {
		return nil, found, store.ErrNotFound
	}
	value, err = unseal(key, c.sealed)
	return value, true, err
}

// touches reports whether there are changes of keys in a range. A nil overlay
// has none.
func (o *overlay) touches(rng store.Range) (some bool) {
	if o == nil {
		return false
	}
	o.changes.Ascend(string(rng.Start), func(key string, _ change) bool {
		some = len(rng.End) == 0 || key < string(rng.End)
		return false
	})
	return some
}

// copy is o as it is now. What is put into either from then on copies what it
// touches.
func (o *overlay) copy() *overlay {
	return &overlay{changes: *o.changes.Copy(), size: o.size}
}

// cursor walks the changes. Nothing may be put while it walks.
func (o *overlay) cursor(rng store.Range) *overlayCursor {
	c := &overlayCursor{it: o.changes.Iter(), rng: rng}
	switch {
	case !rng.Reverse:
		c.ok = c.it.Seek(string(rng.Start))
	case len(rng.End) == 0:
		c.ok = c.it.Last()
	case c.it.Seek(string(rng.End)):
		c.ok = c.it.Prev()
	default:
		c.ok = c.it.Last()
	}
	return c
}

type overlayCursor struct {
	it  btree.MapIter[string, change]
	ok  bool
	rng store.Range
	buf []byte // the key, as key returned it
}

func (c *overlayCursor) key() []byte {
	if !c.ok {
		return nil
	}
	key := c.it.Key()
	if c.rng.Reverse && key < string(c.rng.Start) ||
		!c.rng.Reverse && len(c.rng.End) > 0 && key >= string(c.rng.End) {
		return nil
	}
	c.buf = append(c.buf[:0], key...)
	return c.buf
}

func (c *overlayCursor) deleted() bool { return c.it.Value().deleted }

func (c *overlayCursor) value() ([]byte, error) {
	ch := c.it.Value()
	return unseal([]byte(ch.key), ch.sealed)
}

func (c *overlayCursor) next() {
	if c.rng.Reverse {
		c.ok = c.it.Prev()
	} else {
		c.ok = c.it.Next()
	}
}

// writer is what one update sees: its own changes over those of the updates
// before it in the same group, over those of the group that is being committed,
// over the database.
type writer struct {
	own   overlay
	below [2]*overlay // nil: no such group
	base  reader
	err   error // the first change that was refused
}

var _ store.Writer = (*writer)(nil)

// Get implements store.Reader.
func (w *writer) Get(key []byte) ([]byte, error) {
	if value, found, err := w.own.get(key); found {
		return value, err
	}
	for _, o := range w.below {
		if value, found, err := o.get(key); found {
			return value, err
		}
	}
	return w.base.Get(key)
}

// Scan implements store.Reader. What fn sets or deletes is not seen by the
// scan that calls it.
func (w *writer) Scan(rng store.Range, fn func(key, value []byte) bool) error {
	base := w.base.cursor(rng)
	defer base.close()
	layers := make([]cursor, 0, 4)
	if w.own.touches(rng) {
		layers = append(layers, w.own.copy().cursor(rng)) // fn may put
	}
	for _, o := range w.below {
		if o.touches(rng) {
			layers = append(layers, o.cursor(rng))
		}
	}
	return scan(w.base.ctx, rng, fn, append(layers, base)...)
}

// Set implements store.Writer.
func (w *writer) Set(key, value []byte) {
	if err := checkPair(key, value); err != nil {
		w.refuse(err)
		return
	}
	w.own.put(change{key: string(key), sealed: seal(key, value)})
}

// Delete implements store.Writer.
func (w *writer) Delete(key []byte) {
	if err := checkPair(key, nil); err != nil {
		w.refuse(err)
		return
	}
	w.own.put(change{key: string(key), deleted: true})
}

func (w *writer) refuse(err error) {
	if w.err == nil {
		w.err = err
	}
}

// checkPair refuses what Badger cannot keep in its tables. The error does not
// print the value.
func checkPair(key, value []byte) error {
	switch {
	case len(key) == 0:
		return fmt.Errorf("%w: empty", store.ErrInvalidKey)
	case len(key) > maxKey:
		return fmt.Errorf("%w: key of %d bytes, at most %d", store.ErrTooLarge, len(key), maxKey)
	case bytes.HasPrefix(key, []byte("!badger!")), bytes.Compare(key, versionKey) >= 0:
		return fmt.Errorf("%w: reserved: %q", store.ErrInvalidKey, key)
	case len(value) > maxValue:
		return fmt.Errorf("%w: value of %d bytes under %q, at most %d", store.ErrTooLarge, len(value), key, maxValue)
	}
	return nil
}
