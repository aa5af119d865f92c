package inprocess

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	most = 64 << 10 // octets on their way in one direction; who writes more waits
	kept = 4 << 10  // the buffer that an idle connection keeps in one direction, at most
)

// Conn is one end of a connection. Unlike an end of net.Pipe it takes what is
// written without waiting for the other end to read it, as a socket does.
type Conn struct{ in, out *stream }

// Pipe returns the two ends of a connection.
func Pipe() (*Conn, *Conn) {
	a, b := newStream(), newStream()
	return &Conn{in: a, out: b}, &Conn{in: b, out: a}
}

// Read reads what has come; io.EOF once the other end writes no more.
func (c *Conn) Read(p []byte) (int, error) { return c.in.read(p) }

// Write sends p, and waits only while too much is on its way. io.ErrClosedPipe:
// the other end is closed.
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close ends both directions. The other end can still read what is on its way.
func (c *Conn) Close() error {
	c.in.close(true)
	c.out.close(false)
	return nil
}

// CloseWrite ends the direction to the other end.
func (c *Conn) CloseWrite() error {
	c.out.close(false)
	return nil
}

// Quiet reports whether the other end has neither sent anything that is not
// read yet nor closed the connection.
func (c *Conn) Quiet() bool { return c.in.quiet() }

func (c *Conn) LocalAddr() net.Addr  { return addr{} }
func (c *Conn) RemoteAddr() net.Addr { return addr{} }

func (c *Conn) SetDeadline(t time.Time) error {
	c.in.set(&c.in.readBy, t)
	c.out.set(&c.out.writeBy, t)
	return nil
}

func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.set(&c.in.readBy, t)
	return nil
}

func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.out.set(&c.out.writeBy, t)
	return nil
}

// stream is one direction of a connection.
type stream struct {
	mu      sync.Mutex // guards what follows
	changed sync.Cond  // anything of it has
	buf     []byte     // buf[r:] is on its way
	r       int
	noMore  bool // nothing is written any more
	unread  bool // nothing is read any more
	readBy  deadline
	writeBy deadline
}

func newStream() *stream {
	s := &stream{}
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.unread:
			return 0, net.ErrClosed
		case s.readBy.over():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case s.r < len(s.buf):
			return s.take(p), nil
		case s.noMore:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

// take copies what is there into p. mu is held.
func (s *stream) take(p []byte) int {
	full := len(s.buf)-s.r >= most
	n := copy(p, s.buf[s.r:])
	clear(s.buf[s.r : s.r+n]) // passwords among it
	s.r += n
	if s.r == len(s.buf) {
		s.buf, s.r = s.buf[:0], 0
		if cap(s.buf) > kept {
			s.buf = nil
		}
	}
	if full {
		s.changed.Broadcast()
	}
	return n
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.noMore:
			return n, net.ErrClosed
		case s.unread:
			return n, io.ErrClosedPipe
		case s.writeBy.over():
			return n, os.ErrDeadlineExceeded
		case len(p) == 0:
			return n, nil
		}
		if room := min(most-(len(s.buf)-s.r), len(p)); room > 0 {
			if s.r > 0 && len(s.buf)+room > cap(s.buf) {
				s.buf, s.r = s.buf[:copy(s.buf, s.buf[s.r:])], 0
			}
			s.buf = append(s.buf, p[:room]...)
			n, p = n+room, p[room:]
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

// close ends the stream: by who reads it, who also forgets what is on its way,
// or by who writes it.
func (s *stream) close(reader bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reader {
		s.unread = true
		clear(s.buf)
		s.buf, s.r = nil, 0
		s.readBy.stop()
	} else {
		s.noMore = true
		s.writeBy.stop()
	}
	s.changed.Broadcast()
}

func (s *stream) quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r == len(s.buf) && !s.noMore && !s.unread
}

// deadline is that of reading or writing a stream, whose mu guards it.
type deadline struct {
	at    time.Time // zero: none
	timer *time.Timer
}

func (d *deadline) over() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// set makes t the deadline d, and wakes who waits, now and then.
func (s *stream) set(d *deadline, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.stop()
	left := time.Until(t)
	if !t.IsZero() {
		t = time.Now().Add(left) // by the clock that nobody sets, as the timer
	}
	d.at, d.timer = t, nil
	if !t.IsZero() && left > 0 {
		d.timer = time.AfterFunc(left, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed.Broadcast()
		})
	}
	s.changed.Broadcast()
}
