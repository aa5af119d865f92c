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
	for _, memory := range []int{4 << 20, 512 << 10, 64 << 10, -1} { // with room, with too little, with hardly any, none
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
	defer func() { // before the store is closed
		close(stop)
		readers.Wait()
	}()
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
}

// readsAsBadger compares what a reader of the snapshot finds with what Badger
// itself has: one key, and all that begin with a prefix.
func readsAsBadger(snap *snapshot, key, prefix []byte) error {
	r := &reader{ctx: context.Background(), snap: snap}
	want, err := snap.read(key)
	for range 2 { // from Badger, perhaps, and then from the heap
		got, readErr := r.Get(key)
		if !errors.Is(readErr, err) || !bytes.Equal(got, want) {
			return fmt.Errorf("version %d has %s = %q, %v and reads %q, %v", snap.version, key, want, err, got, readErr)
		}
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

// What is kept has a limit, and is used: each key has its own value or none.
func TestMemoryHasALimit(t *testing.T) {
	const limit, keys = 8 << 20, 100_000
	c := newCache(limit)
	key := func(n uint32) []byte { return fmt.Append(nil, n) }
	value := func(n uint32, version uint64) []byte {
		switch n % 10 {
		case 0:
			return nil // nothing is there
		case 1:
			return []byte{}
		}
		return bytes.Repeat(fmt.Appendf(nil, "%d at %d,", n, version), int(n%20))
	}
	for n := range uint32(keys) {
		c.learn(key(n), value(n, 1), uint64(n))
		if n%2 == 0 { // leaves dead values behind
			c.wrote(key(n/2), uint64(n)+1, func([]byte) ([]byte, bool) { return value(n/2, 2), true })
		}
	}
	c.learn([]byte("large"), make([]byte, maxCached+1), keys)
	found := 0
	for n := range uint32(keys) {
		got, ok := c.get(key(n), keys)
		if !ok {
			continue
		}
		found++
		if want := value(n, 2); n < keys/2 && (!bytes.Equal(got, want) || (got == nil) != (want == nil)) {
			t.Fatalf("%d: %q instead of %q", n, got, want)
		}
		if want := value(n, 1); n >= keys/2 && (!bytes.Equal(got, want) || (got == nil) != (want == nil)) {
			t.Fatalf("%d: %q instead of %q", n, got, want)
		}
	}
	if _, ok := c.get([]byte("large"), keys); ok {
		t.Error("a large value is kept")
	}
	stats := c.stats()
	if stats.Bytes > limit || stats.Bytes < limit/2 || found < keys/10 || found == keys {
		t.Errorf("%d values in %d bytes of %d", found, stats.Bytes, limit)
	}
	// With the last place goes the last record: all of each block is dead.
	for n := range uint32(keys) {
		c.wrote(key(n), keys+1, func([]byte) ([]byte, bool) { return nil, false })
	}
	for i := range c.shards {
		s := &c.shards[i]
		if len(s.places) != 0 {
			t.Errorf("shard %d still has %d places", i, len(s.places))
		}
		for _, b := range s.blocks {
			if b.dead != len(b.records) {
				t.Errorf("%d of %d bytes are dead", b.dead, len(b.records))
			}
		}
	}
}

// A key that no commit takes is not kept either, and reading it does no harm.
func TestMemoryLeavesLongKeys(t *testing.T) {
	c := newCache(128 << 20)
	for i := range 200 {
		key := bytes.Repeat([]byte{byte(i)}, maxKey+1+i*100)
		c.learn(key, nil, 1)
		if _, ok := c.get(key, 1); ok {
			t.Fatalf("a key of %d bytes is kept", len(key))
		}
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
