package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// size is a number of octets, written 4096, 256KiB, 16MiB or 1GiB.
type size int64

var sizeUnits = []struct {
	suffix string
	factor int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
}

// UnmarshalYAML reads a size from its text.
func (s *size) UnmarshalYAML(text []byte) error {
	number, factor := unquote(text), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return fmt.Errorf("%q is not a size like 256KiB or 16MiB", unquote(text))
	}
	*s = size(n * factor)
	return nil
}

// duration is a time.Duration, written 500ms, 30s, 15m or 2h30m; 0 needs no
// unit.
type duration time.Duration

// UnmarshalYAML reads a duration from its text.
func (d *duration) UnmarshalYAML(text []byte) error {
	v, err := time.ParseDuration(unquote(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a time like 500ms, 30s or 15m", unquote(text))
	}
	*d = duration(v)
	return nil
}

func unquote(text []byte) string {
	return strings.Trim(strings.TrimSpace(string(text)), `"'`)
}
