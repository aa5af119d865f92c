package enrol_test

import (
	"bytes"
	"context"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	otp "github.com/pquerna/otp/totp"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/manage"
	"tallystick/extop/whoami"
	"tallystick/httpbridge/enrol"
	"tallystick/httpbridge/upstream"
	"tallystick/internal/directorytest"
	"tallystick/internal/shorttemp"
	"tallystick/ldapd"
)

const (
	ann      = directorytest.Ann
	password = directorytest.Password
)

// house is the pages before a server over a directory with a clock that
// stands, everything real.
type house struct {
	t      testing.TB
	d      *directory.Directory
	server *ldapd.Server
	socket string
	url    string // of the pages, without a path
	ldap   *upstream.Client
	log    lockedBuffer
	clock  atomic.Int64 // Unix seconds
}

func newHouse(t testing.TB, cfg enrol.Config) *house {
	h := &house{t: t}
	h.clock.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix())
	h.d = directorytest.Open(t, func(cfg *directory.Config) { cfg.Now = h.now })
	// Not t.TempDir, whose path may be too long for a socket.
	folder, err := os.MkdirTemp(shorttemp.Dir(), "enrol")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	h.socket = filepath.Join(folder, "ldapi")
	h.startLDAP()
	t.Cleanup(h.stopLDAP)

	client, err := upstream.New(upstream.Config{URL: "ldapi://" + h.socket, Connections: cfg.Connections()})
	if err != nil {
		t.Fatal(err)
	}
	h.ldap = client
	pages := enrol.New(client, cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: pages, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		pages.Close()
		_ = client.Close()
	})
	h.url = "http://" + l.Addr().String()
	return h
}

func (h *house) now() time.Time { return time.Unix(h.clock.Load(), 0) }

// step moves the clock to a time in which every earlier code is of the past.
func (h *house) step() { h.clock.Add(120) }

func (h *house) startLDAP() {
	ops := extop.NewSet(whoami.Operation{}, manage.New(h.d))
	h.server = ldapd.New(h.d, ops, ldapd.Config{Log: slog.New(slog.NewTextHandler(&h.log, nil))})
	l, err := net.Listen("unix", h.socket)
	if err != nil {
		h.t.Fatal(err)
	}
	go func() { _ = h.server.Serve(l) }()
}

func (h *house) stopLDAP() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = h.server.Shutdown(ctx)
}

// code is the code of a secret at the moment.
func (h *house) code(secret string) string {
	h.t.Helper()
	code, err := otp.GenerateCode(secret, h.now())
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// logsIn reports whether a simple bind over LDAP succeeds.
func (h *house) logsIn(dn, password string) bool {
	h.t.Helper()
	c, err := ldap.DialURL("ldapi://" + h.socket)
	if err != nil {
		h.t.Fatal(err)
	}
	c.SetTimeout(time.Minute)
	defer c.Close()
	err = c.Bind(dn, password)
	if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
		h.t.Fatal(err)
	}
	return err == nil
}

// browser is what a browser without scripts does: it keeps cookies, follows
// redirects and sends the forms of the page it shows.
type browser struct {
	t      testing.TB
	url    string
	client http.Client

	page   string // as it was last answered
	status int
	header http.Header
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &browser{t: h.t, url: h.url, client: http.Client{Jar: jar, Timeout: time.Minute}}
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.url+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

// post sends a form with the hidden token of the current page. Fields are
// names and values.
func (b *browser) post(path string, fields ...string) *browser {
	b.t.Helper()
	return b.postWith(b.csrf(), path, fields...)
}

func (b *browser) postWith(csrf, path string, fields ...string) *browser {
	b.t.Helper()
	form := url.Values{"csrf": {csrf}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

func (b *browser) do(r *http.Request) *browser {
	b.t.Helper()
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.page, b.status, b.header = string(body), resp.StatusCode, resp.Header
	return b
}

// signIn signs in from the first page; code may be "".
func (b *browser) signIn(user, password, code string) *browser {
	b.t.Helper()
	return b.get("/enrol").post("/enrol/sign-in", "user", user, "password", password, "code", code)
}

// find is the first group of a pattern in the page.
func (b *browser) find(pattern string) string {
	b.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(b.page)
	if m == nil {
		b.t.Fatalf("%s is not in the page (%d):\n%s", pattern, b.status, b.page)
	}
	return html.UnescapeString(m[1])
}

func (b *browser) csrf() string { return b.find(`name="csrf" value="([^"]+)"`) }

// secret is the one that the page shows to type.
func (b *browser) secret() string {
	return strings.ReplaceAll(b.find(`<code class="secret"[^>]*>([A-Z2-7 ]+)<`), " ", "")
}

// want fails unless the page has the texts.
func (b *browser) want(status int, texts ...string) *browser {
	b.t.Helper()
	if b.status != status {
		b.t.Fatalf("status %d, want %d:\n%s", b.status, status, b.page)
	}
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(b.page), text) {
			b.t.Fatalf("%q is not in the page:\n%s", text, b.page)
		}
	}
	return b
}

// enrolled is a browser in which somebody has just set up his first device,
// and the device's secret.
func (h *house) enrolled(user, name string) (*browser, string) {
	h.t.Helper()
	b := h.browser().signIn(user, password, "").want(200, "Scan this code")
	secret := b.secret()
	b.post("/enrol/activate", "password", password, "code", h.code(secret), "name", name).want(200, "Your device is set up")
	return b, secret
}

// lockedBuffer is a bytes.Buffer for many goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}
