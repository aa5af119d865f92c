package ldapd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"tallystick/directory"
	"tallystick/directory/password"
	"tallystick/directory/seal"
	"tallystick/directory/store/badger"
	"tallystick/extop"
	"tallystick/extop/whoami"
	"tallystick/internal/ber"
	"tallystick/internal/shorttemp"
	"tallystick/ldapd/wire"
)

const (
	rootDN       = directory.DefaultRootDN
	rootPassword = "root's password"
	suffix       = "dc=example,dc=com"
	people       = "ou=people," + suffix
	entries      = 300 // under people; enough for a search to count as slow
)

func person(n int) string { return fmt.Sprintf("uid=user.%d,%s", n, people) }

// shared is one directory for all tests; whoever changes it uses names of its
// own.
var shared struct {
	once  sync.Once
	dir   *directory.Directory
	store *badger.Store
	path  string
	err   error
}

func TestMain(m *testing.M) {
	os.Setenv("TMPDIR", shorttemp.Dir()) // for the names of sockets
	code := m.Run()
	if shared.store != nil {
		if err := errors.Join(shared.store.Close(), os.RemoveAll(shared.path)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// testDirectory returns the shared directory, on a real store.
func testDirectory(t testing.TB) *directory.Directory {
	t.Helper()
	shared.once.Do(func() { shared.err = openShared() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.dir
}

// openDirectory opens one without entries in a folder. The store is to be closed
// if it is not nil.
func openDirectory(folder string) (*badger.Store, *directory.Directory, error) {
	store, err := badger.Open(filepath.Join(folder, "db"), badger.Config{Small: true, MinFree: -1})
	if err != nil {
		return nil, nil, err
	}
	keyset, err := seal.Generate()
	if err != nil {
		return store, nil, err
	}
	dir, err := directory.Open(context.Background(), store, directory.Config{
		Suffixes: []string{suffix},
		ACIs: append(slices.Clone(directory.DefaultACIs),
			`(targetattr="* || +")(version 3.0; acl "users read"; allow (read, search, compare) userdn="ldap:///all";)`,
			`(extop!="1.3.6.1.4.1.30221.2.6.15")(version 3.0; acl "operations of the tests"; allow (read) userdn="ldap:///anyone";)`),
		Credentials: directory.CredentialsConfig{Keyset: keyset, Scheme: password.SSHA512},
	})
	return store, dir, err
}

// emptyDirectory is one of a test's own, for what belongs to the directory and
// not to the server, as what its root DSE advertises.
func emptyDirectory(t testing.TB) *directory.Directory {
	t.Helper()
	store, dir, err := openDirectory(t.TempDir())
	if store != nil {
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func openShared() error {
	path, err := os.MkdirTemp("", "ldapd")
	if err != nil {
		return err
	}
	shared.path = path
	if shared.store, shared.dir, err = openDirectory(path); err != nil {
		return err
	}
	ctx := context.Background()
	if err := shared.dir.SetRootPassword(ctx, rootPassword); err != nil {
		return err
	}
	root := directory.Requester{DN: rootDN, How: directory.ByServer}
	add := func(dn string, lines ...string) error {
		req := &directory.AddRequest{Entry: dn}
		for _, l := range lines {
			name, value, _ := strings.Cut(l, ": ")
			req.Attributes = append(req.Attributes, directory.Attribute{Name: name, Values: [][]byte{[]byte(value)}})
		}
		return shared.dir.Add(ctx, root, req)
	}
	err = errors.Join(add(suffix, "objectClass: domain"), add(people, "objectClass: organizationalUnit"))
	for n := range entries {
		lines := []string{"objectClass: inetOrgPerson", fmt.Sprintf("cn: User %d", n), "sn: User", fmt.Sprintf("mail: user.%d@example.com", n)}
		if n < 3 {
			lines = append(lines, "userPassword: password")
		}
		err = errors.Join(err, add(person(n), lines...))
	}
	return err
}

// OIDs of the operations below.
const (
	oidHold  = "1.3.6.1.4.1.32473.1"
	oidPanic = "1.3.6.1.4.1.32473.2"
	oidEcho  = "1.3.6.1.4.1.32473.3"
	oidFail  = "1.3.6.1.4.1.32473.4"

	oidFactor = "1.3.6.1.4.1.32473.5"
	oidPeer   = "1.3.6.1.4.1.32473.6"
)

// hold is slow: it ends when it is released or its context ends.
type hold struct {
	begun   chan struct{} // gets one for each operation that has begun
	release chan struct{} // ends one for each
}

func newHold() *hold {
	return &hold{begun: make(chan struct{}, 10_000), release: make(chan struct{})}
}

// hasBegun waits until an operation has begun.
func (h *hold) hasBegun(t testing.TB) {
	t.Helper()
	receive(t, h.begun)
}

// end ends one.
func (h *hold) end(t testing.TB) {
	t.Helper()
	select {
	case h.release <- struct{}{}:
	case <-time.After(time.Minute):
		t.Fatal("no operation runs")
	}
}

// receive is <-c, for a minute: a test that hangs shall say where.
func receive[T any](t testing.TB, c <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-c:
	case <-time.After(time.Minute):
		t.Fatal("waited in vain")
	}
	return got
}

func (*hold) OID() string { return oidHold }

func (h *hold) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	directory.Slow(ctx)
	h.begun <- struct{}{}
	if string(req.Value) == "deaf" { // to its context
		<-h.release
		return nil, nil
	}
	select {
	case <-h.release:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// operationFunc is an operation of one function.
type operationFunc struct {
	oid   string
	serve func(context.Context, *extop.Request) (*extop.Response, error)
}

func (o operationFunc) OID() string { return o.oid }

func (o operationFunc) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	return o.serve(ctx, req)
}

// server is a server under test and what belongs to it.
type server struct {
	*Server
	hold *hold
	log  *logBuffer
	addr string // plain TCP

	serving sync.WaitGroup // calls of Serve
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start serves the shared directory on a free port until the test ends.
func start(t testing.TB, cfg Config) *server {
	t.Helper()
	return startOn(t, testDirectory(t), cfg)
}

// startOn is start for a directory of the test's own.
func startOn(t testing.TB, dir *directory.Directory, cfg Config) *server {
	t.Helper()
	s := &server{hold: newHold(), log: new(logBuffer)}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	ops := extop.NewSet(whoami.Operation{}, s.hold,
		operationFunc{oidPanic, func(context.Context, *extop.Request) (*extop.Response, error) { panic("at the disco") }},
		operationFunc{oidEcho, func(_ context.Context, req *extop.Request) (*extop.Response, error) {
			return &extop.Response{OID: oidEcho, Value: req.Value}, nil
		}},
		operationFunc{oidFail, func(context.Context, *extop.Request) (*extop.Response, error) {
			return nil, errors.New("the disk is on fire")
		}},
		operationFunc{oidPeer, func(_ context.Context, req *extop.Request) (*extop.Response, error) {
			return &extop.Response{OID: oidPeer, Value: []byte(req.From.Peer + " " + req.From.Listener)}, nil
		}},
		operationFunc{oidFactor, func(_ context.Context, req *extop.Request) (*extop.Response, error) {
			return &extop.Response{OID: oidFactor, Value: []byte(req.From.Factor)}, nil
		}},
	)
	s.Server = New(dir, ops, cfg)
	t.Cleanup(s.serving.Wait)
	t.Cleanup(func() {
		close(s.hold.release)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	s.addr = s.listen(t, "tcp", "127.0.0.1:0", s.Serve)
	return s
}

// idles has sessions end that are idle for an hour, and gives all else a day, as
// the end of a write that a client has already seen.
var idles = Config{IdleTimeout: time.Hour, MessageTimeout: 24 * time.Hour, WriteTimeout: 24 * time.Hour}

// later has the server see to its time-outs as if a time had passed, and returns
// how many sessions it is ending.
func (s *server) later(d time.Duration) (ending int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.checkTimeouts(s.clock.now() + d.Milliseconds())
		if c.stopping.Load() != nil {
			ending++
		}
	}
	return ending
}

// listen runs serve on a new listener and returns its address.
func (s *server) listen(t testing.TB, network, addr string, serve func(net.Listener) error) string {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	s.serving.Go(func() {
		if err := serve(l); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// dial returns a go-ldap client.
func (s *server) dial(t testing.TB) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL("ldap://" + s.addr)
	if err != nil {
		t.Fatal(err)
	}
	c.SetTimeout(time.Minute)
	t.Cleanup(func() { c.Close() })
	return c
}

// raw is a client that sends what it is told.
type raw struct {
	net.Conn
	t   testing.TB
	in  []byte
	buf [64 << 10]byte
}

func (s *server) raw(t testing.TB) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return newRaw(t, nc)
}

func newRaw(t testing.TB, nc net.Conn) *raw {
	// Far more than anything takes: a test that hangs shall say where.
	nc.SetDeadline(time.Now().Add(60 * time.Second))
	return &raw{Conn: nc, t: t}
}

func encode(id int32, request any, controls ...wire.Control) []byte {
	m := wire.Message{ID: id, Request: request, Controls: controls}
	return m.Append(nil)
}

func (c *raw) send(id int32, request any, controls ...wire.Control) {
	c.t.Helper()
	c.sendOctets(encode(id, request, controls...))
}

func (c *raw) sendOctets(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// response is what a test wants to know of a message from the server.
type response struct {
	id    int32
	tag   byte
	code  directory.ResultCode // not of an entry
	diag  string
	name  string // responseName
	value []byte // responseValue
	sasl  []byte // serverSaslCreds

	controls []wire.Control
}

// control returns the response control oid, nil if there is none.
func (r response) control(oid string) *wire.Control {
	for i := range r.controls {
		if r.controls[i].OID == oid {
			return &r.controls[i]
		}
	}
	return nil
}

// tryRecv reads the next message. The error is io.EOF at the end.
func (c *raw) tryRecv() (r response, err error) {
	for {
		_, h, n, err := ber.Header(c.in)
		if err == nil && len(c.in) >= h+n {
			message := c.in[:h+n]
			c.in = c.in[h+n:]
			return parseResponse(message)
		}
		if err != nil && err != ber.ErrTruncated {
			return r, err
		}
		n, err = c.Read(c.buf[:])
		c.in = append(c.in, c.buf[:n]...)
		if n == 0 && err != nil {
			if err == io.EOF && len(c.in) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return r, err
		}
	}
}

func parseResponse(message []byte) (r response, err error) {
	outer := ber.NewReader(message)
	in, err := outer.Enter(ber.Sequence)
	if err != nil {
		return r, err
	}
	id, err := in.Int(ber.Integer)
	if err != nil {
		return r, err
	}
	tag, contents, err := in.Next()
	if err != nil {
		return r, err
	}
	r.id, r.tag = int32(id), tag
	if tag == wire.TagSearchResultEntry || tag == wire.TagIntermediateResponse {
		r.controls, err = parseControls(&in)
		return r, err
	}
	op := ber.NewReader(contents)
	code, err := op.Int(ber.Enumerated)
	if err != nil {
		return r, err
	}
	r.code = directory.ResultCode(code)
	if _, err = op.Read(ber.OctetString); err != nil {
		return r, err
	}
	diag, err := op.Read(ber.OctetString)
	if err != nil {
		return r, err
	}
	if r.sasl, _, err = op.Optional(ber.Context | 7); err != nil {
		return r, err
	}
	name, _, err := op.Optional(ber.Context | 10)
	if err != nil {
		return r, err
	}
	r.value, _, err = op.Optional(ber.Context | 11)
	if err != nil {
		return r, err
	}
	r.diag, r.name = string(diag), string(name)
	r.controls, err = parseControls(&in)
	return r, err
}

func parseControls(in *ber.Reader) ([]wire.Control, error) {
	list, ok, err := in.Optional(ber.Context | ber.Constructed)
	if !ok {
		return nil, err
	}
	var controls []wire.Control
	for r := ber.NewReader(list); !r.Done(); {
		one, err := r.Enter(ber.Sequence)
		if err != nil {
			return nil, err
		}
		oid, err := one.Read(ber.OctetString)
		if err != nil {
			return nil, err
		}
		if _, _, err = one.Optional(ber.Boolean); err != nil {
			return nil, err
		}
		value, _, err := one.Optional(ber.OctetString)
		if err != nil {
			return nil, err
		}
		controls = append(controls, wire.Control{OID: string(oid), Value: value})
	}
	return controls, nil
}

func (c *raw) recv() response {
	c.t.Helper()
	r, err := c.tryRecv()
	if err != nil {
		c.t.Fatalf("recv: %v", err)
	}
	return r
}

// expect reads the next message and wants this of it.
func (c *raw) expect(id int32, tag byte, code directory.ResultCode) response {
	c.t.Helper()
	r := c.recv()
	if r.id != id || r.tag != tag || r.code != code {
		c.t.Fatalf("got message %d tag %#x %v %q, want message %d tag %#x %v", r.id, r.tag, r.code, r.diag, id, tag, code)
	}
	return r
}

// expectNotice reads a Notice of Disconnection and then the end.
func (c *raw) expectNotice(code directory.ResultCode) {
	c.t.Helper()
	if r := c.expect(0, wire.TagExtendedResponse, code); r.name != wire.NoticeOfDisconnection {
		c.t.Fatalf("responseName %q", r.name)
	}
	c.expectEnd()
}

func (c *raw) expectEnd() {
	c.t.Helper()
	if r, err := c.tryRecv(); err != io.EOF {
		c.t.Fatalf("got %+v, %v, want the end", r, err)
	}
}

// works wants the session to serve a request.
func (c *raw) works(id int32) {
	c.t.Helper()
	c.send(id, &wire.ExtendedRequest{Name: oidEcho, Value: []byte("hello")})
	if r := c.expect(id, wire.TagExtendedResponse, directory.Success); string(r.value) != "hello" {
		c.t.Fatalf("echo: %q", r.value)
	}
}

func (c *raw) bindRoot(id int32) {
	c.t.Helper()
	c.send(id, &directory.BindRequest{Version: 3, Name: rootDN, Password: []byte(rootPassword)})
	c.expect(id, wire.TagBindResponse, directory.Success)
}

// works wants the server to serve others.
func (s *server) works(t testing.TB) {
	t.Helper()
	s.raw(t).works(1)
}

// everybody is a search for all entries under people.
func everybody() *directory.SearchRequest {
	return &directory.SearchRequest{BaseObject: people, Scope: directory.WholeSubtree,
		Filter: directory.Filter{Kind: directory.FilterPresent, Attribute: "objectClass"}}
}
