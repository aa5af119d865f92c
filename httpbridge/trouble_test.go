package httpbridge_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tallystick/httpbridge"
)

const generateAnn = "/directory/v1/" + ann + "/generateTOTPSharedSecret"
const proof = `{"staticPassword":"password"}`

// unavailable checks a 503.
func unavailable(t *testing.T, a answer) {
	t.Helper()
	if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Code == "" || a.result() != -1 {
		t.Errorf("%+v", a)
	}
}

func TestServerNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	for _, u := range []string{"ldap://" + address, "ldaps://" + address, "ldapi:///nowhere/ldapi"} {
		bridge := serveBridge(t, httpbridge.Config{URL: u})
		unavailable(t, post(t, bridge+generateAnn, proof))
		unavailable(t, post(t, bridge+generateAnn, "", as(ada, password)))
		unavailable(t, post(t, bridge+generateAnn, "", as("ada", password)))
	}
}

// A server that goes away between two requests, and comes back.
func TestServerGoesAndComes(t *testing.T) {
	h := newHouse(t, nil)
	h.generate(ann, password)
	h.stopLDAP()
	unavailable(t, h.post(ann, "generateTOTPSharedSecret", proof))
	unavailable(t, h.post(ann, "generateTOTPSharedSecret", "", as(ada, password)))
	h.startLDAP()
	h.generate(ann, password)
}

// A server that dies, or falls silent, in the middle of a request.
func TestServerInTrouble(t *testing.T) {
	for name, behave := range map[string]func(net.Conn){
		"dies":         func(nc net.Conn) { _, _ = nc.Read(make([]byte, 10)); _ = nc.Close() },
		"falls silent": func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) },
		"talks HTTP":   func(nc net.Conn) { _, _ = io.WriteString(nc, "HTTP/1.1 400 Bad Request\r\n\r\n"); _ = nc.Close() },
		"slams":        func(nc net.Conn) { _ = nc.(*net.TCPConn).SetLinger(0); _ = nc.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					nc, err := l.Accept()
					if err != nil {
						return
					}
					go behave(nc)
				}
			}()
			bridge := serveBridge(t, httpbridge.Config{URL: "ldap://" + l.Addr().String(), RequestTimeout: 50 * time.Millisecond, Connections: 1})
			for range 2 {
				unavailableOrGarbled(t, post(t, bridge+generateAnn, proof))
				unavailableOrGarbled(t, post(t, bridge+generateAnn, "", as(ada, password)))
				unavailableOrGarbled(t, post(t, bridge+generateAnn, "", as("ada", password)))
			}
		})
	}
}

// unavailableOrGarbled is for a server whose octets may be taken for an answer.
func unavailableOrGarbled(t *testing.T, a answer) {
	t.Helper()
	if a.Status != http.StatusInternalServerError || a.Code != "UNEXPECTED_ERROR" || a.Message != "internal error" {
		unavailable(t, a)
	}
}

// With all connections in use the next request waits for a while, then is told so.
func TestExhaustion(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var log safeBuffer
	bridge := serveBridge(t, httpbridge.Config{
		URL: "ldap://" + l.Addr().String(), Connections: 1, WaitTimeout: time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan struct{})
	go func() {
		defer close(first)
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, bridge+generateAnn, strings.NewReader(proof))
		r.Header.Set("Content-Type", "application/json")
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}()
	limit := time.Now().Add(time.Minute)
	_ = l.(*net.TCPListener).SetDeadline(limit)
	nc, err := l.Accept() // the first request has the only connection now
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(limit)
	unavailable(t, post(t, bridge+generateAnn, proof))
	cancel() // and its client goes away: the connection with it
	<-first
	if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays")
	}
	for !strings.Contains(log.String(), "req=1 ") {
		if time.Now().After(limit) {
			t.Fatal("the request goes on")
		}
		time.Sleep(time.Millisecond)
	}
	if !regexp.MustCompile(`level=INFO msg=http req=1 .* status=499 `).MatchString(log.String()) {
		t.Errorf("that its client went away is told as a fault: %s", log.String())
	}
}

