package badger

import (
	"testing"

	"tallystick/directory/store"
	"tallystick/directory/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string) store.Store { return open(t, dir) })
}

// open opens a small store, which the test must close.
func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Config{Small: true})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}
