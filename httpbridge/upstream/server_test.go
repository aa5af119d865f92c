package upstream

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/internal/ber"
)

// testServer is a small LDAP server for what a client of a real one cannot bring
// about: it dies, falls silent and talks nonsense when it is told to. It knows
// whoever gives "pw" behind his name as password, and these extended operations.
const (
	opEcho    = "1.1" // answers with the value
	opSilence = "1.2" // does not answer
	opDie     = "1.3" // closes the connection
	opNoise   = "1.4" // answers with octets that are not LDAP
	opRefuse  = "1.5" // answers unwillingToPerform
	opFlood   = "1.6" // announces an answer of 2 GB and begins to send it
	opLate    = "1.7" // answers after the time that the value says
)

type testServer struct {
	listener net.Listener

	mu       sync.Mutex // guards what follows
	open     map[net.Conn]bool
	accepted int
}

// serve starts a server that ends with the test.
func serve(t *testing.T) *testServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l)
}

// serveOn is serve on a listener that is there already.
func serveOn(t *testing.T, l net.Listener) *testServer {
	s := &testServer{listener: l, open: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.open[nc] = true
			s.accepted++
			s.mu.Unlock()
			running.Go(func() {
				s.session(nc)
				_ = nc.Close()
				s.mu.Lock()
				delete(s.open, nc)
				s.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.hangUp()
		running.Wait()
	})
	return s
}

// dial connects to s.
func (s *testServer) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", s.listener.Addr().String())
}

// hangUp closes every connection.
func (s *testServer) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nc := range s.open {
		_ = nc.Close()
	}
}

func (s *testServer) counts() (open, accepted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open), s.accepted
}

func (s *testServer) session(nc net.Conn) {
	who := ""
	for {
		message, err := readMessage(nc)
		if err != nil {
			return
		}
		outer := ber.NewReader(message)
		in, _ := outer.Enter(ber.Sequence)
		id, _ := in.Int(ber.Integer)
		tag := in.Peek()
		op, _ := in.Enter(tag)
		switch tag {
		case tagBindRequest:
			_, _ = op.Int(ber.Integer)
			name, _ := op.Read(ber.OctetString)
			_, credentials, _ := op.Next()
			who = identity(string(name), credentials)
			code := int64(49)
			if who != "" {
				code = 0
			}
			_, err = nc.Write(reply(id, code, bindResponse, nil))
		case extendedRequest:
			oid, _ := op.Read(requestName)
			value, _, _ := op.Optional(ber.Context | 1)
			switch string(oid) {
			case whoAmI:
				_, err = nc.Write(reply(id, 0, extendedResponse, []byte(who)))
			case opEcho:
				_, err = nc.Write(reply(id, 0, extendedResponse, value))
			case opSilence:
			case opDie:
				return
			case opNoise:
				_, err = nc.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			case opFlood:
				_, err = nc.Write([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0x00, ber.OctetString, 0x84, 0x7f, 0xff, 0xfe, 0x00})
				for err == nil {
					_, err = nc.Write(make([]byte, 64<<10))
				}
			case opLate:
				late, _ := time.ParseDuration(string(value))
				time.Sleep(late)
				_, err = nc.Write(reply(id, 0, extendedResponse, nil))
			case opRefuse:
				_, err = nc.Write(reply(id, 53, extendedResponse, nil))
			}
		case delRequest:
			_, err = nc.Write(reply(id, 0, delResponse, nil))
		case searchRequest:
			_, err = nc.Write(reply(id, 0, searchDone, nil))
		default: // unbind
			return
		}
		if err != nil {
			return
		}
	}
}

// identity is the authorization identity for credentials, "" if they are wrong.
func identity(name string, credentials []byte) string {
	if name != "" {
		if string(credentials) == name+"pw" {
			return "dn:" + name
		}
		return ""
	}
	in := ber.NewReader(credentials)
	mechanism, _ := in.Read(ber.OctetString)
	plain, _ := in.Read(ber.OctetString)
	if string(mechanism) == "OAUTHBEARER" {
		if name, ok := strings.CutSuffix(strings.TrimPrefix(string(plain), "n,,\x01auth=Bearer "), ".pw\x01\x01"); ok {
			return "dn:uid=" + name
		}
		return ""
	}
	part := strings.Split(string(plain), "\x00")
	if len(part) == 3 && "u:"+part[2] == part[1]+"pw" {
		return "dn:uid=" + strings.TrimPrefix(part[1], "u:")
	}
	return ""
}

func reply(id, code int64, tag byte, value []byte) []byte {
	b, message := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, id)
	b, op := ber.Begin(b, tag)
	b = ber.AppendInt(b, ber.Enumerated, code)
	b = ber.AppendString(b, ber.OctetString, "")
	b = ber.AppendString(b, ber.OctetString, "")
	if value != nil {
		b = ber.AppendBytes(b, ber.Context|11, value)
	}
	b = ber.End(b, op)
	return ber.End(b, message)
}
