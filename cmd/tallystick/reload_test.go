package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"tallystick/internal/freeport"
)

// newPair is a certificate of its own authority, for servers and clients, in files.
func newPair(t *testing.T, name string) *certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem")
	if err := errors.Join(writePEM(certFile, "CERTIFICATE", cert, 0o600), writePEM(keyFile, "PRIVATE KEY", private, 0o600)); err != nil {
		t.Fatal(err)
	}
	c, _, err := openCertificate(certFile, keyFile, false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// move puts the files of from in the places of to.
func move(t *testing.T, from, to *certificate) {
	for _, names := range [][2]string{{from.certFile, to.certFile}, {from.keyFile, to.keyFile}} {
		if err := os.Rename(names[0], names[1]); err != nil {
			t.Fatal(err)
		}
	}
}

// From a reload on, clients connect with certificates of the authority that is
// in the file now; who is connected stays.
func TestReloadOfClientAuthority(t *testing.T) {
	server, first, second := newPair(t, "server"), newPair(t, "first"), newPair(t, "second")
	c := &config{}
	c.HTTPS.Clients = first.certFile
	cfg, clients, err := c.listenTLS(server)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(r.TLS.PeerCertificates[0].SerialNumber.String()))
	}))
	s.TLS, s.EnableHTTP2 = cfg, true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.current.Load().Leaf)
	client := func(pair *tls.Certificate) *http.Client {
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{*pair}}}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	}
	get := func(c *http.Client) (reused bool, err error) {
		trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
		r, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", s.URL, nil)
		resp, err := c.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		return reused, err
	}
	pairs := []*tls.Certificate{first.current.Load(), second.current.Load()}
	connected := client(pairs[0])
	if _, err := get(connected); err != nil {
		t.Fatal(err)
	}
	if _, err := get(client(pairs[1])); err == nil {
		t.Error("a certificate of another authority was taken")
	}

	move(t, second, first)
	if err := clients.reload(); err != nil {
		t.Fatal(err)
	}
	if reused, err := get(connected); err != nil || !reused {
		t.Errorf("the open connection: reused %v, %v", reused, err)
	}
	if _, err := get(client(pairs[0])); err == nil {
		t.Error("the authority before is still good")
	}
	if _, err := get(client(pairs[1])); err != nil {
		t.Errorf("the new authority: %v", err)
	}

	if err := os.WriteFile(first.certFile, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := clients.reload(); err == nil {
		t.Error("a file without a certificate was taken")
	}
	if _, err := get(client(pairs[1])); err != nil {
		t.Errorf("after a failed reload: %v", err)
	}
}

// Nor does a ticket bring back who has only a certificate of the authority before.
func TestReloadEndsTickets(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server, first, second := newPair(t, "server"), newPair(t, "first"), newPair(t, "second")
		c := &config{}
		c.HTTPS.Clients = first.certFile
		cfg, clients, err := c.listenTLS(server)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.TLS, s.Config.ErrorLog = cfg, log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		roots := x509.NewCertPool()
		roots.AddCert(server.current.Load().Leaf)
		own := &tls.Config{
			RootCAs: roots, Certificates: []tls.Certificate{*first.current.Load()},
			ClientSessionCache: tls.NewLRUClientSessionCache(1), MaxVersion: version,
		}
		get := func() (resumed bool, err error) {
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: own, DisableKeepAlives: true}}
			resp, err := client.Get(s.URL)
			if err != nil {
				return false, err
			}
			defer resp.Body.Close()
			return resp.TLS.DidResume, nil
		}
		for i, want := range []bool{false, true} {
			if resumed, err := get(); err != nil || resumed != want {
				t.Errorf("%s, connection %d: resumed %v, %v", tls.VersionName(version), i, resumed, err)
			}
		}
		move(t, second, first)
		if err := clients.reload(); err != nil {
			t.Fatal(err)
		}
		if resumed, err := get(); err == nil {
			t.Errorf("%s: the authority before is still good, resumed %v", tls.VersionName(version), resumed)
		}
	}
}

