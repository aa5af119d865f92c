package ldapd

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// nopConn is a connection that nothing can be done with.
type nopConn struct{ net.Conn }

func (nopConn) Close() error         { return nil }
func (nopConn) RemoteAddr() net.Addr { return &net.UnixAddr{} }

// certificate makes a self-signed one; the client trusts it.
func certificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool, ServerName: "localhost"}
}

func TestStartTLS(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	s := start(t, Config{TLS: serverTLS})
	for range 10 {
		c := s.dial(t)
		if err := c.StartTLS(clientTLS); err != nil {
			t.Fatal(err)
		}
		if err := c.Bind(rootDN, rootPassword); err != nil {
			t.Fatal(err)
		}
		if r, err := c.Search(&ldap.SearchRequest{BaseDN: people, Scope: ldap.ScopeWholeSubtree, Filter: "(objectClass=*)"}); err != nil || len(r.Entries) != entries+1 {
			t.Fatal(err)
		}
		c.Close()
	}
	for _, cfg := range []Config{{}, {TLS: serverTLS}} {
		s := startOn(t, emptyDirectory(t), cfg)
		dse, err := s.dial(t).Search(&ldap.SearchRequest{Filter: "(objectClass=*)", Attributes: []string{"supportedExtension"}})
		if err != nil || slices.Contains(dse.Entries[0].GetAttributeValues("supportedExtension"), oidStartTLS) != (cfg.TLS != nil) {
			t.Errorf("with a certificate (%v) and only then it is advertised: %v", cfg.TLS != nil, err)
		}
	}
}

func TestStartTLSTwice(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	s := start(t, Config{TLS: serverTLS})
	c := s.raw(t)
	c.send(1, &wire.ExtendedRequest{Name: oidStartTLS})
	if r := c.expect(1, wire.TagExtendedResponse, directory.Success); r.name != oidStartTLS {
		t.Errorf("responseName %q", r.name)
	}
	secure := newRaw(t, tls.Client(c.Conn, clientTLS))
	secure.works(2)
	secure.send(3, &wire.ExtendedRequest{Name: oidStartTLS})
	secure.expect(3, wire.TagExtendedResponse, directory.OperationsError)
	secure.works(4)
	secure.sendOctets([]byte("nonsense"))
	secure.expectNotice(directory.ProtocolError)
}

// TestStartTLSInjection: octets behind the request are not carried into TLS.
func TestStartTLSInjection(t *testing.T) {
	serverTLS, _ := certificate(t)
	s := start(t, Config{TLS: serverTLS})
	c := s.raw(t)
	c.sendOctets(append(encode(1, &wire.ExtendedRequest{Name: oidStartTLS}), encode(2, &wire.ExtendedRequest{Name: oidEcho})...))
	c.expect(1, wire.TagExtendedResponse, directory.OperationsError)
	c.expect(2, wire.TagExtendedResponse, directory.Success) // in the clear, as it came
	// Those that come later are no TLS, and end the handshake.
	c.send(3, &wire.ExtendedRequest{Name: oidStartTLS})
	c.expect(3, wire.TagExtendedResponse, directory.Success)
	c.send(4, &wire.ExtendedRequest{Name: oidEcho})
	for {
		r, err := c.tryRecv()
		if err != nil {
			break
		}
		if r.id == 4 {
			t.Fatal("plaintext was served after StartTLS")
		}
	}
}

func TestStartTLSWaits(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	s := start(t, Config{TLS: serverTLS})
	c := s.raw(t)
	c.send(1, holdRequest)
	s.hold.hasBegun(t)
	c.send(2, &wire.ExtendedRequest{Name: oidStartTLS})
	s.hold.end(t)
	c.expect(1, wire.TagExtendedResponse, directory.Success)
	c.expect(2, wire.TagExtendedResponse, directory.Success)
	newRaw(t, tls.Client(c.Conn, clientTLS)).works(3)
}

func TestLDAPS(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	s := start(t, Config{TLS: serverTLS})
	addr := s.listen(t, "tcp", "127.0.0.1:0", s.ServeTLS)
	nc, err := tls.Dial("tcp", addr, clientTLS)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := newRaw(t, nc)
	c.works(1)
	c.send(2, &wire.ExtendedRequest{Name: oidStartTLS})
	c.expect(2, wire.TagExtendedResponse, directory.OperationsError)

	// A client that says nothing is cut off.
	hasty := start(t, Config{TLS: serverTLS, HandshakeTimeout: 50 * time.Millisecond})
	silent, err := net.Dial("tcp", hasty.listen(t, "tcp", "127.0.0.1:0", hasty.ServeTLS))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	if n, err := newRaw(t, silent).Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d octets for a silent client, %v", n, err)
	}
	// So is one that speaks plainly.
	plain, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	p := newRaw(t, plain)
	p.send(1, &wire.ExtendedRequest{Name: oidEcho})
	if octets, err := io.ReadAll(p); errors.Is(err, os.ErrDeadlineExceeded) || bytes.Contains(octets, []byte(oidEcho)) {
		t.Errorf("%q for a client that speaks plainly, %v", octets, err)
	}
	c.works(3)
}

