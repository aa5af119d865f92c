package main

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// clock returns the program's clock. A file, used by tests only, holds an
// offset such as +31s that is added to the time of day; it is read at each
// use, so that a script can move the time of a running server.
func clock(file string) (func() time.Time, error) {
	if file == "" {
		return time.Now, nil
	}
	first, err := readOffset(file)
	if err != nil {
		return nil, fmt.Errorf("clock file: %w", err)
	}
	var last atomic.Int64 // what was read last: a script may be writing the file right now
	last.Store(int64(first))
	return func() time.Time {
		if offset, err := readOffset(file); err == nil {
			last.Store(int64(offset))
		}
		return time.Now().Add(time.Duration(last.Load()))
	}, nil
}

func readOffset(file string) (time.Duration, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return time.ParseDuration(strings.TrimSpace(string(text)))
}
