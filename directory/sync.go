package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"
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
