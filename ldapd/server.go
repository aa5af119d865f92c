package ldapd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tallystick/directory"
	"tallystick/extop"
	extopwire "tallystick/extop/wire"
	"tallystick/internal/inprocess"
	"tallystick/ldapd/wire"
)

// Directory is what the front asks of *directory.Directory.
type Directory interface {
	Bind(ctx context.Context, who directory.Requester, req *directory.BindRequest) (directory.Requester, error)
	Search(ctx context.Context, who directory.Requester, req *directory.SearchRequest, w directory.EntryWriter) error
	Compare(ctx context.Context, who directory.Requester, req *directory.CompareRequest) (bool, error)
	Add(ctx context.Context, who directory.Requester, req *directory.AddRequest) error
	Modify(ctx context.Context, who directory.Requester, req *directory.ModifyRequest) error
	Delete(ctx context.Context, who directory.Requester, req *directory.DeleteRequest) error
	ModifyDN(ctx context.Context, who directory.Requester, req *directory.ModifyDNRequest) error
	Transact(ctx context.Context, who directory.Requester, requests []any) (failed int, err error)

	AccessToken(ctx context.Context, who directory.Requester) (directory.AccessToken, error)
	OffersTokens() bool
	Refresh(ctx context.Context, who directory.Requester) (directory.Requester, error)
	OffersSync() bool
	MayExtend(ctx context.Context, who directory.Requester, oid string) error
	MayControl(ctx context.Context, who directory.Requester, oid string) (bool, error)
	ProxiedAs(ctx context.Context, who directory.Requester, authzID string) (directory.Requester, error)

	Advertise(attribute string, values ...string)
	RootDN() string
}

// Server serves LDAP sessions over any number of listeners.
type Server struct {
	dir    Directory
	ops    *extop.Set
	cfg    Config // with defaults filled in
	log    *slog.Logger
	access *slog.Logger // of operations
	router *router
	clock  clock

	counters counters

	controls []control  // that it takes
	readers  chan *conn // see handOn

	persisting          atomic.Int64    // operations that go on until somebody ends them
	strangersPersisting atomic.Int64    // those of them whose clients are not bound
	stopping            context.Context // of those; ends when the server shuts down
	stop                context.CancelFunc

	bound, anonymous budget       // of requests
	waiting          atomic.Int64 // requests that wait for some

	inTransactions atomic.Int64 // octets of the requests that wait in transactions

	mu        sync.Mutex // guards what follows
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	within    int            // connections of this process itself, which no limit is about
	peers     map[string]int // connections by peerKey
	users     map[string]int // connections by conn.identity
	lastConn  uint64
	sweeping  bool // the janitor runs
	closing   bool
	empty     chan struct{} // closed when closing and the last connection is gone
}

// New returns a server of dir that offers ops (nil: none), and advertises in
// the root DSE what the front adds. It is called once for a directory.
func New(dir *directory.Directory, ops *extop.Set, cfg Config) *Server {
	return newServer(dir, ops, cfg)
}

func newServer(dir Directory, ops *extop.Set, cfg Config) *Server {
	if ops == nil {
		ops = extop.NewSet()
	}
	s := &Server{
		dir:       dir,
		ops:       ops,
		cfg:       cfg.withDefaults(),
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[*conn]struct{}),
		peers:     make(map[string]int),
		users:     make(map[string]int),
		readers:   make(chan *conn),
		empty:     make(chan struct{}),
	}
	s.log, s.access = s.cfg.Log, s.cfg.Access
	s.bound.open(s.cfg.MaxRequests - s.cfg.MaxRequests/anonymousShare)
	s.anonymous.open(s.cfg.MaxRequests / anonymousShare)
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.controls = slices.DeleteFunc(slices.Clone(controls), func(c control) bool {
		return c.oid == wire.AccessTokenRequest && !dir.OffersTokens() || (c.oid == wire.SyncRequest || c.oid == wire.PersistentSearch) && !dir.OffersSync()
	})
	s.router = newRouter(s)
	dir.Advertise("supportedLDAPVersion", "3")
	for _, c := range s.controls {
		dir.Advertise("supportedControl", c.oid)
	}
	dir.Advertise("supportedControl", wire.AuthorizationIdentityResponse) // RFC 3829, section 2
	if s.cfg.NetscapePasswordControls {
		dir.Advertise("supportedControl", extopwire.PasswordExpiredOID, extopwire.PasswordExpiringOID)
	}
	dir.Advertise("supportedExtension", ops.OIDs()...)
	dir.Advertise("supportedExtension", oidCancel, oidStartTransaction, oidEndTransaction)
	if s.cfg.TLS != nil {
		dir.Advertise("supportedExtension", oidStartTLS)
	}
	return s
}

// Serve accepts LDAP sessions on l, a TCP, Unix or in-process listener, until
// Shutdown is called (then it returns nil) or l fails for good. It closes l.
func (s *Server) Serve(l net.Listener) error { return s.serve(l, false) }

