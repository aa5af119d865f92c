// Package upstream is the LDAP side of the bridge: a bounded number of go-ldap
// connections to one server. Anonymous connections are kept and shared one
// request after another; a connection that was bound serves one request and is
// closed, so an identity cannot reach anybody else's request.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Config says where the server is and how much of it to use. URL or Dial is
// needed; the zero value of everything else works.
type Config struct {
	URL      string      // ldap://host[:389], ldaps://host[:636], ldapi://%2Fpath or ldapi:///path
	StartTLS bool        // with ldap:// or Dial: StartTLS before anything else, and no going on without
	TLS      *tls.Config // for ldaps:// and StartTLS; nil: the system's roots. An empty ServerName is the URL's host

	// Dial opens a connection to the server, within this process for
	// instance; URL is not used then. nil: dial URL.
	Dial func(ctx context.Context) (net.Conn, error)

	// Self is who the client itself is, to act for others by proxied
	// authorization. nil: it does not.
	Self *Credentials

	// TellClient tells the server the address of WithClient, by PingDirectory's
	// intermediate client control. A server that does not believe it, or does
	// not know the control, leaves it aside.
	TellClient bool

	Connections int           // open at the same time, at most; 0: 16
	DialTimeout time.Duration // TCP, TLS and StartTLS together; 0: 5 s
	WaitTimeout time.Duration // for one of the Connections to become free; 0: 5 s
	IdleTimeout time.Duration // a connection unused for longer is not used again; 0: 1 minute
}

// Credentials is what a client presented for itself.
type Credentials struct {
	Name     string // a DN, or a user name for the server to map
	Password string // octets, as they came
	Code     string // a TOTP code beside the password; "": none, or behind it
	Token    string // an access token, in place of all; "": none
	External bool   // in place of all: SASL EXTERNAL, who the transport says
}

// String keeps password, code and token out of any log and any message.
func (c Credentials) String() string { return c.Name + " [redacted]" }

// GoString does the same for %#v.
func (c Credentials) GoString() string { return c.String() }

// Client hands out sessions with the server. Many goroutines may use it.
type Client struct {
	cfg   Config
	dial  func(context.Context) (net.Conn, error)
	slots chan struct{} // one token for each session handed out

	mu     sync.Mutex // guards what follows
	idle   []idleConn // anonymous and unused, the longest unused first; together with the tokens never more than Connections
	closed bool
}

type idleConn struct {
	link
	since time.Time
}

// link is one connection: go-ldap's view of it, and the socket below, whose
// deadline ends what go-ldap waits for.
type link struct {
	ldap *ldap.Conn
	nc   *meter
}

// New returns a client of cfg's server. It does not connect: a server that is
// down now may be up when it is needed.
func New(cfg Config) (*Client, error) {
	if cfg.Connections == 0 {
		cfg.Connections = 16
	}
	if cfg.DialTimeout == 0 {
		cfg.DialTimeout = 5 * time.Second
	}
	if cfg.WaitTimeout == 0 {
		cfg.WaitTimeout = 5 * time.Second
	}
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = time.Minute
	}
	if cfg.Connections < 0 || cfg.DialTimeout < 0 || cfg.WaitTimeout < 0 || cfg.IdleTimeout < 0 {
		return nil, errors.New("upstream: negative limit")
	}
	dial, err := dialer(cfg)
	if err != nil {
		return nil, err
	}
	return &Client{cfg: cfg, dial: dial, slots: make(chan struct{}, cfg.Connections)}, nil
}

// Close closes the connections that are not in use, and the others as soon as
// their sessions are released. Further sessions are refused.
func (c *Client) Close() error {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	c.mu.Unlock()
	for _, i := range idle {
		i.unbind()
	}
	return nil
}

// Anonymous returns a session without an identity. Errors: ErrUnavailable.
func (c *Client) Anonymous(ctx context.Context) (*Session, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	if l, ok := c.popIdle(); ok {
		return &Session{client: c, link: l, reusable: true}, nil
	}
	nc, err := c.connect(ctx)
	if err != nil {
		c.give()
		return nil, err
	}
	return &Session{client: c, link: start(nc), reusable: true}, nil
}

