package badger

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tallystick/directory/store"
)

// damaged returns a copy of the folder root as it is now, open or not: what a
// kill would leave.
func damaged(t *testing.T, root string, damage func(t *testing.T, db string)) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	name, err := readCurrent(dir)
	if err != nil {
		t.Fatal(err)
	}
	damage(t, filepath.Join(dir, name))
	return dir
}

// only returns the one file in dir that matches pattern.
func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	return files[0]
}

func rewrite(t *testing.T, file string, fn func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, fn(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRolledBack: a database that has lost commits is refused, again and
// again, until someone accepts it.
func TestRolledBack(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, db string)
	}{
		{"byte in the middle of the log", func(t *testing.T, db string) {
			rewrite(t, only(t, db, "*.mem"), func(b []byte) []byte {
				b[len(bytes.TrimRight(b, "\x00"))/2] ^= 1
				return b
			})
		}},
		{"log cut", func(t *testing.T, db string) {
			rewrite(t, only(t, db, "*.mem"), func(b []byte) []byte {
				return b[:len(bytes.TrimRight(b, "\x00"))/2]
			})
		}},
		{"log lost", func(t *testing.T, db string) {
			if err := os.Remove(only(t, db, "*.mem")); err != nil {
				t.Fatal(err)
			}
		}},
		{"MANIFEST lost", func(t *testing.T, db string) {
			if err := os.Remove(filepath.Join(db, "MANIFEST")); err != nil {
				t.Fatal(err)
			}
		}},
		{"MANIFEST cut", func(t *testing.T, db string) {
			rewrite(t, filepath.Join(db, "MANIFEST"), func(b []byte) []byte { return b[:len(b)-3] })
		}},
		{"all lost", func(t *testing.T, db string) {
			if err := os.RemoveAll(db); err != nil {
				t.Fatal(err)
			}
		}},
	}
	root := t.TempDir()
	s := open(t, root)
	for i := range 100 {
		mustSet(t, s, fmt.Sprintf("table%03d", i), "v")
	}
	closeStore(t, s)
	s = open(t, root) // now there is a table
	for i := range 100 {
		mustSet(t, s, fmt.Sprintf("log%03d", i), "v")
	}
	if err := s.db.saveWatermark(s.published.Load().version); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := damaged(t, root, test.damage)
			for range 2 {
				_, err := Open(dir, Config{Small: true})
				if !errors.Is(err, ErrRolledBack) || !strings.Contains(err.Error(), "AcceptRollback") {
					t.Fatalf("Open = %v, want ErrRolledBack", err)
				}
			}
			s, err := Open(dir, Config{Small: true, AcceptRollback: true})
			if err != nil {
				t.Fatal(err)
			}
			closeStore(t, s)
			s = open(t, dir)
			mustSet(t, s, "goes", "on")
			closeStore(t, s)
		})
	}
	t.Run("none", func(t *testing.T) {
		s := open(t, damaged(t, root, func(*testing.T, string) {}))
		defer closeStore(t, s)
		n := 0
		scanAll(t, s, func(_, _ []byte) { n++ })
		if n != 200 {
			t.Errorf("%d keys, want 200", n)
		}
	})
	closeStore(t, s)
}