func TestServeTLSNeedsCertificates(t *testing.T) {
	s := start(t, Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ServeTLS(l); err == nil {
		t.Error("no error")
	}
}

// TestLocalSocket: the kernel says who is there, and SASL EXTERNAL takes it.
func TestLocalSocket(t *testing.T) {
	s := start(t, Config{})
	path := s.listen(t, "unix", filepath.Join(t.TempDir(), "ldapi"), s.Serve)
	c, err := ldap.DialURL("ldapi://" + path)
	if err != nil {
		t.Fatal(err)
	}
	c.SetTimeout(time.Minute)
	defer c.Close()
	if err := c.ExternalBind(); err != nil {
		t.Fatal(err)
	}
	// The tests run as the user that the server runs as.
	if who, err := c.WhoAmI(nil); err != nil || !strings.EqualFold(who.AuthzID, "dn:"+rootDN) {
		t.Errorf("whoami: %+v, %v", who, err)
	}
	if err := s.dial(t).ExternalBind(); err == nil {
		t.Error("EXTERNAL over TCP")
	}
}

// TestLocalStranger: another user of the machine is told from the server's own.
func TestLocalStranger(t *testing.T) {
	tool, err := exec.LookPath("ldapwhoami")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root and ldapwhoami")
	}
	s := start(t, Config{})
	folder, err := os.MkdirTemp("", "ldapi") // t.TempDir is for us alone
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "socket")
	s.listen(t, "unix", path, s.Serve)
	if err := errors.Join(os.Chmod(folder, 0o755), os.Chmod(path, 0o777)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool, "-Q", "-Y", "EXTERNAL", "-H", "ldapi://"+url.PathEscape(path))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65533}}
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if want := "dn:gidNumber=65533+uidNumber=65534,cn=peercred,cn=external,cn=auth"; err != nil || !strings.EqualFold(strings.TrimSpace(string(out)), want) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestServeConn(t *testing.T) {
	s := start(t, Config{})
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- s.ServeConn(theirs) }()
	c := newRaw(t, ours)
	c.works(1)
	c.send(2, holdRequest)
	s.hold.hasBegun(t)
	s.hold.end(t)
	c.expect(2, wire.TagExtendedResponse, directory.Success)
	c.send(3, &wire.UnbindRequest{})
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}

func TestConnectionLimits(t *testing.T) {
	for _, row := range []struct {
		what string
		cfg  Config
	}{
		{"in total", Config{MaxConnections: 5}},
		{"from one address", Config{MaxConnectionsPerPeer: 5}},
	} {
		t.Run(row.what, func(t *testing.T) {
			s := start(t, row.cfg)
			var clients []*raw
			for range 5 {
				c := s.raw(t)
				c.works(1)
				clients = append(clients, c)
			}
			s.raw(t).expectNotice(directory.Busy)
			clients[0].Close()
			waitFor(t, "the connection to be gone", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return len(s.conns) < 5
			})
			s.works(t)
		})
	}
}

func TestPeerKey(t *testing.T) {
	for _, row := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.ParseIP("192.0.2.7"), Port: 1}, "192.0.2.7"},
		{&net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.7"), Port: 1}, "192.0.2.7"},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8:1:2:3:4:5:6"), Port: 1}, "2001:db8:1:2::/64"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 1}, "fe80::/64"},
		{&net.UnixAddr{Name: "x"}, ""},
	} {
		if got := peerKey(row.addr); got != row.want {
			t.Errorf("%v: %q, want %q", row.addr, got, row.want)
		}
	}
}

// shortListener fails for want of descriptors now and then.
type shortListener struct {
	net.Listener
	failures int
}

func (l *shortListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAcceptErrors(t *testing.T) {
	s := start(t, Config{})
	s.addr = s.listen(t, "tcp", "127.0.0.1:0", func(l net.Listener) error { return s.Serve(&shortListener{l, 3}) })
	s.works(t)
	if got := strings.Count(s.log.String(), "cannot accept connections"); got != 3 {
		t.Errorf("%d records", got)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Serve(l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a dead listener: %v", err)
	}
}
