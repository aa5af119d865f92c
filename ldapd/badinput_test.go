package ldapd

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/internal/ber"
	"tallystick/ldapd/wire"
)

func TestBadOctets(t *testing.T) {
	s := start(t, Config{})
	for _, row := range []struct {
		what   string
		octets []byte
		code   directory.ResultCode
	}{
		{"an HTTP request", []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), directory.ProtocolError},
		{"a TLS hello", []byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}, directory.ProtocolError},
		{"an SSH banner", []byte("SSH-2.0-OpenSSH_9.2\r\n"), directory.ProtocolError},
		{"zeros", make([]byte, 1000), directory.ProtocolError},
		{"100 MB announced", []byte{0x30, 0x84, 0x06, 0, 0, 0, 2, 1, 1}, directory.AdminLimitExceeded},
		{"2 GiB announced", []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 2, 1, 1}, directory.AdminLimitExceeded},
		{"4 GiB announced", []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 1}, directory.ProtocolError},
		{"2^64-1 octets announced", []byte{0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, directory.ProtocolError},
		{"a length of 127 octets", append([]byte{0x30, 0xff}, make([]byte, 127)...), directory.ProtocolError},
		{"an indefinite length", []byte{0x30, 0x80, 2, 1, 1, 0x42, 0, 0, 0}, directory.ProtocolError},
		{"an empty message", []byte{0x30, 0}, directory.ProtocolError},
		{"a response", []byte{0x30, 12, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0}, directory.ProtocolError},
		{"messageID 0", encode(0, &wire.ExtendedRequest{Name: oidEcho}), directory.ProtocolError},
		{"messageID -1", []byte{0x30, 5, 2, 1, 0xff, 0x42, 0}, directory.ProtocolError},
		{"an unknown protocolOp", []byte{0x30, 5, 2, 1, 1, 0x7e, 0}, directory.ProtocolError},
		{"lengths that do not add up", []byte{0x30, 7, 2, 1, 1, 0x60, 9, 2, 1}, directory.ProtocolError},
		{"a request too long for a stranger", encode(1, &wire.ExtendedRequest{Name: oidEcho, Value: make([]byte, 300<<10)}), directory.AdminLimitExceeded},
		{"200,000 nested filters", nestedSearch(200_000), directory.AdminLimitExceeded},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := s.raw(t)
			go c.Write(row.octets) // which may not be taken to its end
			c.expectNotice(row.code)
		})
	}
	s.works(t)
}

// nestedSearch is a SearchRequest with messageID 7 and depth filters one inside
// the other. It is written from its end, or it would take for ever.
func nestedSearch(depth int) []byte {
	rest := []byte{0x30, 0} // no attributes
	f := []byte{'n', 'c', 2, 0x87}
	prepend := func(header []byte) {
		for _, octet := range slices.Backward(header) {
			f = append(f, octet)
		}
	}
	for range depth - 1 {
		prepend(ber.AppendHeader(nil, 0xa2, len(f)))
	}
	slices.Reverse(f)
	head := []byte{4, 0, 10, 1, 0, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0}
	body := slices.Concat(head, f, rest)
	op := slices.Concat([]byte{2, 1, 7}, ber.AppendHeader(nil, wire.TagSearchRequest, len(body)), body)
	return append(ber.AppendHeader(nil, ber.Sequence, len(op)), op...)
}

// TestNestedFilters has the depth limit meet what the length limit lets in.
func TestNestedFilters(t *testing.T) {
	s := start(t, Config{MaxMessageAnonymous: -1})
	c := s.raw(t)
	c.sendOctets(nestedSearch(200_000))
	c.expect(7, wire.TagSearchResultDone, directory.AdminLimitExceeded)
	c.works(2)
}

func TestSplitOctetByOctet(t *testing.T) {
	c := start(t, Config{}).raw(t)
	value := bytes.Repeat([]byte("x"), 200)
	for _, octet := range encode(1000, &wire.ExtendedRequest{Name: oidEcho, Value: value}) {
		c.sendOctets([]byte{octet})
	}
	if r := c.expect(1000, wire.TagExtendedResponse, directory.Success); !bytes.Equal(r.value, value) {
		t.Errorf("echo: %d octets", len(r.value))
	}
}

// TestEveryLength sends requests of all sizes round the read buffer's, in
// pieces of any size.
func TestEveryLength(t *testing.T) {
	c := start(t, Config{}).raw(t)
	sizes := []int{0, 1, 60, 90, 100, 127, 128, 255, 256, 3900, 65535, 65536, 200_000}
	for n := range 40 {
		sizes = append(sizes, inputSize-45+n, 4*inputSize-45+n)
	}
	var stream []byte
	for i, n := range sizes {
		stream = append(stream, encode(int32(i+1), &wire.ExtendedRequest{Name: oidEcho, Value: make([]byte, n)})...)
	}
	go func() {
		random := rand.New(rand.NewPCG(1, 2))
		for len(stream) > 0 {
			n := min(len(stream), 1+random.IntN(9000))
			if _, err := c.Write(stream[:n]); err != nil {
				t.Error(err)
				return
			}
			stream = stream[n:]
		}
	}()
	for i, n := range sizes {
		if r := c.expect(int32(i+1), wire.TagExtendedResponse, directory.Success); len(r.value) != n {
			t.Errorf("echo of %d octets has %d", n, len(r.value))
		}
	}
}

