package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tallystick/directory/store"
)

// The states of the store that searches in pages read, so that all pages of one
// show the entries as they were at the first. What is held is bounded in number
// and in time: it keeps on the disk what changes overwrite. A search that asks
// for its next page too late goes on in the present state, from the entry at
// which the last page ended.
const (
	maxPagedStates  = 1000
	pagedStateRests = time.Minute     // between two pages
	pagedStateLives = 5 * time.Minute // in all
)

type pagedStates struct {
	mu   sync.Mutex // guards what follows
	list map[uint64]*pagedState
	last uint64 // id of the newest
}

// pagedState is the state of one search. It does not change but for the times.
type pagedState struct {
	id         uint64 // in cookies, from 1
	held       store.Held
	plan       *indexPlan // whose ready indexes it has
	generation uint64     // of the tree
	inTree     bool       // it has one

	end   time.Time   // it is released then at the latest
	used  time.Time   // when the last page was asked for
	timer *time.Timer // releases it
}

// hold takes hold of the present state. It is in no cookie until it is kept.
func (d *Directory) hold() (*pagedState, error) {
	p := &pagedState{plan: d.indexes.Load(), end: time.Now().Add(pagedStateLives)}
	p.generation, p.inTree = d.tree.current()
	var err error
	if p.held, err = d.store.Hold(); err != nil {
		return nil, err
	}
	if p.plan != d.indexes.Load() {
		p.plan = d.builtIn // it may be from before an index was ready, or after it went
	}
	return p, nil
}

// view is Directory.view on that state.
func (p *pagedState) view(ctx context.Context, d *Directory, fn func(store.Reader) error) error {
	return p.held.View(ctx, d.tree.with(fn, p.generation, p.inTree))
}

// get is the state with an id; nil if it is not held any more.
func (x *pagedStates) get(id uint64) *pagedState {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.list[id]
}

// keep holds a state for the page after this one, in place of the one that was
// not needed for the longest time if there are too many.
func (x *pagedStates) keep(p *pagedState) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p.used = time.Now()
	rests := min(pagedStateRests, time.Until(p.end))
	if p.id != 0 {
		if x.list[p.id] != nil {
			p.timer.Reset(rests)
		}
		return
	}
	if len(x.list) >= maxPagedStates {
		var oldest *pagedState
		for _, other := range x.list {
			if oldest == nil || other.used.Before(oldest.used) {
				oldest = other
			}
		}
		x.drop(oldest)
	}
	if x.list == nil {
		x.list = map[uint64]*pagedState{}
	}
	x.last++
	p.id = x.last
	x.list[p.id] = p
	p.timer = time.AfterFunc(rests, func() { x.release(p) })
}

// release lets a state go, which may be nil.
func (x *pagedStates) release(p *pagedState) {
	if p == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(p)
}

// releaseAll lets all of them go.
func (x *pagedStates) releaseAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, p := range x.list {
		x.drop(p)
	}
}

// drop is release for who has locked mu.
func (x *pagedStates) drop(p *pagedState) {
	if p.timer != nil {
		p.timer.Stop()
	}
	delete(x.list, p.id)
	p.held.Release()
}

// stateAfter is the state that the page after a position is of; nil: the
// present one. What somebody may see follows the present: where that has
// changed, he does not go on in the past.
func (d *Directory) stateAfter(ctx context.Context, who Requester, after position) (*pagedState, error) {
	p := d.pagedStates.get(after.state)
	if p == nil {
		return nil, nil
	}
	var then, now []byte
	err := p.view(ctx, d, func(r store.Reader) (err error) {
		then, err = d.viewpoint(r, who)
		return err
	})
	if err == nil {
		err = d.view(ctx, func(r store.Reader) (err error) {
			now, err = d.viewpoint(r, who)
			return err
		})
	}
	switch {
	case errors.Is(err, store.ErrReleased):
		return nil, nil
	case err != nil:
		return nil, err
	case !bytes.Equal(then, now):
		d.pagedStates.release(p)
		return nil, nil
	}
	return p, nil
}

// viewpoint is all that decides on what somebody may see, but for the entries
// that he looks at: ACIs, his own entry, and his groups.
func (d *Directory) viewpoint(r store.Reader, who Requester) ([]byte, error) {
	if d.isRoot(who) {
		return nil, nil
	}
	rules, err := r.Get(metaKey(acisName))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	s := fmt.Appendf(nil, "%q", rules)
	dn, err := d.parseDN(who.DN)
	if err != nil || dn.IsZero() {
		return s, nil
	}
	var rec *record
	id, err := d.resolve(r, dn)
	if err == nil {
		if rec, err = readRecord(r, id); err == nil {
			s = fmt.Appendf(s, " %d %q", id, rec.encode())
		}
	}
	if err != nil && !errors.Is(err, NoSuchObject) {
		return nil, err
	}
	groups, err := d.memberOf(r, dn.String(), rec)
	return fmt.Appendf(s, " %q", groups.Values), err
}