// TestDeletesKeepVersion: a database whose last commits only deleted is not
// taken for an older one when compaction has dropped the deletions.
func TestDeletesKeepVersion(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	load(t, s, 100, "v") // to the lowest level
	err := s.Update(t.Context(), func(w store.Writer) error {
		for i := range 100 {
			w.Delete(fmt.Append(nil, i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, dir)
	if err := s.db.badger.Flatten(2); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, dir)
	scanAll(t, s, func(key, _ []byte) { t.Errorf("%s came back", key) })
	closeStore(t, s)
}

// TestWatermarkDamaged: it says what to do.
func TestWatermarkDamaged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	mustSet(t, s, "k", "v")
	closeStore(t, s)
	file := filepath.Join(dir, "db-000001.watermark")
	rewrite(t, file, func(b []byte) []byte { return bytes.Replace(b, []byte(" 1 "), []byte(" 1 1"), 1) })
	if _, err := Open(dir, Config{Small: true}); err == nil || !strings.Contains(err.Error(), file) {
		t.Fatalf("Open = %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	closeStore(t, open(t, dir))
}

// TestEmptyLogs: Badger leaves such files when it is killed, and would not
// start with them.
func TestEmptyLogs(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	mustSet(t, s, "k", "v")
	dir = damaged(t, dir, func(t *testing.T, db string) {
		for _, name := range []string{"00002.mem", "00009.mem", "000009.vlog"} {
			if err := os.WriteFile(filepath.Join(db, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	closeStore(t, s)
	s = open(t, dir)
	if v, err := get(t, s, "k"); v != "v" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	closeStore(t, s)
}

// TestDamagedTable flips bits in a table. Nothing wrong may ever be read, and
// what is not noticed in reading Verify must notice.
func TestDamagedTable(t *testing.T) {
	value := func(i int) string { return strings.Repeat(fmt.Sprintf("value%d ", i), 1+i%9) }
	const keys = 2000
	root := t.TempDir()
	s := open(t, root)
	err := s.Update(t.Context(), func(w store.Writer) error {
		for i := range keys {
			w.Set(fmt.Appendf(nil, "%d", i), []byte(value(i)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	found := map[string]int{}
	for range 30 {
		at := ""
		dir := damaged(t, root, func(t *testing.T, db string) {
			rewrite(t, only(t, db, "*.sst"), func(b []byte) []byte {
				i := rand.IntN(len(b))
				b[i] ^= 1 << rand.IntN(8)
				at = fmt.Sprint("flipped a bit in byte ", i)
				return b
			})
		})
		s, err := Open(dir, Config{Small: true})
		if err != nil {
			found["at open"]++
			continue
		}
		outcome := readDamaged(t, s, keys, value)
		found[outcome]++
		if err := s.Verify(t.Context(), nil); !errors.Is(err, store.ErrCorrupt) && outcome != "no harm" {
			t.Errorf("%s: %s; Verify = %v, want ErrCorrupt", at, outcome, err)
		}
		closeDamaged(t, s)
	}
	t.Log(found)
}

// readDamaged gets every key and tells how the damage showed. Badger may
// panic over a broken block.
func readDamaged(t *testing.T, s *Store, keys int, value func(int) string) (outcome string) {
	defer func() {
		if p := recover(); p != nil {
			outcome = "in reading"
		}
	}()
	outcome = "no harm"
	for i := range keys {
		v, err := get(t, s, fmt.Sprint(i))
		switch {
		case errors.Is(err, store.ErrNotFound):
			if outcome == "no harm" {
				outcome = "by Verify only"
			}
		case errors.Is(err, store.ErrCorrupt):
			outcome = "in reading"
		case err != nil:
			t.Errorf("Get: %v", err)
		case v != value(i):
			t.Errorf("Get returned a wrong value")
		}
	}
	return outcome
}

// closeDamaged closes a store whose tables may be in any state.
func closeDamaged(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Logf("Close: %v", err)
	}
}

// TestLoadOnDamage: a scan does not see a pair whose version has turned into
// one of the future. A Load would make that last, so it refuses.
func TestLoadOnDamage(t *testing.T) {
	root := t.TempDir()
	s := open(t, root)
	load(t, s, 100, "value")
	closeStore(t, s)
	dir := damaged(t, root, func(t *testing.T, db string) {
		rewrite(t, only(t, db, "*.sst"), func(b []byte) []byte {
			version := bytes.Index(b, []byte{0xff, 0xff, 0xff, 0xff}) // of the first pair, inverted
			b[version] = 0x7f
			return b
		})
	})
	s = open(t, dir)
	err := s.Load(t.Context(), func(put func(key, value []byte) error) error {
		return put([]byte("new"), nil)
	})
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Load = %v, want ErrCorrupt", err)
	}
	closeStore(t, s)
	checkFolder(t, dir)
}
