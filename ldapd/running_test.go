package ldapd

import (
	"context"
	"strings"
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/internal/ber"
	"tallystick/ldapd/wire"
)

var holdRequest = &wire.ExtendedRequest{Name: oidHold}

// TestReadingGoesOn: a slow operation does not hinder those behind it.
func TestReadingGoesOn(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	c.send(1, holdRequest)
	c.send(2, holdRequest)
	c.works(3)
	c.works(4)
	s.hold.end(t)
	s.hold.end(t)
	got := c.recv().id + c.recv().id
	if got != 3 {
		t.Errorf("sum of messageIDs %d", got)
	}
	c.works(1) // free again
}

func TestSlowSearch(t *testing.T) {
	c := start(t, Config{}).raw(t)
	c.bindRoot(1)
	const searches = 20
	var stream []byte
	for id := int32(2); id < searches+2; id++ {
		stream = append(stream, encode(id, everybody())...)
	}
	go c.Write(stream)
	found := map[int32]int{}
	for done := 0; done < searches; {
		r := c.recv()
		switch {
		case r.tag == wire.TagSearchResultEntry:
			found[r.id]++
		case r.code != directory.Success || found[r.id] != entries+1:
			t.Fatalf("search %d ended with %v after %d entries", r.id, r.code, found[r.id])
		default:
			done++
		}
	}
}

func TestAbandon(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	c.send(1, holdRequest)
	s.hold.hasBegun(t)
	c.send(2, &wire.AbandonRequest{ID: 99}) // nobody there
	c.send(3, &wire.AbandonRequest{ID: 1})
	waitFor(t, "the operation to end", func() bool { return strings.Contains(s.log.String(), "abandoned=true") })
	c.works(1) // neither Abandon nor what it ended was answered
}

// TestAbandonStorm leaves no operation behind, however often it is abandoned.
func TestAbandonStorm(t *testing.T) {
	s := start(t, Config{MaxOperations: 8, BusyTimeout: -1})
	const clients, rounds = 20, 50
	done := make(chan struct{})
	for range clients {
		c := s.raw(t)
		go func() {
			defer func() { done <- struct{}{} }()
			for id := int32(1); id < rounds*5; id += 5 {
				c.Write(encode(id, holdRequest))
				for n := range int32(4) {
					c.Write(encode(id+1+n, &wire.AbandonRequest{ID: id}))
				}
			}
			c.works(9999)
		}()
	}
	for range clients {
		<-done
	}
	waitFor(t, "all operations to end", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			if c.busy() {
				return false
			}
		}
		return true
	})
}

func cancelRequest(id int32) *wire.ExtendedRequest {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, int64(id))
	return &wire.ExtendedRequest{Name: oidCancel, Value: ber.End(b, start)}
}

// TestCancel is RFC 3909.
func TestCancel(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	c.send(1, holdRequest)
	s.hold.hasBegun(t)
	c.send(2, cancelRequest(1))
	c.expect(1, wire.TagExtendedResponse, directory.Canceled)
	c.expect(2, wire.TagExtendedResponse, directory.Success)

	c.send(3, cancelRequest(1))
	c.expect(3, wire.TagExtendedResponse, directory.NoSuchOperation)
	c.send(4, cancelRequest(4))
	c.expect(4, wire.TagExtendedResponse, directory.NoSuchOperation)
	c.send(5, cancelRequest(-1))
	c.expect(5, wire.TagExtendedResponse, directory.ProtocolError)
	for id, value := range map[int32][]byte{6: nil, 7: {}, 8: {0x30, 3, 2, 1}, 9: {0x30, 0}} {
		c.send(id, &wire.ExtendedRequest{Name: oidCancel, Value: value})
		c.expect(id, wire.TagExtendedResponse, directory.ProtocolError)
	}

	// An operation that cannot be stopped, and a Cancel that waits for it.
	c.send(10, &wire.ExtendedRequest{Name: oidHold, Value: []byte("deaf")})
	s.hold.hasBegun(t)
	c.send(11, cancelRequest(10))
	c.send(12, cancelRequest(11))
	c.expect(12, wire.TagExtendedResponse, directory.CannotCancel)
	s.hold.end(t)
	c.expect(10, wire.TagExtendedResponse, directory.Success)
	c.expect(11, wire.TagExtendedResponse, directory.TooLate)
}

func TestMessageIDInUse(t *testing.T) {
	for what, again := range map[string][]byte{
		"an operation":        encode(1, &wire.ExtendedRequest{Name: oidEcho}),
		"a malformed request": encode(1, &directory.SearchRequest{Scope: 9}),
		"an abandon":          encode(1, &wire.AbandonRequest{ID: 1}),
	} {
		t.Run(what, func(t *testing.T) {
			s := start(t, Config{})
			c := s.raw(t)
			c.send(1, holdRequest)
			s.hold.hasBegun(t)
			c.sendOctets(again)
			c.expectNotice(directory.ProtocolError)
		})
	}
}

