package httpbridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/manage"
	"tallystick/extop/passmod"
	"tallystick/extop/passwords"
	"tallystick/extop/totp"
	"tallystick/extop/whoami"
	"tallystick/httpbridge"
	"tallystick/internal/directorytest"
	"tallystick/internal/shorttemp"
	"tallystick/ldapd"
)

const (
	ann      = directorytest.Ann
	bob      = directorytest.Bob
	ada      = directorytest.Ada // administrator
	password = directorytest.Password
)

// A test that hangs shall say where.
func init() { http.DefaultClient.Timeout = time.Minute }

// house is a bridge over a Unix socket to a server over a directory with a
// clock that stands, everything real.
type house struct {
	t      testing.TB
	d      *directory.Directory
	server *ldapd.Server
	socket string
	url    string // of the bridge, without a path
	log    *safeBuffer
	clock  atomic.Int64 // Unix seconds
}

func newHouse(t testing.TB, change func(*httpbridge.Config), inside ...func(*directory.Config)) *house {
	h := &house{t: t, log: &safeBuffer{}}
	h.clock.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix())
	h.d = directorytest.Open(t, func(cfg *directory.Config) {
		cfg.Now = h.now
		for _, change := range inside {
			change(cfg)
		}
	})
	// Not t.TempDir, whose path may be too long for a socket.
	folder, err := os.MkdirTemp(shorttemp.Dir(), "bridge")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	h.socket = filepath.Join(folder, "ldapi")
	h.startLDAP()
	t.Cleanup(func() { h.stopLDAP() })
	cfg := httpbridge.Config{URL: "ldapi://" + url.PathEscape(h.socket), Log: slog.New(slog.NewTextHandler(h.log, nil))}
	if change != nil {
		change(&cfg)
	}
	h.url = serveBridge(t, cfg)
	return h
}

func (h *house) now() time.Time { return time.Unix(h.clock.Load(), 0) }

// step moves the clock to a time in which every earlier code is of the past.
func (h *house) step() { h.clock.Add(120) }

// startLDAP starts a server over the directory, which may have had one before.
func (h *house) startLDAP() {
	h.server = ldapd.New(h.d, operations(h.d), ldapd.Config{Log: slog.New(slog.NewTextHandler(h.log, nil))})
	l, err := net.Listen("unix", h.socket)
	if err != nil {
		h.t.Fatal(err)
	}
	go func() { _ = h.server.Serve(l) }()
}

func operations(d *directory.Directory) *extop.Set {
	return extop.NewSet(whoami.Operation{}, totp.NewGenerate(d), totp.NewRevoke(d), totp.NewValidate(d), manage.New(d), passmod.New(d),
		passwords.NewGenerate(d), passwords.NewQuality(d), passwords.NewVerify(d), passwords.NewState(d))
}

// dialWithoutTLS connects to the server, which has no certificate.
func (h *house) dialWithoutTLS(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", h.socket)
}

func (h *house) stopLDAP() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = h.server.Shutdown(ctx)
}

// serveBridge starts a bridge that ends with the test, and returns its URL.
func serveBridge(t testing.TB, cfg httpbridge.Config) string {
	b, err := httpbridge.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- b.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// as is the header of Basic authentication; "" is none.
func as(name, secret string) func(*http.Request) {
	return func(r *http.Request) {
		if name != "" {
			r.SetBasicAuth(name, secret)
		}
	}
}

// answer is what came back.
type answer struct {
	Status     int         `json:"-"`
	Header     http.Header `json:"-"`
	Code       string
	Message    string
	Details    []struct{ Code, Target, Message string }
	ResultCode *struct {
		Value int
		Name  string
	}
	DiagnosticMessage string
	TOTPSharedSecret  string
}

// result is the value of resultCode, -1 without one.
func (a answer) result() int {
	if a.ResultCode == nil {
		return -1
	}
	return a.ResultCode.Value
}

// post does one call: dn goes into the path, body is JSON text; "" is none.
func (h *house) post(dn, operation, body string, change ...func(*http.Request)) answer {
	h.t.Helper()
	return post(h.t, h.url+"/directory/v1/"+url.PathEscape(dn)+"/"+operation, body, change...)
}

func post(t testing.TB, target, body string, change ...func(*http.Request)) answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		c(r)
	}
	return do(t, r)
}

func do(t testing.TB, r *http.Request) answer {
	t.Helper()
	client := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Errorf("%s %s: %v", r.Method, r.URL, err)
		return answer{}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	a := answer{Status: resp.StatusCode, Header: resp.Header}
	if len(b) > 0 {
		if err := json.Unmarshal(b, &a); err != nil {
			t.Errorf("%s %s: %v in %q", r.Method, r.URL, err, b)
		}
	}
	return a
}

// generate gives dn a secret, by the static password.
func (h *house) generate(dn, staticPassword string) string {
	h.t.Helper()
	a := h.post(dn, "generateTOTPSharedSecret", `{"staticPassword":"`+staticPassword+`"}`)
	if a.Status != http.StatusOK || a.TOTPSharedSecret == "" {
		h.t.Fatalf("generate: %+v", a)
	}
	return a.TOTPSharedSecret
}

// code is the code of a secret at the moment, computed by a library; and by
// oathtool, where it is installed, as it must be for a release.
func (h *house) code(secret string) string {
	h.t.Helper()
	code, err := otp.GenerateCode(secret, h.now())
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

func (h *house) oathtool(secret string) string {
	h.t.Helper()
	if _, err := exec.LookPath("oathtool"); err != nil {
		if os.Getenv("CI") == "true" {
			h.t.Fatal(err)
		}
		return h.code(secret)
	}
	cmd := exec.Command("oathtool", "--totp", "-b", "-N", h.now().UTC().Format("2006-01-02 15:04:05 UTC"), "-") // the secret is nobody's business on the command line
	cmd.Stdin = strings.NewReader(secret)
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// safeBuffer is a bytes.Buffer for many goroutines.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
