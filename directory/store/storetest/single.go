package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"tallystick/directory/store"
)

func testValues(t *testing.T, open Open) {
	long := strings.Repeat("v", 1_000_000)
	set := func(k, v string) func(store.Writer) {
		return func(w store.Writer) { w.Set([]byte(k), []byte(v)) }
	}
	del := func(k string) func(store.Writer) {
		return func(w store.Writer) { w.Delete([]byte(k)) }
	}
	const absent = "\x00absent"
	tests := []struct {
		name    string
		updates [][]func(store.Writer)
		key     string
		want    string
	}{
		{"never set", nil, "k", absent},
		{"set", [][]func(store.Writer){{set("k", "v")}}, "k", "v"},
		{"empty value", [][]func(store.Writer){{set("k", "")}}, "k", ""},
		{"binary key", [][]func(store.Writer){{set("\x00\xff\x00", "v")}}, "\x00\xff\x00", "v"},
		{"a prefix is another key", [][]func(store.Writer){{set("kk", "v")}}, "k", absent},
		{"set twice in one update", [][]func(store.Writer){{set("k", "1"), set("k", "2")}}, "k", "2"},
		{"set twice", [][]func(store.Writer){{set("k", "1")}, {set("k", "2")}}, "k", "2"},
		{"delete", [][]func(store.Writer){{set("k", "v")}, {del("k")}}, "k", absent},
		{"delete what is not there", [][]func(store.Writer){{del("k")}}, "k", absent},
		{"set and delete in one update", [][]func(store.Writer){{set("k", "v"), del("k")}}, "k", absent},
		{"delete and set in one update", [][]func(store.Writer){{set("k", "1")}, {del("k"), set("k", "2")}}, "k", "2"},
		{"delete and set again", [][]func(store.Writer){{set("k", "1")}, {del("k")}, {set("k", "2")}}, "k", "2"},
		{"long value", [][]func(store.Writer){{set("k", long)}}, "k", long},
		{"long key", [][]func(store.Writer){{set(long[:1024], "v")}}, long[:1024], "v"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := open.fresh(t)
			check := func(r store.Reader) {
				t.Helper()
				got, err := r.Get([]byte(test.key))
				if test.want == absent {
					if !errors.Is(err, store.ErrNotFound) {
						t.Errorf("Get = %.20q, %v; want ErrNotFound", got, err)
					}
				} else if err != nil || string(got) != test.want {
					t.Errorf("Get = %.20q, %v; want %.20q", got, err, test.want)
				}
			}
			for i, changes := range test.updates {
				update(t, s, func(w store.Writer) error {
					for _, change := range changes {
						change(w)
					}
					if i == len(test.updates)-1 {
						check(w) // its own writes
					}
					return nil
				})
			}
			view(t, s, func(r store.Reader) error {
				check(r)
				return nil
			})
		})
	}

	t.Run("copies", func(t *testing.T) {
		s := open.fresh(t)
		k, v := []byte("key"), []byte("value")
		update(t, s, func(w store.Writer) error {
			copy(k, "key")
			copy(v, "value")
			w.Set(k, v)
			copy(k, "xxx")
			copy(v, "xxxxx")
			wantValue(t, w, "key", "value")
			w.Set([]byte("gone"), nil)
			copy(k, "gon")
			w.Delete(k)
			return nil
		})
		view(t, s, func(r store.Reader) error {
			wantValue(t, r, "key", "value")
			wantValue(t, r, "gone", "")
			return nil
		})
	})
}