// As returns a session bound with creds: by simple bind if the name has a "=",
// as every DN but the empty one has, otherwise by SASL PLAIN as u:name, which
// the server maps; with a code by SASL UNBOUNDID-TOTP, with a token by SASL
// OAUTHBEARER. Errors: *RejectedError if the server does not take the
// credentials, *Result for its other answers, ErrUnavailable.
func (c *Client) As(ctx context.Context, creds Credentials) (*Session, error) {
	s, _, err := c.Bind(ctx, creds, nil)
	return s, err
}

// Bind is As with controls of the bind request, and returns those of the
// answer.
func (c *Client) Bind(ctx context.Context, creds Credentials, controls []Control) (*Session, []Control, error) {
	// RFC 4513, sections 5.1.1 and 5.1.2: with an empty name or password many
	// a server answers "success" and takes the client for nobody.
	if creds.Token == "" && !creds.External && (creds.Name == "" || creds.Password == "") {
		return nil, nil, &RejectedError{Result{Code: ldap.LDAPResultInvalidCredentials}}
	}
	if err := c.take(ctx); err != nil {
		return nil, nil, err
	}
	// Leave room for the connection to be opened: it counts as one of Connections.
	if l, ok := c.popIdle(); ok {
		l.unbind()
	}
	nc, err := c.connect(ctx)
	if err != nil {
		c.give()
		return nil, nil, err
	}
	l, answered, err := bind(ctx, nc, creds, c.controls(ctx, controls))
	if err != nil {
		c.give()
		return nil, nil, err
	}
	return &Session{client: c, link: l}, answered, nil
}

// take waits for the right to use one connection.
func (c *Client) take(ctx context.Context) error {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return fmt.Errorf("%w: the client is closed", ErrUnavailable)
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	default:
	}
	t := time.NewTimer(c.cfg.WaitTimeout)
	defer t.Stop()
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-t.C:
		return fmt.Errorf("%w: all %d connections are in use", ErrUnavailable, c.cfg.Connections)
	case <-ctx.Done():
		return fmt.Errorf("%w: waiting for a connection: %w", ErrUnavailable, context.Cause(ctx))
	}
}

func (c *Client) give() { <-c.slots }

// popIdle takes the connection used last. The others age: those unused for too
// long, or closed by the server, go when they are met.
func (c *Client) popIdle() (link, bool) {
	oldest := time.Now().Add(-c.cfg.IdleTimeout)
	c.mu.Lock()
	var found link
	var stale []idleConn
	ok := false
	for len(c.idle) > 0 && !ok {
		last := len(c.idle) - 1
		i := c.idle[last]
		c.idle = c.idle[:last]
		if i.since.Before(oldest) || i.ldap.IsClosing() {
			stale = append(stale, i)
			continue
		}
		found, ok = i.link, true
	}
	c.mu.Unlock()
	for _, i := range stale {
		i.unbind()
	}
	return found, ok
}

// pushIdle keeps l for the next anonymous session, or closes it. The token of
// l's session must still be held.
func (c *Client) pushIdle(l link) {
	c.mu.Lock()
	keep := !c.closed && !l.ldap.IsClosing()
	if keep {
		c.idle = append(c.idle, idleConn{link: l, since: time.Now()})
	}
	c.mu.Unlock()
	if !keep {
		l.unbind()
	}
}

func start(nc net.Conn) link {
	// Whether nc speaks TLS matters to go-ldap for its own StartTLS only.
	m := newMeter(nc)
	conn := ldap.NewConn(m, true)
	conn.Start()
	return link{ldap: conn, nc: m}
}

// unbind closes the connection politely (RFC 4511, section 4.3), without
// waiting for a server that does not read.
func (l link) unbind() {
	_ = l.nc.SetDeadline(time.Now().Add(time.Second))
	if l.ldap.Unbind() != nil {
		_ = l.ldap.Close()
	}
}

// past as a deadline ends every read and write now.
var past = time.Unix(1, 0)
