package badger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"tallystick/directory/store"
)

// Whatever is kept on the heap, each snapshot, the published one and those
// held longer, reads what Badger has for it.
func TestMemoryIsExact(t *testing.T) {
	for _, memory := range []int{4 << 20, 64 << 10, -1} { // with room, with too little, none
		t.Run(fmt.Sprint(memory), func(t *testing.T) { memoryIsExact(t, memory) })
	}
}

func memoryIsExact(t *testing.T, memory int) {
	s, err := Open(t.TempDir(), Config{Small: true, MinFree: -1, Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const families, members = 40, 20 // a family of all is too large to be kept
	prefix := func(n uint32) []byte { return fmt.Appendf(nil, "c%08d", n%families) }
	key := func(n uint32) []byte { return fmt.Appendf(prefix(n), "%d", n/families%members) }

	stop := make(chan struct{})
	var readers sync.WaitGroup
	for reader := range 2 {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(reader)))
			for {
				select {
				case <-stop:
					return
				default:
				}
				snap := s.acquire()
				for range 1 + rnd.IntN(10) {
					if err := readsAsBadger(snap, key(rnd.Uint32()), prefix(rnd.Uint32())); err != nil {
						t.Error(err)
					}
				}
				snap.release()
			}
		})
	}
	rnd := rand.New(rand.NewPCG(2, 2))
	for i := range 300 {
		err := s.Update(context.Background(), func(w store.Writer) error {
			for range 1 + rnd.IntN(4) {
				k := key(rnd.Uint32())
				if _, err := w.Get(k); err != nil && !errors.Is(err, store.ErrNotFound) {
					return err
				}
				if rnd.IntN(3) == 0 {
					w.Delete(k)
				} else {
					w.Set(k, fmt.Appendf(nil, "value %d", i))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	readers.Wait()
}

// readsAsBadger compares what a reader of the snapshot finds with what Badger
// itself has: one key, and all that begin with a prefix.
func readsAsBadger(snap *snapshot, key, prefix []byte) error {
	r := &reader{ctx: context.Background(), snap: snap}
	var want []byte
	item, err := snap.txn.Get(key)
	if err == nil {
		want, err = itemValue(item, key)
	}
	got, readErr := r.Get(key)
	if !errors.Is(readErr, badgerError(err)) || !bytes.Equal(got, want) {
		return fmt.Errorf("version %d has %s = %q, %v and reads %q, %v", snap.version, key, want, err, got, readErr)
	}
	var there, seen []string
	rng := store.Prefix(prefix)
	c := r.walk(rng)
	defer c.close()
	for k := c.key(); k != nil; k = c.key() {
		v, err := c.value()
		if err != nil {
			return err
		}
		there = append(there, fmt.Sprintf("%s=%s", k, v))
		c.next()
	}
	err = r.Scan(rng, func(key, value []byte) bool {
		seen = append(seen, fmt.Sprintf("%s=%s", key, value))
		return true
	})
	if err != nil || fmt.Sprint(there) != fmt.Sprint(seen) {
		return fmt.Errorf("version %d has %v and scans %v, %v", snap.version, there, seen, err)
	}
	return nil
}

// What is kept has a limit, and is used.
func TestMemoryHasALimit(t *testing.T) {
	const limit = 1 << 20
	c := newCache[value](limit)
	for i := range uint32(100_000) {
		c.learn(fmt.Sprint(i), make(value, i%200), 1)
	}
	c.learn("large", make(value, maxCached+1), 1)
	kept, size := 0, 0
	for i := range c.shards {
		kept += len(c.shards[i].kept)
		size += c.shards[i].size
		for key, k := range c.shards[i].kept {
			if v, ok := c.get([]byte(key), 1); !ok || len(v) != len(k.value) {
				t.Errorf("%s is kept and not found", key)
			}
			c.wrote(key, 2, func(value) (value, bool) { return nil, false })
		}
		if c.shards[i].size != 0 {
			t.Errorf("an empty shard counts %d bytes", c.shards[i].size)
		}
	}
	if size > limit || size < limit/2 || kept == 0 {
		t.Errorf("%d values, %d bytes of %d", kept, size, limit)
	}
	if _, ok := c.get([]byte("large"), 1); ok {
		t.Error("a large value is kept")
	}
}

func TestFamilyOf(t *testing.T) {
	whole := store.Prefix([]byte("c12345678"))
	backwards, keys, part := whole, whole, whole
	backwards.Reverse, keys.KeysOnly, part.Start = true, true, []byte("c123456789")
	for rule, row := range map[string]struct {
		rng  store.Range
		want string
	}{
		"all of it":       {whole, "c12345678"},
		"backwards":       {backwards, ""},
		"keys only":       {keys, ""},
		"a part":          {part, ""},
		"many":            {store.Prefix([]byte("c")), ""},
		"without an end":  {store.Range{Start: whole.Start}, ""},
		"up to something": {store.Range{Start: whole.Start, End: []byte("c2")}, ""},
		"everything":      {store.Range{}, ""},
	} {
		if got := familyOf(row.rng); string(got) != row.want {
			t.Errorf("%s: %q", rule, got)
		}
	}
}
