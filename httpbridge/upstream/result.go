package upstream

import (
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// ErrUnavailable says that the server could not be asked or did not answer in
// time. What was asked may have been done nevertheless.
var ErrUnavailable = errors.New("LDAP server unavailable")

// ErrProtocol says that the server's answer could not be understood.
var ErrProtocol = errors.New("LDAP server's answer not understood")

// Result is an LDAPResult (RFC 4511, section 4.1.9) other than success.
type Result struct {
	Code              int
	MatchedDN         string
	DiagnosticMessage string
	Unsupported       bool // a protocolError because the server does not have the operation
	PasswordExpired   bool // of a bind: the credentials are right, and the password has expired
}

func (r *Result) Error() string {
	return fmt.Sprintf("LDAP result %d %q", r.Code, r.DiagnosticMessage)
}

// RejectedError says that the server did not take a client's credentials, and
// with which result of the bind.
type RejectedError struct{ Result Result }

func (e *RejectedError) Error() string { return "credentials rejected: " + e.Result.Error() }

// rejects reports whether code, as the result of a bind, says something about
// the credentials rather than about the request or the server's state. Servers
// differ in what they say for an unknown user, a malformed name, or an account
// that is shut.
func rejects(code int) bool {
	switch code {
	case ldap.LDAPResultOperationsError, ldap.LDAPResultProtocolError,
		ldap.LDAPResultAdminLimitExceeded, ldap.LDAPResultUnavailableCriticalExtension, ldap.LDAPResultConfidentialityRequired,
		ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultOther:
		return false
	}
	return true
}

// bindError turns an error of a bind into the errors of this package.
func bindError(err error) error {
	var r *Result
	if errors.As(err, &r) && rejects(r.Code) {
		return &RejectedError{*r}
	}
	return err
}
