//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tallystick/internal/freeport"
)

// server is a directory server under load.
type server struct {
	name         string
	addr         netip.AddrPort
	http         netip.AddrPort // of its bridge; zero: there is none
	rootDN       string
	rootPassword string
	vendor       bool // has the vendor's extended operations
	process      *exec.Cmd
	exited       chan struct{} // closed when the process is gone
	log          string        // where its output goes
	imported     importFigures
}

// importFigures is what loading the population took.
type importFigures struct {
	entries int
	elapsed time.Duration
	cpu     time.Duration
	maxRSS  int64 // octets
}

func (f importFigures) String() string {
	return fmt.Sprintf("%d entries in %.1f s (%.0f/s), %.1f s of CPU, at most %d MiB of memory", f.entries,
		f.elapsed.Seconds(), float64(f.entries)/f.elapsed.Seconds(), f.cpu.Seconds(), f.maxRSS>>20)
}

// importWith runs a command that loads the population.
func importWith(ctx context.Context, p population, program string, args ...string) (importFigures, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return importFigures{}, fmt.Errorf("%s: %w\n%s", cmd, err, output.Bytes())
	}
	f := importFigures{
		entries: p.entries(),
		elapsed: time.Since(start),
		cpu:     cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		f.maxRSS = usage.Maxrss << 10
	}
	return f, nil
}

// start runs the server's process and waits until it accepts connections.
func (s *server) start(ctx context.Context, dir, program string, args ...string) error {
	s.log = filepath.Join(dir, "log")
	out, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer out.Close() // the process has its own
	s.process = exec.Command(program, args...)
	s.process.Dir = dir
	s.process.Stdout, s.process.Stderr = out, out
	if err := s.process.Start(); err != nil {
		return err
	}
	s.exited = make(chan struct{})
	go func() {
		defer close(s.exited)
		s.process.Wait()
	}()
	for deadline := time.Now().Add(30 * time.Second); ; {
		conn, err := net.DialTimeout("tcp", s.addr.String(), time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-s.exited:
			return s.failed(errors.New("it ended at once"))
		case <-ctx.Done():
			s.stop()
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.stop()
			return s.failed(err)
		}
	}
}

// failed adds the server's name and its last words to err.
func (s *server) failed(err error) error {
	words, _ := os.ReadFile(s.log)
	const tail = 2000
	if len(words) > tail {
		words = words[len(words)-tail:]
	}
	return fmt.Errorf("%s: %w\n%s", s.name, err, words)
}

// stop asks the process to end and, after ten seconds, ends it.
func (s *server) stop() {
	if s.process == nil || s.process.Process == nil {
		return
	}
	s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		s.process.Process.Kill()
		<-s.exited
	}
}

// connect opens connections bound as who, for requests that are answered so.
func (s *server) connect(at level, who identity, want expectation) ([]*client, error) {
	dn, secret := "", ""
	switch who {
	case oneUser:
		dn, secret = userDN(0), password
	case rootUser:
		dn, secret = s.rootDN, s.rootPassword
	}
	clients := make([]*client, 0, at.connections)
	for range at.connections {
		c, err := dial(s.addr, at.outstanding, dn, secret)
		if err != nil {
			disconnect(clients)
			return nil, s.failed(err)
		}
		c.want = want
		clients = append(clients, c)
	}
	return clients, nil
}

func disconnect(clients []*client) {
	for _, c := range clients {
		c.close()
	}
}

// cpu is the processor time the process has used, in user and kernel mode.
func (s *server) cpu() (time.Duration, error) {
	const ofProcess = 2 // CPUCLOCK_SCHED, as clock_getcpuclockid(3) makes an id of it and the process
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^s.process.Process.Pid<<3|ofProcess), &used); err != nil {
		return 0, s.failed(err)
	}
	return time.Duration(used.Nano()), nil
}

// freeAddr is a local address where nothing listens.
func freeAddr() (netip.AddrPort, error) {
	address, err := freeport.Address()
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.ParseAddrPort(address)
}

// writeFile creates path and lets fill write to it.
func writeFile(path string, fill func(f *os.File) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}
