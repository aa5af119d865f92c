package wire

import (
	"fmt"
	"math"

	"tallystick/internal/ber"
)

// PasswordPolicyOID is the control of draft-behera-ldap-password-policy-11, in
// both directions; the request has no value. It stands here, and not with the
// other controls, because the bridge reads what the directory writes.
const PasswordPolicyOID = "1.3.6.1.4.1.42.2.27.8.5.1"

// Netscape's controls, which come unasked with the answer to a bind: the password
// has expired (or must be changed), with value "0"; and it will, with the seconds
// until then as text.
const (
	PasswordExpiredOID  = "2.16.840.1.113730.3.4.4"
	PasswordExpiringOID = "2.16.840.1.113730.3.4.5"
)

// PasswordPolicyResponse is the value of the response control.
//
//	SEQUENCE { warning [0] CHOICE { timeBeforeExpiration [0] INTEGER (0 .. maxInt),
//	                                graceAuthNsRemaining [1] INTEGER (0 .. maxInt) } OPTIONAL,
//	           error   [1] ENUMERATED { passwordExpired (0), accountLocked (1), … } OPTIONAL }
type PasswordPolicyResponse struct {
	TimeBeforeExpiration *int32 // seconds; nil: no such warning
	GraceAuthNsRemaining *int32 // not beside the other
	Error                *int   // 0 to 9; nil: none
}

const policyWarning = ber.Context | ber.Constructed

// Encode returns the value of the control.
func (r PasswordPolicyResponse) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	for tag, n := range []*int32{r.TimeBeforeExpiration, r.GraceAuthNsRemaining} {
		if n != nil {
			var warning int
			b, warning = ber.Begin(b, policyWarning)
			b = ber.End(ber.AppendInt(b, ber.Context|byte(tag), int64(*n)), warning)
		}
	}
	if r.Error != nil {
		b = ber.AppendInt(b, ber.Context|1, int64(*r.Error))
	}
	return ber.End(b, start)
}

// DecodePasswordPolicyResponse reads the value of the control.
func DecodePasswordPolicyResponse(value []byte) (r PasswordPolicyResponse, err error) {
	fail := func(err error) (PasswordPolicyResponse, error) {
		return PasswordPolicyResponse{}, fmt.Errorf("password policy response: %w", err)
	}
	in, err := sequence(value)
	if err != nil {
		return fail(err)
	}
	if in.Peek() == policyWarning {
		warning, err := in.Enter(policyWarning)
		if err != nil {
			return fail(err)
		}
		tag, contents, err := warning.Next()
		if err != nil {
			return fail(err)
		}
		n, err := ber.ParseInt(contents)
		seconds := int32(n)
		switch {
		case err != nil:
			return fail(err)
		case n < 0 || n > math.MaxInt32 || !warning.Done():
			return fail(ber.ErrValue)
		case tag == ber.Context:
			r.TimeBeforeExpiration = &seconds
		case tag == ber.Context|1:
			r.GraceAuthNsRemaining = &seconds
		default:
			return fail(ErrElements)
		}
	}
	if in.Peek() == ber.Context|1 {
		n, err := in.Int(ber.Context | 1)
		if err != nil {
			return fail(err)
		}
		if n < 0 || n > 127 {
			return fail(ber.ErrValue)
		}
		e := int(n)
		r.Error = &e
	}
	if !in.Done() {
		return fail(ErrElements)
	}
	return r, nil
}