func testRefusals(t *testing.T, open Open) {
	s := open.fresh(t)
	tests := []struct {
		name       string
		key, value []byte
		want       error
	}{
		{"empty key", nil, []byte("v"), store.ErrInvalidKey},
		{"key of 1 MiB", bytes.Repeat([]byte("k"), 1<<20), nil, store.ErrTooLarge},
		{"value of 2 MiB", []byte("k"), make([]byte, 2<<20), store.ErrTooLarge},
	}
	for _, test := range tests {
		err := s.Update(context.Background(), func(w store.Writer) error {
			w.Set([]byte("beside"), nil)
			w.Set(test.key, test.value)
			return nil
		})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	view(t, s, func(r store.Reader) error {
		if there, err := has(r, "beside"); there || err != nil {
			t.Errorf("a refused update left something behind (%v)", err)
		}
		if _, err := r.Get(nil); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get of the empty key: %v, want ErrNotFound", err)
		}
		return nil
	})
}

func testScan(t *testing.T, open Open) {
	s := open.fresh(t)
	set(t, s, "a", "ab", "ab\x00", "abc", "ac", "b", "c\xff", "c\xff\xff", "d", "\xff", "\xff\xff")
	set(t, s, "aa", "e")
	update(t, s, func(w store.Writer) error {
		w.Delete([]byte("aa"))
		w.Delete([]byte("e"))
		return nil
	})
	tests := []struct {
		name string
		rng  store.Range
		want string
	}{
		{"everything", store.Range{}, "a ab ab\x00 abc ac b c\xff c\xff\xff d \xff \xff\xff"},
		{"start is included", store.Range{Start: []byte("d")}, "d \xff \xff\xff"},
		{"start between keys", store.Range{Start: []byte("bb")}, "c\xff c\xff\xff d \xff \xff\xff"},
		{"end is not included", store.Range{End: []byte("abc")}, "a ab ab\x00"},
		{"end between keys", store.Range{End: []byte("abb")}, "a ab ab\x00"},
		{"start and end", store.Range{Start: []byte("ab\x00"), End: []byte("b")}, "ab\x00 abc ac"},
		{"one key", store.Range{Start: []byte("b"), End: []byte("b\x00")}, "b"},
		{"start is end", store.Range{Start: []byte("b"), End: []byte("b")}, ""},
		{"start after end", store.Range{Start: []byte("c"), End: []byte("a")}, ""},
		{"behind the last", store.Range{Start: []byte("\xff\xff\x00")}, ""},
		{"before the first", store.Range{End: []byte("a")}, ""},
		{"prefix", store.Prefix([]byte("ab")), "ab ab\x00 abc"},
		{"prefix that is a key", store.Prefix([]byte("b")), "b"},
		{"prefix of nothing", store.Prefix([]byte("aa")), ""},
		{"prefix ending in ff", store.Prefix([]byte("c\xff")), "c\xff c\xff\xff"},
		{"prefix of ff only", store.Prefix([]byte("\xff")), "\xff \xff\xff"},
		{"empty prefix", store.Prefix(nil), "a ab ab\x00 abc ac b c\xff c\xff\xff d \xff \xff\xff"},
		{"within a prefix", store.Range{Start: []byte("abc"), End: []byte("b")}, "abc ac"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var keys []string
			if test.want != "" {
				keys = strings.Split(test.want, " ")
			}
			view(t, s, func(r store.Reader) error {
				checkScan(t, r, test.rng, keys)
				return nil
			})
			update(t, s, func(w store.Writer) error {
				checkScan(t, w, test.rng, keys)
				return nil
			})
		})
	}

	t.Run("stops", func(t *testing.T) {
		view(t, s, func(r store.Reader) error {
			for _, reverse := range []bool{false, true} {
				n := 0
				err := r.Scan(store.Range{Reverse: reverse}, func(_, _ []byte) bool {
					n++
					return n < 3
				})
				if n != 3 || err != nil {
					t.Errorf("reverse %v: %d calls, %v; want 3", reverse, n, err)
				}
			}
			return nil
		})
	})
}

