package directory

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// PersistentSearch makes a search go on, until its context ends, with the
// entries that match and change (draft-ietf-ldapext-psearch-03). Each change is
// sent as it was, in order. Who sees part of the entries is told of changes of
// what he sees.
type PersistentSearch struct {
	Types       ChangeType // of the changes to send
	ChangesOnly bool       // and not what there is at the beginning
	Notify      bool       // an EntryChange goes with each entry
}

// ChangeType is a kind of change, or a set of kinds.
type ChangeType int

const (
	EntryAdded    ChangeType = 1
	EntryDeleted  ChangeType = 2
	EntryModified ChangeType = 4
	EntryRenamed  ChangeType = 8

	AllChangeTypes = EntryAdded | EntryDeleted | EntryModified | EntryRenamed
)

// EntryChange is what has become of an entry.
type EntryChange struct {
	Type       ChangeType // one
	PreviousDN string     // of one that has another name; "": not to be told
}

// A ChangeWriter receives what a PersistentSearch sends: what there is by
// WriteEntry, and changes, if it is to be notified, by WriteChangedEntry. An
// entry that was deleted is sent as it was. It is only valid during the call.
type ChangeWriter interface {
	EntryWriter
	WriteChangedEntry(EntryChange, *Entry) error
	// Flush is called when there is nothing more to send for now.
	Flush() error
}

// errBehind ends a persistent search that the history has overtaken.
var errBehind = Errorf(AdminLimitExceeded, "changes came faster than they were read: search again")

// persistentSearch is one at work.
type persistentSearch struct {
	s   *search
	req *PersistentSearch
	w   ChangeWriter

	begun      bool
	base       entryID // as of the beginning
	generation uint64
	at         uint64 // number of the last change that was looked at

	seen    uint64 // hash of what decided on what he sees, after the last round
	reruled bool   // that is something else now, or may be
}

// persist is a search with Persistent.
func (s *search) persist(ctx context.Context, who Requester) error {
	w, ok := s.w.(ChangeWriter)
	if !ok {
		return Errorf(UnwillingToPerform, "no changes are kept here")
	}
	if err := s.mayFollow(); err != nil {
		return err
	}
	s.following = &persistentSearch{s: s, req: s.req.Persistent, w: w}
	return s.follow(ctx, who, true, w.Flush)
}

func (p *persistentSearch) sendReference(_ *record, uris []string) error {
	if w, ok := p.s.w.(ReferenceWriter); ok {
		return w.WriteReference(uris)
	}
	return nil
}

// gone sends what became of the base, and of what was below it.
func (p *persistentSearch) gone(ctx context.Context, err error) error {
	if !p.begun {
		return err
	}
	if err := p.round(ctx); err != nil {
		return err
	}
	if p.s.rights != nil {
		return p.s.rights.missing(p.s.base)
	}
	return err
}

func (p *persistentSearch) round(ctx context.Context) error {
	s := p.s
	if !p.begun {
		if err := s.probe(ctx); err != nil {
			return err
		}
	}
	s.met = true // that there is a base he has been told
	head, err := readHistoryHead(s.r)
	if err != nil {
		return err
	}
	if !p.begun {
		if !head.begins() {
			return errNoHistory
		}
		p.begun, p.base, p.generation, p.at = true, s.baseID, head.generation, head.last
		if _, err := p.rule(); err != nil {
			return err
		}
		if p.req.ChangesOnly {
			return nil
		}
		return s.all(ctx)
	}
	another := s.baseID != p.base // has its name
	s.baseID = p.base
	switch {
	case head.generation != p.generation || p.at+1 < head.first:
		return errBehind
	case head.last > p.at:
		if p.reruled, err = p.rule(); err != nil {
			return err
		}
		past, changes, err := pastOf(s.r, p.at+1, head.last)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if err := s.overdue(ctx); err != nil {
				return err
			}
			if err := p.tell(past.before(c.number), past.before(c.number+1), c.id); err != nil {
				return err
			}
		}
		p.at = head.last
	}
	if another {
		return &Error{ResultCode: NoSuchObject}
	}
	return nil
}

// rule finds out whether something else than before may decide on what he sees.
func (p *persistentSearch) rule() (changed bool, err error) {
	before := p.seen
	p.seen, err = (&follower{s: p.s}).content()
	if errors.Is(err, errSyncLimited) { // nobody can tell
		p.seen = 0
		return true, nil
	}
	return p.seen != before, err
}

// tell sends a change of an entry, by the store as it was before it and
// afterwards, if it is one to send. Whether he might see what was is judged by
// what decides now, so once that is something else he is told of nothing but
// what there is, and where there was more he begins again.
func (p *persistentSearch) tell(before, after *past, id entryID) error {
	old, err := stateOf(before, id)
	if err != nil {
		return err
	}
	rec, err := stateOf(after, id)
	if err != nil {
		return err
	}
	change, at := EntryChange{Type: EntryModified}, after
	switch {
	case old == nil && rec == nil:
		return nil
	case old == nil:
		change.Type = EntryAdded
	case rec == nil:
		change.Type, at = EntryDeleted, before
	case old.parent != rec.parent || old.rdn != rec.rdn:
		change.Type = EntryRenamed
	}
	if p.req.Types&change.Type == 0 {
		return nil
	}
	now, err := p.lookAt(at, id)
	if err != nil || now == nil {
		return err
	}
	if p.reruled { // he may know of what is, but not of what was
		if _, later := after.first(id); later || rec == nil {
			return errBehind
		}
	} else if change.Type == EntryRenamed || change.Type == EntryModified && p.s.rights != nil {
		was, err := p.lookAt(before, id)
		if err != nil {
			return err
		}
		switch {
		case was == nil:
		case change.Type == EntryRenamed:
			change.PreviousDN = was.out.DN
		case slices.EqualFunc(was.out.Attributes, now.out.Attributes, sameAttribute):
			return nil // as far as he sees it
		}
		if was == nil && change.Type == EntryRenamed && p.s.rights == nil {
			if change.PreviousDN, err = p.s.d.nameOfRecord(before, old); err != nil {
				return err
			}
		}
	}
	if p.req.Notify {
		return p.w.WriteChangedEntry(change, &now.out)
	}
	return p.w.WriteEntry(&now.out)
}

func sameAttribute(a, b Attribute) bool {
	return a.Name == b.Name && slices.EqualFunc(a.Values, b.Values, bytes.Equal)
}

// stateOf is an entry as it was; nil if it was not there.
func stateOf(r store.Reader, id entryID) (*record, error) {
	rec, err := readRecord(r, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return rec, err
}

// lookAt is the search with the entry, as it was, in out; nil if it does not
// find it. One that was too long for the history has matched for who sees all
// entries, and for nobody else.
func (p *persistentSearch) lookAt(r *past, id entryID) (*search, error) {
	b, err := r.Get(entryKey(id))
	if err != nil {
		return nil, err
	}
	s := *p.s
	s.r, s.above, s.candidate, s.out = r, nil, view{}, Entry{}
	cut := r.cut(id)
	if s.rights != nil {
		if cut {
			return nil, nil
		}
		if s.rights, err = s.d.rightsOf(r, s.who, aci.Read|aci.Search); err != nil {
			return nil, err
		}
	}
	found, err := s.finds(id, b)
	if err == nil && cut {
		found, err = s.inScope(id, &s.candidate.rec)
	}
	if err != nil || !found {
		return nil, err
	}
	v := &s.candidate
	name, err := v.name()
	if err == nil {
		err = s.choose(name, v.ruling, v.rec.attributes, v.operational)
	}
	return &s, err
}
