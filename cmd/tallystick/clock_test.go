package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "clock")
	if _, err := clock(name); err == nil {
		t.Error("a clock file that is not there was taken")
	}
	write := func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("+24h\n")
	now, err := clock(name)
	if err != nil {
		t.Fatal(err)
	}
	ahead := func(want time.Duration) {
		t.Helper()
		if got := time.Until(now()).Round(time.Hour); got != want {
			t.Errorf("the clock is %v ahead, want %v", got, want)
		}
	}
	ahead(24 * time.Hour)
	write("-48h")
	ahead(-48 * time.Hour)
	write("") // a script that is writing the file
	ahead(-48 * time.Hour)
	write("2001-02-03T04:05:06+01:00")
	for range 2 {
		if want := time.Date(2001, 2, 3, 3, 5, 6, 0, time.UTC); !now().Equal(want) {
			t.Errorf("the clock stands at %v, want %v", now(), want)
		}
	}
}
