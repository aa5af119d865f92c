package schema

import (
	"slices"
	"strings"
)

// names finds definitions by their names and OIDs, in any case and without
// allocating. It is asked for every attribute of every entry that is looked at;
// a map takes nearly twice as long. The zero value is empty.
type names[T any] struct {
	slots []named[T] // at the name's hash or behind it; a power of two, half of it free
	count int
}

type named[T any] struct {
	name string // in lower case
	is   *T     // nil: the slot is free
}

// lookup returns what has a name, nil if nothing has.
func lookup[T any, K string | []byte](m *names[T], name K) *T {
	if m.count == 0 {
		return nil
	}
	mask := uint(len(m.slots) - 1)
	for at := hash(name) & mask; m.slots[at].is != nil; at = (at + 1) & mask {
		if equalLower(m.slots[at].name, name) {
			return m.slots[at].is
		}
	}
	return nil
}

// put enters what is under a name that nothing has yet.
func (m *names[T]) put(name string, is *T) {
	if 2*(m.count+1) > len(m.slots) {
		old := m.slots
		m.slots = make([]named[T], max(64, 2*len(old)))
		for _, s := range old {
			if s.is != nil {
				m.set(s)
			}
		}
	}
	m.set(named[T]{strings.ToLower(name), is})
	m.count++
}

func (m *names[T]) set(s named[T]) {
	mask := uint(len(m.slots) - 1)
	at := hash(s.name) & mask
	for m.slots[at].is != nil {
		at = (at + 1) & mask
	}
	m.slots[at] = s
}

func (m *names[T]) clone() names[T] { return names[T]{slices.Clone(m.slots), m.count} }

// hash is the same for a name in any case: it is made of the length and of some
// octets, of which names that are alike differ in one.
func hash[K string | []byte](name K) uint {
	n := len(name)
	if n == 0 {
		return 0
	}
	h := uint64(n)
	for _, i := range [...]int{0, n / 4, n / 2, max(n-3, 0), max(n-2, 0), n - 1} {
		h = h<<7 + h ^ uint64(name[i]|0x20)
	}
	return uint(h * 0x9e3779b97f4a7c15 >> 40)
}

// equalLower reports whether name is lower but for the case of letters.
func equalLower[K string | []byte](lower string, name K) bool {
	if len(lower) != len(name) {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
