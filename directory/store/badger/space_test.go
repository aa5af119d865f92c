package badger

import (
	"errors"
	"sync/atomic"
	"testing"

	"tallystick/directory/store"
)

// TestDiskFull: the store becomes read-only before the disk is full, and
// writable when there is room again.
func TestDiskFull(t *testing.T) {
	var free atomic.Int64
	free.Store(1000 << 20)
	cfg := Config{
		Small:     true,
		MinFree:   100 << 20,
		freeSpace: func(string) (int64, error) { return free.Load(), nil },
	}
	dir := t.TempDir()
	s, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		free     int64
		readOnly bool
	}{
		{101 << 20, false},
		{99 << 20, true},
		{110 << 20, true}, // not yet: it would go to and fro
		{125 << 20, false},
		{0, true},
		{1000 << 20, false},
	}
	for _, step := range steps {
		free.Store(step.free)
		waitFor(t, "the disk to be looked at", func() bool {
			s.watchSpace()
			return s.readOnly.Load() == step.readOnly
		})
		s.watchSpace()
		if got := s.Stats(); got.ReadOnly != step.readOnly || got.Failed || got.Free != step.free {
			t.Errorf("%d MiB free: %+v", step.free>>20, got)
		}
		err := set(s, "k", "v")
		if step.readOnly && !errors.Is(err, store.ErrReadOnly) || !step.readOnly && err != nil {
			t.Errorf("%d MiB free: %v", step.free>>20, err)
		}
		if step.free == 101<<20 {
			continue
		}
		if v, err := get(t, s, "k"); v != "v" || err != nil {
			t.Errorf("%d MiB free: %q, %v", step.free>>20, v, err)
		}
	}
	closeStore(t, s)

	free.Store(12 << 20)
	if s, err := Open(dir, cfg); err == nil {
		t.Error("opened on a full disk")
		closeStore(t, s)
	}
	free.Store(13 << 20)
	s, err = Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := set(s, "k", "v"); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("%v, want ErrReadOnly from the start", err)
	}
	closeStore(t, s)
}

func TestLoadDiskFull(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Config{
		Small:     true,
		MinFree:   100 << 20,
		freeSpace: func(string) (int64, error) { return 101 << 20, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Load(t.Context(), func(put func(key, value []byte) error) error {
		return put([]byte("k"), make([]byte, 1<<20-100))
	})
	if !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Load = %v, want ErrReadOnly", err)
	}
	closeStore(t, s)
	checkFolder(t, dir)
}
