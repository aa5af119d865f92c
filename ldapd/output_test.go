package ldapd

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"tallystick/internal/ber"
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
	counts := make(map[int64]int)
	for messages := ber.NewReader(nc.written.Bytes()); !messages.Done(); {
		m, err := messages.Enter(ber.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		id, err := m.Int(ber.Integer)
		if err != nil {
			t.Fatal(err)
		}
		counts[id]++
	}
	for round := range rounds {
		if n := counts[int64(round+1)]; n != together {
			t.Errorf("%d answers to messageID %d", n, round+1)
		}
	}
	if nc.writes >= rounds*together { // how many fewer, only the scheduler knows
		t.Errorf("%d answers took %d writes", rounds*together, nc.writes)
	}
	t.Logf("%d answers, %d writes", rounds*together, nc.writes)
}
