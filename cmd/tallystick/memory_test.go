package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
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

// Each collection sets the growth anew.
func TestGrowHeap(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	now := func() int {
		percent := debug.SetGCPercent(77)
		return percent
	}
	growHeap(1) // next to no room
	if now() != 10 {
		t.Error("not set at once")
	}
	for deadline := time.Now().Add(time.Minute); now() != 10; time.Sleep(time.Millisecond) {
		if runtime.GC(); time.Now().After(deadline) {
			t.Fatal("not set by a collection")
		}
	}
}
