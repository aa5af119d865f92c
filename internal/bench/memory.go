//go:build linux

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// measureMemory prints what tallystick takes for so many people with a TOTP
// secret each: on disk, and of memory after its start and after binds with
// password and code.
func measureMemory(ctx context.Context, dir, program string, holders int) error {
	p := population{people: 1, holders: holders}
	s, err := startTallystick(ctx, filepath.Join(dir, "tallystick"), program, p)
	if err != nil {
		return err
	}
	defer s.stop()
	size, err := sizeOf(filepath.Join(dir, "tallystick", "data", "db"))
	if err != nil {
		return err
	}
	fmt.Printf("imported %s\non disk: %d MiB\n", s.imported, size>>20)
	if err := s.printMemory("after the start"); err != nil {
		return err
	}
	const connections = 16
	clients, err := s.connect(level{connections, 1}, anonymous, expectation{op: bindResponse})
	if err != nil {
		return err
	}
	defer disconnect(clients)
	d := newDeck(p, stepAt(time.Now()))
	hand, err := d.deal(ctx, connections, func(dn, code string) []byte { return bind(dn, password+code) })
	if err != nil {
		return err
	}
	var got sample
	if err := run(clients, hand, 20*time.Second, &got); err != nil {
		return err
	}
	return s.printMemory(fmt.Sprintf("after %d binds with a code", got.right))
}

// printMemory prints the resident memory of the server, and how much of it is
// its own.
func (s *server) printMemory(when string) error {
	resident, own, err := s.memory()
	if err != nil {
		return err
	}
	fmt.Printf("resident %s: %d MiB, %d MiB of it the server's own\n", when, resident>>10, own>>10)
	return nil
}

// memory is the resident memory of the process, and how much of it is its own:
// the rest is the mapped database, which the system takes back. In KiB.
func (s *server) memory() (resident, own int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	if err != nil {
		return 0, 0, s.failed(err)
	}
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmRSS: %d kB", &resident)
		fmt.Sscanf(line, "RssAnon: %d kB", &own)
	}
	return resident, own, nil
}

// sizeOf is what the files in a folder take on disk; Badger's logs have holes.
func sizeOf(folder string) (size int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		size += info.Sys().(*syscall.Stat_t).Blocks * 512
		return nil
	})
	return size, err
}
