package ldapd

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"tallystick/directory"
)

// Requests of all connections together may have so many octets: from the moment
// their length is known, until they are answered. Those who are bound, and those
// who are not, have a share each, so that strangers keep nobody waiting. A small
// request of a connection that has no other running, but searches that wait for
// changes, takes nothing of it, so that whoever asks little is served whatever
// others do. The rest wait for their turn, first come, first served.

// smallRequest is how many octets a request may have that takes nothing.
const smallRequest = 16 << 10

// anonymousShare is which part of Config.MaxRequests is for those who are not
// bound.
const anonymousShare = 4

// budget is a share. Before open it has room for nothing.
type budget struct {
	size int64
	room *semaphore.Weighted
	held atomic.Int64
}

func (b *budget) open(size int) {
	b.size, b.room = int64(size), semaphore.NewWeighted(int64(size))
}

// share is what one request has of a budget. The zero value is nothing.
type share struct {
	of *budget
	n  int64
}

// tryTake takes n octets if they are there, and nobody waits; a request longer
// than all there is takes that.
func (b *budget) tryTake(n int) (share, bool) {
	s := share{b, min(int64(n), b.size)}
	if !b.room.TryAcquire(s.n) {
		return s, false
	}
	b.held.Add(s.n)
	return s, true
}

// take waits until n octets are there, or ctx ends.
func (b *budget) take(ctx context.Context, n int) (share, error) {
	s := share{b, min(int64(n), b.size)}
	if err := b.room.Acquire(ctx, s.n); err != nil {
		return share{}, err
	}
	b.held.Add(s.n)
	return s, nil
}

// giveBack gives it back, once.
func (s *share) giveBack() {
	if s.n > 0 {
		s.of.held.Add(-s.n)
		s.of.room.Release(s.n)
	}
	*s = share{}
}

// budget is the share of whom c is bound as.
func (c *conn) budget() *budget {
	if c.who.Anonymous() {
		return &c.srv.anonymous
	}
	return &c.srv.bound
}

// takeShare has c.share for a request of n octets, whose header is read. The
// error ends the session: of those that wait too long nothing else is known yet.
func (c *conn) takeShare(n int) error {
	if n <= smallRequest && !c.awaited() {
		return nil
	}
	b, ok := c.budget(), false
	if c.share, ok = b.tryTake(n); ok {
		return nil
	}
	c.share = share{}
	if err := c.out.park(); err != nil {
		return err
	}
	defer c.out.unpark()
	ctx, cancel := context.WithTimeout(c.ctx, c.srv.cfg.BusyTimeout)
	defer cancel()
	c.srv.waiting.Add(1)
	defer c.srv.waiting.Add(-1)
	partial := c.partialSince.Swap(0) // it is not the client who is slow
	var err error
	if c.share, err = b.take(ctx, n); err != nil {
		return &notice{code: directory.Busy, reason: "the server has too many long requests at once", cause: err}
	}
	if partial != 0 {
		c.partialSince.Store(c.srv.clock.now())
	}
	return nil
}

// Requests is what the requests of all connections have of Config.MaxRequests.
type Requests struct {
	Octets  int64 // of those that are received and served
	Waiting int64 // whose rest is not read before there is room
}

func (s *Server) requests() Requests {
	return Requests{Octets: s.bound.held.Load() + s.anonymous.held.Load(), Waiting: s.waiting.Load()}
}
