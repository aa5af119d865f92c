package enrol

import (
	"errors"
	"log/slog"
	"net/http"

	"tallystick/httpbridge/upstream"

	"github.com/go-ldap/ldap/v3"
)

// failure is how something that did not work is told.
type failure struct {
	status int
	text   string // key of what the page says
}

// refusals is what the results of the LDAP server are told as. One that is
// missing is the server's fault, or ours.
var refusals = map[int]failure{
	ldap.LDAPResultProtocolError:            {http.StatusNotImplemented, "unsupported"},
	ldap.LDAPResultAdminLimitExceeded:       {http.StatusUnprocessableEntity, "tooManyDevices"},
	ldap.LDAPResultNoSuchAttribute:          {http.StatusNotFound, "deviceGone"},
	ldap.LDAPResultConstraintViolation:      {http.StatusUnprocessableEntity, "badName"},
	ldap.LDAPResultNoSuchObject:             {http.StatusNotFound, "userGone"},
	ldap.LDAPResultInvalidCredentials:       {http.StatusUnprocessableEntity, "wrongProof"},
	ldap.LDAPResultInsufficientAccessRights: {http.StatusForbidden, "notAllowed"},
	ldap.LDAPResultBusy:                     {http.StatusServiceUnavailable, "unavailable"},
	ldap.LDAPResultUnavailable:              {http.StatusServiceUnavailable, "unavailable"},
	ldap.LDAPResultUnwillingToPerform:       {http.StatusUnprocessableEntity, "unwilling"},
}

// failureOf is how an error is told. What it says itself is for the log.
func (v *visit) failureOf(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if errors.Is(err, upstream.ErrUnavailable) {
		return &failure{http.StatusServiceUnavailable, "unavailable"}
	}
	if r, ok := errors.AsType[*upstream.Result](err); ok {
		if f, ok := refusals[r.Code]; ok {
			return &f
		}
	}
	return &failure{http.StatusInternalServerError, "internal"}
}

func (f *failure) Error() string { return f.text }

// fail answers with a page that says what is wrong.
func (v *visit) fail(f *failure, err error) {
	v.noteError(err)
	if f.status == http.StatusServiceUnavailable {
		v.w.Header().Set("Retry-After", "5")
	}
	if err := v.render(f.status, "failure", &view{Title: "failureTitle", Data: f.text}); err != nil {
		panic(err) // the template is ours
	}
}

// noteError has the log say what happened.
func (v *visit) noteError(err error) {
	if r, ok := errors.AsType[*upstream.Result](err); ok {
		v.note(slog.Int("code", r.Code))
	}
	v.note(slog.String("err", err.Error()))
}

// refused reports whether the LDAP server answered with something but success,
// which one page tells beside the form that was sent.
func refused(err error) bool {
	_, ok := errors.AsType[*upstream.Result](err)
	return ok
}

func (v *visit) notFound() error { return &failure{http.StatusNotFound, "noPage"} }
