package enrol

import (
	"crypto/sha256"
	"sync"
	"time"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
)

// session is somebody who signed in.
type session struct {
	mu      sync.Mutex        // held for one request; guards what follows
	link    *upstream.Session // bound as the user; nil: the session has ended
	authzID string            // as the LDAP server calls him: "dn:…"
	name    string            // as people call him

	// strong says that the link is authority enough for all that he may do
	// with his own credentials, because it was bound with a code. Otherwise
	// the LDAP server wants the password with each change.
	strong bool

	helpDesk bool                     // may look after the credentials of others
	fresh    *wire.ManageTOTPResponse // a credential made here and not confirmed yet; nil: none
	notice   string                   // key of what the next page tells first; "": nothing
}

// end closes the session's connection. s.mu must be held.
func (s *session) end() {
	if s.link != nil {
		s.link.Close()
		s.link, s.fresh = nil, nil
	}
}

// sessions is a bounded number of them.
type sessions struct {
	cfg Config

	mu     sync.Mutex // guards what follows
	byID   map[[sha256.Size]byte]*entry
	closed bool
}

// entry is a session as the set knows it.
type entry struct {
	session *session
	authzID string
	used    time.Time
	ends    time.Time // at the latest
	timer   *time.Timer
}

func newSessions(cfg Config) *sessions {
	return &sessions{cfg: cfg, byID: map[[sha256.Size]byte]*entry{}}
}

// idOf is the key of a session: the cookie itself is not kept, so that finding
// it takes the same time however much of one is right.
func idOf(cookie string) [sha256.Size]byte { return sha256.Sum256([]byte(cookie)) }

// get returns the session of a cookie, locked; nil if there is none.
func (all *sessions) get(cookie string) *session {
	id := idOf(cookie)
	all.mu.Lock()
	e := all.byID[id]
	if e != nil {
		e.used = time.Now()
		e.timer.Reset(min(all.cfg.IdleTimeout, time.Until(e.ends)))
	}
	all.mu.Unlock()
	if e == nil {
		return nil
	}
	e.session.mu.Lock()
	if e.session.link == nil { // it ended while we waited
		e.session.mu.Unlock()
		return nil
	}
	return e.session
}

// add makes s the session of a cookie. Where there are too many the one that
// was unused for longest ends.
func (all *sessions) add(cookie string, s *session) {
	id := idOf(cookie)
	now := time.Now()
	all.mu.Lock()
	if all.closed {
		all.mu.Unlock()
		s.end()
		return
	}
	all.makeRoom(sessionsPerUser, func(e *entry) bool { return e.authzID == s.authzID })
	all.makeRoom(all.cfg.Sessions, func(*entry) bool { return true })
	e := &entry{session: s, authzID: s.authzID, used: now, ends: now.Add(all.cfg.Lifetime)}
	e.timer = time.AfterFunc(min(all.cfg.IdleTimeout, all.cfg.Lifetime), func() { all.remove(id) })
	all.byID[id] = e
	all.mu.Unlock()
}

// makeRoom ends the session unused for longest among some, unless there are
// less than limit of them. all.mu must be held.
func (all *sessions) makeRoom(limit int, among func(*entry) bool) {
	n := 0
	var oldest [sha256.Size]byte
	for id, e := range all.byID {
		if !among(e) {
			continue
		}
		if n++; n == 1 || e.used.Before(all.byID[oldest].used) {
			oldest = id
		}
	}
	if n >= limit {
		go all.take(oldest).close()
	}
}

// remove ends a session, if it is still there, once its request has ended.
func (all *sessions) remove(id [sha256.Size]byte) {
	all.mu.Lock()
	e := all.take(id)
	all.mu.Unlock()
	e.close()
}

// drop forgets a session that its request ends itself.
func (all *sessions) drop(cookie string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.take(idOf(cookie))
}

// take takes a session out of the set. all.mu must be held.
func (all *sessions) take(id [sha256.Size]byte) *entry {
	e := all.byID[id]
	if e != nil {
		e.timer.Stop()
		delete(all.byID, id)
	}
	return e
}

func (e *entry) close() {
	if e == nil {
		return
	}
	e.session.mu.Lock()
	defer e.session.mu.Unlock()
	e.session.end()
}

// close ends all sessions, and takes no more.
func (all *sessions) close() {
	all.mu.Lock()
	entries := all.byID
	all.byID, all.closed = nil, true
	all.mu.Unlock()
	for _, e := range entries {
		e.timer.Stop()
		e.close()
	}
}