// checkScan scans rng forwards and backwards, with and without values.
func checkScan(t *testing.T, r store.Reader, rng store.Range, keys []string) {
	t.Helper()
	for _, keysOnly := range []bool{false, true} {
		for _, reverse := range []bool{false, true} {
			rng.KeysOnly, rng.Reverse = keysOnly, reverse
			var want []string
			for _, k := range keys {
				if !keysOnly {
					k += "=" + k
				}
				want = append(want, k)
			}
			if reverse {
				slices.Reverse(want)
			}
			got, err := list(r, rng)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("keysOnly %v, reverse %v: %q, %v; want %q", keysOnly, reverse, got, err, want)
			}
		}
	}
}

func testScanOwnWrites(t *testing.T, open Open) {
	s := open.fresh(t)
	set(t, s, "a", "c", "e", "g")
	update(t, s, func(w store.Writer) error {
		checkScan(t, w, store.Range{}, []string{"a", "c", "e", "g"})
		w.Set([]byte("b"), []byte("b")) // between
		w.Set([]byte("h"), []byte("h")) // behind
		w.Delete([]byte("c"))           // hidden
		w.Set([]byte("d"), []byte("d")) // comes and goes
		w.Delete([]byte("d"))
		w.Delete([]byte("x")) // never was
		checkScan(t, w, store.Range{}, []string{"a", "b", "e", "g", "h"})
		checkScan(t, w, store.Range{Start: []byte("b"), End: []byte("g")}, []string{"b", "e"})
		w.Delete([]byte("a"))
		w.Delete([]byte("h"))
		w.Set([]byte("c"), []byte("c")) // back again
		checkScan(t, w, store.Range{}, []string{"b", "c", "e", "g"})

		// A scan does not see what is done while it runs.
		var seen []string
		err := w.Scan(store.Range{}, func(key, _ []byte) bool {
			seen = append(seen, string(key))
			w.Delete(key)
			w.Set(append([]byte("new "), key...), nil)
			return true
		})
		if want := []string{"b", "c", "e", "g"}; err != nil || !slices.Equal(seen, want) {
			t.Errorf("scan that changes: saw %q, %v; want %q", seen, err, want)
		}
		return nil
	})
	view(t, s, func(r store.Reader) error {
		got, err := list(r, store.Range{KeysOnly: true})
		if want := []string{"new b", "new c", "new e", "new g"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("afterwards: %q, %v; want %q", got, err, want)
		}
		return nil
	})
}

