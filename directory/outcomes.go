package directory

import (
	"errors"
	"sync/atomic"
)

// What an attempt came to that was believed.
const (
	outcomeCode     = "code accepted"
	outcomePassword = "password accepted" // where no code was needed
)

const outcomeOther = "otherwise refused"

// outcomes counts what attempts to log in, and other proofs, came to.
type outcomes map[string]*atomic.Uint64

func newOutcomes() outcomes {
	o := outcomes{}
	for _, name := range []string{
		outcomeCode, outcomePassword, outcomeOther,
		causeNothing, causeNobody, causeDamaged, causeDelayed, causeSource, causeLocked, causePassword, causeCode,
		causeMissing, causeReplayed, causeSecret, causeRequired, causeRefused,
		causeIdle, causePeriod, causeExpired, causeReset,
	} {
		o[name] = new(atomic.Uint64)
	}
	return o
}

// count counts what prove returned. What was not judged is not counted.
func (o outcomes) count(e evidence, err error) {
	name := outcomePassword
	refused, ok := errors.AsType[*refusal](err)
	switch {
	case ok && o[refused.reason] != nil:
		name = refused.reason
	case ok:
		name = outcomeOther
	case e.code:
		name = outcomeCode
	case e.password == nil && e.application == "":
		return
	}
	o[name].Add(1)
}

// Outcomes is how many attempts came to what since the start: the causes in the
// audit log, "code accepted" and "password accepted". It counts those too of
// which there is no record.
func (d *Directory) Outcomes() map[string]uint64 {
	all := make(map[string]uint64, len(d.outcomes))
	for name, n := range d.outcomes {
		all[name] = n.Load()
	}
	return all
}
