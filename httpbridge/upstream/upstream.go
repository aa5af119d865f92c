// Package upstream is the LDAP side of the bridge: a bounded number of
// connections to the first of some servers that is up. They are kept and used
// for one request after another. One that nobody was bound to serves requests
// without an identity; one that somebody was is bound anew for whom it serves
// next, so an identity cannot reach anybody else's request.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Config says where the server is and how much of it to use. URL or Dial is
// needed; the zero value of everything else works.
type Config struct {
	// URL is ldap://host[:389], ldaps://host[:636], ldapi://%2Fpath or
	// ldapi:///path. Several, with spaces between them, are servers with the same
	// data: the first that is up is asked, as long as it is.
	URL      string
	StartTLS bool        // with ldap:// or Dial: StartTLS before anything else, and no going on without
	TLS      *tls.Config // for ldaps:// and StartTLS; nil: the system's roots. An empty ServerName is the URL's host

	// Dial opens a connection to the server, within this process for
	// instance; URL is not used then. nil: dial URL.
	Dial func(ctx context.Context) (net.Conn, error)

	// Self is who the client itself is, to act for others by proxied
	// authorization. nil: it does not.
	Self *Credentials

	// Issuer makes tokens beside the server, and takes a Self. nil: there is none.
	Issuer Issuer

	// TellClient tells the server the address of WithClient, by PingDirectory's
	// intermediate client control. A server that does not believe it, or does
	// not know the control, leaves it aside.
	TellClient bool

	Connections int           // open at the same time, at most; 0: 16
	DialTimeout time.Duration // TCP, TLS and StartTLS together; 0: 5 s
	WaitTimeout time.Duration // for one of the Connections to become free; 0: 5 s
	IdleTimeout time.Duration // a connection unused for longer is not used again; 0: 1 minute

	AnswerTimeout time.Duration // for each answer, of any number of entries; 0: 30 s

	CheckInterval time.Duration // how often several servers are asked how they are; 0: 5 s
	Log           *slog.Logger  // when one of several servers goes and comes; nil: nowhere
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

// Client hands out sessions with the servers. Many goroutines may use it.
type Client struct {
	cfg      Config
	servers  []*server     // in the order of preference; never none
	slots    chan struct{} // one token for each session handed out
	refused  atomic.Uint64
	unwatch  context.CancelFunc
	watching sync.WaitGroup

	mu     sync.Mutex // guards what follows
	idle   []idleLink // unused, the longest unused first
	closed bool
}

type idleLink struct {
	*link
	since time.Time
}

// New returns a client of cfg's servers. It waits for none: one that is down now
// may be up when it is needed.
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
	if cfg.AnswerTimeout == 0 {
		cfg.AnswerTimeout = 30 * time.Second
	}
	if cfg.CheckInterval == 0 {
		cfg.CheckInterval = 5 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Connections < 0 || cfg.DialTimeout < 0 || cfg.WaitTimeout < 0 || cfg.IdleTimeout < 0 || cfg.AnswerTimeout < 0 || cfg.CheckInterval < 0 {
		return nil, errors.New("upstream: negative limit")
	}
	c := &Client{cfg: cfg, slots: make(chan struct{}, cfg.Connections)}
	urls := strings.Fields(cfg.URL)
	if cfg.Dial != nil {
		urls = []string{""}
	}
	if len(urls) == 0 {
		return nil, errors.New("upstream: no LDAP server")
	}
	for _, url := range urls {
		dial, err := dialer(cfg, url)
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, &server{url: url, dial: dial})
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.unwatch = cancel
	if len(c.servers) > 1 {
		c.watching.Go(func() { c.watch(ctx) })
	}
	return c, nil
}

// Close closes the connections that are not in use, and the others as soon as
// their sessions are released. Further sessions are refused.
func (c *Client) Close() error {
	c.mu.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	c.mu.Unlock()
	c.unwatch()
	c.watching.Wait()
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
	if l := c.popIdle(false); l != nil {
		return &Session{client: c, link: l, reusable: true}, nil
	}
	l, err := c.connect(ctx)
	if err != nil {
		c.give()
		return nil, err
	}
	return &Session{client: c, link: l, reusable: true}, nil
}

// As returns a session bound with creds: by simple bind if the name has a "=",
// as every DN but the empty one has, otherwise by SASL PLAIN as u:name, which
// the server maps; with a code by SASL UNBOUNDID-TOTP, with a token by SASL
// OAUTHBEARER, or, if it is Config.Issuer's, by Self and proxied authorization.
// Errors: *RejectedError if the server does not take the credentials, *Result
// for its other answers, ErrUnavailable.
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
	issuer := c.cfg.Issuer
	if creds.Token == "" {
		issuer = nil
	}
	if issuer != nil {
		if s, err := c.issued(ctx, creds.Token, issuer.Subject); s != nil || err != nil {
			return s, nil, err
		}
	}
	controls, err := c.controls(ctx, controls)
	if err != nil {
		return nil, nil, err
	}
	if err := c.take(ctx); err != nil {
		return nil, nil, err
	}
	l := c.popIdle(true)
	var answered []Control
	if l != nil {
		answered, err = bind(ctx, l, creds, controls)
	}
	if l == nil || err != nil && l.broken && !l.sent && ctx.Err() == nil && !errors.Is(err, errNoAnswer) {
		if l != nil {
			l.unbind()
		}
		if l, err = c.connect(ctx); err != nil {
			c.give()
			return nil, nil, err
		}
		answered, err = bind(ctx, l, creds, controls)
	}
	s := &Session{client: c, link: l, reusable: true}
	if err != nil {
		var rejected *RejectedError
		s.reusable = errors.As(err, &rejected)
		s.Release()
		if issuer != nil && s.reusable {
			if s, err := c.issued(ctx, creds.Token, issuer.Opaque); s != nil || err != nil {
				return s, nil, err
			}
		}
		return nil, nil, err
	}
	return s, answered, nil
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
		c.refused.Add(1)
		return fmt.Errorf("%w: all %d connections are in use", ErrUnavailable, c.cfg.Connections)
	case <-ctx.Done():
		return fmt.Errorf("%w: waiting for a connection: %w", ErrUnavailable, context.Cause(ctx))
	}
}

