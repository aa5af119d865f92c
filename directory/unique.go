package directory

import (
	"fmt"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// indexedTypes are the attribute types of a list in the configuration, which
// are looked up by the equality index.
func (d *Directory) indexedTypes(key string, names []string) ([]*schema.AttributeType, error) {
	var types []*schema.AttributeType
	for _, n := range names {
		t := d.schema.Attribute(n)
		switch {
		case t == nil:
			return nil, fmt.Errorf("%s: %s is not defined", key, n)
		case !d.indexes.Load().ready[EqualityIndex][t]:
			return nil, fmt.Errorf("%s: %s has no equality index: make one with tallystick index add", key, n)
		}
		types = append(types, t)
	}
	return types, nil
}

// eachUnique calls fn for each value of a unique attribute that new has and old,
// which may be nil, has not: with the attribute and position, for messages, and
// the prefix of the value's keys in the index.
func (d *Directory) eachUnique(old, new *record, fn func(t *schema.AttributeType, n int, value, prefix []byte) error) error {
	for _, t := range d.unique {
		var had [][]byte
		if old != nil {
			had = d.valuesOf(old, t.Name())
		}
		for n, v := range d.valuesOf(new, t.Name()) {
			norm, ok := normalized(t.EqualityRule(), v)
			if !ok || findValue(t, had, v) >= 0 {
				continue
			}
			if err := fn(t, n, v, equalityPrefix(t.Name(), norm)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkUnique fails if an entry comes to have a value of a unique attribute
// that another one has, or adminLimitExceeded if too many entries have to be
// looked at to tell. id is the entry's; 0: it is new.
func (d *Directory) checkUnique(r store.Reader, id entryID, old, new *record) error {
	return d.eachUnique(old, new, func(t *schema.AttributeType, n int, value, prefix []byte) error {
		p := planner{d: d, r: r}
		ids, ok, err := p.scan(prefix, maxCandidates)
		if err == nil && !ok {
			err = Errorf(AdminLimitExceeded, "%s: more than %d entries have value %d, which must be unique", t.Name(), maxCandidates, n+1)
		}
		if err != nil {
			return err
		}
		for _, other := range ids {
			if other == id {
				continue
			}
			rec, err := readRecord(r, other) // long values may share their keys
			if err != nil {
				return err
			}
			if findValue(t, d.valuesOf(rec, t.Name()), value) >= 0 {
				return errNotUnique(t, n)
			}
		}
		return nil
	})
}

func errNotUnique(t *schema.AttributeType, n int) error {
	return Errorf(ConstraintViolation, "%s: another entry has value %d, which must be unique", t.Name(), n+1)
}

// checkUnique is Directory.checkUnique among the entries that were there before
// and those that were loaded.
func (l *loading) checkUnique(rec *record) error {
	if err := l.d.checkUnique(l.r, 0, nil, rec); err != nil {
		return err
	}
	if l.unique == nil {
		l.unique = map[string]bool{}
	}
	return l.d.eachUnique(nil, rec, func(t *schema.AttributeType, n int, value, _ []byte) error {
		key := t.Name() + "\x00" + string(valueKey(t, value))
		if l.unique[key] {
			return errNotUnique(t, n)
		}
		l.unique[key] = true
		return nil
	})
}
