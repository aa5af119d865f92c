package inprocess_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"

	"tallystick/internal/inprocess"
)

// What every net.Conn does.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		a, b := inprocess.Pipe()
		return a, b, func() { a.Close(); b.Close() }, nil
	})
}

func TestWriteDoesNotWaitForReader(t *testing.T) {
	a, b := inprocess.Pipe()
	if _, err := a.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	a.Close()
	got, err := io.ReadAll(b)
	if err != nil || string(got) != "last words" {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writing to a closed end: %v", err)
	}
}

// A writer waits while much is on its way, until the reader takes some of it or
// its own deadline is over.
func TestWriterWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := inprocess.Pipe()
		all := bytes.Repeat([]byte("0123456789"), 1<<20)
		wrote := make(chan error, 1)
		go func() {
			_, err := a.Write(all)
			wrote <- err
		}()
		synctest.Wait()
		select {
		case err := <-wrote:
			t.Fatalf("10 MiB were taken at once, %v", err)
		default:
		}
		got := make([]byte, len(all))
		if _, err := io.ReadFull(b, got); err != nil || !bytes.Equal(got, all) {
			t.Fatalf("not what was written, %v", err)
		}
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}

		start := time.Now()
		a.SetWriteDeadline(start.Add(time.Minute))
		n, err := a.Write(all)
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n == len(all) || time.Since(start) != time.Minute {
			t.Errorf("wrote %d of %d in %v, %v", n, len(all), time.Since(start), err)
		}
	})
}

// One end may be done with writing and still read.
func TestCloseWrite(t *testing.T) {
	a, b := inprocess.Pipe()
	a.CloseWrite()
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read %d, %v", n, err)
	}
	if _, err := b.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if got, err := io.ReadAll(a); err != nil || string(got) != "answer" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestQuiet(t *testing.T) {
	a, b := inprocess.Pipe()
	if !a.Quiet() {
		t.Error("not quiet from the beginning")
	}
	b.Write([]byte("x"))
	if a.Quiet() {
		t.Error("quiet with something to read")
	}
	a.Read(make([]byte, 1))
	if !a.Quiet() {
		t.Error("not quiet after it was read")
	}
	b.Close()
	if a.Quiet() {
		t.Error("quiet after the other end has gone")
	}
}

func TestListener(t *testing.T) {
	l := inprocess.Listen()
	go func() {
		c, err := l.Accept()
		if err == nil {
			io.WriteString(c, "welcome")
			c.Close()
		}
	}()
	c, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "welcome" {
		t.Errorf("read %q, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("dialling with nobody to accept: %v", err)
	}
	l.Close()
	l.Close()
	if _, err := l.Dial(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("dialling a closed listener: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepting on a closed listener: %v", err)
	}
}
