package directory

import (
	"context"
	"errors"
	"sync"

	"tallystick/directory/store"
)

// tree remembers the names and ids of entries that have others below them, so
// that finding and naming an entry does not walk through its ancestors each
// time. Additions, renames and deletions empty it: they begin a new generation,
// and what was read in an older one is neither given nor taken. While one goes
// on some snapshots have it and some have not, so those begun meanwhile do
// without.
type tree struct {
	mu         sync.RWMutex // guards all below
	changing   int          // additions, renames and deletions under way
	generation uint64
	ids        map[string]entryID    // by normalised DN
	containers map[entryID]container // by id
}

// container is what is remembered of an entry that has others below it.
type container struct {
	name   string
	parent entryID
}

// maxContainers bounds the memory of a tree; beyond it, it starts anew.
const maxContainers = 20_000

// change begins an addition, a rename or a deletion. Call done when it is durable, before it
// is acknowledged.
func (t *tree) change() (done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changing++
	t.generation++
	t.clear()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.changing--
	}
}

// renames is tree.change of what may give an entry another name, or delete it.
func (d *Directory) renames() (done func()) {
	changed := d.tree.change()
	return func() {
		d.names.Add(1) // before it is acknowledged
		changed()
		d.followers.tell() // again: those the update told may have looked whose names they have before
	}
}

func (t *tree) clear() {
	t.ids, t.containers = map[string]entryID{}, map[entryID]container{}
}

// snapshot is a store.Reader that may use the tree.
type snapshot struct {
	store.Reader
	tree       *tree
	generation uint64
}

// view runs fn on a snapshot of the store.
func (d *Directory) view(ctx context.Context, fn func(store.Reader) error) error {
	generation, ok := d.tree.current()
	return d.store.View(ctx, d.tree.with(fn, generation, ok))
}

// current is the generation that snapshots begun now are of; not ok: none.
func (t *tree) current() (generation uint64, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.generation, t.changing == 0
}

// with gives the tree to fn, if its snapshot is of a generation.
func (t *tree) with(fn func(store.Reader) error, generation uint64, ok bool) func(store.Reader) error {
	if !ok {
		return fn
	}
	return func(r store.Reader) error { return fn(&snapshot{r, t, generation}) }
}

func (s *snapshot) id(norm string) (entryID, bool) {
	s.tree.mu.RLock()
	defer s.tree.mu.RUnlock()
	id, ok := s.tree.ids[norm]
	return id, ok && s.tree.generation == s.generation
}

func (s *snapshot) container(id entryID) (container, bool) {
	s.tree.mu.RLock()
	defer s.tree.mu.RUnlock()
	c, ok := s.tree.containers[id]
	return c, ok && s.tree.generation == s.generation
}

// learn runs fn on the tree if what the snapshot knows is still true.
func (s *snapshot) learn(fn func(*tree)) {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	if s.tree.generation != s.generation {
		return
	}
	if len(s.tree.ids) >= maxContainers || len(s.tree.containers) >= maxContainers || s.tree.ids == nil {
		s.tree.clear()
	}
	fn(s.tree)
}

// resolve returns the id of the entry named dn. If there is none the error is
// a noSuchObject that names the deepest entry above it that exists.
func (d *Directory) resolve(r store.Reader, dn DN) (entryID, error) {
	if s, ok := r.(*snapshot); ok && !dn.IsZero() {
		if id, ok := s.id(dn.Norm()); ok {
			return id, nil
		}
		if parent, ok := s.id(dn.Parent().Norm()); ok {
			id, err := child(r, parent, dn.RDN(0).Norm())
			if !errors.Is(err, store.ErrNotFound) {
				return id, err
			}
		}
	}
	return d.walk(r, dn)
}

var errNoContext = Errorf(NoSuchObject, "no naming context of this server holds the entry")

// walk resolves dn from its naming context downwards.
func (d *Directory) walk(r store.Reader, dn DN) (entryID, error) {
	context, ok := d.context(dn)
	if !ok {
		return 0, errNoContext
	}
	id, err := child(r, 0, context.Norm())
	if errors.Is(err, store.ErrNotFound) {
		return 0, &Error{ResultCode: NoSuchObject}
	}
	if err != nil {
		return 0, err
	}
	s, _ := r.(*snapshot)
	norm := dn.Norm()
	for depth := dn.Len() - context.Len() - 1; depth >= 0; depth-- {
		rdn := dn.RDN(depth).Norm()
		next, err := child(r, id, rdn)
		if errors.Is(err, store.ErrNotFound) {
			matched, err := d.nameOf(r, id)
			if err != nil {
				return 0, err
			}
			return 0, &Error{ResultCode: NoSuchObject, MatchedDN: matched}
		}
		if err != nil {
			return 0, err
		}
		if s != nil {
			above := ancestorNorm(dn, norm, depth)
			s.learn(func(t *tree) { t.ids[above] = id })
		}
		id = next
	}
	return id, nil
}

// ancestorNorm is the norm of the name above dn's RDN at depth.
func ancestorNorm(dn DN, norm string, depth int) string {
	for i := range depth + 1 {
		norm = norm[len(dn.RDN(i).Norm())+1:]
	}
	return norm
}

// containerOf returns the name and parent of an entry that has others below it.
func (d *Directory) containerOf(r store.Reader, id entryID) (container, error) {
	s, _ := r.(*snapshot)
	if s != nil {
		if c, ok := s.container(id); ok {
			return c, nil
		}
	}
	rec, err := readRecord(r, id)
	if err != nil {
		return container{}, err
	}
	c := container{rec.rdn, rec.parent}
	if rec.parent != 0 {
		up, err := d.containerOf(r, rec.parent)
		if err != nil {
			return container{}, err
		}
		c.name += "," + up.name
	}
	if s != nil {
		s.learn(func(t *tree) { t.containers[id] = c })
	}
	return c, nil
}

// nameOf returns the DN of an entry.
func (d *Directory) nameOf(r store.Reader, id entryID) (string, error) {
	rec, err := readRecord(r, id)
	if err != nil {
		return "", err
	}
	return d.nameOfRecord(r, rec)
}

func (d *Directory) nameOfRecord(r store.Reader, rec *record) (string, error) {
	if rec.parent == 0 {
		return rec.rdn, nil
	}
	c, err := d.containerOf(r, rec.parent)
	if err != nil {
		return "", err
	}
	return rec.rdn + "," + c.name, nil
}
