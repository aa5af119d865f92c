package badger

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checkFolder fails the test if the folder of a closed store holds more than
// it should.
func checkFolder(t testing.TB, root string) {
	t.Helper()
	name, err := readCurrent(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.Contains([]string{"lock", currentFile, name, name + ".watermark"}, f.Name()) {
			t.Errorf("%s was left behind", f.Name())
		}
	}
}

func TestOpenTwice(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := Open(dir, Config{})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "the server is running") {
		t.Errorf("Open = %v, want ErrInUse", err)
	}
	if _, err := NewDraft(dir, Config{}); !errors.Is(err, ErrInUse) {
		t.Errorf("NewDraft = %v, want ErrInUse", err)
	}
	closeStore(t, s)
	closeStore(t, open(t, dir))
}

// TestLeftovers: what a kill may leave in the folder is gone after Open.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	mustSet(t, s, "k", "v")
	closeStore(t, s)
	for _, name := range []string{"db-000002/000001.sst", "db-000002.watermark", "db-000000/x",
		"sort-1/run-000000", "draft-1/CURRENT", "CURRENT.tmp", "db-000001.watermark.tmp"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir)
	if v, err := get(t, s, "k"); v != "v" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	closeStore(t, s)
	checkFolder(t, dir)
}

func TestCurrent(t *testing.T) {
	dir := t.TempDir()
	closeStore(t, open(t, dir))
	current := filepath.Join(dir, currentFile)
	for _, text := range []string{"", "tallystick-store 2 db-000001\n", "tallystick-store 1 db-1\n", "tallystick-store 1 ../db-000001\n"} {
		if err := os.WriteFile(current, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, Config{}); err == nil {
			t.Errorf("opened with %q", text)
		}
	}
	// Which database is meant cannot be guessed.
	if err := os.Remove(current); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Config{}); err == nil || !strings.Contains(err.Error(), currentFile) {
		t.Errorf("Open without CURRENT: %v", err)
	}
}

func FuzzCurrent(f *testing.F) {
	f.Add("tallystick-store 1 db-000001\n")
	f.Add("tallystick-store 1 db-1234567")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		name, err := parseCurrent(text)
		if err != nil {
			return
		}
		if filepath.Base(name) != name || !strings.HasPrefix(name, "db-") {
			t.Errorf("%q gives the name %q", text, name)
		}
	})
}

func FuzzWatermark(f *testing.F) {
	f.Add(watermarkText(0))
	f.Add(watermarkText(1<<64 - 1))
	f.Add("tallystick-watermark 1 5 00000000\n")
	f.Fuzz(func(t *testing.T, text string) {
		if version, ok := parseWatermark(text); ok && watermarkText(version) != text {
			t.Errorf("%q was taken for %d", text, version)
		}
	})
}

// TestLoadCurrentFails: when CURRENT cannot be replaced nobody knows which
// database it names, so Load removes neither. The next Open knows.
func TestLoadCurrentFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	mustSet(t, s, "k", "v")
	if err := os.Mkdir(filepath.Join(dir, currentFile+".tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := s.Load(t.Context(), func(put func(key, value []byte) error) error {
		return put([]byte("l"), nil)
	})
	if err == nil {
		t.Error("Load succeeded")
	}
	if err := set(s, "k", "w"); err == nil {
		t.Error("an update succeeded on a database that may be the wrong one")
	}
	for _, name := range []string{databaseName(1), databaseName(2)} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	closeStore(t, s)
	s = open(t, dir)
	if v, err := get(t, s, "k"); v != "v" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	closeStore(t, s)
	checkFolder(t, dir)
}
