package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"tallystick/directory/store"
)

// compiledEntries keeps what the entries of an object class mean, as they were
// last compiled. Every change of one writes a new version beside it, in the same
// transaction, so that whoever reads a snapshot knows whether these are its
// entries. Without one it is "".
type compiledEntries[T any] struct {
	name    string // of the version in the store
	class   string // of the entries
	compile func(id entryID, rec *record) T
	order   func(a, b T) int // in which they are kept; nil: by their ids

	written  atomic.Bool // there is a version in the store, or about to be
	compiled atomic.Pointer[compiledList[T]]
}

type compiledList[T any] struct {
	version string
	list    []T
}

// newPolicies is the policies of the second factor, in the order in which they
// are asked.
func (d *Directory) newPolicies() *compiledEntries[*policy] {
	return &compiledEntries[*policy]{name: "policies", class: policyClass, order: (*policy).before, compile: func(id entryID, rec *record) *policy {
		p := d.compilePolicy(id, rec)
		if p.malformed != nil {
			d.log.Error("a policy is malformed and requires a code of whom it may be about", "entry", uint64(id), "rdn", rec.rdn, "err", p.malformed)
		}
		return p
	}}
}

// open finds out whether there are such entries, or were.
func (c *compiledEntries[T]) open(ctx context.Context, d *Directory) error {
	return d.store.View(ctx, func(r store.Reader) error {
		_, err := r.Get(metaKey(c.name))
		if !errors.Is(err, store.ErrNotFound) {
			c.written.Store(true)
			return err
		}
		list, err := c.read(d, r) // written by a program that had no versions of them
		c.written.Store(len(list) > 0)
		if err != nil {
			err = fmt.Errorf("reading the %s: %w", c.name, err)
		}
		return err
	})
}

// HadPolicies reports whether there is a policy in the directory, or ever was.
func (d *Directory) HadPolicies() bool { return d.policies.written.Load() }

// changed notes in the transaction of w that it changes such an entry.
func (c *compiledEntries[T]) changed(w interface{ Set(key, value []byte) }) {
	c.written.Store(true) // before anybody can see it; that it may come to nothing is no harm
	w.Set(metaKey(c.name), []byte(rand.Text()))
}

// follow notes a change of an entry if it is about such ones; old or new may be
// nil.
func (c *compiledEntries[T]) follow(d *Directory, w store.Writer, old, new *record) {
	if old != nil && c.has(d, old) || new != nil && c.has(d, new) {
		c.changed(w)
	}
}

// in returns the entries as r has them. Where there never was one it costs
// nothing.
func (c *compiledEntries[T]) in(d *Directory, r store.Reader) ([]T, error) {
	if !c.written.Load() {
		return nil, nil
	}
	version, err := r.Get(metaKey(c.name))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if known := c.compiled.Load(); known != nil && known.version == string(version) {
		return known.list, nil
	}
	known := &compiledList[T]{version: string(version)}
	if known.list, err = c.read(d, r); err != nil {
		return nil, fmt.Errorf("reading the %s: %w", c.name, err)
	}
	c.compiled.Store(known)
	return known.list, nil
}

func (c *compiledEntries[T]) read(d *Directory, r store.Reader) ([]T, error) {
	byClass := Filter{Kind: FilterEqualityMatch, Attribute: "objectClass", Value: []byte(c.class)}
	p := planner{d: d, r: r}
	ids, known, err := p.candidates(&byClass, maxCandidates)
	if err == nil && !known {
		err = errors.New("too many")
	}
	if err != nil {
		return nil, err
	}
	var list []T
	for _, id := range ids {
		rec, err := readRecord(r, id)
		if err != nil {
			return nil, err
		}
		if c.has(d, rec) {
			list = append(list, c.compile(id, rec))
		}
	}
	if c.order != nil {
		slices.SortFunc(list, c.order)
	}
	return list, nil
}

// has reports whether an entry is of the class.
func (c *compiledEntries[T]) has(d *Directory, rec *record) bool {
	return d.isOf(rec, c.class)
}

// maxPolicies is how many an administrator can add: they are asked one by one,
// with every log-in.
const maxPolicies = 1000

// roomForPolicy fails if an entry becomes a policy, of either kind, and there
// are enough.
func (d *Directory) roomForPolicy(r store.Reader, old, new *record) error {
	if err := d.policies.room(d, r, old, new); err != nil {
		return err
	}
	return d.passwordPolicies.room(d, r, old, new)
}

func (c *compiledEntries[T]) room(d *Directory, r store.Reader, old, new *record) error {
	if !c.has(d, new) || old != nil && c.has(d, old) {
		return nil
	}
	list, err := c.in(d, r)
	if err == nil && len(list) >= maxPolicies {
		err = Errorf(AdminLimitExceeded, "there are %d policies already", len(list))
	}
	return err
}
