package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"tallystick/directory/store"
)

type put = func(key, value []byte) error

func testLoad(t *testing.T, open Open) {
	for _, n := range []int{0, 1, 1000, 20_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			// A store that was used and is empty again may be loaded too.
			set(t, s, "0000000")
			update(t, s, func(w store.Writer) error { w.Delete([]byte("0000000")); return nil })

			var keys []string
			for i := range n {
				keys = append(keys, fmt.Sprintf("%07d", i*7))
			}
			err := s.Load(context.Background(), func(put put) error {
				var key, value []byte // put keeps nothing of what it gets
				for _, i := range rand.Perm(n) {
					key, value = append(key[:0], keys[i]...), append(value[:0], keys[i]...)
					if err := put(key, value); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatalf("Load: %v", err)
			}
			check := func() {
				t.Helper()
				view(t, s, func(r store.Reader) error {
					checkScan(t, r, store.Range{}, keys)
					return nil
				})
			}
			check()
			set(t, s, "z")
			keys = append(keys, "z")
			check()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
			check()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What Load puts stands beside what was there, and takes the place of a key
// that was there.
func testLoadOver(t *testing.T, open Open) {
	dir := t.TempDir()
	s := open(t, dir)
	update(t, s, func(w store.Writer) error {
		for i := range 2000 {
			w.Set(fmt.Appendf(nil, "%06d", i*2), []byte("old"))
		}
		return nil
	})
	err := s.Load(context.Background(), func(put put) error {
		for _, i := range rand.Perm(2000) {
			if err := put(fmt.Appendf(nil, "%06d", 1000+i*3), []byte("new")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for i := range 2000 {
		want[fmt.Sprintf("%06d", i*2)] = "old"
	}
	for i := range 2000 {
		want[fmt.Sprintf("%06d", 1000+i*3)] = "new"
	}
	for range 2 {
		got := map[string]string{}
		view(t, s, func(r store.Reader) error {
			return r.Scan(store.Range{}, func(key, value []byte) bool {
				got[string(key)] = string(value)
				return true
			})
		})
		if !maps.Equal(got, want) {
			t.Errorf("%d keys, want %d with the values of both", len(got), len(want))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func testLoadRefusals(t *testing.T, open Open) {
	failure := errors.New("bad record")
	canceled, cancel := context.WithCancel(context.Background())
	defer cancel()
	tests := []struct {
		name string
		ctx  context.Context
		load func(put put) error
		want error // nil: any
	}{
		{"fn fails", context.Background(), func(put put) error { return failure }, failure},
		{"the same key twice", context.Background(), func(put put) error { return put([]byte("key5"), nil) }, nil},
		{"empty key", context.Background(), func(put put) error { return put(nil, nil) }, store.ErrInvalidKey},
		{"long value", context.Background(), func(put put) error { return put([]byte("k"), make([]byte, 2<<20)) }, store.ErrTooLarge},
		{"a refusal is ignored", context.Background(), func(put put) error { _ = put(nil, nil); return nil }, store.ErrInvalidKey},
		{"context ends", canceled, func(put put) error { cancel(); return put([]byte("k"), nil) }, context.Canceled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := open.fresh(t)
			err := s.Load(test.ctx, func(put put) error {
				for i := range 10 {
					if err := put(fmt.Appendf(nil, "key%d", i), nil); err != nil {
						return err
					}
				}
				return test.load(put)
			})
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("Load = %v, want %v", err, test.want)
			}
			view(t, s, func(r store.Reader) error {
				checkScan(t, r, store.Range{}, nil)
				return nil
			})
			// The store goes on as if nothing had been.
			set(t, s, "k")
		})
	}

	t.Run("a failure in a store that holds something", func(t *testing.T) {
		s := open.fresh(t)
		set(t, s, "k")
		err := s.Load(context.Background(), func(put put) error {
			return errors.Join(put([]byte("x"), nil), failure)
		})
		if !errors.Is(err, failure) {
			t.Errorf("Load = %v, want %v", err, failure)
		}
		view(t, s, func(r store.Reader) error {
			checkScan(t, r, store.Range{}, []string{"k"})
			return nil
		})
	})

	t.Run("changed meanwhile", func(t *testing.T) {
		s := open.fresh(t)
		err := s.Load(context.Background(), func(put put) error {
			set(t, s, "k")
			return put([]byte("x"), nil)
		})
		var got []string
		view(t, s, func(r store.Reader) (err error) {
			got, err = list(r, store.Range{KeysOnly: true})
			return err
		})
		if !errors.Is(err, store.ErrChanged) || !slices.Equal(got, []string{"k"}) {
			t.Errorf("Load = %v and left %q; want ErrChanged and the k that came first", err, got)
		}
	})
}
