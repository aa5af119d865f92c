//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// printHead prints the head of the Markdown table: four columns per server
// and two for each server that the first is compared with.
func printHead(w io.Writer, servers []*server) {
	head, rule := "| operation | connections |", "|---|--:|"
	for _, s := range servers {
		head += fmt.Sprintf(" %s op/s | p50 ms | p99 ms | CPU µs/op |", s.name)
		rule += strings.Repeat("--:|", 4)
	}
	for _, s := range servers[1:] {
		head += fmt.Sprintf(" op/s, × %s | CPU, × %s |", s.name, s.name)
		rule += strings.Repeat("--:|", 2)
	}
	fmt.Fprintf(w, "%s\n%s\n", head, rule)
}

// printRow prints one row; a server without a cell gets dashes.
func printRow(w io.Writer, operation string, at level, servers []*server, cells map[*server]*cell) {
	row := fmt.Sprintf("| %s | %s |", operation, at)
	for _, s := range servers {
		c := cells[s]
		if c == nil || c.inTime == 0 {
			row += strings.Repeat(" – |", 4)
			continue
		}
		slices.Sort(c.latencies)
		row += fmt.Sprintf(" %.0f | %s | %s | %.0f |", c.rate(), ms(percentile(c.latencies, 50)), ms(percentile(c.latencies, 99)), c.cpuPerOperation())
	}
	first := cells[servers[0]]
	for _, s := range servers[1:] {
		c := cells[s]
		if first == nil || first.right == 0 || c == nil || c.inTime == 0 {
			row += strings.Repeat(" – |", 2)
			continue
		}
		row += fmt.Sprintf(" %.2f | %.2f |", first.rate()/c.rate(), first.cpuPerOperation()/c.cpuPerOperation())
	}
	fmt.Fprintln(w, row)
}

// rate is right answers per second.
func (c *cell) rate() float64 { return float64(c.inTime) / c.elapsed.Seconds() }

// cpuPerOperation is the server's processor time for one answer, in µs.
func (c *cell) cpuPerOperation() float64 {
	return float64(c.cpu.Microseconds()) / float64(c.right+c.wrong)
}

// percentile is the nearest-rank percentile of sorted, which is not empty.
func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }

// describeMachine says what the figures depend on.
func describeMachine(dir string) {
	progress("%d cores, %s, %s", runtime.NumCPU(), processor(), runtime.Version())
	if d, err := syncTime(dir); err == nil {
		progress("an fsync of 4 KiB in %s takes %s (median)", dir, d.Round(time.Microsecond))
	}
}

// processor is the model as /proc/cpuinfo has it.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for lines := bufio.NewScanner(bytes.NewReader(info)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// syncTime is the median time of an append and fsync in dir: what one durable
// write costs before a server adds anything.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	times := make([]time.Duration, 64)
	for i := range times {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return percentile(times, 50), nil
}
