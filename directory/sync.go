package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"tallystick/directory/aci"
	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// Sync asks for the content of a search, or for what has become of it since an
// earlier one, and, if so wanted, for what becomes of it from then on (RFC
// 4533). It takes the cookie to ask with the next time. The server keeps
// nothing between two searches but the history.
type Sync struct {
	Persist bool   // refreshAndPersist: the search goes on until its context ends
	Cookie  []byte // empty: all of the content
	Reload  bool   // all of the content also if the cookie cannot be used; otherwise e-syncRefreshRequired

	Next    []byte // the cookie; nil: none
	Deletes bool   // what was not sent has not changed; otherwise it is no longer there
}

// SyncState says what a message of a Sync is about (RFC 4533, section 2.3).
type SyncState int

const (
	SyncPresent SyncState = 0
	SyncAdd     SyncState = 1
	SyncModify  SyncState = 2
	SyncDelete  SyncState = 3
)

// SyncChange goes with an entry or a reference.
type SyncChange struct {
	State  SyncState
	UUID   [16]byte // of the entry, or of the referral object
	Cookie []byte   // of the content as it is with this; nil: none
}

// SyncInfo is a message of its own (RFC 4533, section 2.5). Sets of entries are
// not sent: OpenLDAP's consumers pass over some of them.
type SyncInfo struct {
	Kind   SyncInfoKind
	Cookie []byte // nil: none; not with SyncNewCookie
}

// SyncInfoKind is what a SyncInfo says.
type SyncInfoKind int

const (
	SyncNewCookie      SyncInfoKind = 0
	SyncRefreshDelete  SyncInfoKind = 1 // the content was refreshed; what was not sent has not changed
	SyncRefreshPresent SyncInfoKind = 2 // the content was refreshed; what was not sent is no longer there
)

// A SyncWriter receives what a search with Sync sends. An entry is only valid
// during the call; of one that is deleted it has the name alone, and of such a
// reference there are no URIs.
type SyncWriter interface {
	WriteSyncEntry(SyncChange, *Entry) error
	WriteSyncReference(SyncChange, []string) error
	WriteSyncInfo(*SyncInfo) error
	// Flush is called when there is nothing more to send for now.
	Flush() error
}

var errSyncRefresh = &Error{ResultCode: SyncRefreshRequired, DiagnosticMessage: "the cookie is not of what the server remembers: begin again without"}

// errNoHistory is inner: a search that would go well wants the history to begin.
var errNoHistory = errors.New("the history has not begun")

// OffersSync reports whether changes are kept for those who ask for them.
func (d *Directory) OffersSync() bool { return d.cfg.Sync.Keep >= 0 }

// follower is a search with Sync at work.
type follower struct {
	s      *search
	req    *Sync
	w      SyncWriter
	hash   uint64 // of what decides on the content
	key    []byte // of the cookies
	partly        // what decides on what he sees of it; zero: he sees all

	refreshed  bool
	base       entryID // as of the refresh
	generation uint64
	at         uint64 // number of the last change that the client knows
	told       uint64 // that of the last cookie he has

	change SyncChange // goes with what the search sends next
}

// synchronize is a search with Sync.
func (s *search) synchronize(ctx context.Context, who Requester) error {
	w, ok := s.w.(SyncWriter)
	if !ok {
		return Errorf(UnwillingToPerform, "no changes are kept here")
	}
	if err := s.mayFollow(); err != nil {
		return err
	}
	f := &follower{s: s, req: s.req.Sync, w: w, change: SyncChange{State: SyncAdd}}
	s.following, s.w = f, f
	f.req.Next, f.req.Deletes = nil, false
	return s.follow(ctx, who, f.req.Persist, f.w.Flush)
}

// rounds is a search that is done more than once, in one snapshot after the
// other.
type rounds interface {
	// round sends what there is to send. The base is resolved.
	round(ctx context.Context) error
	// gone is called in place of round if the base is not there; it returns why
	// the search ends.
	gone(ctx context.Context, err error) error
	// sendReference sends a continuation for a referral object.
	sendReference(rec *record, uris []string) error
}

