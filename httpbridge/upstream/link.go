package upstream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"tallystick/internal/ber"
)

// How many octets a server may send for one operation: they are kept in memory.
const (
	longestResponse = 1 << 20
	longestSearch   = 16 << 20
)

var errResponseTooLong = errors.New("response too long")

// link is one connection to a server, with at most one request that waits for
// its answer. One goroutine has it at a time.
type link struct {
	nc     net.Conn
	cut    func() // ends what is being read and written
	server *server
	r      *bufio.Reader
	id     int64 // of the last request
	in     []byte
	used   int // octets of in that had answers since it was cleared

	patience time.Duration // how long an answer may take
	due      atomic.Int64  // when who waits for one gives up, on clock; or one of the states below
	watch    *time.Timer   // looks at due, and cuts: a timer for each request would cost more than the request

	bound  bool // somebody was bound once: before anybody else uses it, it is bound again
	broken bool // reading or writing failed
	sent   bool // octets of the last request may have reached the server
}

// States of a link's due.
const (
	notWaiting = 0
	wasLate    = -1
	isClosed   = -2
)

// errNoAnswer is for the log.
var errNoAnswer = errors.New("no answer in time")

func newLink(nc net.Conn, from *server, patience time.Duration) *link {
	l := &link{nc: nc, cut: cut(nc), server: from, r: bufio.NewReader(nc), patience: patience}
	l.watch = time.AfterFunc(math.MaxInt64, l.look)
	l.watch.Reset(patience) // now that look finds it
	return l
}

// clock is how long the program has run, which no change of the time of day
// moves.
func clock() int64 { return int64(time.Since(began)) }

var began = time.Now()

// wait begins the time that an answer may take.
func (l *link) wait() { l.due.Store(clock() + int64(l.patience)) }

// inTime ends it and reports whether it was long enough. If not, the link is cut.
func (l *link) inTime() bool { return l.due.Swap(notWaiting) != wasLate }

// look cuts the link if somebody has waited for too long, and comes back
// otherwise.
func (l *link) look() {
	due := l.due.Load()
	left := l.patience
	switch {
	case due < 0:
		return
	case due > 0:
		left = time.Duration(due - clock())
	}
	if left <= 0 && l.due.CompareAndSwap(due, wasLate) {
		l.cut()
		return
	}
	l.watch.Reset(max(left, time.Millisecond))
}

// Read is for binds, which are read octet by octet.
func (l *link) Read(b []byte) (int, error) {
	n, err := l.r.Read(b)
	l.broken = l.broken || err != nil
	return n, err
}

func (l *link) Write(b []byte) (int, error) {
	n, err := l.nc.Write(b)
	l.sent = n > 0
	l.broken = l.broken || err != nil
	return n, err
}

// message reads one LDAPMessage of at most limit octets. It is good until the
// next one is read. What is kept grows with what came, not with what was
// announced. Errors: ErrUnavailable, ErrProtocol.
func (l *link) message(limit int) ([]byte, error) {
	var header, length int
	for n := 2; ; n++ {
		b, err := l.r.Peek(n)
		if err != nil {
			l.broken = true
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		_, header, length, err = ber.Header(b)
		if err == nil {
			break
		}
		if !errors.Is(err, ber.ErrTruncated) {
			return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
		}
	}
	total := header + length
	if total > limit {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, errResponseTooLong)
	}
	const step = 64 << 10
	l.in = l.in[:0]
	l.used = max(l.used, total)
	for len(l.in) < total {
		have, more := len(l.in), min(step, total-len(l.in))
		l.in = slices.Grow(l.in, more)[:have+more]
		if _, err := io.ReadFull(l, l.in[have:]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return l.in, nil
}

// forget clears the answers that were kept, secrets among them: nobody asks for
// them again.
func (l *link) forget() {
	clear(l.in[:min(l.used, cap(l.in))])
	if l.used = 0; cap(l.in) > 64<<10 {
		l.in = nil
	}
	if l.r.Buffered() == 0 { // else nobody uses the link again, see alive
		l.r.Reset(l.nc)
		all, _ := l.r.Peek(0)
		clear(all[:cap(all)])
	}
}

// unbind closes the connection politely (RFC 4511, section 4.3), without
// waiting for a server that does not read.
func (l *link) unbind() {
	if !l.broken {
		const unbindRequest = ber.Application | 2
		b, start := ber.Begin(nil, ber.Sequence)
		b = ber.AppendInt(b, ber.Integer, l.nextID())
		b = ber.AppendHeader(b, unbindRequest, 0)
		_ = l.nc.SetDeadline(time.Now().Add(time.Second))
		_, _ = l.nc.Write(ber.End(b, start))
	}
	l.due.Store(isClosed)
	l.watch.Stop()
	_ = l.nc.Close()
}

// nextID is the messageID of the next request. It begins anew where those of
// binds begin.
func (l *link) nextID() int64 {
	if l.id++; l.id >= bindEndID {
		l.id = 1
	}
	return l.id
}

// cut ends every read and write on nc, now and from now on.
func cut(nc net.Conn) func() {
	past := time.Unix(1, 0)
	return func() { _ = nc.SetDeadline(past) }
}
