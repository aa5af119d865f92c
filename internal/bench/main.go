//go:build linux

// Command bench measures tallystick, and Debian's slapd beside it where it is
// installed: both are filled with the same people on the same disk, take turns
// in short rounds, and get the same octets from the same load generator. The
// table goes to standard output in Markdown, progress to standard error.
//
// With -ldif N it writes N people as LDIF and does nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// level is a number of connections, and how many requests each has outstanding.
type level struct{ connections, outstanding int }

// levels are what each operation is measured with, and pipelined what those
// are, too, of which a connection may have several under way.
var (
	levels    = []level{{1, 1}, {16, 1}, {64, 1}}
	pipelined = []level{{16, 8}, {64, 8}}
)

func (l level) String() string {
	if l.outstanding == 1 {
		return strconv.Itoa(l.connections)
	}
	return fmt.Sprintf("%d × %d", l.connections, l.outstanding)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := benchmark(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func benchmark(ctx context.Context) error {
	var (
		program  = flag.String("tallystick", "bin/tallystick", "the server's `program`")
		duration = flag.Duration("d", 3*time.Second, "measured time per cell and server")
		rounds   = flag.Int("rounds", 6, "turns a cell is divided into")
		people   = flag.Int("n", 10_000, "people")
		holders  = flag.Int("holders", 20_000, "more people, who hold a TOTP secret; for the operations that spend codes")
		only     = flag.String("only", "", "operations, comma-separated (of "+strings.Join(names(), ", ")+", "+viaBridge+"); none measures the import alone")
		where    = flag.String("dir", os.TempDir(), "`folder` on the disk to measure")
		memory   = flag.Int("memory", 0, "measure what this many people with a TOTP secret take on disk and in memory, and stop")
		empty    = flag.String("empty", "", "serve HTTP at `address` and do nothing with it; how the benchmark runs itself")
		ldif     = flag.Int("ldif", 0, "write this many people as LDIF to standard output and stop")
	)
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if *empty != "" {
		return serveEmpty(*empty)
	}
	if *ldif > 0 {
		return population{people: *ldif}.writeLDIF(os.Stdout, valueFlavour)
	}
	if *rounds < 1 || *people < 1 || *holders < 1 {
		return errors.New("-rounds, -n and -holders must be at least 1")
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	absolute, err := filepath.Abs(*program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(*where, "tallystick-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	describeMachine(dir)
	if *memory > 0 {
		return measureMemory(ctx, dir, absolute, *memory)
	}

	p := population{people: *people}
	bridge := *only == "" || slices.Contains(strings.Split(*only, ","), viaBridge)
	if bridge || slices.ContainsFunc(chosen, func(op operation) bool { return op.withCode != nil }) {
		p.holders = *holders
	}
	servers, err := startServers(ctx, dir, absolute, p)
	defer func() {
		for _, s := range servers {
			s.stop()
		}
	}()
	if err != nil {
		return err
	}
	b := &bench{servers: servers, people: p, duration: *duration, rounds: *rounds}
	err = b.run(ctx, chosen)
	if err == nil && p.holders > 0 {
		err = measureEngine(ctx, filepath.Join(dir, "engine"), *duration)
	}
	if err != nil || !bridge {
		return err
	}
	nothing, err := startEmpty(ctx, dir)
	if nothing != nil {
		servers = append(servers, nothing) // to be stopped
	}
	if err != nil {
		return err
	}
	// First, while the server's heap has no room that a load has left in it.
	if err := measureIdle(servers[0], 10_000); err != nil {
		return err
	}
	return b.measureBridge(ctx, servers[0], nothing, stepAt(time.Now()))
}

// startServers returns tallystick and, if it is there, slapd. What has been
// started is returned even with an error.
func startServers(ctx context.Context, dir, tallystick string, p population) ([]*server, error) {
	var servers []*server
	for _, start := range []func() (*server, error){
		func() (*server, error) { return startTallystick(ctx, filepath.Join(dir, "tallystick"), tallystick, p) },
		func() (*server, error) { return startSlapd(ctx, filepath.Join(dir, "slapd"), p) },
	} {
		s, err := start()
		if s != nil {
			servers = append(servers, s)
		}
		if err != nil {
			return servers, err
		}
		if s != nil {
			progress("%s: imported %s", s.name, s.imported)
		}
	}
	return servers, nil
}

func names() []string {
	all := make([]string, len(operations))
	for i, op := range operations {
		all[i] = op.name
	}
	return all
}

// viaBridge stands for the calls of the HTTP bridge in -only.
const viaBridge = "bridge"

// choose parses -only; "" is all operations, "none" no operation. What is
// measured through the bridge is not among them.
func choose(only string) ([]operation, error) {
	switch only {
	case "":
		return operations, nil
	case "none":
		return nil, nil
	}
	wanted := slices.DeleteFunc(strings.Split(only, ","), func(name string) bool { return name == viaBridge })
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("no operation %q: there are %s", name, strings.Join(names(), ", "))
		}
	}
	var chosen []operation
	for _, op := range operations {
		if slices.Contains(wanted, op.name) {
			chosen = append(chosen, op)
		}
	}
	return chosen, nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
