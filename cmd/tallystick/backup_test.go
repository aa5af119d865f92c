package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tallystick/directory/store"
	"tallystick/directory/store/badger"
)

// A key whose version on disk has turned into one of the future is just not
// seen by who reads the database. A backup without it would look whole.
func TestBackUpOfADamagedDatabase(t *testing.T) {
	c := &config{Data: t.TempDir()}
	s, err := badger.Open(c.database(), c.storeConfig(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	err = s.Load(context.Background(), func(put func(key, value []byte) error) error {
		for i := range 100 {
			if err := put(fmt.Appendf(nil, "a%08d", i), []byte("value")); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "backup")
	if sum, err := backUp(context.Background(), c, name, time.Now()); err != nil || sum.Pairs != 100 {
		t.Fatalf("%d pairs, %v", sum.Pairs, err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}

	tables, err := filepath.Glob(filepath.Join(c.database(), "db-*", "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatal(tables, err)
	}
	f, err := os.OpenFile(tables[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	const version = 4 + 9 // behind the header and the key of the first pair; inverted
	_, err = f.WriteAt([]byte{0x7f}, version)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if sum, err := backUp(context.Background(), c, name, time.Now()); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("%d pairs, %v", sum.Pairs, err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("there is a backup")
	}
}

// What is not a file is not replaced by one: "backup /dev/null" must not take
// the device away.
func TestWriteWholeReplacesOnlyFiles(t *testing.T) {
	device, target := filepath.Join(t.TempDir(), "device"), filepath.Join(t.TempDir(), "new")
	if err := os.Symlink(os.DevNull, device); err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{device: false, t.TempDir(): false, target: true} {
		for range 2 { // new, and over the one before
			err := writeWhole(name, func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err })
			if (err == nil) != ok {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if text, err := os.Readlink(device); err != nil || text != os.DevNull {
		t.Errorf("%q, %v", text, err)
	}
}
