package ldapd

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"tallystick/ldapd/wire"
)

// counted is a connection that keeps what is written to it.
type counted struct {
	net.Conn
	writes  int
	written bytes.Buffer
}

func (c *counted) Write(b []byte) (int, error) {
	c.writes++
	return c.written.Write(b)
}

// TestAnswersShareAWrite: of operations that end together the answers are
// written together, each once and whole, and none is left behind.
func TestAnswersShareAWrite(t *testing.T) {
	const rounds, together = 200, 8
	nc := new(counted)
	o := output{clock: new(clock), nc: nc, parked: true}
	var want int
	for round := range rounds {
		answer := &wire.Response{ID: int32(round + 1), Tag: wire.TagExtendedResponse}
		want += together * len(answer.Append(nil))
		var running atomic.Int32
		running.Store(together)
		ended := make(chan struct{})
		var all sync.WaitGroup
		for range together {
			all.Go(func() {
				<-ended
				o.response(answer, running.Add(-1) > 0)
			})
		}
		close(ended)
		all.Wait()
		if got := nc.written.Len(); got != want {
			t.Fatalf("round %d: %d octets of %d are written", round, got, want)
		}
	}
	counts := make(map[int32]int)
	for b := nc.written.Bytes(); len(b) > 0; {
		if len(b) < 7 || b[0] != 0x30 || len(b) < 2+int(b[1]) || b[2] != 0x02 {
			t.Fatalf("not a message: % x", b[:min(len(b), 16)])
		}
		id := int32(0)
		for _, octet := range b[4 : 4+b[3]] {
			id = id<<8 | int32(octet)
		}
		counts[id]++
		b = b[2+b[1]:]
	}
	for round := range rounds {
		if n := counts[int32(round+1)]; n != together {
			t.Errorf("%d answers to messageID %d", n, round+1)
		}
	}
	if nc.writes > rounds*together*9/10 {
		t.Errorf("%d answers took %d writes", rounds*together, nc.writes)
	}
	t.Logf("%d answers, %d writes", rounds*together, nc.writes)
}