// The bridge shows the LDAP server what is in its files now, unless the server
// asks for one of another authority.
func TestReloadOfBridgeCertificate(t *testing.T) {
	server, first, second := newPair(t, "server"), newPair(t, "first"), newPair(t, "second")
	c := &config{}
	c.Bridge.CA, c.Bridge.Certificate, c.Bridge.Key = server.certFile, first.certFile, first.keyFile
	cfg, own, err := c.bridgeTLS()
	if err != nil {
		t.Fatal(err)
	}
	cfg.ServerName = "localhost"
	shown := func(asking *tls.Config) *x509.Certificate {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		asking.Certificates = []tls.Certificate{*server.current.Load()}
		s := tls.Server(a, asking)
		done := make(chan error, 1)
		go func() { done <- s.Handshake() }()
		if err := tls.Client(b, cfg).Handshake(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if list := s.ConnectionState().PeerCertificates; len(list) > 0 {
			return list[0]
		}
		return nil
	}
	anyone := &tls.Config{ClientAuth: tls.RequestClientCert, MaxVersion: tls.VersionTLS12}
	if got := shown(anyone); got == nil || !got.Equal(first.current.Load().Leaf) {
		t.Error("not the first certificate")
	}
	next := second.current.Load().Leaf
	move(t, second, first)
	if err := own.reload(); err != nil {
		t.Fatal(err)
	}
	if got := shown(anyone); got == nil || !got.Equal(next) {
		t.Error("not the second certificate")
	}
	others := x509.NewCertPool()
	others.AddCert(server.current.Load().Leaf)
	if got := shown(&tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: others}); got != nil {
		t.Error("shown to who wants one of another authority")
	}
}

// A new certificate is for new connections: those that are there go on, with
// LDAPS and with StartTLS.
func TestReloadKeepsConnections(t *testing.T) {
	var addresses [2]string
	for i := range addresses {
		var err error
		if addresses[i], err = freeport.Address(); err != nil {
			t.Fatal(err)
		}
	}
	first, second := newPair(t, "first"), newPair(t, "second")
	p := &process{flags: []string{
		"--ldap", addresses[0], "--ldaps", addresses[1], "--http", "off", "--sample",
		"--set", "tls.certificate=" + first.certFile, "--set", "tls.key=" + first.keyFile,
	}}
	t.Cleanup(p.kill)
	if err := p.start(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	trust := func(c *certificate) *tls.Config {
		roots := x509.NewCertPool()
		roots.AddCert(c.current.Load().Leaf)
		return &tls.Config{RootCAs: roots, ServerName: "localhost"}
	}
	inFirst, inSecond := trust(first), trust(second)
	connect := map[string]func(*tls.Config) (*ldap.Conn, error){
		"LDAPS": func(c *tls.Config) (*ldap.Conn, error) {
			return ldap.DialURL("ldaps://"+addresses[1], ldap.DialWithTLSConfig(c))
		},
		"StartTLS": func(c *tls.Config) (*ldap.Conn, error) {
			conn, err := ldap.DialURL("ldap://" + addresses[0])
			if err != nil {
				return nil, err
			}
			if err := conn.StartTLS(c); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			return conn, nil
		},
	}
	user := "uid=user.1,ou=people,dc=example,dc=com"
	open := map[string]*ldap.Conn{}
	for door, dial := range connect {
		c, err := dial(inFirst)
		if err != nil {
			t.Fatalf("%s: %v", door, err)
		}
		defer c.Close()
		if err := c.Bind(user, "password"); err != nil {
			t.Fatalf("%s: %v", door, err)
		}
		open[door] = c
	}
	move(t, second, first)
	if err := p.hangUp("read the certificate again"); err != nil {
		t.Fatal(err)
	}
	for door, dial := range connect {
		if who, err := open[door].WhoAmI(nil); err != nil || who.AuthzID != "dn:"+user {
			t.Errorf("%s: the connection that was there: %v, %v", door, who, err)
		}
		if c, err := dial(inSecond); err != nil {
			t.Errorf("%s: the new certificate: %v", door, err)
		} else {
			c.Close()
		}
		if c, err := dial(inFirst); err == nil {
			t.Errorf("%s: the old certificate is still shown", door)
			c.Close()
		}
	}
}
