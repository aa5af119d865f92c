package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// server is one of the servers of a client, and how it was when last asked.
type server struct {
	url    string // "": Config.Dial's
	dial   func(context.Context) (net.Conn, error)
	down   atomic.Bool
	opened atomic.Uint64 // connections
	failed atomic.Uint64 // attempts at one
}

// inOrder are the servers to try: those that are up, as preferred, and then the
// others, which may have come back.
func (c *Client) inOrder() []*server {
	if len(c.servers) == 1 {
		return c.servers
	}
	all := make([]*server, 0, len(c.servers))
	for _, down := range []bool{false, true} {
		for _, s := range c.servers {
			if s.down.Load() == down {
				all = append(all, s)
			}
		}
	}
	return all
}

// connect opens a connection to the first server that takes it. Errors:
// ErrUnavailable.
func (c *Client) connect(ctx context.Context) (*link, error) {
	var errs []error
	for _, s := range c.inOrder() {
		nc, err := c.open(ctx, s)
		if err == nil {
			c.mark(s, nil)
			return newLink(nc, s, c.cfg.AnswerTimeout), nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
		c.mark(s, err)
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, errors.Join(errs...))
}

// open opens a connection to s within DialTimeout, with StartTLS if that is
// wanted.
func (c *Client) open(ctx context.Context, s *server) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout)
	defer cancel()
	nc, err := s.dial(ctx)
	if err != nil {
		s.failed.Add(1)
		return nil, err
	}
	s.opened.Add(1)
	if !c.cfg.StartTLS {
		return nc, nil
	}
	if err := guard(ctx, cut(nc), func() error { return startTLS(nc) }); err != nil {
		_ = nc.Close()
		// Not wrapped: the server's refusal is no answer to the request.
		return nil, fmt.Errorf("StartTLS: %v", err)
	}
	return handshake(ctx, nc, tlsConfig(c.cfg, s.url))
}

// mark remembers whether s is up (nil) or why not, and writes down a change.
func (c *Client) mark(s *server, err error) {
	if len(c.servers) == 1 || s.down.Swap(err != nil) == (err != nil) {
		return
	}
	if err != nil {
		c.cfg.Log.Warn("LDAP server is down", "server", s.url, "err", err)
	} else {
		c.cfg.Log.Info("LDAP server is up again", "server", s.url)
	}
}

// watch asks each of several servers now and then how it is, so that one that
// hangs is not asked, and one that is back is.
func (c *Client) watch(ctx context.Context) {
	t := time.NewTicker(c.cfg.CheckInterval)
	defer t.Stop()
	for {
		var checks sync.WaitGroup
		for _, s := range c.servers {
			checks.Go(func() {
				err := c.check(ctx, s)
				if ctx.Err() == nil {
					c.mark(s, err)
				}
			})
		}
		checks.Wait()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Check asks the servers until one answers that it is well. Errors:
// ErrUnavailable.
func (c *Client) Check(ctx context.Context) error {
	var errs []error
	for _, s := range c.inOrder() {
		err := c.check(ctx, s)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, errors.Join(errs...))
}

// check connects to s and looks at its root DSE. Any answer will do, but that
// it is busy or unavailable: who may read what is not the question.
func (c *Client) check(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout)
	defer cancel()
	nc, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	once := &Session{client: c, link: newLink(nc, s, c.cfg.AnswerTimeout)}
	defer once.link.unbind()
	_, err = once.search(ctx, SearchRequest{Filter: anyEntry, Attributes: []string{"1.1"}})
	var r *Result
	if errors.As(err, &r) && r.Code != ldap.LDAPResultBusy && r.Code != ldap.LDAPResultUnavailable {
		return nil
	}
	return err
}

// Stats are the figures of a client.
type Stats struct {
	InUse, Idle, Limit int    // connections
	Refused            uint64 // requests for which no connection became free in time
	Servers            []ServerStats
}

// ServerStats are those of one server.
type ServerStats struct {
	URL            string // "": within this process
	Up             bool   // as far as is known
	Opened, Failed uint64 // connections, and attempts at one
}

// Stats returns the figures as they are now.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	stats := Stats{InUse: len(c.slots), Idle: len(c.idle), Limit: cap(c.slots), Refused: c.refused.Load()}
	c.mu.Unlock()
	for _, s := range c.servers {
		stats.Servers = append(stats.Servers, ServerStats{URL: s.url, Up: !s.down.Load(), Opened: s.opened.Load(), Failed: s.failed.Load()})
	}
	return stats
}
