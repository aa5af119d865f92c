package badger

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Load tells how far it is, and ends where it said it would.
func TestLoadProgress(t *testing.T) {
	var told [][2]int64
	s, err := Open(t.TempDir(), Config{Small: true, MinFree: -1, Progress: func(written, of int64) {
		told = append(told, [2]int64{written, of})
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const pairs, octets = 12_000, 1_000
	err = s.Load(t.Context(), func(put func(key, value []byte) error) error {
		for i := range pairs {
			if err := put(fmt.Appendf(nil, "key %06d", i), bytes.Repeat([]byte{'v'}, octets)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) < 2 {
		t.Fatalf("told %v", told)
	}
	last := int64(0)
	for _, p := range told {
		if p[0] < last || p[0] > p[1] || p[1] < pairs*octets || p[1] != told[0][1] {
			t.Errorf("told %v", told)
		}
		last = p[0]
	}
	if of := told[0][1]; last < of*9/10 {
		t.Errorf("ended at %d of %d", last, of)
	}
}

// What is paged out is no more in the memory of the process, and is what it was
// when it is read.
func TestPageOut(t *testing.T) {
	folder := t.TempDir()
	var system unix.Statfs_t
	if err := unix.Statfs(folder, &system); err != nil || system.Type == unix.TMPFS_MAGIC {
		t.Skip("the folder is in memory, error ", err)
	}
	name := filepath.Join(folder, "mapped")
	want := bytes.Repeat([]byte("content "), 1<<20)
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil { // what is not on disk is kept
		t.Fatal(err)
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, len(want), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mapped)
	read := func() int {
		if !bytes.Equal(mapped, want) {
			t.Fatal("the content is another one")
		}
		return resident(t, name)
	}
	before := read()
	if err := unix.Madvise(mapped, unix.MADV_PAGEOUT); err != nil || resident(t, name) >= before {
		t.Skip("the system does not take such advice here, error ", err)
	}
	before = read()
	pageOut(folder)
	if after := resident(t, name); after >= before {
		t.Errorf("%d KiB resident, and %d before", after, before)
	}
	read()
}

// resident is how much of a mapped file is in memory, in KiB.
func resident(t *testing.T, name string) (size int) {
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer maps.Close()
	within := false
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		line := lines.Text()
		if strings.Contains(line, " /") || strings.HasSuffix(line, " 0 ") {
			within = strings.HasSuffix(line, name)
		}
		var n int
		if _, err := fmt.Sscanf(line, "Rss: %d kB", &n); err == nil && within {
			size += n
		}
	}
	return size
}
