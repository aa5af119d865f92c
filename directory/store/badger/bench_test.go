package badger

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"tallystick/directory/store"
)

// loadEntries loads n entries of 900 bytes with 60 small keys each, as an
// import of people does.
func loadEntries(tb testing.TB, s *Store, n int) {
	rnd := rand.New(rand.NewPCG(1, 2))
	err := s.Load(context.Background(), func(put func(key, value []byte) error) error {
		value := make([]byte, 900)
		for i := range value {
			value[i] = byte(rnd.Uint32())
		}
		for i := range n {
			id := binary.BigEndian.AppendUint64(nil, uint64(i))
			if err := put(append([]byte("e"), id...), value); err != nil {
				return err
			}
			for attr := range 60 {
				key := fmt.Appendf(nil, "i%c%c%d", 'a'+attr/26, 'a'+attr%26, rnd.Uint32())
				if err := put(append(key, id...), nil); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		s, err := Open(b.TempDir(), Config{})
		if err != nil {
			b.Fatal(err)
		}
		loadEntries(b, s, 100_000)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdate is a small modify: read an entry, write it, exchange an
// index key.
func BenchmarkUpdate(b *testing.B) {
	const entries = 10_000
	value := make([]byte, 900)
	benchUpdates(b, entries, func(w store.Writer, i int64) error {
		id := binary.BigEndian.AppendUint64(nil, uint64(i%entries))
		if _, err := w.Get(append([]byte("e"), id...)); err != nil {
			return err
		}
		w.Set(append([]byte("e"), id...), value)
		w.Delete(fmt.Appendf(nil, "m%x%d", id, i/entries-1))
		w.Set(fmt.Appendf(nil, "m%x%d", id, i/entries), nil)
		return nil
	})
}

// BenchmarkAcceptance writes what the acceptance of a code does, and reads
// nothing: the most that the disk and the engine allow.
func BenchmarkAcceptance(b *testing.B) {
	const entries = 10_000
	credential, record, head := make([]byte, 150), make([]byte, 250), make([]byte, 80)
	benchUpdates(b, entries, func(w store.Writer, i int64) error {
		w.Set(fmt.Appendf(nil, "c%08dAAAAAAAAAAAAAAAAAAAAAAAAAA", i%entries), credential)
		w.Set(binary.BigEndian.AppendUint64([]byte("a"), uint64(i)), record)
		w.Set([]byte("maudit head"), head)
		return nil
	})
}

// benchUpdates runs update for i = 1, 2, … on a store with entries, from
// different numbers of goroutines at a time.
func benchUpdates(b *testing.B, entries int, update func(w store.Writer, i int64) error) {
	for _, workers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", workers), func(b *testing.B) {
			s := benchStore(b, entries)
			var n atomic.Int64
			left := make(chan struct{}, b.N)
			for range b.N {
				left <- struct{}{}
			}
			close(left)
			done := make(chan error, workers)
			b.ReportAllocs()
			b.ResetTimer()
			for range workers {
				go func() {
					var err error
					for range left {
						i := n.Add(1)
						if err = s.Update(context.Background(), func(w store.Writer) error { return update(w, i) }); err != nil {
							break
						}
					}
					done <- err
				}()
			}
			for range workers {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			st := s.Stats()
			b.ReportMetric(float64(st.Updates)/float64(st.Commits), "updates/commit")
		})
	}
}

func BenchmarkGet(b *testing.B) {
	const entries = 10_000
	s := benchStore(b, entries)
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := binary.BigEndian.AppendUint64([]byte("e"), rand.Uint64N(entries))
			if err := s.View(ctx, func(r store.Reader) error {
				_, err := r.Get(key)
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkScan reads ten index keys at a random place.
func BenchmarkScan(b *testing.B) {
	s := benchStore(b, 10_000)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		prefix := fmt.Appendf(nil, "i%c%c%d", 'a'+rand.IntN(2), 'a'+rand.IntN(26), 10+rand.IntN(80))
		rng := store.Prefix(prefix)
		rng.KeysOnly = true
		if err := s.View(ctx, func(r store.Reader) error {
			n := 0
			return r.Scan(rng, func(_, _ []byte) bool {
				n++
				return n < 10
			})
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScanAll reads 600,000 index keys.
func BenchmarkScanAll(b *testing.B) {
	s := benchStore(b, 10_000)
	rng := store.Prefix([]byte("i"))
	rng.KeysOnly = true
	for b.Loop() {
		n := 0
		if err := s.View(context.Background(), func(r store.Reader) error {
			return r.Scan(rng, func(_, _ []byte) bool { n++; return true })
		}); err != nil {
			b.Fatal(err)
		}
		if n == 0 {
			b.Fatal("nothing there")
		}
	}
}

func benchStore(b *testing.B, entries int) *Store {
	s, err := Open(b.TempDir(), Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	loadEntries(b, s, entries)
	return s
}
