package main

import (
	"os"
	"runtime/debug"
)

// What lives in the heap of a server is small beside what its requests leave
// behind, so it may grow to a few times that before it is collected: of a code
// that is checked and written down this takes a sixth of the time away. Where
// much lives the limit holds, as far as it can.
const (
	heapGrowth = 400 // percent
	heapLimit  = 768 << 20
)

// tuneMemory sets both, unless the environment has (GOGC, GOMEMLIMIT). The
// limit is in bytes.
func tuneMemory(limit int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
