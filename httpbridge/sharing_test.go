package httpbridge_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/httpbridge"
	"tallystick/internal/directorytest"
	"tallystick/internal/inprocess"
	"tallystick/ldapd"
)

// Users of many clients, behind one proxy that keeps its connections: they share
// few connections to the LDAP server, some fail in the middle, some do not wait
// for their answer. Everybody gets what is his, and the LDAP server hears of
// each request from which client it is.
func TestClientsOfOneProxyAreToldApart(t *testing.T) {
	within := inprocess.Listen()
	h := newHouse(t, func(cfg *httpbridge.Config) {
		cfg.Dial, cfg.TellClient = within.Dial, true
		cfg.Connections, cfg.WaitTimeout = 3, time.Minute
		cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	log := &safeBuffer{}
	server := ldapd.New(h.d, operations(h.d), ldapd.Config{Log: slog.New(slog.NewTextHandler(log, nil))})
	go func() { _ = server.Serve(within) }()
	t.Cleanup(func() { _ = server.Shutdown(context.Background()) })

	users := []string{ann, bob, ada}
	const perClient = 40
	var clients sync.WaitGroup
	for n := range 9 {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(n%2 == 0)
		protocols.SetUnencryptedHTTP2(n%2 == 1)
		proxy := &http.Transport{Protocols: protocols, MaxConnsPerHost: 1}
		t.Cleanup(proxy.CloseIdleConnections)
		clients.Go(func() {
			for i := range perClient {
				user := (n + i) % len(users)
				ctx, cancel := context.WithCancel(t.Context())
				name, status, holds := "me", http.StatusOK, `"_dn":"`+users[user]+`"`
				impatient := i%8 == 5
				switch {
				case impatient:
					time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, cancel)
				case i%8 == 6: // an error behind the bind
					name, status, holds = "uid=nobody", http.StatusNotFound, "no such object"
				}
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/directory/v1/"+name, nil)
				if err != nil {
					t.Error(err)
				}
				r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.1, 10.%d.%d.%d", user, n, i))
				r.SetBasicAuth(users[user], password)
				got, text, err := send(proxy, r)
				if !impatient && (err != nil || got != status || !strings.Contains(text, holds)) {
					t.Errorf("%s of %s: %d %s, %v", name, users[user], got, text, err)
				}
				cancel()
			}
		})
	}
	clients.Wait()

	seen := map[string]bool{}
	from := regexp.MustCompile(`peer=10\.(\d+)\.(\d+\.\d+) listener=http .* by="?([^" ]+)`)
	for line := range strings.Lines(log.String()) {
		if !strings.Contains(line, "msg=operation") {
			continue
		}
		m := from.FindStringSubmatch(line)
		if m == nil {
			if !strings.Contains(line, "peer=10.") {
				t.Errorf("from nobody: %s", line)
			}
			continue
		}
		seen[m[1]+"."+m[2]] = true
		if user := users[m[1][0]-'0']; m[3] != user {
			t.Errorf("%s's address, and asked by another: %s", user, line)
		}
	}
	if len(seen) < 9*perClient*3/4 { // but for some of the impatient
		t.Errorf("%d addresses in the log", len(seen))
	}
}

// send is what came back over one transport.
func send(over http.RoundTripper, r *http.Request) (status int, text string, err error) {
	resp, err := over.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// Whom a kept connection served counts for nothing: a password that was changed
// and a user who is gone are refused by the next request on it.
func TestKeptConnectionsKnowNobody(t *testing.T) {
	h := newHouse(t, func(cfg *httpbridge.Config) { cfg.Connections = 1 })
	proxy := &http.Transport{MaxConnsPerHost: 1}
	t.Cleanup(proxy.CloseIdleConnections)
	ask := func(method, path, body, dn, secret string, want int) (text string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, h.url+"/directory/v1/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth(dn, secret)
		got, text, err := send(proxy, r)
		if got != want || err != nil {
			t.Errorf("%s %s as %s: %d, want %d: %s, %v", method, path, dn, got, want, text, err)
		}
		return text
	}
	ask("GET", "me", "", bob, password, 200)
	ask("GET", "me", "", bob, password, 200)
	ask("POST", bob+"/changePassword", `{"oldPassword":"password","newPassword":"compilers are possible"}`, bob, password, 200)
	ask("GET", "me", "", bob, password, 401)
	h.step() // and his failure is forgiven
	ask("GET", "me", "", bob, "compilers are possible", 200)
	ask("DELETE", bob, "", ada, password, 204)
	gone := ask("GET", "me", "", bob, "compilers are possible", 401)
	if never := ask("GET", "me", "", "uid=nobody,"+directorytest.People, password, 401); gone != never {
		t.Errorf("who is gone hears %s, and who never was %s", gone, never)
	}
	ask("GET", "me", "", ann, password, 200)
}
