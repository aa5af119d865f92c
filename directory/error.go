package directory

import (
	"errors"
	"fmt"
)

// Error is an error that knows what to tell the client: an LDAPResult
// (RFC 4511, section 4.1.9) with the cause kept beside it for the log.
type Error struct {
	ResultCode        ResultCode
	MatchedDN         string   // deepest entry that exists; only with noSuchObject and its kin
	Referral          []string // URIs, of which one will do; only with referral
	DiagnosticMessage string   // sent to the client: no secrets, no text of an inner error
	ServerSASLCreds   []byte   // the server's part of a SASL exchange; only with saslBindInProgress
	Cause             error    // logged, never sent; may be nil

	PasswordPolicy PasswordPolicyError // for clients that ask with the control; 0: nothing
}

func (e *Error) Error() string {
	s := e.ResultCode.Error()
	if e.DiagnosticMessage != "" {
		s += " " + e.DiagnosticMessage
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap makes errors.Is see both the ResultCode and the Cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.ResultCode}
	}
	return []error{e.ResultCode, e.Cause}
}

// Errorf returns an *Error with a diagnostic message for the client.
func Errorf(code ResultCode, format string, args ...any) *Error {
	return &Error{ResultCode: code, DiagnosticMessage: fmt.Sprintf(format, args...)}
}

// Result is the LDAPResult to send for err: nil is success, an *Error
// anywhere in the chain speaks for itself, a bare ResultCode has no message,
// and everything else is a plain other(80) whose text stays in the log.
func Result(err error) *Error {
	if err == nil {
		return &Error{ResultCode: Success}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if c, ok := errors.AsType[ResultCode](err); ok {
		return &Error{ResultCode: c, Cause: err}
	}
	return &Error{ResultCode: Other, DiagnosticMessage: "internal error", Cause: err}
}
