package badger

import (
	"bytes"
	"encoding/binary"

	"tallystick/directory/store"
)

// memory is what of a database is kept on the heap, for the operations that
// read the same few keys more than once: a log-in reads those of its user.
type memory struct {
	values   *cache // by key
	families *cache // by prefix
}

func newMemory(bytes int) memory {
	return memory{newCache(bytes / 4 * 3), newCache(bytes / 4)}
}

// family is all pairs whose keys begin with the same familyLen bytes, in
// order: what belongs to one entry. A scan of few pairs costs as much as
// several reads. Of each pair it has the key and the value, and before each of
// the two its length.
type family []byte

const (
	familyLen = 9  // a letter and an id, see the keys of package directory
	maxFamily = 16 // pairs of one that is kept
)

func (f family) append(key, value []byte) family {
	f = append(binary.AppendUvarint(f, uint64(len(key))), key...)
	return append(binary.AppendUvarint(f, uint64(len(value))), value...)
}

// next is the first pair, and those behind it.
func (f family) next() (key, value []byte, rest family) {
	key, rest = f.field()
	value, rest = rest.field()
	return key, value, rest
}

func (f family) field() (field []byte, rest family) {
	length, n := binary.Uvarint(f)
	end := n + int(length)
	return f[n:end:end], f[end:]
}

// with is f after a change; ok is false if those are too many to be kept.
func (f family) with(c change) (changed family, ok bool) {
	changed = make(family, 0, len(f)+len(c.key)+len(c.sealed))
	pairs, due := 0, !c.deleted // due: c's own pair is still to come
	for len(f) > 0 {
		key, value, rest := f.next()
		if due && string(key) >= c.key {
			changed, due = changed.append([]byte(c.key), c.value()), false
			pairs++
		}
		if string(key) != c.key {
			changed = changed.append(key, value)
			pairs++
		}
		f = rest
	}
	if due {
		changed = changed.append([]byte(c.key), c.value())
		pairs++
	}
	return changed, pairs <= maxFamily
}

// familyOf is the prefix of the family that is all of the range; nil: none is.
func familyOf(rng store.Range) []byte {
	if len(rng.Start) != familyLen || rng.KeysOnly || rng.Reverse || !bytes.Equal(rng.End, store.Prefix(rng.Start).End) {
		return nil
	}
	return rng.Start
}

// wrote takes over what the commit of a version changed.
func (m memory) wrote(changes *overlay, version uint64) {
	changes.changes.Scan(func(key string, c change) bool {
		m.values.wrote([]byte(key), version, func([]byte) ([]byte, bool) { return c.value(), true })
		if len(key) >= familyLen {
			m.families.wrote([]byte(key[:familyLen]), version, func(old []byte) ([]byte, bool) { return family(old).with(c) })
		}
		return true
	})
}

// maxLessons is how many values one View or Update teaches the memory, so that
// a search of many entries does not drive out what is needed again.
const maxLessons = 16

// lesson reports whether there is one more.
func (r *reader) lesson() bool {
	return r.lessons.Load() < maxLessons && r.lessons.Add(1) <= maxLessons
}

// family returns the pairs of a range that is one, unless they are many.
func (r *reader) family(rng store.Range) (f family, ok bool) {
	prefix := familyOf(rng)
	if prefix == nil {
		return nil, false
	}
	families := r.snap.db.memory.families
	if kept, ok := families.get(prefix, r.snap.version); ok {
		return kept, true
	}
	if !r.lesson() {
		return nil, false
	}
	c := r.walk(rng)
	defer c.close()
	f = family{} // not nil: it is known that there is nothing
	for n := 0; c.key() != nil; n++ {
		value, err := c.value()
		if err != nil || n == maxFamily {
			return nil, false // an error is to be met again
		}
		f = f.append(c.key(), value)
		c.next()
	}
	families.learn(prefix, f, r.snap.version)
	return f, true
}

// familyCursor walks a family.
type familyCursor struct {
	k, v []byte // of the pair it is at; k is nil at the end
	rest family
}

func newFamilyCursor(f family) *familyCursor {
	c := &familyCursor{rest: f}
	c.next()
	return c
}

func (c *familyCursor) key() []byte            { return c.k }
func (c *familyCursor) value() ([]byte, error) { return c.v, nil }
func (c *familyCursor) deleted() bool          { return false }
func (c *familyCursor) close()                 {}

func (c *familyCursor) next() {
	if len(c.rest) == 0 {
		*c = familyCursor{}
		return
	}
	c.k, c.v, c.rest = c.rest.next()
}
