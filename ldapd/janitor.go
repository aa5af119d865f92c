package ldapd

import (
	"math"
	"time"

	"tallystick/directory"
)

// janitorPeriod is how often time-outs are looked for, and so how exact they
// are.
const janitorPeriod = 100 * time.Millisecond

// janitor keeps the clock and the time-outs of all connections, so that no
// deadline is set in the hot path. It lives as long as there are connections.
func (s *Server) janitor() {
	tick := time.NewTicker(janitorPeriod)
	defer tick.Stop()
	for range tick.C {
		s.clock.update()
		now := s.clock.now()
		s.mu.Lock()
		if len(s.conns) == 0 {
			s.sweeping = false // newConn starts the next one
			s.mu.Unlock()
			return
		}
		for c := range s.conns {
			c.checkTimeouts(now)
		}
		s.mu.Unlock()
	}
}

var (
	noticeIdle = &notice{code: directory.AdminLimitExceeded, reason: "idle for too long"}
	noticeSlow = &notice{code: directory.AdminLimitExceeded, reason: "request took too long to arrive"}
)

// checkTimeouts ends c if it is over one of its time limits. It never blocks.
func (c *conn) checkTimeouts(now int64) {
	over := func(since int64, limit time.Duration) bool {
		return since != 0 && now-since > limit.Milliseconds()
	}
	cfg := &c.srv.cfg
	switch {
	case over(c.out.writeSince.Load(), cfg.WriteTimeout):
		c.kill() // it does not read, so there is nothing to say
	case over(c.partialSince.Load(), cfg.MessageTimeout):
		c.stop(noticeSlow)
	case !c.busy() && over(c.idleSince.Load(), c.idleTimeout()):
		c.stop(noticeIdle)
	}
}

// idleTimeout is how long c may ask for nothing.
func (c *conn) idleTimeout() time.Duration {
	switch own := c.idleLimit.Load(); {
	case own > 0:
		return time.Duration(own) * time.Millisecond
	case own < 0:
		return math.MaxInt64
	}
	return c.srv.cfg.IdleTimeout
}