// ServeTLS is Serve for ldaps: TLS from the first octet. Config.TLS is needed.
func (s *Server) ServeTLS(l net.Listener) error {
	if s.cfg.TLS == nil {
		return errors.Join(errors.New("ldapd: ServeTLS without a TLS configuration"), l.Close())
	}
	return s.serve(l, true)
}

func (s *Server) serve(l net.Listener, secure bool) error {
	defer l.Close()
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()

	var pause time.Duration
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			s.admit(nc, secure)
			continue
		}
		if s.isClosing() {
			return nil
		}
		if !temporary(err) {
			return fmt.Errorf("ldapd: accepting on %v: %w", l.Addr(), err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.log.Error("cannot accept connections", "addr", l.Addr(), "err", err, "pause", pause)
		time.Sleep(pause)
	}
}

// admit starts a session on nc, unless there are too many.
func (s *Server) admit(nc net.Conn, secure bool) {
	c, err := s.newConn(nc)
	if err == nil {
		go c.run(secure)
		return
	}
	s.counters.refused.Add(1)
	s.log.Debug("connection refused", "peer", peerName(nc), "err", err)
	if n, ok := errors.AsType[*notice](err); ok && !secure {
		// A fresh socket takes these few octets without waiting.
		if nc.SetWriteDeadline(time.Now().Add(time.Second)) == nil {
			nc.Write(n.append(nil))
		}
	}
	nc.Close()
}

// ServeConn serves one session on nc and returns when it has ended. A pipe
// (net.Pipe) counts as a secure transport.
func (s *Server) ServeConn(nc net.Conn) error {
	c, err := s.newConn(nc)
	if err != nil {
		return errors.Join(err, nc.Close())
	}
	c.run(false)
	<-c.closed
	return nil
}

// newConn registers nc. Errors are notices: too many connections, or
// shutting down.
func (s *Server) newConn(nc net.Conn) (*conn, error) {
	key := peerKey(nc.RemoteAddr())
	_, within := nc.(*inprocess.Conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closing:
		return nil, noticeShutdown
	case !within && len(s.conns)-s.within >= s.cfg.MaxConnections:
		return nil, &notice{code: directory.Busy, reason: "too many connections"}
	case key != "" && s.peers[key] >= s.cfg.MaxConnectionsPerPeer:
		return nil, &notice{code: directory.Busy, reason: "too many connections from this address"}
	}
	if key != "" {
		s.peers[key]++
	}
	s.lastConn++
	s.clock.update()
	c := newConn(s, s.lastConn, nc, key)
	if c.within = within; within {
		s.within++
	}
	if !s.sweeping {
		s.sweeping = true
		go s.janitor()
	}
	s.conns[c] = struct{}{}
	return c, nil
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c.within {
		s.within--
	}
	s.disclaim(c)
	if c.peerKey != "" {
		if s.peers[c.peerKey]--; s.peers[c.peerKey] == 0 {
			delete(s.peers, c.peerKey)
		}
	}
	if s.closing && len(s.conns) == 0 {
		close(s.empty)
	}
}

// claim makes c a connection of an identity ("": of nobody), in place of the one
// before. It fails if that has too many.
func (s *Server) claim(c *conn, identity string) error {
	if s.cfg.MaxConnectionsPerUser <= 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disclaim(c)
	if identity == "" {
		return nil
	}
	if s.users[identity] >= s.cfg.MaxConnectionsPerUser {
		return directory.Errorf(directory.AdminLimitExceeded, "this user has %d connections, and may have no more", s.cfg.MaxConnectionsPerUser)
	}
	s.users[identity]++
	c.identity = identity
	return nil
}

// disclaim makes c nobody's. The caller holds mu.
func (s *Server) disclaim(c *conn) {
	if c.identity == "" {
		return
	}
	if s.users[c.identity]--; s.users[c.identity] == 0 {
		delete(s.users, c.identity)
	}
	c.identity = ""
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// Shutdown stops accepting, lets running operations end, sends each client the
// Notice of Disconnection with unavailable(52), and returns when all sessions
// are closed. When ctx ends before that, it cancels what still runs, cuts the
// connections, and returns ctx.Err() as soon as the operations have noticed,
// at most a second later. A second call waits for the same.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		s.stop()
		for l := range s.listeners {
			l.Close()
		}
		for c := range s.conns {
			c.stop(noticeShutdown)
		}
		if len(s.conns) == 0 {
			close(s.empty)
		}
	}
	s.mu.Unlock()

	select {
	case <-s.empty:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for c := range s.conns {
		c.kill()
	}
	s.mu.Unlock()
	select {
	case <-s.empty:
	case <-time.After(time.Second):
	}
	return ctx.Err()
}

// temporary reports whether Accept may succeed later: descriptors ran out, or
// the client has gone again.
func temporary(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	//lint:ignore SA1019 what net/http asks too; nothing has replaced it for Accept
	return ok && ne.Temporary()
}

// clock is a coarse clock that costs one load to read.
type clock struct{ ms atomic.Int64 }

var started = time.Now()

// now is in milliseconds, never 0.
func (c *clock) now() int64 { return c.ms.Load() }

func (c *clock) update() { c.ms.Store(1 + time.Since(started).Milliseconds()) }
