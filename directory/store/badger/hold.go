package badger

import (
	"context"

	"tallystick/directory/store"
)

// held is a snapshot that stays when others are published.
type held struct {
	store *Store
	snap  *snapshot // nil once it is released; guarded by store.holding
}

// Hold implements store.Store.
func (s *Store) Hold() (store.Held, error) {
	s.holding.Lock() // so that letGo misses none
	defer s.holding.Unlock()
	snap := s.acquire()
	if snap == nil {
		return nil, store.ErrClosed
	}
	h := &held{s, snap}
	s.held[h] = struct{}{}
	return h, nil
}

// letGo releases all that are held.
func (s *Store) letGo() {
	s.holding.Lock()
	defer s.holding.Unlock()
	for h := range s.held {
		h.release()
	}
}

// View implements store.Held.
func (h *held) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	h.store.holding.Lock()
	snap := h.snap
	held := snap != nil && snap.hold()
	h.store.holding.Unlock()
	if !held {
		return store.ErrReleased
	}
	defer snap.release()
	return fn(&reader{ctx: ctx, snap: snap})
}

// Release implements store.Held.
func (h *held) Release() {
	h.store.holding.Lock()
	defer h.store.holding.Unlock()
	h.release()
}

// release is Release for who has locked holding.
func (h *held) release() {
	if h.snap == nil {
		return
	}
	h.snap.release()
	h.snap = nil
	delete(h.store.held, h)
}
