package httpbridge

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func newBridge(t *testing.T, cfg Config) *Bridge {
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Shutdown(t.Context()) })
	return b
}

// A fault of ours is an answer like any other for the client, and a stack for the log.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	b := newBridge(t, Config{URL: "ldap://localhost", Log: slog.New(slog.NewTextHandler(&log, nil))})
	b.face = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, "{}")
		}
		panic("out of cheese")
	})
	for path, want := range map[string]int{"/early": http.StatusInternalServerError, "/late": http.StatusOK} {
		log.Reset()
		w := httptest.NewRecorder()
		b.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, nil))
		if w.Code != want || w.Header().Get("Request-Id") == "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if s := w.Body.String(); !json.Valid([]byte(s)) || strings.Contains(s, "cheese") || strings.Contains(s, "goroutine") {
			t.Errorf("%s: %s", path, s)
		}
		if s := log.String(); !strings.Contains(s, "out of cheese") || !strings.Contains(s, "bridge_test.go") {
			t.Errorf("%s: logged %s", path, s)
		}
	}
	log.Reset()
	b.face = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.(*record).Note(slog.Any("panic", "out of cheese")) })
	b.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
	if s := log.String(); !strings.Contains(s, "level=ERROR") {
		t.Errorf("a panic that a face answered: logged %s", s)
	}
	b.face = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("net/http does not learn of the abort")
		}
	}()
	b.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
}

func TestWarnsOfPasswordsInTheClear(t *testing.T) {
	for _, tt := range []struct {
		cfg  Config
		want bool
	}{
		{Config{URL: "ldap://ldap.example.com"}, true},
		{Config{URL: "ldap://192.0.2.1:389"}, true},
		{Config{URL: "ldap://[2001:db8::1]"}, true},
		{Config{URL: "ldap://ldap.example.com", StartTLS: true}, false},
		{Config{URL: "ldaps://ldap.example.com"}, false},
		{Config{URL: "ldap://localhost:3389"}, false},
		{Config{URL: "ldap://localhost:3389 ldap://ldap.example.com"}, true},
		{Config{URL: "ldap://127.0.0.2"}, false},
		{Config{URL: "ldap://[::1]:3389"}, false},
		{Config{URL: "ldapi://%2Frun%2Fldapi"}, false},
		{Config{URL: "ldapi:///run/ldapi"}, false},
	} {
		var log bytes.Buffer
		tt.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		newBridge(t, tt.cfg)
		if got := strings.Contains(log.String(), "level=WARN"); got != tt.want {
			t.Errorf("%s: %v, want %v: %s", tt.cfg.URL, got, tt.want, log.String())
		}
	}
}

// One connection more than allowed waits until another has ended.
func TestLimitListener(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newPlaces(2, 2, nil, newMetrics().refused).listener(inner)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	for range 5 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	next := func() (c net.Conn) {
		t.Helper()
		select {
		case c = <-accepted:
		case <-time.After(time.Minute):
			t.Fatal("none is accepted")
		}
		return c
	}
	open := []net.Conn{next(), next()}
	for range 3 {
		select {
		case <-accepted:
			t.Fatal("one too many")
		default:
		}
		_ = open[0].Close()
		_ = open[0].Close() // a second time gives nothing back
		open = append(open[1:], next())
	}
	_ = l.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("no error from a closed listener")
		}
	case <-time.After(time.Minute):
		t.Error("a closed listener waits for ever")
	}
	for _, c := range open {
		_ = c.Close()
	}
}

// A peer that has its share, which is all there is, gets the place of a connection
// that ends, however quickly it comes.
func TestPlaceIsWholeWhenItIsFree(t *testing.T) {
	peer := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
	p := newPlaces(1, 1, nil, newMetrics().refused)
	for range 10_000 {
		p.all <- struct{}{}
		counted, ok := p.enter(peer)
		if !ok {
			t.Fatal("there was a place, and it was refused")
		}
		go p.leave(counted)
	}
}

// One address may not take all places, whoever is behind it, but a proxy may.
func TestConnectionsOfOnePeer(t *testing.T) {
	tcp := func(address string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)) }
	p := newPlaces(100, 2, []netip.Prefix{netip.MustParsePrefix("192.0.2.128/25")}, newMetrics().refused)
	var first netip.Prefix
	for _, row := range []struct {
		from string
		want bool
	}{
		{"192.0.2.1:1", true},
		{"192.0.2.1:2", true},
		{"192.0.2.1:3", false},
		{"[::ffff:192.0.2.1]:4", false},
		{"192.0.2.2:1", true},
		{"[2001:db8::1]:1", true},
		{"[2001:db8::2]:1", true},
		{"[2001:db8::3]:1", false},
		{"[2001:db8:0:1::1]:1", true},
		{"192.0.2.200:1", true},
		{"192.0.2.200:2", true},
		{"192.0.2.200:3", true},
	} {
		p.all <- struct{}{}
		peer, ok := p.enter(tcp(row.from))
		if ok != row.want {
			t.Errorf("%s: %v", row.from, ok)
		}
		if !first.IsValid() {
			first = peer
		}
	}
	p.leave(first)
	if _, ok := p.enter(tcp("192.0.2.1:5")); !ok {
		t.Error("no place, although a connection has ended")
	}
}
