package ldapd

import (
	"bytes"
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/internal/ber"
	"tallystick/ldapd/wire"
)

// long is an echo of n octets.
func long(n int) *wire.ExtendedRequest {
	return &wire.ExtendedRequest{Name: oidEcho, Value: make([]byte, n)}
}

func (c *raw) bind() {
	c.t.Helper()
	c.send(1, &directory.BindRequest{Version: 3, Name: rootDN, Password: []byte(rootPassword)})
	c.expect(1, wire.TagBindResponse, directory.Success)
}

// What long requests have of the budget is held while they arrive and while they
// are served. Others wait for it, and those who ask little do not.
func TestRequestBudget(t *testing.T) {
	const room = 256 << 10
	s := start(t, Config{MaxRequests: room, MessageTimeout: time.Hour, BusyTimeout: time.Minute})
	first, second, quiet, stranger := s.raw(t), s.raw(t), s.raw(t), s.raw(t)
	for _, c := range []*raw{first, second, quiet} {
		c.bind()
	}
	half := encode(2, long(room/2))
	first.sendOctets(half[:100])
	waitFor(t, "the first to be received", func() bool { return s.Stats().Requests.Octets == int64(len(half)) })
	second.sendOctets(half)
	waitFor(t, "the second to wait", func() bool { return s.Stats().Requests.Waiting == 1 })
	for id := int32(2); id < 5; id++ {
		quiet.send(id, long(1000))
		quiet.expect(id, wire.TagExtendedResponse, directory.Success)
		stranger.send(id, long(room/anonymousShare/2)) // has a share of his own
		stranger.expect(id, wire.TagExtendedResponse, directory.Success)
	}
	if r := s.Stats().Requests; r.Octets != int64(len(half)) || r.Waiting != 1 {
		t.Errorf("%+v", r)
	}
	first.sendOctets(half[100:])
	first.expect(2, wire.TagExtendedResponse, directory.Success)
	second.expect(2, wire.TagExtendedResponse, directory.Success)
	waitFor(t, "all to be given back", func() bool { return s.Stats().Requests == Requests{} })

	// One that is longer than all there is waits until it is alone.
	second.send(3, long(2*room))
	second.expect(3, wire.TagExtendedResponse, directory.Success)
	waitFor(t, "all to be given back", func() bool { return s.Stats().Requests == Requests{} })
}

// Small requests take their share too where others of the connection are running.
func TestRequestBudgetOfRunning(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	c.bind()
	c.send(2, &wire.ExtendedRequest{Name: oidHold})
	s.hold.hasBegun(t)
	c.send(3, &wire.ExtendedRequest{Name: oidHold})
	s.hold.hasBegun(t)
	if r := s.Stats().Requests; r.Octets == 0 || r.Octets > smallRequest {
		t.Errorf("%+v", r)
	}
	s.hold.end(t)
	s.hold.end(t)
	c.recv()
	c.recv()
	waitFor(t, "all to be given back", func() bool { return s.Stats().Requests == Requests{} })
}

// Small requests take none where only searches run that wait for changes:
// whoever follows is not cut off by those who ask much.
func TestRequestBudgetOfFollower(t *testing.T) {
	const room = 256 << 10
	s := start(t, Config{MaxRequests: room, MessageTimeout: time.Hour, BusyTimeout: time.Millisecond})
	c, greedy := s.raw(t), s.raw(t)
	c.bind()
	greedy.bind()
	c.followOne(2, person(35))
	greedy.sendOctets(encode(2, long(room))[:100])
	waitFor(t, "all to be taken", func() bool { return s.Stats().Requests.Octets == room-room/anonymousShare })
	c.works(3)
	c.send(4, cancelRequest(2))
	c.expectDone(2, directory.Canceled)
	c.expect(4, wire.TagExtendedResponse, directory.Success)
}

// Who waits too long hears that the server is busy. Nobody who goes away leaves
// anything behind.
func TestRequestBudgetIsBusy(t *testing.T) {
	const room = 256 << 10
	s := start(t, Config{MaxRequests: room, MessageTimeout: time.Hour, BusyTimeout: 50 * time.Millisecond})
	first, second, third := s.raw(t), s.raw(t), s.raw(t)
	for _, c := range []*raw{first, second, third} {
		c.bind()
	}
	all := encode(2, long(room))
	first.sendOctets(all[:100])
	waitFor(t, "the first to be received", func() bool { return s.Stats().Requests.Octets == room-room/anonymousShare })
	second.sendOctets(all[:100])
	second.expectNotice(directory.Busy)
	first.Close()
	waitFor(t, "all to be given back", func() bool { return s.Stats().Requests == Requests{} })
	malformed := encode(2, long(room/2))
	malformed[bytes.Index(malformed, []byte{ber.Integer, 1, 2})] = ber.Boolean
	third.sendOctets(malformed)
	third.expectNotice(directory.ProtocolError)
	waitFor(t, "what was malformed to be given back", func() bool { return s.Stats().Requests == Requests{} })
}
