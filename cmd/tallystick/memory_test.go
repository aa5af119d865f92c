package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestGrowthWithin(t *testing.T) {
	for _, tt := range []struct {
		name       string
		room, live int64
		percent    int
	}{
		{"little lives", 64, 10, 400},
		{"as much as fits", 64, 16, 400},
		{"no more than the room", 64, 128, 50},
		{"but always something", 64, 64000, 10},
		{"nothing lives", 64, 0, 400},
	} {
		if got := growthWithin(tt.room, tt.live); got != tt.percent {
			t.Errorf("%s: %d%%, want %d%%", tt.name, got, tt.percent)
		}
	}
}

func TestGrowHeap(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	runtime.GC() // something lives
	for _, tt := range []struct {
		room    int64
		percent int
	}{{1, 10}, {1 << 40, heapGrowth}} {
		growHeap(tt.room)
		if got := debug.SetGCPercent(100); got != tt.percent {
			t.Errorf("a room of %d bytes: %d%%, want %d%%", tt.room, got, tt.percent)
		}
	}
}