// raw sends octets as they are and returns what comes back until the bridge
// closes the connection.
func raw(t *testing.T, bridge, octets string) string {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(bridge, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(time.Minute))
	go func() { _, _ = io.WriteString(nc, octets) }() // the bridge may answer before it has read all
	b, err := io.ReadAll(bufio.NewReader(nc))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection stays, after %.200q", b)
	}
	return string(b)
}

// Clients that send too slowly or too much.
func TestUnrulyClients(t *testing.T) {
	// Who is to be heard has all the time, and who is too slow does not.
	patient := newHouse(t, func(cfg *httpbridge.Config) { cfg.KeepAlive, cfg.MaxClients = 100*time.Millisecond, 4 })
	slowHeader := newHouse(t, func(cfg *httpbridge.Config) { cfg.HeaderTimeout = 100 * time.Millisecond })
	slowBody := newHouse(t, func(cfg *httpbridge.Config) { cfg.BodyTimeout = time.Second })
	const head = "POST " + generateAnn + " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	for _, tt := range []struct {
		h            *house
		name, octets string
		want         string // how the answer begins; "": none comes
	}{
		{slowHeader, "nothing at all", "", ""},
		{slowHeader, "half a header", head, ""},
		{slowBody, "half a body", head + "Content-Length: 30\r\n\r\n{\"staticPass", "HTTP/1.1 408 "},
		{slowBody, "half a chunk", head + "Transfer-Encoding: chunked\r\n\r\n20\r\n{\"static", "HTTP/1.1 408 "},
		{patient, "a broken chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
		{patient, "a huge header", head + "X: " + strings.Repeat("x", 1<<16) + "\r\n\r\n", "HTTP/1.1 431 "},
		{patient, "many headers", head + strings.Repeat("X: y\r\n", 1<<14) + "\r\n", "HTTP/1.1 431 "},
		{patient, "a huge path", "POST /directory/v1/" + strings.Repeat("x", 1<<16), "HTTP/1.1 431 "},
		{patient, "a huge body announced", head + "Content-Length: 104857600\r\n\r\n", "HTTP/1.1 413 "},
		{patient, "a broken escape in the path", "POST /directory/v1/cn=%zz/generateTOTPSharedSecret HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 "},
		{patient, "LDAP", "\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00\r\n\r\n", "HTTP/1.1 400 "},
		{patient, "many requests in one go", strings.Repeat(head+"Content-Length: 2\r\n\r\n{}", 50), "HTTP/1.1 401 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := raw(t, tt.h.url, tt.octets)
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("%.200q, want %q", got, tt.want)
			}
		})
	}
	for i := range 8 { // more than MaxClients, one after another: all their places are free again
		raw(t, patient.url, fmt.Sprintf("GET /%d HTTP/1.0\r\n\r\n", i))
	}
	patient.generate(ann, password)
}

// Who has too many connections gets no more, and keeps those that he has.
func TestTooManyConnections(t *testing.T) {
	h := newHouse(t, func(cfg *httpbridge.Config) { cfg.MaxClients, cfg.MaxPerClient = 8, 2 })
	address := strings.TrimPrefix(h.url, "http://")
	const request = "GET /directory/v1 HTTP/1.1\r\nHost: a\r\n\r\n"
	ask := func(nc net.Conn) (status int) {
		_ = nc.SetDeadline(time.Now().Add(time.Minute))
		_, _ = io.WriteString(nc, request)
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("neither an answer nor the end")
			}
			return 0
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	var open []net.Conn
	for i, want := range []int{200, 200, 0, 0} {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if got := ask(nc); got != want {
			t.Errorf("connection %d: %d", i, got)
		}
		open = append(open, nc)
	}
	if got := ask(open[0]); got != 200 {
		t.Errorf("the first, once more: %d", got)
	}
}

// The absolute form of a request's target means the same (RFC 9112, section 3.2.2).
func TestAbsoluteForm(t *testing.T) {
	h := newHouse(t, nil)
	got := raw(t, h.url, "POST http://a"+generateAnn+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: "+
		fmt.Sprint(len(proof))+"\r\n\r\n"+proof)
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("%.200q", got)
	}
}
