package ldapd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// conn is one LDAP session (RFC 4511, section 5). One goroutine at a time
// reads it; operation.slow passes that role on.
type conn struct {
	srv     *Server
	id      uint64
	peerKey string
	within  bool     // it comes from this process itself
	raw     net.Conn // the transport; nc is this or TLS on it
	bridge  bool     // it may say whom it asks for

	told atomic.Pointer[toldClient] // the last whom it asked for; nil: nobody yet

	ctx    context.Context // of all operations; ends with the session
	cancel context.CancelFunc
	closed chan struct{} // closed when nothing is left of the session

	// Owned by the goroutine that reads.
	nc    net.Conn
	in    input
	share share               // of the request that is being read
	who   directory.Requester // changes only while no operation runs

	out output

	running sync.WaitGroup // operations in ops; the goroutine that reads adds and waits

	mu    sync.Mutex           // guards ops, txns and the state of each operation
	ops   map[int32]*operation // run beside the reading, by messageID; nil: none yet
	txns  transactions
	freed chan struct{} // gets one, if it has none, when one of ops has ended

	// Times on the server's clock, for the janitor; 0: not so.
	idleSince    atomic.Int64 // waiting for the first octet of a request
	partialSince atomic.Int64 // waiting for the rest of one

	idleLimit atomic.Int64 // of whom it is, in milliseconds; 0: Config's, negative: none

	identity string // whose connection it is, see claim; guarded by Server.mu

	stopping atomic.Pointer[notice] // set once: why the reader has to end the session
}

