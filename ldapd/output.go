package ldapd

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"tallystick/ldapd/wire"
)

const (
	flushSize = 32 << 10 // a buffer this full is written
	writeSize = 64 << 10 // the most that one Write and one WriteTimeout is about
)

// errClosed is what writing to a session that is ending returns.
var errClosed = errors.New("ldapd: session is closed")

// buffers holds output buffers that no connection needs: one that waits for a
// request has none.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

// output collects the responses of a connection and writes them when there
// are many, when the reader is about to wait for the client, or, while it
// waits, when an operation ends.
type output struct {
	clock      *clock
	fail       func()       // called once, with mu held, when the client cannot be written to
	writeSince atomic.Int64 // time on clock when the Write now running began; 0: none

	mu     sync.Mutex // guards what follows; held for whole messages
	nc     net.Conn
	buf    *[]byte // nil: empty
	parked bool    // the reader waits for the client and flushes nothing
	err    error   // why nothing can be written any more
}

// queue queues the message that encode appends: not the last of its operation.
func (o *output) queue(encode func([]byte) []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	b := o.buffer()
	*b = encode(*b)
	if len(*b) >= flushSize {
		return o.flush()
	}
	return nil
}

// flushNow writes what is queued.
func (o *output) flushNow() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.flush()
}

// response queues the last message of an operation. If more may be about to
// come, as when one commit ends many operations, they share a Write.
func (o *output) response(r *wire.Response, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	b := o.buffer()
	*b = r.Append(*b)
	full := len(*b) >= flushSize
	if o.parked && more && !full {
		o.mu.Unlock()
		runtime.Gosched() // theirs first; one of them writes all
		o.mu.Lock()
	}
	if o.parked || full {
		o.flush()
	}
}

// park writes what is queued; from here on operations that end do it.
func (o *output) park() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.parked = true
	return o.flush()
}

func (o *output) unpark() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.parked = false
}

// close writes what is queued and the notice n, if it is not nil, and refuses
// everything after it.
func (o *output) close(n *notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	if n != nil {
		b := o.buffer()
		*b = n.append(*b)
	}
	if o.flush() == nil {
		o.err = errClosed
	}
}

// replace makes nc what is written to. Nothing is queued and no operation
// runs.
func (o *output) replace(nc net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.nc = nc
}

// buffer returns the buffer to append to. mu is held.
func (o *output) buffer() *[]byte {
	if o.buf == nil {
		o.buf = buffers.Get().(*[]byte)
	}
	return o.buf
}

// flush writes what is queued. mu is held.
func (o *output) flush() error {
	if o.buf == nil {
		return o.err
	}
	for b := *o.buf; len(b) > 0 && o.err == nil; {
		n := min(len(b), writeSize)
		o.writeSince.Store(o.clock.now())
		_, err := o.nc.Write(b[:n])
		o.writeSince.Store(0)
		if err != nil {
			o.err = err
			o.fail()
		}
		b = b[n:]
	}
	if cap(*o.buf) <= 2*flushSize {
		*o.buf = (*o.buf)[:0]
		buffers.Put(o.buf)
	}
	o.buf = nil
	return o.err
}