func testFailedUpdate(t *testing.T, open Open) {
	s := open.fresh(t)
	set(t, s, "kept", "changed")
	failure := errors.New("no")
	err := s.Update(context.Background(), func(w store.Writer) error {
		w.Delete([]byte("kept"))
		w.Set([]byte("changed"), nil)
		w.Set([]byte("new"), nil)
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("Update = %v, want the error of fn", err)
	}
	if err := s.View(context.Background(), func(store.Reader) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("View = %v, want the error of fn", err)
	}
	view(t, s, func(r store.Reader) error {
		checkScan(t, r, store.Range{}, []string{"changed", "kept"})
		return nil
	})
}

func testContext(t *testing.T, open Open) {
	s := open.fresh(t)
	set(t, s, "k")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ran := false
	if err := s.View(ctx, func(store.Reader) error { ran = true; return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View = %v, want context.Canceled", err)
	}
	if err := s.Update(ctx, func(store.Writer) error { ran = true; return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want context.Canceled", err)
	}
	if ran {
		t.Error("fn ran although the context had ended")
	}

	ctx, cancel = context.WithCancel(context.Background())
	err := s.View(ctx, func(r store.Reader) error {
		cancel()
		return r.Scan(store.Range{}, func(_, _ []byte) bool { return true })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Scan = %v, want context.Canceled", err)
	}
}

func testSnapshot(t *testing.T, open Open) {
	s := open.fresh(t)
	set(t, s, "a", "b")
	view(t, s, func(r store.Reader) error {
		for i := range 50 { // enough to make an engine tidy up
			update(t, s, func(w store.Writer) error {
				w.Delete([]byte("a"))
				w.Set([]byte("b"), []byte{byte(i)})
				w.Set([]byte("c"), []byte("c"))
				return nil
			})
		}
		checkScan(t, r, store.Range{}, []string{"a", "b"})
		wantValue(t, r, "b", "b")
		view(t, s, func(newer store.Reader) error {
			wantValue(t, newer, "b", "\x31")
			if there, err := has(newer, "a"); there || err != nil {
				t.Errorf("a is still there (%v)", err)
			}
			return nil
		})
		return nil
	})
}

// testHold: a held state stays as it was until it is released, by whomever.
func testHold(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	hold := func() store.Held {
		t.Helper()
		h, err := s.Hold()
		if err != nil {
			t.Fatalf("Hold: %v", err)
		}
		return h
	}
	want := func(h store.Held, keys ...string) {
		t.Helper()
		if err := h.View(context.Background(), func(r store.Reader) error {
			checkScan(t, r, store.Range{}, keys)
			return nil
		}); err != nil {
			t.Errorf("Held.View: %v", err)
		}
	}
	gone := func(why string, h store.Held) {
		t.Helper()
		err := h.View(context.Background(), func(store.Reader) error { t.Errorf("%s: fn ran", why); return nil })
		if !errors.Is(err, store.ErrReleased) {
			t.Errorf("%s: Held.View = %v, want ErrReleased", why, err)
		}
	}
	set(t, s, "a", "b")
	first := hold()
	update(t, s, func(w store.Writer) error { w.Delete([]byte("a")); return nil })
	second := hold()
	for i := range 50 { // enough to make an engine tidy up
		update(t, s, func(w store.Writer) error {
			w.Set([]byte("b"), []byte{byte(i)})
			w.Set([]byte("c"), []byte("c"))
			return nil
		})
	}
	want(first, "a", "b")
	want(second, "b")
	if err := first.View(context.Background(), func(r store.Reader) error {
		first.Release()
		wantValue(t, r, "b", "b") // the view goes on
		return nil
	}); err != nil {
		t.Errorf("Held.View: %v", err)
	}
	first.Release()
	gone("released", first)
	want(second, "b")
	ended, end := context.WithCancel(context.Background())
	end()
	if err := second.View(ended, func(store.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Held.View of an ended context = %v", err)
	}
	if err := s.Load(context.Background(), func(put func(key, value []byte) error) error {
		return put([]byte("d"), []byte("d"))
	}); err != nil {
		t.Fatalf("Load does not wait for what is held, and fails: %v", err)
	}
	if err := second.View(context.Background(), func(r store.Reader) error {
		checkScan(t, r, store.Range{}, []string{"b"})
		return nil
	}); err != nil && !errors.Is(err, store.ErrReleased) {
		t.Errorf("Held.View after Load: %v", err)
	}
	set(t, s, "b")
	third := hold()
	want(third, "b", "c", "d")
	if err := s.Close(); err != nil { // which does not wait for it either
		t.Errorf("Close: %v", err)
	}
	gone("closed", third)
	if _, err := s.Hold(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Hold after Close = %v", err)
	}
}

func testReopen(t *testing.T, open Open) {
	dir := t.TempDir()
	var want []string
	for i := range 5 {
		s := open(t, dir)
		view(t, s, func(r store.Reader) error {
			checkScan(t, r, store.Range{}, want)
			return nil
		})
		k := string(rune('a' + i))
		set(t, s, k, "doomed")
		update(t, s, func(w store.Writer) error {
			w.Delete([]byte("doomed"))
			return nil
		})
		want = append(want, k)
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
}

func testClosed(t *testing.T, open Open) {
	s := open(t, t.TempDir())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	calls := map[string]error{
		"View":   s.View(ctx, func(store.Reader) error { return nil }),
		"Update": s.Update(ctx, func(store.Writer) error { return nil }),
		"Load":   s.Load(ctx, func(func(_, _ []byte) error) error { return nil }),
		"Close":  s.Close(),
	}
	for name, err := range calls {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close = %v, want ErrClosed", name, err)
		}
	}
}
