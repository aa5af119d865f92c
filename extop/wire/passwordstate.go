package wire

import (
	"fmt"

	"tallystick/internal/ber"
)

// PasswordStateOID is PingDirectory's Password policy state, the request and the
// response.
const PasswordStateOID = "1.3.6.1.4.1.30221.1.6.1"

// PasswordStateMessage is a requestValue and, in the same form, a responseValue.
//
//	SEQUENCE { targetUser LDAPDN,
//	           operations SEQUENCE OF SEQUENCE { opType ENUMERATED,
//	                                             opValues SEQUENCE OF OCTET STRING OPTIONAL } OPTIONAL }
type PasswordStateMessage struct {
	TargetUser string
	Operations []PasswordStateOperation // none in a request: all that can be told
}

// PasswordStateOperation is something to tell or do, or what was told.
type PasswordStateOperation struct {
	Type   int      // see the constants of package passwords
	Values []string // of times generalized times, of truth "true" and "false"; none: there is no value
}

// maxStateOperations is how many operations, and how many values, one message
// has at most.
const maxStateOperations = 256

// Encode returns the value.
func (m PasswordStateMessage) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendString(b, ber.OctetString, m.TargetUser)
	if len(m.Operations) > 0 {
		var list int
		b, list = ber.Begin(b, ber.Sequence)
		for _, op := range m.Operations {
			var one, values int
			b, one = ber.Begin(b, ber.Sequence)
			b = ber.AppendInt(b, ber.Enumerated, int64(op.Type))
			if len(op.Values) > 0 {
				b, values = ber.Begin(b, ber.Sequence)
				for _, v := range op.Values {
					b = ber.AppendString(b, ber.OctetString, v)
				}
				b = ber.End(b, values)
			}
			b = ber.End(b, one)
		}
		b = ber.End(b, list)
	}
	return ber.End(b, start)
}

// DecodePasswordStateMessage reads a value (nil: absent, which is an error).
func DecodePasswordStateMessage(value []byte) (PasswordStateMessage, error) {
	m, err := decodePasswordState(value)
	if err != nil {
		return PasswordStateMessage{}, fmt.Errorf("password policy state: %w", err)
	}
	return m, nil
}

func decodePasswordState(value []byte) (m PasswordStateMessage, err error) {
	r, err := sequence(value)
	if err != nil {
		return m, err
	}
	target, err := r.Read(ber.OctetString)
	if err != nil {
		return m, err
	}
	m.TargetUser = text(target)
	if r.Done() {
		return m, nil
	}
	list, err := r.Enter(ber.Sequence)
	if err != nil {
		return m, err
	}
	if !r.Done() {
		return m, ErrElements
	}
	values := 0
	for !list.Done() {
		in, err := list.Enter(ber.Sequence)
		if err != nil {
			return m, err
		}
		n, err := in.Int(ber.Enumerated)
		if err != nil {
			return m, err
		}
		if n < 0 || n > 1<<15 || len(m.Operations) == maxStateOperations {
			return m, ber.ErrValue
		}
		op := PasswordStateOperation{Type: int(n)}
		if !in.Done() {
			all, err := in.Enter(ber.Sequence)
			if err != nil {
				return m, err
			}
			for !all.Done() {
				v, err := all.Read(ber.OctetString)
				if err != nil {
					return m, err
				}
				if values++; values > maxStateOperations {
					return m, ber.ErrValue
				}
				op.Values = append(op.Values, text(v))
			}
		}
		if !in.Done() {
			return m, ErrElements
		}
		m.Operations = append(m.Operations, op)
	}
	return m, nil
}
