package directory

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"tallystick/directory/store"
)

// Some applications bind twice with what the user typed once. Where a policy
// has a re-bind window, the same password and code that were accepted in a
// simple bind or PLAIN bind again for that long, from the same address, as the
// same user. Everywhere else the code is as dead as any that was used. A window
// does not grow by being used, and ends early when the passwords of the user,
// the credential whose code it was or the policy change in any way, when the
// user is locked, and when the server stops.

// maxWindows is how many re-bind windows may be open. Each is opened by a right
// password and code.
const maxWindows = 1 << 14

// windows are the re-bind windows that are open. Nobody can tell from them what
// was typed: the key of the HMAC is in memory only.
type windows struct {
	mu    sync.Mutex // guards what follows
	key   []byte     // of the HMAC; nil until the first window
	byKey map[windowKey]window
}

// windowKey is an HMAC of where something was typed, for whom, and what it was.
type windowKey [sha256.Size]byte

// window is what was accepted, and what it holds with.
type window struct {
	user        entryID
	until       time.Time
	fingerprint string // of the user's passwords
	factor      string // as in Requester
	sequence    uint64 // of that credential; 0: it is none
	policy      *policy
}

// keyOf is the key of a proof, if it is one that may open a window.
func (s *windows) keyOf(a account, p proof) (k windowKey, ok bool) {
	from := p.who.Peer
	if address := p.who.address(); address.IsValid() {
		from = address.String()
	}
	if !p.bind || p.password == nil || p.code != nil || from == "" {
		return k, false
	}
	s.mu.Lock()
	if s.key == nil {
		s.key = make([]byte, sha256.Size)
		_, _ = rand.Read(s.key) // never fails
	}
	h := hmac.New(sha256.New, s.key)
	s.mu.Unlock()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(a.id)))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(from))))
	h.Write([]byte(from))
	h.Write(p.password)
	return windowKey(h.Sum(nil)), true
}

// windowOf is the window that what u has just proved may open; nil: none.
func (d *Directory) windowOf(u *user, e evidence, now time.Time) *window {
	if !e.code || u.decision.rebindFor <= 0 || e.standing.MustChange {
		return nil
	}
	w := &window{user: u.id, until: now.Add(u.decision.rebindFor), fingerprint: e.fingerprint, factor: e.factor, policy: u.decision.policy}
	if c := u.credential(e.factor); c != nil {
		w.sequence = c.sequence
	}
	return w
}

// open opens a window for a proof that was accepted, unless there are too many.
func (s *windows) open(a account, p proof, w window, now time.Time) {
	k, ok := s.keyOf(a, p)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = map[windowKey]window{}
	}
	if len(s.byKey) >= maxWindows {
		for k, w := range s.byKey {
			if !now.Before(w.until) {
				delete(s.byKey, k)
			}
		}
	}
	if len(s.byKey) < maxWindows {
		s.byKey[k] = w
	}
}

func (s *windows) get(k windowKey) (w window, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok = s.byKey[k]
	return w, ok
}

// closeOf closes the windows of a user.
func (s *windows) closeOf(user entryID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, w := range s.byKey {
		if w.user == user {
			delete(s.byKey, k)
		}
	}
}

// upgraded keeps a window open when the stored password was replaced by another
// form of itself.
func (s *windows) upgraded(a account, p proof, fingerprint string) {
	k, ok := s.keyOf(a, p)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.byKey[k]; ok {
		w.fingerprint = fingerprint
		s.byKey[k] = w
	}
}

// holds reports whether what was accepted when w was opened is so still.
func (w window) holds(d *Directory, u *user, now time.Time) bool {
	var sequence uint64
	if c := u.credential(w.factor); c != nil {
		sequence = c.sequence
	}
	return now.Before(w.until) && !d.refuses(u, now) && u.known() && !u.mustChange() &&
		u.fingerprint() == w.fingerprint && sequence == w.sequence &&
		u.decision.policy == w.policy && u.decision.rebindFor > 0 &&
		u.vouchesFor(Requester{How: ByPasswordAndCode, Factor: w.factor})
}

// proveAgain accepts a proof once more if it has a window that is open. u is as
// it was a moment ago.
func (d *Directory) proveAgain(ctx context.Context, u *user, p proof, now time.Time) (e evidence, ok bool, err error) {
	if u.decision.rebindFor <= 0 {
		return e, false, nil
	}
	k, ok := d.credentials.windows.keyOf(u.account, p)
	if !ok {
		return e, false, nil
	}
	w, ok := d.credentials.windows.get(k)
	if !ok || !w.holds(d, u, now) {
		return e, false, nil
	}
	err = d.updateState(context.WithoutCancel(ctx), func(s store.Writer) error {
		u, err := d.readUserFor(s, u.account, p.who)
		if err != nil {
			return err
		}
		if ok = w.holds(d, u, now); !ok {
			return nil
		}
		u.note(AuditAccepted, u.credential(w.factor), "again", 0)
		return d.save(s, u, p.who, p.door)
	})
	return evidence{code: true, factor: w.factor}, ok && err == nil, err
}
