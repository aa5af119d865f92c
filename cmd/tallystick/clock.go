package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// clock returns the program's clock. A file, used by tests only, holds an
// offset such as +31s that is added to the time of day, or a time (RFC 3339) at
// which the clock stands; it is read at each use, so that a script can move the
// time of a running server.
func clock(file string) (func() time.Time, error) {
	if file == "" {
		return time.Now, nil
	}
	first, err := readClock(file)
	if err != nil {
		return nil, fmt.Errorf("clock file: %w", err)
	}
	var last atomic.Pointer[func() time.Time] // what was read last: a script may be writing the file right now
	last.Store(&first)
	return func() time.Time {
		if now, err := readClock(file); err == nil {
			last.Store(&now)
		}
		return (*last.Load())()
	}, nil
}

func readClock(file string) (func() time.Time, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	value := strings.TrimSpace(string(text))
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return func() time.Time { return at }, nil
	}
	offset, err := time.ParseDuration(value)
	if err != nil {
		return nil, err
	}
	return func() time.Time { return time.Now().Add(offset) }, nil
}
