package passwords

import (
	"context"
	"strconv"
	"time"

	"tallystick/directory"
	"tallystick/directory/schema"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// The operations of Password policy state that are known here, by the numbers of
// PingDirectory. After a change comes the answer of the Get beside it.
const (
	GetPolicyDN                      = 0
	GetDisabled                      = 1
	SetDisabled                      = 2
	ClearDisabled                    = 3
	GetAccountExpiration             = 4
	SetAccountExpiration             = 5
	ClearAccountExpiration           = 6
	GetSecondsUntilAccountExpiration = 7
	GetChangedTime                   = 8
	SetChangedTime                   = 9
	ClearChangedTime                 = 10
	GetSecondsUntilExpiration        = 14
	GetSecondsUntilWarning           = 15
	GetFailureTimes                  = 16
	ClearFailureTimes                = 19
	GetSecondsUntilUnlock            = 20
	GetRemainingFailures             = 21
	GetLastLogin                     = 22
	SetLastLogin                     = 23
	ClearLastLogin                   = 24
	GetSecondsUntilIdleLock          = 25
	GetReset                         = 26
	SetReset                         = 27
	ClearReset                       = 28
	GetGraceUses                     = 30
	AddGraceUse                      = 31
	SetGraceUses                     = 32
	ClearGraceUses                   = 33
	GetRemainingGrace                = 34
	ClearHistory                     = 40
	GetActivation                    = 45
	SetActivation                    = 46
	ClearActivation                  = 47
	GetSecondsUntilActivation        = 48
	GetUsable                        = 55
	GetNotYetActive                  = 56
	GetAccountExpired                = 57
	GetExpiration                    = 58
	GetFailureLocked                 = 59
	SetFailureLocked                 = 60
	GetFailureLockTime               = 61
	GetIdleLocked                    = 62
	GetIdleLockTime                  = 63
	GetHistoryCount                  = 66
	GetExpired                       = 67
	GetMechanisms                    = 68
	HasTOTP                          = 70
	AddTOTP                          = 76
	RemoveTOTP                       = 77
	SetTOTP                          = 78
	ClearTOTP                        = 79
	HasPassword                      = 81
)

// States knows and changes the state of passwords; *directory.Directory does.
type States interface {
	// PasswordState makes changes and tells what the state is then.
	PasswordState(ctx context.Context, who directory.Requester, userDN string, changes []directory.PasswordStateChange) (directory.PasswordState, error)
}

// State is the operation Password policy state. NewState makes one.
type State struct{ states States }

// NewState returns the operation on s.
func NewState(s States) State { return State{s} }

// OID is the requestName.
func (State) OID() string { return wire.PasswordStateOID }

// Serve tells an administrator of a user's password, attempts and factors, and
// changes them. An operation that is not known here is unwillingToPerform, and
// nothing of the request is done.
func (o State) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	m, err := wire.DecodePasswordStateMessage(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	var changes []directory.PasswordStateChange
	tell := make([]int, 0, len(m.Operations))
	for _, op := range m.Operations {
		told := op.Type
		if change, ok := stateChanges[op.Type]; ok {
			told = change.answer
			c, err := change.read(op)
			if err != nil {
				return nil, err
			}
			changes = append(changes, c...)
		}
		if stateAnswers[told] == nil {
			return nil, directory.Errorf(directory.UnwillingToPerform, "operation %d is not known here", op.Type)
		}
		tell = append(tell, told)
	}
	s, err := o.states.PasswordState(ctx, req.From, m.TargetUser, changes)
	if err != nil {
		return nil, err
	}
	if len(tell) == 0 {
		for n := range HasPassword + 1 {
			if stateAnswers[n] != nil {
				tell = append(tell, n)
			}
		}
	}
	resp := wire.PasswordStateMessage{TargetUser: s.DN}
	for _, n := range tell {
		resp.Operations = append(resp.Operations, wire.PasswordStateOperation{Type: n, Values: stateAnswers[n](&s)})
	}
	return &extop.Response{OID: wire.PasswordStateOID, Value: resp.Encode()}, nil
}

// stateAnswers are the values that each operation that tells something tells.
var stateAnswers = map[int]func(s *directory.PasswordState) []string{
	GetPolicyDN:          func(s *directory.PasswordState) []string { return []string{s.Policy} },
	GetDisabled:          func(s *directory.PasswordState) []string { return truth(s.Disabled) },
	GetAccountExpiration: func(s *directory.PasswordState) []string { return times(s.End) },
	GetSecondsUntilAccountExpiration: func(s *directory.PasswordState) []string {
		return until(s, s.End)
	},
	GetChangedTime:            func(s *directory.PasswordState) []string { return times(s.Changed) },
	GetSecondsUntilExpiration: func(s *directory.PasswordState) []string { return until(s, s.Expiry) },
	GetSecondsUntilWarning:    func(s *directory.PasswordState) []string { return until(s, s.Warning) },
	GetFailureTimes:           func(s *directory.PasswordState) []string { return times(s.Failures...) },
	GetSecondsUntilUnlock:     func(s *directory.PasswordState) []string { return until(s, s.LockEnd) },
	GetRemainingFailures:      func(s *directory.PasswordState) []string { return number(s.FailuresLeft) },
	GetLastLogin:              func(s *directory.PasswordState) []string { return times(s.LastSuccess) },
	GetSecondsUntilIdleLock:   func(s *directory.PasswordState) []string { return until(s, s.IdleLock) },
	GetReset:                  func(s *directory.PasswordState) []string { return truth(s.Reset) },
	GetGraceUses:              func(s *directory.PasswordState) []string { return times(s.GraceUses...) },
	GetRemainingGrace:         func(s *directory.PasswordState) []string { return number(s.GraceLeft) },
	GetActivation:             func(s *directory.PasswordState) []string { return times(s.Activation) },
	GetSecondsUntilActivation: func(s *directory.PasswordState) []string { return until(s, s.Activation) },
	GetUsable:                 func(s *directory.PasswordState) []string { return truth(s.Usable) },
	GetNotYetActive: func(s *directory.PasswordState) []string {
		return truth(s.Now.Before(s.Activation))
	},
	GetAccountExpired: func(s *directory.PasswordState) []string {
		return truth(!s.End.IsZero() && !s.Now.Before(s.End))
	},
	GetExpiration:      func(s *directory.PasswordState) []string { return times(s.Expiry) },
	GetFailureLocked:   func(s *directory.PasswordState) []string { return truth(s.FailureLocked) },
	GetFailureLockTime: func(s *directory.PasswordState) []string { return times(s.LockedSince) },
	GetIdleLocked:      func(s *directory.PasswordState) []string { return truth(s.IdleLocked) },
	GetIdleLockTime:    func(s *directory.PasswordState) []string { return times(s.IdleLock) },
	GetHistoryCount:    func(s *directory.PasswordState) []string { return number(s.History) },
	GetExpired: func(s *directory.PasswordState) []string {
		return truth(!s.Expiry.IsZero() && s.Now.After(s.Expiry))
	},
	GetMechanisms: func(s *directory.PasswordState) []string { return s.Mechanisms },
	HasTOTP:       func(s *directory.PasswordState) []string { return truth(s.HasTOTP) },
	HasPassword:   func(s *directory.PasswordState) []string { return truth(s.HasPassword) },
}

// stateChange is an operation that changes something.
type stateChange struct {
	answer int // the one that tells of it
	read   func(op wire.PasswordStateOperation) ([]directory.PasswordStateChange, error)
}

type changed = directory.PasswordStateChange

var stateChanges = map[int]stateChange{
	SetDisabled:            {GetDisabled, truthChange(func(c *changed, b *bool) { c.Disabled = b })},
	ClearDisabled:          {GetDisabled, fixed(changed{Disabled: new(false)})},
	SetAccountExpiration:   {GetAccountExpiration, timeChange(func(c *changed, t *time.Time) { c.End = t })},
	ClearAccountExpiration: {GetAccountExpiration, fixed(changed{End: new(time.Time)})},
	SetChangedTime:         {GetChangedTime, timeChange(func(c *changed, t *time.Time) { c.Changed = t })},
	ClearChangedTime:       {GetChangedTime, fixed(changed{Changed: new(time.Time)})},
	ClearFailureTimes:      {GetFailureTimes, fixed(changed{ForgetFailures: true})},
	SetLastLogin:           {GetLastLogin, timeChange(func(c *changed, t *time.Time) { c.LastSuccess = t })},
	ClearLastLogin:         {GetLastLogin, fixed(changed{LastSuccess: new(time.Time)})},
	SetReset:               {GetReset, truthChange(func(c *changed, b *bool) { c.Reset = b })},
	ClearReset:             {GetReset, fixed(changed{Reset: new(false)})},
	AddGraceUse:            {GetGraceUses, addGraceUse},
	SetGraceUses:           {GetGraceUses, setGraceUses},
	ClearGraceUses:         {GetGraceUses, fixed(changed{GraceUses: new([]time.Time)})},
	ClearHistory:           {GetHistoryCount, fixed(changed{ForgetHistory: true})},
	SetActivation:          {GetActivation, timeChange(func(c *changed, t *time.Time) { c.Activation = t })},
	ClearActivation:        {GetActivation, fixed(changed{Activation: new(time.Time)})},
	SetFailureLocked:       {GetFailureLocked, setFailureLocked},
	AddTOTP: {HasTOTP, func(op wire.PasswordStateOperation) ([]changed, error) {
		return []changed{{AddSecrets: op.Values}}, nil
	}},
	RemoveTOTP: {HasTOTP, func(op wire.PasswordStateOperation) ([]changed, error) {
		return []changed{{RemoveSecrets: op.Values}}, nil
	}},
	SetTOTP: {HasTOTP, func(op wire.PasswordStateOperation) ([]changed, error) {
		return []changed{{ClearSecrets: true}, {AddSecrets: op.Values}}, nil
	}},
	ClearTOTP: {HasTOTP, fixed(changed{ClearSecrets: true})},
}

func fixed(c changed) func(wire.PasswordStateOperation) ([]changed, error) {
	return func(wire.PasswordStateOperation) ([]changed, error) { return []changed{c}, nil }
}

func errValues(op wire.PasswordStateOperation, what string) error {
	return directory.Errorf(directory.InvalidAttributeSyntax, "operation %d takes %s", op.Type, what)
}

func truthChange(put func(*changed, *bool)) func(wire.PasswordStateOperation) ([]changed, error) {
	return func(op wire.PasswordStateOperation) ([]changed, error) {
		if len(op.Values) != 1 || op.Values[0] != "true" && op.Values[0] != "false" {
			return nil, errValues(op, "true or false")
		}
		var c changed
		put(&c, new(op.Values[0] == "true"))
		return []changed{c}, nil
	}
}

func timeChange(put func(*changed, *time.Time)) func(wire.PasswordStateOperation) ([]changed, error) {
	return func(op wire.PasswordStateOperation) ([]changed, error) {
		list, err := readTimes(op)
		if err != nil || len(list) != 1 {
			return nil, errValues(op, "one time")
		}
		var c changed
		put(&c, &list[0])
		return []changed{c}, nil
	}
}

func readTimes(op wire.PasswordStateOperation) (list []time.Time, err error) {
	for _, v := range op.Values {
		t, err := schema.ParseGeneralizedTime([]byte(v))
		if err != nil {
			return nil, err
		}
		list = append(list, t.UTC())
	}
	return list, nil
}

func setGraceUses(op wire.PasswordStateOperation) ([]changed, error) {
	list, err := readTimes(op)
	if err != nil {
		return nil, errValues(op, "times")
	}
	return []changed{{GraceUses: &list}}, nil
}

// addGraceUse adds times, or now.
func addGraceUse(op wire.PasswordStateOperation) ([]changed, error) {
	list, err := readTimes(op)
	if err != nil {
		return nil, errValues(op, "times, or nothing")
	}
	if len(list) == 0 {
		list = make([]time.Time, 1)
	}
	return []changed{{AddGraceUses: list}}, nil
}

// setFailureLocked ends a lock. To make one is for SetDisabled: failures are
// counted, not set.
func setFailureLocked(op wire.PasswordStateOperation) ([]changed, error) {
	if len(op.Values) != 1 || op.Values[0] != "false" {
		return nil, directory.Errorf(directory.UnwillingToPerform, "operation %d takes false: to lock an account, disable it", op.Type)
	}
	return []changed{{ForgetFailures: true}}, nil
}

func truth(b bool) []string { return []string{strconv.FormatBool(b)} }
func number(n int) []string { return []string{strconv.Itoa(n)} }

// times are generalized times to the millisecond; zero is none.
func times(list ...time.Time) (values []string) {
	for _, t := range list {
		if !t.IsZero() {
			values = append(values, t.UTC().Format("20060102150405.000Z"))
		}
	}
	return values
}

// until is the seconds that are left; none for no time.
func until(s *directory.PasswordState, t time.Time) []string {
	if t.IsZero() {
		return nil
	}
	return number(int(max(t.Sub(s.Now), 0) / time.Second))
}
