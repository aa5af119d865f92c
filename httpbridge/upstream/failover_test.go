package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// several starts n servers, and a client that prefers the first. It asks them
// how they are as often as every says.
func several(t *testing.T, n int, every time.Duration) (*Client, []*testServer) {
	var servers []*testServer
	urls := ""
	for range n {
		s := serve(t)
		servers = append(servers, s)
		urls += " ldap://" + s.listener.Addr().String()
	}
	return client(t, Config{URL: urls, CheckInterval: every}), servers
}

// stop ends s as a kill does: nothing listens, and every connection is closed.
func (s *testServer) stop() {
	_ = s.listener.Close()
	s.hangUp()
}

// until waits for something to become so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

func TestFailover(t *testing.T) {
	c, servers := several(t, 3, time.Hour)
	echo(t, c)
	if _, accepted := servers[1].counts(); accepted > 1 { // one is the check
		t.Errorf("%d connections to the second server, though the first is up", accepted)
	}
	ann := Credentials{Name: "ann", Password: "annpw"}
	for i := range servers[:2] {
		servers[i].stop()
		echo(t, c)
		s, err := c.As(t.Context(), ann)
		if err != nil {
			t.Fatal(err)
		}
		if who, err := s.WhoAmI(t.Context()); who != "dn:uid=ann" || err != nil {
			t.Errorf("%q, %v", who, err)
		}
		s.Release()
	}
	for i, s := range c.Stats().Servers {
		if s.Up != (i == 2) {
			t.Errorf("%+v", s)
		}
	}
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	servers[2].stop()
	if _, err := c.Anonymous(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	if err := c.Check(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

// A server that is back is asked again, and connections to others are left.
func TestComeback(t *testing.T) {
	c, servers := several(t, 2, time.Millisecond)
	address := servers[0].listener.Addr().String()
	servers[0].stop()
	until(t, "the first server is down", func() bool { return !c.Stats().Servers[0].Up })
	echo(t, c)
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip("somebody else took the port:", err)
	}
	back := serveOn(t, l)
	until(t, "the first server is up again", func() bool { return c.Stats().Servers[0].Up })
	echo(t, c)
	if c.idle[len(c.idle)-1].server != c.servers[0] {
		t.Error("the second server was asked though the first is up")
	}
	if _, accepted := back.counts(); accepted == 0 {
		t.Error("nobody came back")
	}
}

// A server that takes connections and says nothing is found out.
func TestServerHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	good := serve(t)
	c := client(t, Config{
		URL:           "ldap://" + l.Addr().String() + " ldap://" + good.listener.Addr().String(),
		CheckInterval: time.Millisecond, DialTimeout: time.Second, // which the good one must be heard within
	})
	until(t, "the server that hangs is down", func() bool { return !c.Stats().Servers[0].Up })
	echo(t, c)
}

// A connection that breaks before anything was sent harms nobody.
func TestNothingSent(t *testing.T) {
	srv := serve(t)
	for name, ask := range map[string]func(context.Context, *Session) error{
		"an extended operation": func(ctx context.Context, s *Session) error {
			_, _, err := s.Extended(ctx, opEcho, nil)
			return err
		},
		"a delete": func(ctx context.Context, s *Session) error { return s.Delete(ctx, "dc=x", nil) },
	} {
		c := client(t, Config{Dial: srv.dial})
		s, err := c.Anonymous(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = s.link.nc.Close()
		if err := ask(t.Context(), s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		s.Release()
	}
}

// breaking closes the connection in place of the nth answer to what is asked.
type breaking struct {
	net.Conn
	reads *atomic.Int32 // before it breaks
}

func (b breaking) Read(p []byte) (int, error) {
	if b.reads.Add(-1) == -1 {
		_ = b.Conn.Close()
		return 0, io.EOF
	}
	return b.Conn.Read(p)
}

// What was sent is sent again if it only reads, nobody is bound, and the
// connection broke.
func TestRepeating(t *testing.T) {
	srv := serve(t)
	for _, tt := range []struct {
		name  string
		bound bool
		ask   func(context.Context, *Session) error
		again bool
	}{
		{"a search", false, func(ctx context.Context, s *Session) error {
			_, err := s.Search(ctx, SearchRequest{Filter: anyEntry})
			return err
		}, true},
		{"a search of somebody's", true, func(ctx context.Context, s *Session) error {
			_, err := s.Search(ctx, SearchRequest{Filter: anyEntry})
			return err
		}, false},
		{"an extended operation", false, func(ctx context.Context, s *Session) error {
			_, _, err := s.Extended(ctx, opEcho, nil)
			return err
		}, false},
		{"a delete", false, func(ctx context.Context, s *Session) error { return s.Delete(ctx, "dc=x", nil) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var reads atomic.Int32
			if tt.bound {
				reads.Store(1)
			}
			c := client(t, Config{Dial: func(ctx context.Context) (net.Conn, error) {
				nc, err := srv.dial(ctx)
				return breaking{nc, &reads}, err
			}})
			s, err := c.Anonymous(t.Context())
			if tt.bound {
				s.Release()
				s, err = c.As(t.Context(), Credentials{Name: "ann", Password: "annpw"})
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Release()
			if err := tt.ask(t.Context(), s); (err == nil) != tt.again || err != nil && !errors.Is(err, ErrUnavailable) {
				t.Errorf("%v; asked again: want %v", err, tt.again)
			}
		})
	}
}

// Nobody gets a connection as somebody else, and one that served a user serves
// the next.
func TestBoundConnectionsAreReused(t *testing.T) {
	srv := serve(t)
	c := client(t, Config{Dial: srv.dial, Connections: 2})
	for _, name := range []string{"ann", "bob", "wrong", "ann"} {
		s, err := c.As(t.Context(), Credentials{Name: name, Password: map[bool]string{true: "x", false: name + "pw"}[name == "wrong"]})
		if name == "wrong" {
			var rejected *RejectedError
			if !errors.As(err, &rejected) {
				t.Errorf("%v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if who, err := s.WhoAmI(t.Context()); who != "dn:uid="+name || err != nil {
			t.Errorf("%q, %v", who, err)
		}
		s.Release()
	}
	if _, accepted := srv.counts(); accepted != 1 {
		t.Errorf("%d connections for one user after the other", accepted)
	}
	s, err := c.Anonymous(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	if who, err := s.WhoAmI(t.Context()); who != "" || err != nil {
		t.Errorf("nobody is %q, %v", who, err)
	}
}
