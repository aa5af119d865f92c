package badger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"tallystick/directory/store"
	"tallystick/directory/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string) store.Store { return open(t, dir) })
}

// TestStoreManyRuns loads through files: a run holds some 500 pairs.
func TestStoreManyRuns(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Config{Small: true, sortMemory: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	err = s.Load(t.Context(), func(put func(key, value []byte) error) error {
		for i := range n {
			if err := put(fmt.Appendf(nil, "%05d", i*7919%n), []byte("v")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	scanAll(t, s, func(key, _ []byte) {
		if want := fmt.Sprintf("%05d", i); string(key) != want {
			t.Fatalf("key %q, want %q", key, want)
		}
		i++
	})
	if i != n {
		t.Errorf("%d keys, want %d", i, n)
	}
	closeStore(t, s)
	checkFolder(t, dir)
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

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func scanAll(t testing.TB, s *Store, fn func(key, value []byte)) {
	t.Helper()
	err := s.View(context.Background(), func(r store.Reader) error {
		return r.Scan(store.Range{}, func(key, value []byte) bool {
			fn(key, value)
			return true
		})
	})
	if err != nil {
		t.Fatalf("Scan: %v", err)
	}
}

// waitFor polls until ok, for a minute. The test goes on, to end what it has
// begun.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !ok(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Errorf("waited in vain for %s", what)
			return
		}
	}
}

func set(s *Store, key, value string) error {
	return s.Update(context.Background(), func(w store.Writer) error {
		w.Set([]byte(key), []byte(value))
		return nil
	})
}

func mustSet(t testing.TB, s *Store, key, value string) {
	t.Helper()
	if err := set(s, key, value); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func get(t testing.TB, s *Store, key string) (value string, err error) {
	t.Helper()
	err = s.View(context.Background(), func(r store.Reader) error {
		v, err := r.Get([]byte(key))
		value = string(v)
		return err
	})
	return value, err
}

// load fills the store with the keys 0 to n-1, all with the same value.
func load(t testing.TB, s *Store, n int, value string) {
	t.Helper()
	err := s.Load(context.Background(), func(put func(key, value []byte) error) error {
		for i := range n {
			if err := put(fmt.Append(nil, i), []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
}

func TestUpdateSizes(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	tests := []struct {
		name  string
		keys  int
		value int
		want  error
	}{
		{"ten thousand small keys", 10_000, 40, nil},
		{"as many keys again over them", 10_000, 41, nil},
		{"too many keys", 20_000, 0, store.ErrTooLarge},
		{"too many bytes", 200, 10_000, store.ErrTooLarge},
		{"longest value", 1, maxValue, nil},
		{"longer value", 1, maxValue + 1, store.ErrTooLarge},
	}
	for _, test := range tests {
		value := make([]byte, test.value)
		err := s.Update(t.Context(), func(w store.Writer) error {
			for i := range test.keys {
				w.Set(fmt.Appendf(nil, "%s %d", test.name, i), value)
			}
			return nil
		})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		n := 0
		scanAll(t, s, func(key, v []byte) {
			if strings.HasPrefix(string(key), test.name+" ") && len(v) == test.value {
				n++
			}
		})
		if want := test.keys; test.want == nil && n != want || test.want != nil && n != 0 {
			t.Errorf("%s: %d keys are there", test.name, n)
		}
	}
}

// TestGroupOverflow runs updates together that do not fit into one commit.
func TestGroupOverflow(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	const updates = 40
	value := make([]byte, 200_000) // six of them fill a commit
	done := make(chan error, updates)
	release := make(chan struct{})
	go func() {
		done <- s.Update(t.Context(), func(store.Writer) error { <-release; return nil })
	}()
	for i := range updates - 1 {
		go func() {
			done <- s.Update(t.Context(), func(w store.Writer) error {
				w.Set([]byte("last"), fmt.Append(nil, i))
				w.Set(fmt.Appendf(nil, "key%d", i), value)
				return nil
			})
		}()
	}
	waitFor(t, "updates to wait", func() bool { return s.Stats().Waiting >= updates/2 })
	close(release)
	for range updates {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	n := 0
	scanAll(t, s, func(_, _ []byte) { n++ })
	if n != updates {
		t.Errorf("%d keys, want %d", n, updates)
	}
}

func TestReservedKeys(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	for _, key := range []string{string(versionKey), string(versionKey) + "x", "!badger!x"} {
		if err := set(s, key, ""); !errors.Is(err, store.ErrInvalidKey) {
			t.Errorf("Set %q: %v, want ErrInvalidKey", key, err)
		}
		if _, err := get(t, s, key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get %q: %v, want ErrNotFound", key, err)
		}
	}
}

// TestBadUpdates: an update that panics or ends its goroutine changes nothing,
// and the others do not notice.
func TestBadUpdates(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	for name, leave := range map[string]func(){
		"panic":  func() { panic("at the disco") },
		"Goexit": runtime.Goexit,
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			err := s.Update(t.Context(), func(w store.Writer) error {
				w.Set([]byte("bad"), nil)
				leave()
				return nil
			})
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}()
		<-done
		mustSet(t, s, "good", name)
		if v, err := get(t, s, "good"); v != name || err != nil {
			t.Errorf("%s: %q, %v", name, v, err)
		}
		if _, err := get(t, s, "bad"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s left something behind: %v", name, err)
		}
	}
}

// TestFailedCommit: after a commit of unknown outcome nothing is built on it.
func TestFailedCommit(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	mustSet(t, s, "k", "old")
	if err := s.db.badger.Close(); err != nil { // the disk goes away
		t.Fatal(err)
	}
	for range 2 {
		if err := set(s, "k", "new"); err == nil || !strings.Contains(err.Error(), "restart") {
			t.Errorf("Update = %v", err)
		}
	}
	if got := s.Stats(); !got.Failed || !got.ReadOnly {
		t.Errorf("%+v", got)
	}
	closeStore(t, s)
	s = open(t, dir)
	defer closeStore(t, s)
	if v, err := get(t, s, "k"); v != "old" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
}

func TestStats(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	mustSet(t, s, "k", "v")
	mustSet(t, s, "k", "w")
	if err := s.Update(t.Context(), func(store.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	began := s.Stats().Cache
	for range 3 {
		if v, err := get(t, s, "k"); v != "w" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	}
	got := s.Stats()
	if got.LastCommit.IsZero() || time.Since(got.LastCommit) < 0 {
		t.Errorf("last commit at %s", got.LastCommit)
	}
	if c := got.Cache; c.Hits-began.Hits != 2 || c.Misses-began.Misses != 1 || c.Bytes <= 1+1 {
		t.Errorf("of three reads of one key: %+v, before %+v", c, began)
	}
	got.Tables, got.Logs, got.Free, got.LastCommit, got.Cache = 0, 0, 0, time.Time{}, CacheStats{}
	if want := (Stats{Updates: 2, Commits: 2, Version: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	closeStore(t, s)
	if got := s.Stats(); got != (Stats{}) {
		t.Errorf("closed: %+v", got)
	}
}

// TestViewDuringUpdate: readers do not wait for writers.
func TestViewDuringUpdate(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	mustSet(t, s, "k", "old")
	err := s.Update(t.Context(), func(w store.Writer) error {
		w.Set([]byte("k"), []byte("new"))
		v, err := get(t, s, "k")
		if v != "old" {
			t.Errorf("a view saw %q of an update that is not committed", v)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestQueuedCancel: an update whose context ends while it waits does not run.
func TestQueuedCancel(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	err := s.Update(t.Context(), func(store.Writer) error {
		go func() {
			done <- s.Update(ctx, func(w store.Writer) error {
				t.Error("it ran")
				return nil
			})
		}()
		waitFor(t, "the update to wait", func() bool { return s.Stats().Waiting >= 2 })
		cancel()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// TestCloseWaits: a view that has begun reads to its end.
func TestCloseWaits(t *testing.T) {
	s := open(t, t.TempDir())
	mustSet(t, s, "k", "v")
	closed := make(chan error, 1)
	err := s.View(t.Context(), func(r store.Reader) error {
		go func() { closed <- s.Close() }()
		waitFor(t, "Close to begin", func() bool { return s.published.Load() == nil })
		select {
		case err := <-closed:
			t.Error("closed under a reader")
			closed <- err
		default:
		}
		_, err := r.Get([]byte("k"))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it does not close")
	}
}

// Scans see the newest version of each key, however many older ones there are.
func TestScanVersions(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	versions := map[string]int{"a": 1, "b": 3 * fewVersions, "b\x00": 2, "c": fewVersions, "d": fewVersions + 1, "e": 1}
	for key, n := range versions {
		for i := range n {
			mustSet(t, s, key, fmt.Sprint(i+1))
		}
	}
	remove := func(key string) {
		if err := s.Update(t.Context(), func(w store.Writer) error { w.Delete([]byte(key)); return nil }); err != nil {
			t.Fatal(err)
		}
		delete(versions, key)
	}
	remove("d")
	mustSet(t, s, "a", "2")
	versions["a"] = 2
	err := s.View(t.Context(), func(before store.Reader) error {
		mustSet(t, s, "a", "too new")
		remove("e")
		versions["e"] = 1
		for _, reverse := range []bool{false, true} {
			got := map[string]int{}
			err := before.Scan(store.Range{Reverse: reverse}, func(key, value []byte) bool {
				got[string(key)], _ = strconv.Atoi(string(value))
				return true
			})
			if err != nil {
				return err
			}
			if !maps.Equal(got, versions) {
				t.Errorf("reverse %v: %v, want %v", reverse, got, versions)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
