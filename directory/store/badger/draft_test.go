package badger

import (
	"errors"
	"fmt"
	"testing"

	"tallystick/directory/store"
)

func TestDraft(t *testing.T) {
	tests := []struct {
		name   string
		finish func(*Draft) error
		want   string
	}{
		{"commit", (*Draft).Commit, "new"},
		{"discard", (*Draft).Discard, "old"},
		{"commit and discard", func(d *Draft) error { return errors.Join(d.Commit(), d.Discard()) }, "new"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			load(t, s, 1000, "old")
			closeStore(t, s)

			d, err := NewDraft(dir, Config{Small: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, Config{}); !errors.Is(err, ErrInUse) {
				t.Errorf("Open beside a draft: %v, want ErrInUse", err)
			}
			s = open(t, d.Dir())
			err = s.Update(t.Context(), func(w store.Writer) error {
				for i := range 1000 {
					w.Set(fmt.Append(nil, i), []byte("new"))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			closeStore(t, s)
			s = open(t, d.Dir())
			// Compaction now removes the tables that were copied.
			if err := s.db.badger.Flatten(2); err != nil {
				t.Fatal(err)
			}
			closeStore(t, s)
			if err := test.finish(d); err != nil {
				t.Fatal(err)
			}

			s = open(t, dir)
			defer closeStore(t, s)
			n := 0
			scanAll(t, s, func(key, value []byte) {
				if n++; string(value) != test.want {
					t.Errorf("%s is %q, want %q", key, value, test.want)
				}
			})
			if n != 1000 {
				t.Errorf("%d keys, want 1000", n)
			}
			if err := s.Verify(t.Context(), nil); err != nil {
				t.Error(err)
			}
			checkFolder(t, dir)
		})
	}
}

func TestDraftOfNothing(t *testing.T) {
	dir := t.TempDir()
	d, err := NewDraft(dir, Config{Small: true})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, d.Dir())
	if err := s.Load(t.Context(), func(put func(key, value []byte) error) error {
		return put([]byte("k"), []byte("v"))
	}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if err := d.Commit(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if v, err := get(t, s, "k"); v != "v" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	closeStore(t, s)
	checkFolder(t, dir)
}

func TestDraftStillOpen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	mustSet(t, s, "k", "v")
	closeStore(t, s)
	d, err := NewDraft(dir, Config{Small: true})
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, d.Dir())
	if err := d.Commit(); !errors.Is(err, ErrInUse) {
		t.Errorf("Commit = %v, want ErrInUse", err)
	}
	_ = s.Close() // its files are gone
	s = open(t, dir)
	defer closeStore(t, s)
	if v, err := get(t, s, "k"); v != "v" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
}

func TestDraftNoRoom(t *testing.T) {
	dir := t.TempDir()
	closeStore(t, open(t, dir))
	if _, err := NewDraft(dir, Config{MinFree: 1 << 62}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("NewDraft = %v, want ErrReadOnly", err)
	}
	checkFolder(t, dir)
	closeStore(t, open(t, dir))
}
