package ldapd

import (
	"math"
	"strconv"
	"time"

	"tallystick/directory"
	extopwire "tallystick/extop/wire"
	"tallystick/ldapd/wire"
)

// passwordPolicy takes the request for what a password policy has to say beside
// the result (draft-behera-ldap-password-policy-11, section 6). Where it has
// nothing to say there is no response control.
func passwordPolicy(op *operation, c *wire.Control) error {
	op.answer(func(code directory.ResultCode) *wire.Control {
		var r extopwire.PasswordPolicyResponse
		if e := op.policyError(code); e != 0 {
			n := int(e) - 1
			r.Error = &n
		}
		if password := op.bound(code); password.Expires > 0 {
			r.TimeBeforeExpiration = seconds(password.Expires)
		} else if password.Grace {
			left := int32(password.GraceLeft)
			r.GraceAuthNsRemaining = &left
		}
		if r == (extopwire.PasswordPolicyResponse{}) {
			return nil
		}
		return &wire.Control{OID: extopwire.PasswordPolicyOID, Value: r.Encode()}
	})
	return wire.DecodeNoValue(c.Value)
}

// bound is what the policy said of a bind that succeeded; nothing of all else.
func (op *operation) bound(code directory.ResultCode) directory.PasswordPolicyAnswer {
	if _, ok := op.request.(*directory.BindRequest); !ok || code != directory.Success {
		return directory.PasswordPolicyAnswer{}
	}
	return op.c.who.Password
}

func (op *operation) policyError(code directory.ResultCode) directory.PasswordPolicyError {
	if op.bound(code).MustChange {
		return directory.ChangeAfterReset
	}
	return op.refusedBy
}

func seconds(d time.Duration) *int32 {
	n := int32(min(int64(d/time.Second), math.MaxInt32))
	return &n
}

// netscapePassword adds Netscape's controls to the answer to a bind.
func (op *operation) netscapePassword(code directory.ResultCode, to []wire.Control) []wire.Control {
	password := op.bound(code)
	switch {
	case op.refusedBy == directory.PasswordExpired || password.MustChange || password.Grace:
		return append(to, wire.Control{OID: extopwire.PasswordExpiredOID, Value: []byte("0")})
	case password.Expires > 0:
		text := strconv.FormatInt(int64(password.Expires/time.Second), 10)
		return append(to, wire.Control{OID: extopwire.PasswordExpiringOID, Value: []byte(text)})
	}
	return to
}
