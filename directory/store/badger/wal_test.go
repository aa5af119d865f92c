package badger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"tallystick/directory/store"
)

// TestWAL: whatever is committed stands in the file that is flushed then, also
// when Badger goes on to another one.
func TestWAL(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var logs []int
	for start := range 2 {
		for i := range 60 { // of which about 40 fill a memory table
			key := fmt.Appendf(nil, "start %d, key %d of a test", start, i)
			err := s.Update(t.Context(), func(w store.Writer) error {
				w.Set(key, make([]byte, 200_000))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			flushed, err := os.ReadFile(s.db.wal.file.Name())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(flushed, key) {
				t.Fatalf("%s is not in %s", key, filepath.Base(s.db.wal.file.Name()))
			}
			if len(logs) == 0 || logs[len(logs)-1] != s.db.wal.id {
				logs = append(logs, s.db.wal.id)
			}
		}
		closeStore(t, s)
		s = open(t, dir)
	}
	closeStore(t, s)
	if len(logs) < 4 {
		t.Errorf("only the logs %d", logs)
	}
}

// TestFlushFails: what has run on top of a commit that is not durable fails
// with it.
func TestFlushFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	mustSet(t, s, "k", "v")
	if err := s.db.wal.file.Close(); err != nil { // the disk goes away
		t.Fatal(err)
	}
	done := make(chan error)
	const updates = 100
	for i := range updates {
		go func() { done <- set(s, fmt.Sprint("k", i), "v") }()
	}
	for range updates {
		if err := <-done; err == nil {
			t.Error("an update succeeded")
		}
	}
	if v, err := get(t, s, "k"); v != "v" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	if got := s.Stats(); !got.Failed || got.Commits != 1 || got.Waiting != 0 {
		t.Errorf("%+v", got)
	}
	if err := s.Close(); err == nil {
		t.Error("nobody heard of the closed file")
	}
	s = open(t, dir)
	mustSet(t, s, "k", "w")
	closeStore(t, s)
}

// TestNoDescriptors: a commit takes no file descriptor, and so none has to be
// left.
func TestNoDescriptors(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	mustSet(t, s, "k", "v")
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 200
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var taken []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		taken = append(taken, f)
	}
	err := set(s, "k", "w")
	for _, f := range taken {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(err, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)); err != nil {
		t.Error(err)
	}
	if v, err := get(t, s, "k"); v != "w" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
}
