package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"tallystick/directory/store"
)

// parallel runs fn in n goroutines and waits for them.
func parallel(n int, fn func(worker int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func testReadYourWrites(t *testing.T, open Open) {
	s := open.fresh(t)
	ctx := context.Background()
	parallel(16, func(worker int) {
		for i := range 50 {
			key := fmt.Appendf(nil, "%d/%d", worker, i)
			if err := s.Update(ctx, func(w store.Writer) error { w.Set(key, key); return nil }); err != nil {
				t.Errorf("Update: %v", err)
				return
			}
			if err := s.View(ctx, func(r store.Reader) error {
				wantValue(t, r, string(key), string(key))
				return nil
			}); err != nil {
				t.Errorf("View: %v", err)
				return
			}
		}
	})
	view(t, s, func(r store.Reader) error {
		if got, err := list(r, store.Range{KeysOnly: true}); len(got) != 16*50 || err != nil {
			t.Errorf("%d keys, %v; want %d", len(got), err, 16*50)
		}
		return nil
	})
}

// testCounter counts on one key from many goroutines, some of whose updates
// fail after they have counted.
func testCounter(t *testing.T, open Open) {
	s := open.fresh(t)
	const workers, rounds = 16, 50
	key := []byte("counter")
	failure := errors.New("changed my mind")
	parallel(workers, func(int) {
		for i := range rounds {
			err := s.Update(context.Background(), func(w store.Writer) error {
				n := make([]byte, 8)
				old, err := w.Get(key)
				switch {
				case err == nil:
					binary.BigEndian.PutUint64(n, binary.BigEndian.Uint64(old)+1)
				case errors.Is(err, store.ErrNotFound):
					binary.BigEndian.PutUint64(n, 1)
				default:
					return err
				}
				w.Set(key, n)
				if i%5 == 4 {
					return failure
				}
				return nil
			})
			if i%5 == 4 && !errors.Is(err, failure) || i%5 != 4 && err != nil {
				t.Errorf("Update: %v", err)
			}
		}
	})
	view(t, s, func(r store.Reader) error {
		value, err := r.Get(key)
		if err != nil {
			return err
		}
		if got := binary.BigEndian.Uint64(value); got != workers*rounds*4/5 {
			t.Errorf("counted %d, want %d", got, workers*rounds*4/5)
		}
		return nil
	})
}

// testWriteSkew has two doctors on call, each of whom may leave while the
// other stays; they read one key and write another.
func testWriteSkew(t *testing.T, open Open) {
	s := open.fresh(t)
	for round := range 100 {
		set(t, s, "0", "1")
		parallel(2, func(me int) {
			other := fmt.Sprint(1 - me)
			err := s.Update(context.Background(), func(w store.Writer) error {
				stays, err := has(w, other)
				if stays {
					w.Delete(fmt.Append(nil, me))
				}
				return err
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
		view(t, s, func(r store.Reader) error {
			got, err := list(r, store.Range{KeysOnly: true})
			if len(got) != 1 || err != nil {
				t.Errorf("round %d: on call %q, %v; want one", round, got, err)
			}
			return nil
		})
	}
}

// testPhantoms adds children and deletes parents that a scan says have none.
func testPhantoms(t *testing.T, open Open) {
	s := open.fresh(t)
	ctx := context.Background()
	const parents = 8
	var added, deleted atomic.Int64
	parallel(16, func(worker int) {
		for i := range 60 {
			parent := fmt.Sprintf("p%d", (worker+i)%parents)
			children := store.Prefix([]byte("c/" + parent + "/"))
			children.KeysOnly = true
			var did *atomic.Int64
			err := s.Update(ctx, func(w store.Writer) error {
				did = nil
				there, err := has(w, parent)
				if err != nil {
					return err
				}
				if worker%2 == 0 { // add, with the parent if need be
					if !there {
						w.Set([]byte(parent), nil)
						return nil
					}
					w.Set(fmt.Appendf(nil, "c/%s/%d-%d", parent, worker, i), nil)
					did = &added
					return nil
				}
				var some []byte // delete a child, or a parent without any
				if err := w.Scan(children, func(key, _ []byte) bool {
					some = append([]byte(nil), key...)
					return false
				}); err != nil {
					return err
				}
				if some != nil {
					w.Delete(some)
					return nil
				}
				w.Delete([]byte(parent))
				did = &deleted
				return nil
			})
			if err != nil {
				t.Errorf("Update: %v", err)
				return
			}
			if did != nil {
				did.Add(1)
			}
		}
	})
	view(t, s, func(r store.Reader) error {
		keys, err := list(r, store.Range{Start: []byte("c/"), End: []byte("c0"), KeysOnly: true})
		for _, key := range keys {
			if there, err := has(r, key[2:4]); !there {
				t.Errorf("%s is an orphan (%v)", key, err)
			}
		}
		return err
	})
	t.Logf("added %d children, deleted %d parents", added.Load(), deleted.Load())
}

// testUniqueness lets many try to take the same name; one of them may.
func testUniqueness(t *testing.T, open Open) {
	s := open.fresh(t)
	taken := errors.New("taken")
	for round := range 20 {
		var winners atomic.Int64
		name := fmt.Sprintf("name%d", round)
		parallel(8, func(worker int) {
			err := s.Update(context.Background(), func(w store.Writer) error {
				if there, err := has(w, name); there || err != nil {
					return errors.Join(taken, err)
				}
				w.Set([]byte(name), fmt.Append(nil, worker))
				return nil
			})
			if err == nil {
				winners.Add(1)
			} else if !errors.Is(err, taken) {
				t.Errorf("Update: %v", err)
			}
		})
		if n := winners.Load(); n != 1 {
			t.Errorf("round %d: %d winners", round, n)
		}
	}
}