func newConn(s *Server, id uint64, nc net.Conn, key string) *conn {
	c := &conn{srv: s, id: id, raw: nc, nc: nc, peerKey: key, closed: make(chan struct{}), freed: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.in.read, c.in.admit = c.read, c.takeShare
	c.out = output{clock: &s.clock, fail: c.kill, nc: nc}
	return c
}

// run serves the session from its beginning.
func (c *conn) run(secure bool) {
	c.who = c.srv.identify(c.raw, secure)
	c.bridge = c.srv.isBridge(c.who)
	c.log(slog.LevelDebug, "connection opened")
	if secure {
		if err := c.startTLS(); err != nil {
			c.end(err)
			return
		}
	}
	c.serve()
}

// serve reads and runs operations until the session ends or another goroutine
// reads on.
func (c *conn) serve() {
	for {
		op, err := c.next()
		if err != nil {
			c.end(err)
			return
		}
		handedOn, err := c.perform(op)
		if handedOn {
			return
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

// errUnbind ends a session as the client asked (RFC 4511, section 4.3).
var errUnbind = errors.New("unbind")

// next reads the next request that is an operation to perform. Requests that
// cannot be are answered here. Errors end the session; one that is a *notice
// is told to the client.
func (c *conn) next() (op *operation, err error) {
	defer recovered(&err)
	defer c.share.giveBack() // which an operation has taken over
	for {
		c.share.giveBack() // of one that was refused
		if n := c.stopping.Load(); n != nil {
			return nil, n
		}
		pdu, err := c.in.next(c.maxMessage())
		if err != nil {
			if n := c.stopping.Load(); n != nil {
				return nil, n // which interrupted the reading
			}
			return nil, err
		}
		c.partialSince.Store(0)
		m, err := wire.Decode(pdu, c.srv.cfg.Decoding)
		if refused, ok := errors.AsType[*wire.RequestError](err); ok {
			if err := c.checkMessageID(refused.ID); err != nil {
				return nil, err
			}
			c.refuse(refused)
			continue
		}
		if err != nil {
			return nil, noticeMalformed(err)
		}
		if _, ok := m.Request.(*wire.UnbindRequest); ok {
			return nil, errUnbind
		}
		if err := c.checkMessageID(m.ID); err != nil {
			return nil, err
		}
		return newOperation(c, m, len(pdu)), nil
	}
}

func (c *conn) maxMessage() int {
	if c.who.Anonymous() {
		return c.srv.cfg.MaxMessageAnonymous
	}
	return c.srv.cfg.MaxMessage
}

// checkMessageID refuses 0, which is for unsolicited notifications, and the
// messageID of an operation that still runs (RFC 4511, section 4.1.1.1).
func (c *conn) checkMessageID(id int32) error {
	if id == 0 {
		return &notice{code: directory.ProtocolError, reason: "messageID 0 in a request"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ops[id] != nil {
		return &notice{code: directory.ProtocolError, reason: fmt.Sprintf("messageID %d is in use", id)}
	}
	return nil
}

// refuse answers a request that was not understood.
func (c *conn) refuse(e *wire.RequestError) {
	c.log(slog.LevelDebug, "request refused", "messageID", e.ID, "err", e)
	if e.Response == wire.TagBindResponse {
		c.running.Wait()
		c.forget()
	}
	if e.Response != 0 {
		c.out.response(&wire.Response{ID: e.ID, Tag: e.Response, Code: e.Code, DiagnosticMessage: e.Reason}, false)
	}
}

// read reads from the client, after everything queued was sent.
func (c *conn) read(p []byte, partial bool) (int, error) {
	if err := c.out.park(); err != nil {
		return 0, err
	}
	if !partial {
		c.idleSince.Store(c.srv.clock.now())
	} else if c.partialSince.Load() == 0 {
		c.partialSince.Store(c.srv.clock.now())
	}
	n, err := c.nc.Read(p)
	c.idleSince.Store(0)
	c.out.unpark()
	return n, err
}

// room waits until fewer operations than allowed run beside the reading, and
// reports whether that came true in time.
func (c *conn) room() bool {
	full := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.ops) >= c.srv.cfg.MaxOperations
	}
	if !full() {
		return true
	}
	timer := time.NewTimer(c.srv.cfg.BusyTimeout)
	defer timer.Stop()
	for full() {
		select {
		case <-c.freed:
		case <-timer.C:
			return false
		case <-c.ctx.Done():
			return false
		}
	}
	return true
}

// busy reports whether operations run beside the reading.
func (c *conn) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ops) > 0
}

// awaited reports whether operations run beside the reading that will end by
// themselves.
func (c *conn) awaited() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, op := range c.ops {
		if !op.persists {
			return true
		}
	}
	return false
}

// stop makes the reader end the session with n before the next request, now
// if it waits for one. It never blocks.
func (c *conn) stop(n *notice) {
	if c.stopping.CompareAndSwap(nil, n) {
		c.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// kill ends the session without a word. It never blocks.
func (c *conn) kill() {
	c.raw.Close() // first: what is canceled has no answer
	c.cancel()
}

// end closes the session. err is why: a *notice is sent to the client. The
// goroutine that reads calls it, and reads no more.
func (c *conn) end(err error) {
	n, told := errors.AsType[*notice](err)
	if told && n.last {
		c.running.Wait()
	}
	c.out.close(n)
	c.cancel()
	if told {
		c.linger()
	}
	c.kill()
	c.running.Wait()
	c.dropTransactions()
	c.srv.remove(c)
	close(c.closed)
	level := slog.LevelDebug
	if _, ours := errors.AsType[*panicked](err); ours {
		level = slog.LevelError
	}
	c.log(level, "connection closed", "why", err)
}

// linger lets the client read the notice: octets of his that nobody has taken
// would make the kernel throw it away. Bounded in time and amount.
func (c *conn) linger() {
	const (
		most = 1 << 20
		wait = time.Second
	)
	type closeWriter interface{ CloseWrite() error }
	if c.nc != c.raw {
		c.nc.(closeWriter).CloseWrite()
	}
	half, ok := c.raw.(closeWriter)
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.raw.SetReadDeadline(time.Now().Add(wait)) == nil {
		io.CopyN(io.Discard, c.raw, most)
	}
}

// log writes a record about the connection.
func (c *conn) log(level slog.Level, message string, args ...any) {
	if c.srv.log.Enabled(c.ctx, level) {
		c.srv.log.Log(context.Background(), level, message, append([]any{"conn", c.id, "peer", c.who.Peer}, args...)...)
	}
}

// panicked is the error of an operation that panicked.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// recovered turns a panic of the calling function into *err.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = &panicked{v, debug.Stack()}
	}
}