func (c *Client) give() { <-c.slots }

// popIdle takes the connection used last that will do, nil if there is none: to
// bind on it, one that somebody was bound to, or else any. What is met on the
// way and is no longer good goes: unused for too long, closed by the server, or
// of another server than is to be asked now. If a connection must be opened and
// there would be too many, the one that is longest unused goes too.
func (c *Client) popIdle(toBind bool) *link {
	oldest := time.Now().Add(-c.cfg.IdleTimeout)
	now := c.inOrder()[0]
	var stale []*link
	c.mu.Lock()
	found := -1
	for i := len(c.idle) - 1; i >= 0; i-- {
		one := c.idle[i]
		switch {
		case one.since.Before(oldest) || one.server != now || !one.alive():
			stale = append(stale, one.link)
			c.idle = slices.Delete(c.idle, i, i+1)
			if found > i {
				found--
			}
		case found < 0 && (toBind || !one.bound):
			found = i
		case toBind && one.bound && !c.idle[found].bound:
			found = i
		}
		if found >= 0 && (c.idle[found].bound == toBind) {
			break
		}
	}
	var l *link
	if found >= 0 {
		l = c.idle[found].link
		c.idle = slices.Delete(c.idle, found, found+1)
	} else if len(c.idle) > 0 && len(c.idle)+len(c.slots) > cap(c.slots) {
		stale = append(stale, c.idle[0].link)
		c.idle = slices.Delete(c.idle, 0, 1)
	}
	c.mu.Unlock()
	for _, one := range stale {
		one.unbind()
	}
	return l
}

// pushIdle keeps l for another session, or closes it. The token of l's session
// must still be held.
func (c *Client) pushIdle(l *link) {
	l.forget()
	c.mu.Lock()
	keep := !c.closed
	if keep {
		c.idle = append(c.idle, idleLink{link: l, since: time.Now()})
	}
	c.mu.Unlock()
	if !keep {
		l.unbind()
	}
}
