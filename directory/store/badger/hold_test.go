package badger

import "testing"

// TestHeldSnapshot: one that is held keeps none of those that were published
// since, and those that are released in any order are all forgotten.
func TestHeldSnapshot(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	first, err := s.Hold()
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		mustSet(t, s, "k", "v")
	}
	second, err := s.Hold()
	if err != nil {
		t.Fatal(err)
	}
	mustSet(t, s, "k", "v")
	live := func() int {
		s.db.live.mu.Lock()
		defer s.db.live.mu.Unlock()
		return len(s.db.live.list)
	}
	if n := live(); n != 3 {
		t.Errorf("%d snapshots are kept, want those of the two that are held and the published one", n)
	}
	second.Release()
	first.Release()
	if n := live(); n != 1 {
		t.Errorf("%d snapshots are kept, want the published one", n)
	}
}
