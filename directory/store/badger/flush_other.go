//go:build !linux

package badger

import "os"

// flushData makes f durable, also what was written to it through a mapping where
// the system has one cache for both, as the systems we know do.
func flushData(f *os.File) error { return f.Sync() }
