package badger

import (
	"fmt"
	"testing"
)

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
	kept := func(want int) { // soon: watch holds one while it saves the watermark
		t.Helper()
		waitFor(t, fmt.Sprintf("%d snapshots", want), func() bool {
			s.db.live.mu.Lock()
			defer s.db.live.mu.Unlock()
			return len(s.db.live.list) == want
		})
	}
	kept(3) // those of the two that are held and the published one
	second.Release()
	first.Release()
	kept(1) // the published one
}
