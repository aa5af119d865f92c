package totp

import "crypto/subtle"

// Resync finds a token whose clock is off by up to search steps, from two codes
// that it showed one after the other, and returns the state to remember. The
// first code alone would be matched by chance once in so many searches; both by
// none.
//
//	codes                                        found
//	of two steps that follow each other          yes: LastStep is the second, Drift and Centre follow
//	of one step, swapped, or not one behind the other  no
//	of steps further off than search             no
//	the first of the last step ever accepted, or lower  no
//
// Of several places the nearest to the clock is taken. All are tried, so that
// the time does not tell how far off the token is. A counter-based one is
// searched for ResyncAhead steps above the last one ever accepted.
func Resync(p Parameters, secret []byte, s State, search int, current int64, first, second []byte) (State, bool, error) {
	if err := p.Check(); err != nil {
		return s, false, err
	}
	p = p.WithDefaults()
	if !isCode(first, p.Digits) || !isCode(second, p.Digits) {
		return s, false, nil
	}
	from, to := current-int64(search), current+int64(search)+1
	if p.Counter {
		current, from, to = s.LastStep, s.LastStep+1, s.LastStep+ResyncAhead
	}
	codes := newHOTP(p, secret)
	before := 0 // 1: the step before at has the first code
	found, distance := int64(0), int64(-1)
	for at := max(0, from); at <= to; at++ {
		code := codes.at(at)
		if before&subtle.ConstantTimeCompare(code, second) == 1 && at-1 > s.LastStep {
			if d := max(at-current, current-at); distance < 0 || d < distance {
				found, distance = at, d
			}
		}
		before = subtle.ConstantTimeCompare(code, first)
	}
	if distance < 0 {
		return s, false, nil
	}
	if p.Counter {
		return State{LastStep: found}, true, nil
	}
	drift := int(found - current)
	return State{LastStep: found, Drift: drift, Centre: drift}, true, nil
}
