package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a server that a test runs.
type process struct {
	flags  []string     // of serve, given to each start
	clock  string       // the clock file; "": the machine's clock
	now    time.Time    // what clock says
	cmd    *exec.Cmd    // nil: not running
	ended  chan error   // one value, when cmd has ended
	output lockedBuffer // of all starts
}

// start returns when the server says that it is ready. Its log goes to
// server.log in the folder.
func (p *process) start(folder string, flags ...string) error {
	if p.cmd != nil {
		return errors.New("a server is running already")
	}
	cmd := exec.Command("tallystick", append(append([]string{"serve"}, p.flags...), flags...)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "TALLYSTICK_CLOCK_FILE="+p.clock, "SOFTHSM2_CONF="+filepath.Join(folder, "softhsm2.conf"))
	ready := &watcher{to: &p.output, word: "Ready.\n", seen: make(chan struct{})}
	log, err := os.OpenFile(filepath.Join(folder, "server.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = ready, io.MultiWriter(&p.output, log)
	if err := cmd.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	p.cmd, p.ended = cmd, make(chan error, 1)
	go func() { p.ended <- errors.Join(cmd.Wait(), log.Close()) }()
	select {
	case <-ready.seen:
		return nil
	case err := <-p.ended:
		p.cmd = nil
		return fmt.Errorf("the server did not start: %v\n%s", err, &p.output)
	case <-time.After(time.Minute):
		p.kill()
		return fmt.Errorf("the server was not ready in time:\n%s", &p.output)
	}
}

// stop asks the server to end and returns how it did.
func (p *process) stop() error {
	if p.cmd == nil {
		return errors.New("no server is running")
	}
	cmd := p.cmd
	p.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.ended:
		if err != nil {
			return fmt.Errorf("the server ended with %w\n%s", err, &p.output)
		}
		return nil
	case <-time.After(time.Minute):
		return errors.Join(errors.New("it does not end"), cmd.Process.Kill(), <-p.ended)
	}
}

// hangUp sends SIGHUP and returns when the server has answered with the text.
func (p *process) hangUp(text string) error {
	before := len(p.output.String())
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	for range 6000 {
		if strings.Contains(p.output.String()[before:], text) {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("the server did not say %q:\n%s", text, p.output.String()[before:])
}

// kill ends the server as a power failure would.
func (p *process) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		<-p.ended
		p.cmd = nil
	}
}

// setClock makes the server's clock stand at a time, in whole seconds, so that no
// time step ends but by the test's will, however slow the machine is.
func (p *process) setClock(now time.Time) error {
	p.now = now.Truncate(time.Second)
	// By a rename, so that the server reads either the old time or the new.
	err := os.WriteFile(p.clock+".new", []byte(p.now.Format(time.RFC3339)), 0o600)
	return errors.Join(err, os.Rename(p.clock+".new", p.clock))
}

// lockedBuffer keeps what the server writes.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// watcher closes seen when a word was written. Only one goroutine writes.
type watcher struct {
	to   io.Writer
	word string
	text string
	seen chan struct{}
}

func (w *watcher) Write(p []byte) (int, error) {
	found := strings.Contains(w.text, w.word)
	if w.text += string(p); !found && strings.Contains(w.text, w.word) {
		defer close(w.seen)
	}
	return w.to.Write(p)
}
