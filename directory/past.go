package directory

import (
	"errors"
	"slices"

	"tallystick/directory/store"
)

// past is a store.Reader of entries as they were before some changes. The rest
// of the store is as it is.
type past struct {
	store.Reader
	changes map[entryID][]uint64 // numbers of the changes of an entry, ascending
	since   uint64               // the first that has not happened
}

// pastOf is what r was before the changes from first to last, and their numbers
// with the entries that they are of.
func pastOf(r store.Reader, first, last uint64) (p *past, list []historical, err error) {
	p = &past{Reader: r, changes: map[entryID][]uint64{}, since: first}
	between := historyBetween(first, last)
	between.KeysOnly = true
	err = r.Scan(between, func(key, _ []byte) bool {
		c := historical{historyNumber(key), idAtEnd(key)}
		p.changes[c.id] = append(p.changes[c.id], c.number)
		list = append(list, c)
		return true
	})
	return p, list, err
}

// historical is a change of an entry.
type historical struct {
	number uint64
	id     entryID
}

// before is the past before the change with a number.
func (p *past) before(number uint64) *past { return &past{p.Reader, p.changes, number} }

// first is the number of the first change of an entry that has not happened.
func (p *past) first(id entryID) (uint64, bool) {
	list := p.changes[id]
	i, _ := slices.BinarySearch(list, p.since)
	if i == len(list) {
		return 0, false
	}
	return list[i], true
}

func (p *past) Get(key []byte) ([]byte, error) {
	if key[0] != entrySpace {
		return p.Reader.Get(key)
	}
	id := idAtEnd(key)
	number, ok := p.first(id)
	if !ok {
		return p.Reader.Get(key)
	}
	b, err := p.Reader.Get(historyKey(number, id))
	if err != nil {
		return nil, err
	}
	c, err := decodePastState(b)
	if err == nil && c.before == nil {
		err = store.ErrNotFound
	}
	return c.before, err
}

// cut reports whether what is known of the entry's past is not all.
func (p *past) cut(id entryID) bool {
	number, ok := p.first(id)
	if !ok {
		return false
	}
	b, err := p.Reader.Get(historyKey(number, id))
	if err != nil {
		return false
	}
	c, err := decodePastState(b)
	return err == nil && c.cut
}

// moved reports whether an entry that was there has got another name since.
func (p *past) moved(now store.Reader, id entryID) (bool, error) {
	old, err := readRecord(p, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	rec, err := readRecord(now, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && (old.parent != rec.parent || old.rdn != rec.rdn), err
}

// below adds the entries below one to ids, those that have changed excepted.
func (p *past) below(r store.Reader, id entryID, ids map[entryID]bool) error {
	var children []entryID
	err := r.Scan(store.Prefix(childPrefix(id)), func(_, value []byte) bool {
		if len(value) == 8 {
			children = append(children, idAtEnd(value))
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, child := range children {
		if ids[child] {
			continue
		}
		if _, met := p.first(child); !met {
			ids[child] = true
		}
		if err := p.below(r, child, ids); err != nil {
			return err
		}
	}
	return nil
}