func TestPipeline(t *testing.T) {
	c := start(t, Config{}).raw(t)
	c.bindRoot(1)
	const n = 5000
	go func() {
		var stream []byte
		for id := int32(2); id < n+2; id++ {
			stream = append(stream, encode(id, &directory.SearchRequest{BaseObject: person(int(id) % entries),
				Filter: directory.Filter{Kind: directory.FilterPresent, Attribute: "objectClass"}})...)
		}
		if _, err := c.Write(stream); err != nil {
			t.Error(err)
		}
	}()
	// Base searches are quick, so the answers come in order.
	for id := int32(2); id < n+2; id++ {
		c.expect(id, wire.TagSearchResultEntry, 0)
		c.expect(id, wire.TagSearchResultDone, directory.Success)
	}
}

// TestAnnouncedLengths: what a client announces costs nothing until it
// arrives.
func TestAnnouncedLengths(t *testing.T) {
	s := start(t, Config{MaxMessageAnonymous: 16 << 20})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const clients = 200
	for range clients {
		s.raw(t).sendOctets([]byte{0x30, 0x83, 0xf0, 0, 0, 2, 1, 1}) // 15 MiB
	}
	s.works(t)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > clients*256<<10 {
		t.Errorf("%d announcements took %d octets", clients, grown)
	}
}

func TestSlowSender(t *testing.T) {
	s := start(t, Config{MessageTimeout: 300 * time.Millisecond})
	c := s.raw(t)
	c.works(1)
	go func() {
		for _, octet := range encode(2, &wire.ExtendedRequest{Name: oidEcho, Value: make([]byte, 5000)}) {
			if _, err := c.Write([]byte{octet}); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	c.expectNotice(directory.AdminLimitExceeded)
	s.works(t)
}

func TestIdle(t *testing.T) {
	s := start(t, idles)
	ended := func() bool { return s.later(2*time.Hour) == 1 } // the answer may be here before the server waits again
	c := s.raw(t)
	c.works(1)
	waitFor(t, "the end of an idle session", ended)
	c.expectNotice(directory.AdminLimitExceeded)

	// Idle does not count while an operation runs, and begins when it ends.
	s = start(t, idles)
	busy := s.raw(t)
	busy.send(1, &wire.ExtendedRequest{Name: oidHold})
	s.hold.hasBegun(t)
	if s.later(2*time.Hour) != 0 {
		t.Error("idle while an operation runs")
	}
	s.hold.end(t)
	busy.expect(1, wire.TagExtendedResponse, directory.Success)
	busy.works(2)
	waitFor(t, "the end of a session that is idle again", ended)
	busy.expectNotice(directory.AdminLimitExceeded)
}

// TestClientThatNeverReads: it is cut off, and others are served meanwhile.
func TestClientThatNeverReads(t *testing.T) {
	s := start(t, Config{WriteTimeout: 500 * time.Millisecond, MaxMessageAnonymous: -1})
	var stuck []*raw
	for range 4 {
		c := s.raw(t)
		c.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		c.bindRoot(1)
		go func() {
			search := everybody()
			for id := int32(2); ; id++ {
				if _, err := c.Write(encode(id, search)); err != nil {
					return // cut off
				}
			}
		}()
		stuck = append(stuck, c)
	}
	for range 20 {
		s.works(t)
	}
	for _, c := range stuck {
		waitFor(t, "the connection to be cut", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.conns) <= 21 // works leaves its own open
		})
		c.Close()
	}
}

// waitFor polls until ok.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 6000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// TestManyIdleConnections: thousands of them cost little and hinder nobody.
func TestManyIdleConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of sockets")
	}
	s := start(t, Config{MaxConnectionsPerPeer: -1})
	const clients = 4000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range clients {
		nc, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Skipf("no more sockets: %v", err)
		}
		defer nc.Close()
	}
	s.works(t)
	runtime.GC()
	runtime.ReadMemStats(&after)
	// Both ends are in this process.
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / clients; each > 16<<10 {
		t.Errorf("%d octets of heap for each", each)
	}
}

// TestLeavingAtAnyMoment: a client may go with half a request sent, half an
// answer read, or an operation running.
func TestLeavingAtAnyMoment(t *testing.T) {
	s := start(t, Config{})
	whole := encode(1, &wire.ExtendedRequest{Name: oidEcho, Value: make([]byte, 100)})
	for n := 0; n < len(whole); n += 7 {
		c := s.raw(t)
		c.sendOctets(whole[:n])
		c.Close()
	}
	c := s.raw(t)
	c.send(1, &wire.ExtendedRequest{Name: oidHold})
	s.hold.hasBegun(t)
	c.Close() // cancels it, or the shutdown at the end would wait
	s.works(t)
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Errorf("an error of ours:\n%s", s.log)
	}
}

// TestHalfClosed: what was asked before the end of the input is answered.
func TestHalfClosed(t *testing.T) {
	c := start(t, Config{}).raw(t)
	c.send(1, &wire.ExtendedRequest{Name: oidEcho})
	c.send(2, &wire.ExtendedRequest{Name: oidEcho})
	if err := c.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.expect(1, wire.TagExtendedResponse, directory.Success)
	c.expect(2, wire.TagExtendedResponse, directory.Success)
	if _, err := c.tryRecv(); err != io.EOF {
		t.Error(err)
	}
}
