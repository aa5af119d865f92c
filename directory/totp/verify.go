package totp

import (
	"crypto/subtle"
	"time"
)

// State is what has to be remembered of a credential between two codes.
type State struct {
	LastStep int64 // highest step ever accepted: it and lower ones are dead; NoStep before the first
	Drift    int   // steps by which the token runs ahead (+) or behind (-)
	Centre   int   // the drift that Resync found, about which drift is learned; 0 without one
}

// In is the state of a credential whose parameters were from and become to:
// the time that was dead is dead. A from without a period was never used.
func (s State) In(from, to Parameters) State {
	old, period := int64(from.Period), int64(to.WithDefaults().Period)
	if old == 0 || old == period {
		return s
	}
	if s.LastStep > NoStep {
		end := (s.LastStep + 1) * (old / int64(time.Second))
		seconds := period / int64(time.Second)
		s.LastStep = (end+seconds-1)/seconds - 1
	}
	s.Drift = int(int64(s.Drift) * old / period)
	s.Centre = int(int64(s.Centre) * old / period)
	return s
}

// NoStep is the LastStep of a credential that never had a code accepted.
const NoStep int64 = -1

// Verdict is the answer to a code.
type Verdict int

const (
	Wrong    Verdict = iota // matches no step in the window
	Replayed                // matches a step in the window that is dead
	Accepted                // matches a live step, which is dead from now on
)

func (v Verdict) String() string {
	return [...]string{"wrong", "replayed", "accepted"}[v]
}

// Limits of the window. The zero value accepts the current step alone.
type Limits struct {
	Window   int // steps accepted before and behind the learned drift, and the centre
	MaxDrift int // drift is learned up to this many steps either way of the centre
}

// DefaultLimits are one step either way (RFC 6238, section 5.2), and the drift
// of a token that loses a second a day for most of a year.
var DefaultLimits = Limits{Window: 1, MaxDrift: 10}

// Verify judges code at the time now, and returns the state to remember if the
// verdict is Accepted (otherwise s, unchanged). Of several live steps that
// share the code the lowest is taken, so that no more steps die than need to.
// The window lies about the learned drift, and about the centre too: a device
// whose clock is set right again must not be locked out. The time it takes
// depends on state and limits, not on which step matches.
//
//	code                                               step vs LastStep   verdict
//	not Digits ASCII digits                            -                  wrong
//	of a step outside drift ± window, centre ± window  -                  wrong
//	of a step inside                                   above              accepted; LastStep, Drift follow
//	of a step inside                                   same or below      replayed
//
// Those of a counter-based token begin behind the last one accepted, whatever
// the time is:
//
//	LookAhead steps above LastStep                     above              accepted; LastStep follows
//	as many up to LastStep                             same or below      replayed
//	any other                                          -                  wrong
func Verify(p Parameters, secret []byte, s State, l Limits, now time.Time, code []byte) (Verdict, State, error) {
	if err := p.Check(); err != nil {
		return Wrong, s, err
	}
	p = p.WithDefaults()
	if !isCode(code, p.Digits) {
		return Wrong, s, nil
	}
	codes := newHOTP(p, secret)
	current := p.Step(now)
	verdict, step := Wrong, int64(0)
	first, last := min(s.Drift, s.Centre)-l.Window, max(s.Drift, s.Centre)+l.Window
	if p.Counter {
		current, first, last = s.LastStep, 1-LookAhead, LookAhead
	}
	for offset := first; offset <= last; offset++ {
		at := current + int64(offset)
		if at < 0 || !p.Counter && !l.within(offset, s.Drift) && !l.within(offset, s.Centre) {
			continue
		}
		if subtle.ConstantTimeCompare(codes.at(at), code) != 1 {
			continue
		}
		switch {
		case at <= s.LastStep:
			verdict = max(verdict, Replayed)
		case verdict != Accepted:
			verdict, step = Accepted, at
		}
	}
	if verdict != Accepted {
		return verdict, s, nil
	}
	if p.Counter {
		return Accepted, State{LastStep: step}, nil
	}
	drift := int(step - current)
	drift = max(s.Centre-l.MaxDrift, min(s.Centre+l.MaxDrift, drift))
	return Accepted, State{LastStep: step, Drift: drift, Centre: s.Centre}, nil
}

// within reports whether an offset lies in the window about a middle.
func (l Limits) within(offset, middle int) bool {
	return offset >= middle-l.Window && offset <= middle+l.Window
}

// Steps is how many steps Verify accepts codes of at one time, and so for how
// many a code is accepted.
func (l Limits) Steps(s State) int {
	window := 2*l.Window + 1
	return window + min(window, max(s.Drift-s.Centre, s.Centre-s.Drift))
}

func isCode(code []byte, digits int) bool {
	if len(code) != digits {
		return false
	}
	for _, c := range code {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
