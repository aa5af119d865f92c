package httpbridge_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tallystick/httpbridge"
)

// get returns the status and the body of url.
func get(t *testing.T, client *http.Client, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestOperator(t *testing.T) {
	h := newHouse(t, func(cfg *httpbridge.Config) { cfg.OperatorHere = true })
	h.generate(ann, password)
	h.post(bob, "generateTOTPSharedSecret", `{"staticPassword":"wrong"}`)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/metrics/x": 404} {
		if resp, body := get(t, http.DefaultClient, h.url+path); resp.StatusCode != want {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	// A proxy on this machine brings requests of others.
	for _, header := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via"} {
		for _, value := range []string{"for=192.0.2.1", ""} {
			if resp, _ := get(t, http.DefaultClient, h.url+"/metrics", header, value); resp.StatusCode != 404 {
				t.Errorf("with %s: %q: %d", header, value, resp.StatusCode)
			}
		}
	}
	_, metrics := get(t, http.DefaultClient, h.url+"/metrics")
	for _, line := range []string{
		`tallystick_http_requests_total{face="pingdirectory",status="200"} 1`,
		`tallystick_http_requests_total{face="pingdirectory",status="400"} 1`,
		`tallystick_http_requests_total{face="operator",status="200"} 3`,
		`tallystick_http_request_seconds_count{face="pingdirectory"} 11`,
		`tallystick_ldap_connections{part="faces",state="in_use"} 0`,
		`tallystick_ldap_connections{part="faces",state="idle"} 1`,
		`tallystick_ldap_connections_limit{part="faces"} 16`,
		`tallystick_http_requests_running 1`,
		"go_goroutines ",
		"process_cpu_seconds_total ",
	} {
		if !strings.Contains(metrics, "\n"+line) {
			t.Errorf("no %s", line)
		}
	}
	h.stopLDAP()
	if resp, _ := get(t, http.DefaultClient, h.url+"/readyz"); resp.StatusCode != 503 {
		t.Errorf("/readyz without a server: %d", resp.StatusCode)
	}
	if resp, _ := get(t, http.DefaultClient, h.url+"/healthz"); resp.StatusCode != 200 {
		t.Errorf("/healthz without a server: %d", resp.StatusCode)
	}
	if t.Failed() {
		t.Log(metrics)
	}
}

// Without OperatorHere the paths are nobody's.
func TestOperatorElsewhere(t *testing.T) {
	h := newHouse(t, nil)
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if resp, body := get(t, http.DefaultClient, h.url+path); resp.StatusCode != 404 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}

// A proxy on this machine that is configured as one brings requests of others,
// whether it says so or not.
func TestOperatorBehindAProxy(t *testing.T) {
	h := newHouse(t, func(cfg *httpbridge.Config) {
		cfg.OperatorHere, cfg.Proxies = true, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if resp, body := get(t, http.DefaultClient, h.url+path); resp.StatusCode != 404 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}

// The record of a request has these keys, and nothing secret.
func TestAccessLog(t *testing.T) {
	h := newHouse(t, nil)
	h.generate(ann, password)
	get(t, http.DefaultClient, h.url+"/directory/v1/"+ann+"/subtree?searchScope=wholeSubtree&filter=cn+eq+%22geheim%22", "Authorization", "Basic "+"eDpnZWhlaW0=")
	log := h.log.String()
	for _, key := range []string{" req=", " corr=", " peer=127.0.0.1:", " client=127.0.0.1 ", " face=pingdirectory ", " proto=HTTP/1.1 ", " method=POST ", " path=", " status=200 ", " sent=", " op=", " code=0 ", " ms="} {
		if !strings.Contains(log, key) {
			t.Errorf("no %q", key)
		}
	}
	for _, secret := range []string{"geheim", "staticPassword", password + `"`, "eDpnZWhlaW0="} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	if t.Failed() {
		t.Log(log)
	}
}

// TLS, HTTP/2 and client certificates.
func TestHTTPS(t *testing.T) {
	h := newHouse(t, nil)
	certified := httptest.NewTLSServer(nil) // a certificate for 127.0.0.1 and example.com
	defer certified.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	pair := certified.TLS.Certificates
	his, authority := clientCertificate(t)
	for _, tt := range []struct {
		name   string
		listen *tls.Config
		shown  []tls.Certificate
		proto  string // "": refused
	}{
		{"anybody", &tls.Config{Certificates: pair}, nil, "HTTP/2.0"},
		{"a certificate that nobody asked for", &tls.Config{Certificates: pair}, his, "HTTP/2.0"},
		{"a certificate that is wanted", &tls.Config{Certificates: pair, ClientCAs: authority, ClientAuth: tls.RequireAndVerifyClientCert}, his, "HTTP/2.0"},
		{"none where one is wanted", &tls.Config{Certificates: pair, ClientCAs: authority, ClientAuth: tls.RequireAndVerifyClientCert}, nil, ""},
		{"one of another authority", &tls.Config{Certificates: pair, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert}, his, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := httpbridge.New(httpbridge.Config{URL: "ldapi://" + h.socket, ListenTLS: tt.listen})
			if err != nil {
				t.Fatal(err)
			}
			l := listen(t)
			ended := make(chan error, 1)
			go func() { ended <- b.ServeTLS(l) }()
			defer func() {
				if err := errors.Join(b.Shutdown(context.Background()), <-ended); err != nil {
					t.Error(err)
				}
			}()
			transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: tt.shown}}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			if tt.proto == "" {
				if resp, err := client.Get("https://" + l.Addr().String() + "/directory/v1"); err == nil {
					resp.Body.Close()
					t.Error(resp.Status)
				}
				return
			}
			resp, body := get(t, client, "https://"+l.Addr().String()+"/directory/v1")
			if resp.StatusCode != 200 || resp.Proto != tt.proto {
				t.Errorf("%s %s", resp.Status, body)
			}
		})
	}
}

// clientCertificate is one that is its own authority.
func clientCertificate(t *testing.T) ([]tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a client"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, pool
}
