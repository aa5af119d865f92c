package directory

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"tallystick/directory/store"
)

// Paged asks for a part of a search's result (RFC 2696), and takes the cookie
// for the next.
//
// All pages show the entries as they were at the first, while that state is
// held: see pagedStates. The server needs nothing else of a search, nor that: the
// cookie says at which entry the last page ended. Entries come in the order of
// their ids, or as sorted, and neither renames nor changes of others move an
// entry in it. So even where the state is not held, an entry that is there all
// the time, and that does not change what it is sorted by, comes exactly once.
type Paged struct {
	Size   int    // entries; 0: none, and the end of it
	Cookie []byte // empty: from the beginning
	Next   []byte // the cookie for the next page; empty: there is none
}

// errPageFull ends a search whose page is full while there is more to send.
var errPageFull = errors.New("page is full")

var errCookie = Errorf(UnwillingToPerform, "the cookie is not one of this search: begin again")

// position is where in a search an entry stands.
type position struct {
	id   uint64    // of the entry; in the audit log ^sequence
	keys []sortKey // what it is sorted by; nil: it is not
	sent int       // entries up to here, in all pages

	state uint64 // id of the pagedState that it is a position in
}

const (
	fieldPositionID   = 1
	fieldPositionSent = 2
	fieldPositionKey  = 3 // an octet, 0 if the entry has no value, and the value

	fieldPositionState = 4
)

// newCookies returns what cookies are sealed with. They end with the process.
func newCookies() (cipher.AEAD, error) {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// paged is one page of a search.
func (s *search) paged(ctx context.Context, who Requester) error {
	p := s.req.Paged
	p.Next = nil
	if p.Size <= 0 {
		if after, err := s.openCookie(p.Cookie, who); err == nil {
			s.d.pagedStates.release(s.d.pagedStates.get(after.state))
		}
		return nil
	}
	s.pageSize = p.Size
	if !s.d.isRoot(who) {
		s.pageSize = lesser(p.Size, within(who.Limits.Entries, s.d.cfg.SizeLimit))
	}
	if len(p.Cookie) > 0 {
		after, err := s.openCookie(p.Cookie, who)
		if err != nil {
			return err
		}
		s.after, s.sent = &after, after.sent
		if s.sorting != nil && after.keys == nil { // it could not be sorted
			s.sorting, s.req.Sort.Result = nil, AdminLimitExceeded
		}
	}
	err := s.holdState(ctx, who)
	if err != nil {
		return err
	}
	err = s.start(ctx, who)
	if errors.Is(err, store.ErrReleased) {
		s.state = nil
		err = s.start(ctx, who)
	}
	if !errors.Is(err, errPageFull) {
		s.d.pagedStates.release(s.state)
		return err
	}
	s.last.sent = s.sent
	if s.state != nil {
		s.d.pagedStates.keep(s.state)
		s.last.state = s.state.id
	}
	p.Next = s.sealCookie(s.last, who)
	return nil
}

// holdState finds the state that the page is of, or holds the present one if it
// is the first. What the server keeps itself has none.
func (s *search) holdState(ctx context.Context, who Requester) (err error) {
	switch {
	case s.after != nil:
		s.state, err = s.d.stateAfter(ctx, who, *s.after)
	case !s.d.kept(s.base), s.base.IsZero() && s.req.Scope != BaseObject:
		s.state, err = s.d.hold()
	}
	return err
}

// from is the lowest id that a walk looks at.
func (s *search) from() entryID {
	if s.after == nil || s.after.keys != nil {
		return 0
	}
	return entryID(s.after.id) + 1
}

// childrenInOrder is children in the order of their ids, as pages need it.
func (s *search) childrenInOrder(ctx context.Context) error {
	p := planner{d: s.d, r: s.r}
	ids, few, err := p.children(s.baseID, maxCandidates)
	if err != nil {
		return err
	}
	if !few {
		return s.everything(ctx) // which need not begin anew for each page
	}
	return s.visitAll(ctx, ids)
}

// searchID is what a cookie is good for: this search, by this identity.
func (s *search) searchID(who Requester) []byte {
	identity := who.DN
	if dn, err := s.d.parseDN(identity); err == nil {
		identity = dn.Norm()
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d %+v", identity, s.base.Norm(), s.req.Scope, s.req.Filter)
	if s.req.Sort != nil {
		fmt.Fprintf(h, " %+v", s.req.Sort.Keys)
	}
	return h.Sum(nil)
}

func (s *search) sealCookie(p position, who Requester) []byte {
	b := appendUint(nil, fieldPositionID, p.id)
	b = appendUint(b, fieldPositionSent, uint64(p.sent))
	if p.state != 0 {
		b = appendUint(b, fieldPositionState, p.state)
	}
	for _, k := range p.keys {
		b = protowire.AppendTag(b, fieldPositionKey, protowire.BytesType)
		if k == nil {
			b = protowire.AppendBytes(b, []byte{0})
		} else {
			b = protowire.AppendBytes(b, append([]byte{1}, k...))
		}
	}
	return s.d.cookies.Seal(nil, nil, b, s.searchID(who))
}

func (s *search) openCookie(cookie []byte, who Requester) (p position, err error) {
	b, err := s.d.cookies.Open(nil, nil, cookie, s.searchID(who))
	if err != nil {
		return p, errCookie
	}
	err = fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldPositionID:
			p.id = v
		case fieldPositionSent:
			p.sent = int(v)
		case fieldPositionState:
			p.state = v
		case fieldPositionKey:
			var k sortKey
			if data[0] != 0 {
				k = bytes.Clone(data[1:])
			}
			p.keys = append(p.keys, k)
		}
		return nil
	})
	return p, err
}