// mayFollow fails for a search that cannot be done in rounds.
func (s *search) mayFollow() error {
	req := s.req
	switch {
	case !s.d.OffersSync():
		return Errorf(UnwillingToPerform, "no changes are kept here")
	case req.Paged != nil || req.Sort != nil || req.VirtualList != nil || req.MatchedValues != nil || req.Sync != nil && req.Persistent != nil:
		return Errorf(UnwillingToPerform, "content is synchronized without pages, order, and selection of values")
	case s.base.IsZero() && req.Scope == BaseObject || s.d.kept(s.base) && !s.base.IsZero():
		return Errorf(UnwillingToPerform, "what the server keeps itself is not synchronized")
	}
	s.needsMemberOf = false
	return s.d.mustSynchronize(&req.Filter)
}

// follow does a round now and, if the search persists, one after each change
// until ctx ends.
func (s *search) follow(ctx context.Context, who Requester, persist bool, flush func() error) error {
	if persist {
		Slow(ctx)
		s.d.followers.waiting.Add(1)
		defer s.d.followers.waiting.Add(-1)
	}
	for {
		next := s.d.followers.wait()
		s.above, s.met = nil, false
		who, err := s.d.Refresh(ctx, who)
		if err != nil {
			return err
		}
		s.who = who
		err = s.start(ctx, who)
		if errors.Is(err, errNoHistory) {
			if err := s.d.beginHistory(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil || !persist {
			return err
		}
		s.deadline, s.sizeLimit, s.lookThrough = time.Time{}, 0, 0 // which are about the refresh
		if err := flush(); err != nil {
			return err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// synchronized are the operational attributes that do not depend on other
// entries (RFC 4533, section 4.2), beside those that clients write.
var synchronized = []string{"entryUUID", "createTimestamp", "modifyTimestamp", "creatorsName", "modifiersName", "structuralObjectClass"}

func synchronizes(t *schema.AttributeType) bool {
	return !t.Operational() || slices.Contains(synchronized, t.Name()) || checkWritable(t.Name(), t) == nil
}

// mustSynchronize fails if the filter asks for what is not synchronized.
func (d *Directory) mustSynchronize(f *Filter) error {
	for i := range f.Filters {
		if err := d.mustSynchronize(&f.Filters[i]); err != nil {
			return err
		}
	}
	if t := d.schema.Attribute(f.Attribute); t != nil && !synchronizes(t) {
		return Errorf(UnwillingToPerform, "%s depends on other entries and is not synchronized", t.Name())
	}
	return nil
}

// onlySynchronized removes what is not synchronized from operational attributes.
func (d *Directory) onlySynchronized(attributes []Attribute) []Attribute {
	return slices.DeleteFunc(attributes, func(a Attribute) bool {
		return !synchronizes(d.schema.AttributeOrUndefined(a.Name))
	})
}

// WriteEntry sends an entry that the search has found.
func (f *follower) WriteEntry(e *Entry) error {
	f.change.UUID = f.s.candidate.rec.uuid
	return f.w.WriteSyncEntry(f.change, e)
}

func (f *follower) sendReference(rec *record, uris []string) error {
	f.change.UUID = rec.uuid
	return f.w.WriteSyncReference(f.change, uris)
}

func (f *follower) gone(_ context.Context, err error) error { return err }

// round brings the client's copy from what he has to what the snapshot has.
// The base is resolved.
func (f *follower) round(ctx context.Context) error {
	s := f.s
	if !f.refreshed {
		if err := s.probe(ctx); err != nil {
			return err
		}
	}
	s.met = true // that there is a base he has been told
	head, err := readHistoryHead(s.r)
	if err != nil {
		return err
	}
	switch {
	case !head.begins() && !f.refreshed:
		return errNoHistory
	case f.refreshed && (head.generation != f.generation || f.at+1 < head.first || s.baseID != f.base):
		f.req.Next = nil
		return errSyncRefresh
	case f.refreshed && head.last == f.at:
		return nil
	}
	hash, err := f.content()
	if err != nil {
		return err
	}
	if f.refreshed {
		if hash != f.hash {
			f.req.Next = nil
			return errSyncRights
		}
		if err := f.update(ctx, head.last, true); err != nil {
			return err
		}
		f.req.Next = f.cookie()
		return nil
	}
	f.hash = hash
	f.refreshed, f.base, f.generation, f.key = true, s.baseID, head.generation, head.key
	info := SyncInfo{Kind: SyncRefreshPresent}
	if len(f.req.Cookie) > 0 {
		at, ok := readSyncCookie(f.req.Cookie, head, f.hash)
		switch {
		case ok:
			f.at, info.Kind, f.req.Deletes = at, SyncRefreshDelete, true
		case !f.req.Reload:
			return errSyncRefresh
		}
	}
	if f.req.Deletes {
		err = f.update(ctx, head.last, false)
		if errors.Is(err, SyncRefreshRequired) && f.req.Reload { // nothing was sent
			info.Kind, f.req.Deletes = SyncRefreshPresent, false
		}
	}
	if !f.req.Deletes {
		f.change = SyncChange{State: SyncAdd}
		err = s.all(ctx)
	}
	if err != nil {
		return err
	}
	f.at, f.told = head.last, head.last
	f.req.Next = f.cookie()
	if !f.req.Persist {
		return nil
	}
	info.Cookie = f.req.Next
	return f.w.WriteSyncInfo(&info)
}

// all sends all that is there.
func (s *search) all(ctx context.Context) error {
	if s.references {
		if err := s.sendReferences(ctx); err != nil {
			return err
		}
	}
	return s.walk(ctx)
}

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

// update sends what the changes up to last have done to the content since the
// client's last one. persisting says that the refresh has ended.
func (f *follower) update(ctx context.Context, last uint64, persisting bool) error {
	list, err := f.touched(ctx, last)
	if err != nil {
		return err
	}
	// Parents come before their children and go after them. What goes goes at
	// the end, since something may have been moved away from below it, unless
	// its name is needed.
	var gone, rest []touched
	for _, t := range list {
		switch {
		case t.is == unknown || t.was != unknown && t.was != t.is:
			if t.is != unknown {
				rest = append(rest, t)
			}
			gone = append(gone, t)
		default:
			rest = append(rest, t)
		}
	}
	slices.SortStableFunc(rest, func(a, b touched) int { return cmp.Compare(a.depth, b.depth) })
	slices.SortStableFunc(gone, func(a, b touched) int { return cmp.Compare(b.depth, a.depth) })
	early := slices.DeleteFunc(slices.Clone(gone), func(t touched) bool { return !t.early })
	gone = slices.DeleteFunc(gone, func(t touched) bool { return t.early })

	f.at = last
	left := len(early) + len(rest) + len(gone)
	if left == 0 {
		if last-f.told < quietChanges {
			return nil
		}
		f.told = last
		return f.w.WriteSyncInfo(&SyncInfo{Kind: SyncNewCookie, Cookie: f.cookie()})
	}
	cookie := func() []byte {
		if left--; left > 0 || !persisting {
			return nil
		}
		f.told = last
		return f.cookie()
	}
	for i := range early {
		if err := f.sendDeleted(&early[i], cookie()); err != nil {
			return err
		}
	}
	for i := range rest {
		state := SyncAdd
		if persisting && rest[i].was == rest[i].is {
			state = SyncModify
		}
		if err := f.send(&rest[i], state, cookie()); err != nil {
			return err
		}
	}
	for i := range gone {
		if err := f.sendDeleted(&gone[i], cookie()); err != nil {
			return err
		}
	}
	return nil
}

// quietChanges is how many changes that do not concern the content pass until
// the client gets a new cookie all the same.
const quietChanges = 1000

func (f *follower) sendDeleted(t *touched, cookie []byte) error {
	change := SyncChange{SyncDelete, t.uuid, cookie}
	if t.was == asReference {
		return f.w.WriteSyncReference(change, nil)
	}
	if t.cut { // he may never have seen it
		return f.w.WriteSyncEntry(change, &Entry{})
	}
	return f.w.WriteSyncEntry(change, &Entry{DN: t.name})
}

// send sends what is in the content.
func (f *follower) send(t *touched, state SyncState, cookie []byte) error {
	f.change = SyncChange{state, t.uuid, cookie}
	b, err := f.s.r.Get(entryKey(t.id))
	if err != nil {
		return err
	}
	if t.is == asReference {
		var rec record
		if err := decodeRecord(&rec, b); err != nil {
			return err
		}
		return f.s.sendReference(&rec)
	}
	found, err := f.s.finds(t.id, b)
	if err != nil || !found {
		return err
	}
	return f.s.sendFound(t.id)
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
