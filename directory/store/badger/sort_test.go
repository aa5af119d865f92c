package badger

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"tallystick/directory/store"
)

func TestSorter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 2, 100, 5000} {
		root := t.TempDir()
		s, err := newSorter(root, 4<<10)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for i := range n {
			key := []byte{byte(rnd.Uint32()), byte(rnd.Uint32()), byte(i >> 8), byte(i)}
			key = key[rnd.IntN(3):]
			value := bytes.Repeat(key, rnd.IntN(300))
			if i == 7 {
				value = make([]byte, 10<<10) // more than a run
			}
			if _, ok := want[string(key)]; ok {
				continue
			}
			want[string(key)] = string(value)
			if err := s.add(key, value); err != nil {
				t.Fatal(err)
			}
		}
		var keys []string
		err = s.merge(func(key, value []byte) error {
			keys = append(keys, string(key))
			if string(value) != want[string(key)] {
				t.Errorf("key %q has the value of another", key)
			}
			return nil
		})
		if err != nil || !slices.Equal(keys, slices.Sorted(maps.Keys(want))) {
			t.Errorf("%d pairs: got %d keys, %v", n, len(keys), err)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(root); len(left) > 0 || err != nil {
			t.Errorf("left %v, %v", left, err)
		}
	}
}

// TestSorterTwice: a key that comes twice is found in one run and across runs.
func TestSorterTwice(t *testing.T) {
	for _, between := range []int{0, 1000} {
		s, err := newSorter(t.TempDir(), 4<<10)
		if err != nil {
			t.Fatal(err)
		}
		for i := range between + 2 {
			if i == between+1 {
				i = 0
			}
			if err := s.add([]byte{'k', byte(i >> 8), byte(i)}, []byte("value")); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.merge(func(_, _ []byte) error { return nil }); err == nil {
			t.Errorf("%d keys between: no error", between)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzRunFile reads damaged temporary files.
func FuzzRunFile(f *testing.F) {
	good := new(run)
	good.add([]byte("key"), []byte("value"))
	good.add([]byte("k"), nil)
	f.Add(good.data)
	f.Add(good.data[:len(good.data)-1])
	f.Add([]byte{0, 1, 0xff, 0xff, 0xff, 0xff, 'k'})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &fileSource{r: bufio.NewReader(bytes.NewReader(data))}
		again := new(run)
		for {
			err := s.next()
			if err == io.EOF {
				if !bytes.Equal(again.data, data) {
					t.Errorf("%q was read as %q", data, again.data)
				}
				return
			}
			if err != nil {
				return
			}
			again.add(s.pair())
		}
	})
}

func FuzzUnseal(f *testing.F) {
	f.Add([]byte("key"), seal([]byte("key"), []byte("value")))
	f.Add([]byte("key"), []byte("abc"))
	f.Fuzz(func(t *testing.T, key, sealed []byte) {
		value, err := unseal(key, sealed)
		if err != nil {
			if !errors.Is(err, store.ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		if !bytes.Equal(seal(key, value), sealed) {
			t.Errorf("%q is not the seal of %q", sealed, value)
		}
	})
}
