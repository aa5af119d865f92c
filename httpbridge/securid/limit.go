package securid

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter lets everybody do so much in a second, and has a bucket for each who
// did something of late.
type limiter struct {
	perSecond rate.Limit
	burst     int

	mu      sync.Mutex // guards buckets
	buckets map[string]*rate.Limiter
}

// maxBuckets is how many there are before those that are full are emptied out,
// which are those of whoever did nothing for a while.
const maxBuckets = 4096

func newLimiter(perSecond rate.Limit, burst int) *limiter {
	return &limiter{perSecond: perSecond, burst: burst, buckets: map[string]*rate.Limiter{}}
}

// take takes one from the bucket of who. If there is none it returns how long
// until there is one.
func (l *limiter) take(who string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.bucket(who, now).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// empty is how long until who has one in his bucket; 0: he has.
func (l *limiter) empty(who string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets[who]
	if !ok {
		return 0
	}
	missing := 1 - b.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(l.perSecond) * float64(time.Second))
}

func (l *limiter) bucket(who string, now time.Time) *rate.Limiter {
	if b, ok := l.buckets[who]; ok {
		return b
	}
	if len(l.buckets) >= maxBuckets {
		for other, b := range l.buckets {
			if b.TokensAt(now) >= float64(l.burst) {
				delete(l.buckets, other)
			}
		}
	}
	if len(l.buckets) >= maxBuckets { // too many at once to be told apart
		clear(l.buckets)
	}
	b := rate.NewLimiter(l.perSecond, l.burst)
	l.buckets[who] = b
	return b
}
