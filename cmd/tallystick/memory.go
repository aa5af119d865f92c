package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// What lives in the heap of a server is small beside what its requests leave
// behind, so it may grow to a few times that before it is collected: of a code
// that is checked and written down this takes a sixth of the time away. Where
// much lives, as under ten thousand idle connections, it grows by no more than
// heapRoom, and the limit holds as far as it can.
const (
	heapGrowth = 400 // percent
	heapRoom   = 128 << 20
	heapLimit  = 768 << 20
)

// tuneMemory sets all of that, unless the environment has (GOGC, GOMEMLIMIT),
// and goes on setting the growth as more or less lives. The room and the limit
// are in bytes.
func tuneMemory(room, limit int64) {
	if os.Getenv("GOGC") == "" {
		growHeap(room)
		go func() {
			for range time.Tick(time.Second) {
				growHeap(room)
			}
		}()
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// growHeap sets how far the heap may grow beyond what lived at the last collection.
func growHeap(room int64) {
	lives := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(lives)
	debug.SetGCPercent(growthWithin(room, int64(lives[0].Value.Uint64()+lives[1].Value.Uint64())))
}

// growthWithin is the percentage by which live bytes may grow so that they stay
// within room.
func growthWithin(room, live int64) int {
	return int(min(heapGrowth, max(room*100/max(live, 1), 10)))
}
