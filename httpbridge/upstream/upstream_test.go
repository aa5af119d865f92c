package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func client(t *testing.T, cfg Config) *Client {
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// echo does one anonymous call that succeeds.
func echo(t *testing.T, c *Client) {
	t.Helper()
	s, err := c.Anonymous(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	_, value, err := s.Extended(t.Context(), opEcho, []byte("hello"))
	if err != nil || string(value) != "hello" {
		t.Fatalf("%q, %v", value, err)
	}
}

func TestAnonymousConnectionsAreReused(t *testing.T) {
	srv := serve(t)
	c := client(t, Config{Dial: srv.dial})
	for range 10 {
		echo(t, c)
	}
	if open, accepted := srv.counts(); open != 1 || accepted != 1 {
		t.Errorf("%d open, %d accepted", open, accepted)
	}
}

func TestValues(t *testing.T) {
	c := client(t, Config{Dial: serve(t).dial})
	s, err := c.Anonymous(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	for _, value := range [][]byte{nil, {}, []byte("x"), make([]byte, 60000)} {
		_, got, err := s.Extended(t.Context(), opEcho, value)
		if err != nil || string(got) != string(value) || (got == nil) != (value == nil) {
			t.Errorf("%d octets: %d octets, %v", len(value), len(got), err)
		}
	}
	for range 2 * longestResponse / 60000 { // what one answer may have is not used up by the others
		if _, _, err := s.Extended(t.Context(), opEcho, make([]byte, 60000)); err != nil {
			t.Fatal(err)
		}
	}
	var r *Result
	if _, _, err := s.Extended(t.Context(), opRefuse, nil); !errors.As(err, &r) || r.Code != 53 {
		t.Errorf("%v", err)
	}
	if _, got, err := s.Extended(t.Context(), opEcho, []byte("after a refusal")); err != nil || string(got) != "after a refusal" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCredentials(t *testing.T) {
	srv := serve(t)
	c := client(t, Config{Dial: srv.dial})
	for _, tt := range []struct {
		creds Credentials
		want  string // authorization identity; "": rejected
	}{
		{Credentials{Name: "uid=ann,dc=x", Password: "uid=ann,dc=xpw"}, "dn:uid=ann,dc=x"},
		{Credentials{Name: "ann", Password: "annpw"}, "dn:uid=ann"},
		{Credentials{Name: "uid=ann,dc=x", Password: "wrong"}, ""},
		{Credentials{Name: "ann", Password: "wrong"}, ""},
		{Credentials{Name: "ann", Password: "annpw\x00"}, ""},
		{Credentials{Name: "ann\x00", Password: "annpw"}, ""},
		{Credentials{Name: "uid=ann,dc=x", Password: ""}, ""},
		{Credentials{Name: "ann", Password: ""}, ""},
		{Credentials{Name: "", Password: "pw"}, ""},
		{Credentials{Token: "ann.pw"}, "dn:uid=ann"},
		{Credentials{Token: "ann.wrong"}, ""},
	} {
		s, err := c.As(t.Context(), tt.creds)
		if tt.want == "" {
			var rejected *RejectedError
			if !errors.As(err, &rejected) {
				t.Errorf("%v: %v", tt.creds, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", tt.creds, err)
			continue
		}
		if who, err := s.WhoAmI(t.Context()); who != tt.want || err != nil {
			t.Errorf("%v: %q, %v", tt.creds, who, err)
		}
		s.Release()
	}
}

// Many users and nobodies at once: each is taken for himself, and in the end
// nothing is left but idle connections.
func TestIdentitiesDoNotLeak(t *testing.T) {
	const limit = 4
	srv := serve(t)
	c := client(t, Config{Dial: srv.dial, Connections: limit, WaitTimeout: time.Minute})
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 20 {
				creds, want := Credentials{}, ""
				open := func() (*Session, error) { return c.Anonymous(t.Context()) }
				switch (g + i) % 4 {
				case 0:
					creds.Name = fmt.Sprintf("uid=u%d.%d,dc=x", g, i)
					want = "dn:" + creds.Name
				case 1:
					creds.Name = fmt.Sprintf("u%d.%d", g, i)
					want = "dn:uid=" + creds.Name
				}
				if want != "" {
					creds.Password = creds.Name + "pw"
					open = func() (*Session, error) { return c.As(t.Context(), creds) }
				}
				s, err := open()
				if err != nil {
					t.Error(err)
					return
				}
				for range 2 {
					if who, err := s.WhoAmI(t.Context()); who != want || err != nil {
						t.Errorf("%q, %v, want %q", who, err, want)
					}
				}
				s.Release()
			}
		})
	}
	wg.Wait()
	if len(c.slots) != 0 {
		t.Errorf("%d sessions not given back", len(c.slots))
	}
	if len(c.idle) > limit {
		t.Errorf("%d idle connections", len(c.idle))
	}
}

// A connection that nobody uses has nothing of what its last users were
// answered, however long that was.
func TestForgets(t *testing.T) {
	c := client(t, Config{Dial: serve(t).dial})
	for _, n := range []int{10, 3000, 60000, 300, 20} {
		s, err := c.Anonymous(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in, buffered := s.link.in, s.link.r
		if _, _, err := s.Extended(t.Context(), opEcho, bytes.Repeat([]byte("s"), n)); err != nil {
			t.Fatal(err)
		}
		s.Release()
		all, _ := buffered.Peek(0)
		for _, kept := range [][]byte{in, s.link.in, all} {
			if i := bytes.IndexByte(kept[:cap(kept)], 's'); i >= 0 {
				t.Errorf("after an answer of %d octets: one of it at %d of %d", n, i, cap(kept))
			}
		}
	}
}

// Each answer has its time, however many there were before; who waits for one in
// vain gets on, and the connection is of no use any more.
func TestAnswerTimeout(t *testing.T) {
	const patience = 2 * time.Second
	srv := serve(t)
	c := client(t, Config{Dial: srv.dial, AnswerTimeout: patience})
	for _, late := range []time.Duration{0, patience / 5, 2 * patience, 0} {
		s, err := c.Anonymous(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 7 {
			_, _, err = s.Extended(t.Context(), opLate, []byte(late.String()))
			if tooLate := late > patience; tooLate != (err != nil) || tooLate && (!errors.Is(err, ErrUnavailable) || !errors.Is(err, errNoAnswer)) {
				t.Errorf("answered after %s: %v", late, err)
			}
			if err != nil {
				break
			}
		}
		s.Release()
	}
	if _, accepted := srv.counts(); accepted != 2 {
		t.Errorf("%d connections, want one and another behind the one that was cut", accepted)
	}
	silent := client(t, Config{Dial: func(context.Context) (net.Conn, error) {
		here, _ := net.Pipe()
		return here, nil
	}, AnswerTimeout: time.Millisecond})
	if _, err := silent.As(t.Context(), Credentials{Name: "cn=x", Password: "pw"}); !errors.Is(err, errNoAnswer) {
		t.Errorf("bound by silence: %v", err)
	}
}

func TestExhaustion(t *testing.T) {
	c := client(t, Config{Dial: serve(t).dial, Connections: 1, WaitTimeout: time.Millisecond})
	s, err := c.Anonymous(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*Session, error){
		"anonymous": func() (*Session, error) { return c.Anonymous(t.Context()) },
		"bound":     func() (*Session, error) { return c.As(t.Context(), Credentials{Name: "ann", Password: "annpw"}) },
	} {
		if _, err := open(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Release()
	echo(t, c)
}

// Who waits gives up with his request.
func TestWaitingEndsWithTheRequest(t *testing.T) {
	c := client(t, Config{Dial: serve(t).dial, Connections: 1, WaitTimeout: time.Hour})
	s, err := c.Anonymous(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := c.Anonymous(ctx); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What can go wrong with the server in the middle of a request; afterwards the
// next request finds it well.
func TestTrouble(t *testing.T) {
	srv := serve(t)
	c := client(t, Config{Dial: srv.dial, Connections: 2})
	for _, tt := range []struct {
		name, oid string
		err       error
	}{
		{"it dies", opDie, ErrUnavailable},
		{"it falls silent", opSilence, ErrUnavailable},
		{"it talks nonsense", opNoise, ErrUnavailable},
		{"it does not stop talking", opFlood, ErrUnavailable},
	} {
		for _, bound := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, bound %v", tt.name, bound), func(t *testing.T) {
				ctx := t.Context()
				if tt.oid == opSilence || tt.oid == opNoise {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
				}
				s, err := c.Anonymous(t.Context())
				if bound {
					s.Release()
					s, err = c.As(t.Context(), Credentials{Name: "ann", Password: "annpw"})
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := s.Extended(ctx, tt.oid, nil); !errors.Is(err, tt.err) {
					t.Errorf("%v, want %v", err, tt.err)
				}
				s.Release()
				echo(t, c)
			})
		}
	}
	if len(c.slots) != 0 {
		t.Errorf("%d sessions not given back", len(c.slots))
	}
}

// A connection the server has closed, or that was idle for too long, is not used again.
func TestStaleConnections(t *testing.T) {
	t.Run("closed by the server", func(t *testing.T) {
		srv := serve(t)
		c := client(t, Config{Dial: srv.dial})
		echo(t, c)
		srv.hangUp()
		limit := time.Now().Add(time.Minute)
		for idle := c.idle[0]; idle.alive(); { // until the news has arrived
			if time.Now().After(limit) {
				t.Fatal("the news does not arrive")
			}
			runtime.Gosched()
		}
		echo(t, c)
	})
	t.Run("idle", func(t *testing.T) {
		srv := serve(t)
		c := client(t, Config{Dial: srv.dial, IdleTimeout: time.Nanosecond})
		echo(t, c)
		time.Sleep(time.Millisecond)
		echo(t, c)
		if _, accepted := srv.counts(); accepted != 2 {
			t.Errorf("%d connections", accepted)
		}
	})
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	silent := client(t, Config{URL: "ldaps://" + address, DialTimeout: 20 * time.Millisecond})
	silentStartTLS := client(t, Config{URL: "ldap://" + address, StartTLS: true, DialTimeout: 20 * time.Millisecond})
	for name, c := range map[string]*Client{"no handshake": silent, "no answer to StartTLS": silentStartTLS} {
		if _, err := c.Anonymous(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = l.Close()
	refused := client(t, Config{URL: "ldap://" + address, Connections: 1, WaitTimeout: time.Millisecond})
	for range 3 {
		if _, err := refused.As(t.Context(), Credentials{Name: "ann", Password: "annpw"}); !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "in use") {
			t.Error(err)
		}
	}
}

// A bind that never ends does so with its request.
func TestSilentBind(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := client(t, Config{URL: "ldap://" + l.Addr().String(), Connections: 1})
	for _, name := range []string{"ann", "uid=ann,dc=x"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if _, err := c.As(ctx, Credentials{Name: name, Password: "pw"}); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
	if len(c.slots) != 0 {
		t.Errorf("%d sessions not given back", len(c.slots))
	}
}

func TestClose(t *testing.T) {
	srv := serve(t)
	c := client(t, Config{Dial: srv.dial})
	echo(t, c)
	s, err := c.Anonymous(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Anonymous(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a session from a closed client: %v", err)
	}
	if _, _, err := s.Extended(t.Context(), opEcho, nil); err != nil {
		t.Errorf("a session already open: %v", err)
	}
	s.Release()
	if len(c.idle) != 0 {
		t.Errorf("%d connections kept", len(c.idle))
	}
}
