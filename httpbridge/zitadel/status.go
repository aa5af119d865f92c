package zitadel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"tallystick/httpbridge/upstream"
	zitadelv1 "tallystick/httpbridge/zitadel/api/zitadel/v1"
)

// Errors are *connect.Error, whose numbers are those of gRPC. Those that
// ZITADEL knows have its id, for clients that look for it, in a detail.

// failure is an error with an ErrorDetail.
func failure(code connect.Code, id, message string) *connect.Error {
	e := connect.NewError(code, fmt.Errorf("%s (%s)", message, id))
	detail, err := connect.NewErrorDetail(&zitadelv1.ErrorDetail{Id: id, Message: message})
	if err != nil {
		panic(err) // two strings that are UTF-8
	}
	e.AddDetail(detail)
	return e
}

var (
	errNoCredentials = connect.NewError(connect.CodeUnauthenticated, errors.New("auth header missing"))
	errRejected      = connect.NewError(connect.CodeUnauthenticated, errors.New("the credentials of the Authorization header are not valid"))
	errExpired       = connect.NewError(connect.CodeUnauthenticated, errors.New("the password has expired: have an administrator set another"))
	errCrossOrigin   = connect.NewError(connect.CodePermissionDenied, errors.New("the request comes from a page of another origin"))
	errNoRoute       = connect.NewError(connect.CodeNotFound, errors.New(http.StatusText(http.StatusNotFound)))
	errMethod        = connect.NewError(connect.CodeUnimplemented, errors.New(http.StatusText(http.StatusMethodNotAllowed)))
	errTooLarge      = connect.NewError(connect.CodeResourceExhausted, errors.New("the body is too large"))
	errInternal      = connect.NewError(connect.CodeInternal, errors.New("internal error"))

	errNoUser        = failure(connect.CodeNotFound, "COMMAND-SqyJz", "the user does not exist")
	errVerifyNoTOTP  = failure(connect.CodeNotFound, "COMMAND-3Mif9s", "the user has no such TOTP authenticator")
	errRemoveNoTOTP  = failure(connect.CodeNotFound, "COMMAND-Hd9sd", "the user has no such TOTP authenticator")
	errAlreadyReady  = failure(connect.CodeFailedPrecondition, "COMMAND-qx4ls", "the TOTP authenticator is verified already")
	errInvalidCode   = failure(connect.CodeInvalidArgument, "EVENT-8isk2", "the code is invalid")
	errHasTOTP       = failure(connect.CodeAlreadyExists, "COMMAND-do9se", "the user has a verified TOTP")
	errSeveralTOTPs  = connect.NewError(connect.CodeFailedPrecondition, errors.New("the user has several TOTP authenticators: zitadel.user.v3alpha tells them apart"))
	errPasswordAlone = connect.NewError(connect.CodePermissionDenied, errors.New("the password alone is not enough: append a code to it"))
	errTooManyUsers  = connect.NewError(connect.CodeResourceExhausted, errors.New("too many users match: ask for fewer with queries"))
)

func unauthenticated(err error) error { return connect.NewError(connect.CodeUnauthenticated, err) }

func invalid(format string, args ...any) error {
	return connect.NewError(connect.CodeInvalidArgument, fmt.Errorf(format, args...))
}

// results says what an LDAP result other than success becomes, and, if its own
// message is not for the client, in which words. A code that is missing is
// internal.
var results = map[int]struct {
	code    connect.Code
	message string // "": what the LDAP server said
}{
	2:  {connect.CodeUnimplemented, "the LDAP server does not know this operation"}, // protocolError
	3:  {connect.CodeDeadlineExceeded, ""},                                          // timeLimitExceeded
	4:  {connect.CodeResourceExhausted, ""},                                         // sizeLimitExceeded
	8:  {connect.CodeUnauthenticated, ""},                                           // strongerAuthRequired
	11: {connect.CodeFailedPrecondition, ""},                                        // adminLimitExceeded: too many credentials
	19: {connect.CodeInvalidArgument, ""},                                           // constraintViolation
	49: {connect.CodeUnauthenticated, "invalid credentials"},                        // invalidCredentials
	50: {connect.CodePermissionDenied, "no matching permissions found"},             // insufficientAccessRights
	51: {connect.CodeUnavailable, "the LDAP server is busy"},                        // busy
	52: {connect.CodeUnavailable, "the LDAP server is not available"},               // unavailable
	53: {connect.CodeFailedPrecondition, ""},                                        // unwillingToPerform
}

// isResult reports whether err is the LDAP result code.
func isResult(err error, code int) bool {
	var r *upstream.Result
	return errors.As(err, &r) && r.Code == code
}

// statusOf is what the client is told about err. What is not known here is
// nobody's business but the log's.
func statusOf(err error) *connect.Error {
	var status *connect.Error
	var rejected *upstream.RejectedError
	var result *upstream.Result
	switch {
	case errors.As(err, &status):
		return status
	case errors.As(err, &rejected) && rejected.Result.PasswordExpired: // which is told with the right ones only
		return errExpired
	case errors.As(err, &rejected):
		return errRejected
	case isResult(err, 32): // noSuchObject
		return errNoUser
	case errors.As(err, &result):
		row, ok := results[result.Code]
		if !ok {
			return errInternal
		}
		message := row.message
		if message == "" {
			message = result.DiagnosticMessage
		}
		return connect.NewError(row.code, errors.New(strings.ToValidUTF8(message, "\uFFFD")))
	case errors.Is(err, context.Canceled):
		return connect.NewError(connect.CodeCanceled, errors.New("the call was cancelled"))
	case errors.Is(err, context.DeadlineExceeded): // the caller's; ours is a server that does not answer
		return connect.NewError(connect.CodeDeadlineExceeded, errors.New("no answer in the time that the caller gave"))
	case errors.Is(err, upstream.ErrUnavailable):
		return connect.NewError(connect.CodeUnavailable, errors.New("the LDAP server is not available"))
	}
	return errInternal
}

// httpStatuses are the HTTP statuses of errors in JSON, as google.rpc.Code has
// them.
var httpStatuses = map[connect.Code]int{
	connect.CodeCanceled:           499, // not among those of net/http
	connect.CodeUnknown:            http.StatusInternalServerError,
	connect.CodeInvalidArgument:    http.StatusBadRequest,
	connect.CodeDeadlineExceeded:   http.StatusGatewayTimeout,
	connect.CodeNotFound:           http.StatusNotFound,
	connect.CodeAlreadyExists:      http.StatusConflict,
	connect.CodePermissionDenied:   http.StatusForbidden,
	connect.CodeResourceExhausted:  http.StatusTooManyRequests,
	connect.CodeFailedPrecondition: http.StatusBadRequest,
	connect.CodeAborted:            http.StatusConflict,
	connect.CodeOutOfRange:         http.StatusBadRequest,
	connect.CodeUnimplemented:      http.StatusNotImplemented,
	connect.CodeInternal:           http.StatusInternalServerError,
	connect.CodeUnavailable:        http.StatusServiceUnavailable,
	connect.CodeDataLoss:           http.StatusInternalServerError,
	connect.CodeUnauthenticated:    http.StatusUnauthorized,
}
