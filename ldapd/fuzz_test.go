package ldapd

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// FuzzSession throws octets at a live session, before a bind and after one.
// Whatever they are, the server answers with LDAPMessages only, comes to an
// end when the client does, and goes on serving others.
func FuzzSession(f *testing.F) {
	requests := []any{
		&directory.BindRequest{Version: 3, Name: person(0), Password: []byte("password")},
		&directory.BindRequest{Version: 3, SASL: &directory.SASLCredentials{Mechanism: "PLAIN", Credentials: []byte("\x00dn:" + person(0) + "\x00password")}},
		everybody(),
		&directory.CompareRequest{Entry: person(0), Attribute: "cn", Value: []byte("x")},
		&directory.ModifyDNRequest{Entry: person(299), NewRDN: "uid=user.299"},
		&directory.ModifyRequest{Object: person(298), Changes: []directory.Change{{Operation: directory.ReplaceValues,
			Attribute: directory.Attribute{Name: "description", Values: [][]byte{[]byte("fuzz")}}}}},
		&directory.AddRequest{Entry: person(0)},
		&directory.DeleteRequest{Entry: "cn=nobody," + suffix},
		&wire.ExtendedRequest{Name: oidEcho, Value: []byte("x")},
		&wire.ExtendedRequest{Name: oidStartTLS},
		&wire.AbandonRequest{ID: 1},
		cancelRequest(1),
		&wire.UnbindRequest{},
	}
	var all []byte
	for i, req := range requests {
		one := encode(int32(i+1), req, wire.Control{OID: "1.2.3", Value: []byte("x")})
		f.Add(one, i%2 == 0)
		all = append(all, one...)
	}
	for i, c := range controls {
		one := encode(int32(i+100), requests[i%len(requests)], wire.Control{OID: c.oid, Critical: true, Value: []byte("dn:" + person(1))})
		f.Add(one, i%2 == 0)
		all = append(all, one...)
	}
	f.Add(all, true)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), false)

	s := start(f, Config{HandshakeTimeout: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	addr := s.listen(f, "unix", filepath.Join(f.TempDir(), "ldapi"), s.Serve) // as TCP runs out of ports
	f.Fuzz(func(t *testing.T, octets []byte, bound bool) {
		nc, err := net.Dial("unix", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(30 * time.Second))
		c := &raw{Conn: nc, t: t}
		if bound {
			c.bindRoot(1 << 20)
		}
		go func() {
			nc.Write(octets) // which a notice may cut short
			nc.(*net.UnixConn).CloseWrite()
		}()
		for {
			_, err := c.tryRecv()
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			if _, network := errors.AsType[net.Error](err); err == io.EOF || network {
				break
			}
			if err != nil {
				t.Fatalf("not an LDAPMessage: %v", err)
			}
		}
	})
}
