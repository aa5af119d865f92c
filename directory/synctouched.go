package directory

import (
	"context"
	"errors"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// known says as what an entry is in the content.
type known int

const (
	unknown known = iota // it is not
	asEntry
	asReference
)

// touched is an entry that may have come into the content, have changed there,
// or have left it.
type touched struct {
	id      entryID
	moved   bool // it did not change itself: an ancestor was moved, or another that decides on it
	uuid    [16]byte
	was, is known
	name    string // as it is now in the content, or else was
	depth   int    // of the name
	cut     bool   // whether it was in the content is not certain
	early   bool   // to be deleted first: another entry has the name now
	same    bool   // as far as he sees it
}

// touched finds out which entries the changes up to last may have brought into
// the content, out of it, or changed within.
func (f *follower) touched(ctx context.Context, last uint64) ([]touched, error) {
	s := f.s
	past, changes, err := pastOf(s.r, f.at+1, last)
	if err != nil {
		return nil, err
	}
	var ids []entryID
	for _, c := range changes {
		if past.changes[c.id][0] == c.number {
			ids = append(ids, c.id)
		}
	}
	before := *s // the same search in the past
	before.r, before.above, before.candidate, before.out = past, nil, view{}, Entry{}
	if s.rights != nil {
		if before.rights, err = s.d.rightsOf(past, s.who, aci.Read|aci.Search); err != nil {
			return nil, err
		}
	}
	var list []touched
	judge := func(id entryID, moved bool) error {
		t := touched{id: id}
		if err := s.pace(ctx); err != nil {
			return err
		}
		t.moved = moved
		if err := f.judge(&before, s, &t); err != nil {
			return err
		}
		if t.was != unknown || t.is != unknown {
			if !t.same {
				list = append(list, t)
			}
		}
		return nil
	}
	below := map[entryID]bool{} // whose ancestors were moved
	for _, id := range ids {
		if err := judge(id, false); err != nil {
			return nil, err
		}
		moved, err := past.moved(s.r, id)
		if err != nil {
			return nil, err
		}
		if !moved {
			if moved, err = f.decidesBelow(past, id); err != nil {
				return nil, err
			}
		}
		if moved {
			if err := past.below(s.r, id, below); err != nil {
				return nil, err
			}
		}
	}
	for id := range below {
		if err := judge(id, true); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// judge says what an entry was in the content and what it is.
func (f *follower) judge(before, now *search, t *touched) error {
	old, err := before.r.Get(entryKey(t.id))
	if err == nil {
		t.cut = before.r.(*past).cut(t.id)
		if t.was, err = before.knows(t.id, old, t.cut); err != nil {
			return err
		}
		t.uuid = before.candidate.rec.uuid
		if t.was != unknown {
			if t.name, err = before.candidate.name(); err != nil {
				return err
			}
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	b, err := now.r.Get(entryKey(t.id))
	if err == nil {
		if t.is, err = now.knows(t.id, b, false); err != nil {
			return err
		}
		t.uuid = now.candidate.rec.uuid
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if f.limited {
		if err := f.mustNotChangeAccess(t, old, b); err != nil {
			return err
		}
	}
	if t.was == unknown && t.is == unknown {
		return nil
	}
	if t.is == t.was {
		if t.same, err = f.unchanged(before, now, t); err != nil {
			return err
		}
	}
	if t.was != unknown && t.is != t.was {
		dn, err := now.d.parseDN(t.name)
		if err != nil {
			return err
		}
		t.depth = dn.Len()
		_, err = now.d.resolve(now.r, dn)
		t.early = err == nil || t.is != unknown
		if err != nil && !errors.Is(err, NoSuchObject) {
			return err
		}
	}
	if t.is != unknown {
		name, err := now.candidate.name()
		if err != nil {
			return err
		}
		dn, err := now.d.parseDN(name)
		if err != nil {
			return err
		}
		t.depth = dn.Len()
	}
	return nil
}

// knows says as what the entry encoded in b is in the content, and leaves it in
// s.candidate. Of one that is cut it believes that it matches.
func (s *search) knows(id entryID, b []byte, cut bool) (known, error) {
	found, err := s.finds(id, b)
	if err != nil {
		return unknown, err
	}
	if found {
		return asEntry, nil
	}
	in, err := s.inScope(id, &s.candidate.rec)
	switch {
	case err != nil || !in:
		return unknown, err
	case cut:
		return asEntry, nil
	case !s.references || s.req.Scope == BaseObject || !s.d.isReferral(&s.candidate.rec):
		return unknown, nil
	case s.rights != nil:
		v, err := s.rights.on(s.d, s.r, id, &s.candidate.rec)
		if err != nil || !v.ruling.sees(v) {
			return unknown, err
		}
	}
	return asReference, nil
}
