package directory

import (
	"context"
	"errors"
	"strconv"
	"time"

	"tallystick/directory/store"
)

// Limits are what one identity may ask for. Its entry says so, with PingDirectory's
// attributes; they count from the bind on. Of each, 0 is the server's own limit
// and a negative one is none.
type Limits struct {
	Entries     int           // ds-rlim-size-limit: that one search returns
	Time        time.Duration // ds-rlim-time-limit: that one search takes
	LookThrough int           // ds-rlim-lookthrough-limit: that one search looks at
	Idle        time.Duration // ds-rlim-idle-time-limit: between two operations

	// Identity is whose they are, as the same text however the name was written;
	// "": nobody's in particular, or the root user's, who has none.
	Identity string
}

const (
	sizeLimitAttribute        = "ds-rlim-size-limit"
	timeLimitAttribute        = "ds-rlim-time-limit"
	lookThroughLimitAttribute = "ds-rlim-lookthrough-limit"
	idleTimeLimitAttribute    = "ds-rlim-idle-time-limit"
)

// longestLimit is the longest time that a limit can be.
const longestLimit = 100 * 365 * 24 * time.Hour

// within is the limit that counts: one's own, or else the server's, of which 0 is
// none.
func within[T int | time.Duration](own, server T) T {
	switch {
	case own == 0:
		return server
	case own < 0:
		return 0
	}
	return own
}

// withLimits is who with the limits of his entry, if he has one.
func (d *Directory) withLimits(ctx context.Context, who Requester) (Requester, error) {
	who.Limits = Limits{}
	if who.Anonymous() || who.How == ByServer || d.isRoot(who) {
		return who, nil
	}
	dn, err := d.parseDN(who.DN)
	if err != nil {
		return who, nil
	}
	who.Limits.Identity = dn.Norm()
	return who, d.view(ctx, func(r store.Reader) error {
		id, err := d.resolve(r, dn)
		if err != nil {
			if errors.Is(err, NoSuchObject) { // a local user, or one deleted a moment ago
				return nil
			}
			return err
		}
		if who.id != 0 && who.id != id {
			return ErrUserGone // whose name another has by now
		}
		who.id = id
		rec, err := readRecord(r, id)
		if err == nil {
			d.limitsIn(rec, &who.Limits)
		}
		return err
	})
}

// limitsOf are the limits of a user whose entry was read.
func (d *Directory) limitsOf(u *user) (l Limits) {
	if u.entry != nil {
		l.Identity = u.dn.Norm()
		d.limitsIn(u.entry, &l)
	}
	return l
}

// limitsIn puts those that an entry has into l.
func (d *Directory) limitsIn(rec *record, l *Limits) {
	seconds := func(n int) time.Duration {
		return min(time.Duration(n), longestLimit/time.Second) * time.Second
	}
	for _, a := range rec.attributes {
		if len(a.Name) < len("ds-rlim-") || a.Name[2] != '-' || len(a.Values) == 0 {
			continue
		}
		t := d.schema.Attribute(a.Name)
		if t == nil {
			continue
		}
		n, err := strconv.Atoi(string(a.Values[0]))
		switch {
		case err != nil || n < 0:
			continue // as if it were not there
		case n == 0:
			n = -1
		}
		switch t.Name() {
		case sizeLimitAttribute:
			l.Entries = n
		case timeLimitAttribute:
			l.Time = seconds(n)
		case lookThroughLimitAttribute:
			l.LookThrough = n
		case idleTimeLimitAttribute:
			l.Idle = seconds(n)
		}
	}
}
