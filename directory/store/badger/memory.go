package badger

import (
	"bytes"
	"slices"

	"tallystick/directory/store"
)

// memory is what of a database is kept on the heap, for the operations that
// read the same few keys more than once: a log-in reads those of its user.
type memory struct {
	values   *cache[value]  // by key
	families *cache[family] // by prefix
}

func newMemory(bytes int) memory {
	return memory{newCache[value](bytes / 4 * 3), newCache[family](bytes / 4)}
}

type value []byte

func (v value) size() int { return len(v) }

// family is all pairs whose keys begin with the same familyLen bytes, in
// order: what belongs to one entry. A scan of few pairs costs as much as
// several reads.
type family []pair

type pair struct{ key, value []byte }

const (
	familyLen = 9  // a letter and an id, see the keys of package directory
	maxFamily = 16 // pairs of one that is kept
)

func (f family) size() int {
	n := 0
	for _, p := range f {
		n += len(p.key) + len(p.value) + keptCosts
	}
	return n
}

// with is f after a change; ok is false if that takes more than another value.
func (f family) with(c change) (new family, ok bool) {
	i := slices.IndexFunc(f, func(p pair) bool { return string(p.key) == c.key })
	if i < 0 || c.deleted {
		return nil, false
	}
	f = slices.Clone(f)
	f[i].value = c.value()
	return f, true
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
		m.values.wrote(key, version, func(value) (value, bool) { return c.value(), !c.deleted })
		if len(key) >= familyLen {
			m.families.wrote(key[:familyLen], version, func(old family) (family, bool) { return old.with(c) })
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
	if f, ok = families.get(prefix, r.snap.version); ok {
		return f, true
	}
	if !r.lesson() {
		return nil, false
	}
	c := r.walk(rng)
	defer c.close()
	for key := c.key(); key != nil; key = c.key() {
		value, err := c.value()
		if err != nil {
			return nil, false // to be met again
		}
		f = append(f, pair{bytes.Clone(key), bytes.Clone(value)})
		if len(f) > maxFamily {
			return nil, false
		}
		c.next()
	}
	families.learn(string(prefix), f, r.snap.version)
	return f, true
}

// familyCursor walks a family.
type familyCursor struct{ rest family }

func (c *familyCursor) key() []byte {
	if len(c.rest) == 0 {
		return nil
	}
	return c.rest[0].key
}

func (c *familyCursor) value() ([]byte, error) { return c.rest[0].value, nil }
func (c *familyCursor) deleted() bool          { return false }
func (c *familyCursor) next()                  { c.rest = c.rest[1:] }
func (c *familyCursor) close()                 {}
