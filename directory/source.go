package directory

import (
	"context"
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Failures are counted per user, see attempts, and before that per address they
// come from: else anybody could lock a user out by guessing at him. An address
// that has failed at a user is delayed there earlier than the user is, and
// longer with each failure, so that it cannot reach what locks him out for
// others. What it tries meanwhile is not judged, and counts for nobody. Many
// addresses together do reach the user's own counter.
//
// An address that fails at many users is delayed as a whole.
//
//	failures of an address at one user   the next one is judged
//	< SourceFree                         at once
//	more                                 after Delay, doubled with each, at most
//	                                     SourceLockout, behind the last one
//	failures of an address at all users  the next one is judged
//	SourceHourly in a short time         at a rate of SourceHourly an hour
//
// All of this is forgotten when the server stops.

// sources is what is known of addresses. The zero value knows nothing.
type sources struct {
	pairs, alone failures  // by address and user; by address
	turns        turnstile // by address, of attempts before their time
}

// sourceOf is the address that a requester counts by: IPv4, the /64 of IPv6, who
// is at the other end of a local socket; "" if he has none, or one that many
// users are expected behind, or could be the root user, who need not guess.
func (d *Directory) sourceOf(who Requester) string {
	if strings.HasPrefix(who.Peer, "local:") {
		if who.External == d.root.String() {
			return ""
		}
		return who.Peer
	}
	address, shared := who.address(), d.credentials.cfg.SharedSources
	switch {
	case !address.IsValid(), slices.ContainsFunc(shared, func(p netip.Prefix) bool { return p.Contains(address) }):
		return ""
	case address.Is4():
		return address.String()
	default:
		return netip.PrefixFrom(address, 64).Masked().String()
	}
}

// guess is an attempt as its source sees it.
type guess struct {
	d           *Directory
	user        entryID
	pair, alone uint64 // keys; 0: it has no source
}

// guess says what source an attempt at a comes from: none if an administrator
// tries what others have typed.
func (d *Directory) guess(ctx context.Context, a account, p proof) (guess, error) {
	g := guess{d: d, user: a.id}
	c := &d.credentials
	if c.cfg.SourceFree < 0 || p.who.How == ByServer {
		return g, nil
	}
	source := d.sourceOf(p.who)
	if source == "" {
		return g, nil
	}
	if !p.who.Anonymous() && !d.isSelf(p.who, a) {
		if may, err := d.privileges(ctx, p.who); err != nil || may.any() {
			return g, err
		}
	}
	g.alone = max(maphash.String(c.seed, source), 1)
	g.pair = max(maphash.Comparable(c.seed, struct {
		source string
		user   entryID
	}{source, a.id}), 1)
	return g, nil
}

// turn waits for the attempt's turn at the user, or, if it comes before its
// time, among others of its source that do: what is not judged must not keep the
// user waiting. Call leave when done.
func (g guess) turn(ctx context.Context) (leave func(), early bool, err error) {
	c := &g.d.credentials
	if !g.delayed() {
		if leave, err = c.turns.enter(ctx, g.user); err != nil || !g.delayed() {
			return leave, false, err
		}
		leave() // those before it have failed
	}
	leave, err = c.sources.turns.enter(ctx, entryID(g.alone))
	return leave, true, err
}

// delayed reports whether the attempt comes before its time.
func (g guess) delayed() bool { return g.wait() > 0 }

// wait is how long it comes before its time.
func (g guess) wait() time.Duration {
	if g.pair == 0 {
		return 0
	}
	c, now := &g.d.credentials, g.d.now()
	n, last := c.sources.pairs.get(g.pair)
	pair := c.cfg.sourceWait(n) - max(now.Sub(last), 0)
	n, last = c.sources.alone.get(g.alone)
	over := c.cfg.left(n, now.Sub(last)) - float64(c.cfg.SourceHourly-1)
	return max(pair, time.Duration(over/float64(c.cfg.SourceHourly)*float64(time.Hour)), 0)
}

// last reports whether one more failure begins to delay the source.
func (g guess) last() bool {
	if g.pair == 0 {
		return false
	}
	n, _ := g.d.credentials.sources.pairs.get(g.pair)
	return int(n)+1 == g.d.credentials.cfg.SourceFree
}

// settle counts what came of the attempt.
func (g guess) settle(v verdict) {
	switch {
	case g.pair == 0:
	case v.failed:
		g.failed()
	case v.forgives:
		g.d.credentials.sources.pairs.forget(g.pair)
	}
}

func (g guess) failed() {
	c, now := &g.d.credentials, g.d.now()
	c.sources.alone.set(g.alone, 0, now, func(n float64, last time.Time) (float64, time.Time) {
		n = c.cfg.left(n, now.Sub(last)) + 1
		return n, now.Add(time.Duration(n / float64(c.cfg.SourceHourly) * float64(time.Hour)))
	})
	c.sources.pairs.set(g.pair, g.user, now, func(n float64, last time.Time) (float64, time.Time) {
		if now.Sub(last) > forgetAfter {
			n = 0
		}
		n = min(n+1, maxFailures)
		return n, now.Add(c.cfg.sourceWait(n))
	})
}

// sourceWait is how long after its last failure at a user an attempt of a
// source is judged.
func (c *CredentialsConfig) sourceWait(failures float64) time.Duration {
	over := int(failures) - c.SourceFree
	if over < 0 {
		return 0
	}
	if over > 30 || c.Delay > c.SourceLockout>>over {
		return c.SourceLockout
	}
	return c.Delay << over
}

// left is how much of a source's failures, n as of some time ago, still counts.
func (c *CredentialsConfig) left(n float64, ago time.Duration) float64 {
	return max(n-max(ago, 0).Hours()*float64(c.SourceHourly), 0)
}