// TestBindWaits: a Bind is served when nothing else runs, and what follows it
// when it is answered (RFC 4511, section 4.2.1).
func TestBindWaits(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	c.send(1, holdRequest)
	s.hold.hasBegun(t)
	c.send(2, &directory.BindRequest{Version: 3, Name: person(0), Password: []byte("password")})
	c.send(3, &wire.ExtendedRequest{Name: "1.3.6.1.4.1.4203.1.11.3"})
	s.hold.end(t)
	c.expect(1, wire.TagExtendedResponse, directory.Success)
	c.expect(2, wire.TagBindResponse, directory.Success)
	if r := c.expect(3, wire.TagExtendedResponse, directory.Success); string(r.value) != "dn:"+person(0) {
		t.Errorf("whoami: %q", r.value)
	}
}

// TestMaxOperations: more than that wait, and all are served.
func TestMaxOperations(t *testing.T) {
	s := start(t, Config{MaxOperations: 3, BusyTimeout: -1})
	c := s.raw(t)
	const n = 10
	for id := int32(1); id <= n; id++ {
		c.send(id, holdRequest)
	}
	for range 3 {
		s.hold.hasBegun(t)
	}
	select {
	case <-s.hold.begun:
		t.Error("a fourth operation runs")
	default:
	}
	for range n {
		s.hold.end(t)
	}
	for range n {
		if r := c.recv(); r.code != directory.Success {
			t.Errorf("%+v", r)
		}
	}
}

// TestBusy: when those that run do not end, others are refused, but for those
// that are about ending them.
func TestBusy(t *testing.T) {
	s := start(t, Config{MaxOperations: 2, BusyTimeout: time.Millisecond})
	c := s.raw(t)
	c.send(1, holdRequest)
	c.send(2, holdRequest)
	c.send(3, &wire.ExtendedRequest{Name: oidEcho})
	c.expect(3, wire.TagExtendedResponse, directory.Busy)
	c.send(4, &wire.AbandonRequest{ID: 1})
	waitFor(t, "the operation to end", func() bool { return strings.Contains(s.log.String(), "abandoned=true") })
	c.works(5)
	c.send(6, holdRequest)
	s.hold.hasBegun(t)
	c.send(7, cancelRequest(2))
	c.expect(2, wire.TagExtendedResponse, directory.Canceled)
	c.expect(7, wire.TagExtendedResponse, directory.Success)
}

func TestUnbindEndsOperations(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	c.send(1, holdRequest)
	s.hold.hasBegun(t)
	c.send(2, &wire.ExtendedRequest{Name: oidEcho})
	c.send(3, &wire.UnbindRequest{})
	c.expect(2, wire.TagExtendedResponse, directory.Success)
	c.expectEnd()
}

func TestShutdown(t *testing.T) {
	s := start(t, Config{})
	idle, busy := s.raw(t), s.raw(t)
	idle.works(1)
	busy.send(1, holdRequest)
	s.hold.hasBegun(t)
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	idle.expectNotice(directory.Unavailable)
	idle.Close()
	// What runs may end, and is answered before the notice.
	s.hold.end(t)
	busy.expect(1, wire.TagExtendedResponse, directory.Success)
	busy.expectNotice(directory.Unavailable)
	busy.Close()
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
	if err := s.ServeConn(nopConn{}); err == nil {
		t.Error("a session was begun after the shutdown")
	}
}

// TestShutdownDeadline: what does not end in time is cancelled.
func TestShutdownDeadline(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	c.send(1, holdRequest)
	s.hold.hasBegun(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); err != context.Canceled {
		t.Error(err)
	}
	if r, err := c.tryRecv(); err == nil {
		t.Errorf("got %+v", r)
	}
	receive(t, s.empty) // also later than Shutdown waits
}

func TestShutdownUnderLoad(t *testing.T) {
	s := start(t, Config{})
	const clients = 10
	done := make(chan bool)
	begun := make(chan struct{}, clients)
	for range clients {
		c := s.raw(t)
		c.bindRoot(1)
		go func() {
			search, id := everybody(), int32(2)
			told := false
			for ; ; id++ {
				if _, err := c.Write(encode(id, search)); err != nil {
					break
				}
				var r response
				var err error
				for err == nil && r.tag != wire.TagSearchResultDone {
					if r, err = c.tryRecv(); err == nil && r.name == wire.NoticeOfDisconnection {
						told = true
					}
				}
				if id == 2 {
					begun <- struct{}{}
				}
				if err != nil {
					break
				}
			}
			c.Close()
			done <- told
		}()
	}
	for range clients {
		receive(t, begun)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for range clients {
		if !<-done {
			t.Error("a client got no notice")
		}
	}
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Errorf("an error of ours:\n%s", s.log)
	}
}
