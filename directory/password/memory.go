package password

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// maxMemory is how many KiB all memory-hard hashes that run at one time may
// use together, and so the most that one may use.
const maxMemory = 256 << 10

var memory = semaphore.NewWeighted(maxMemory)

// reserve waits until kib are free and returns what gives them back.
func reserve(kib int64) (release func()) {
	if kib == 0 {
		return func() {}
	}
	// A background context: there is no error, and the wait is as short as
	// the hashes before it.
	_ = memory.Acquire(context.Background(), kib)
	return func() { memory.Release(kib) }
}
