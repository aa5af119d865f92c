package securid

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// problem is an answer other than 200, and an error until it is sent.
type problem struct {
	status  int
	message string
	wait    time.Duration // until it makes sense to try again; 0: does not say
	allow   string        // methods that there are; "": none said
}

func (p *problem) Error() string { return p.message }

var (
	errNoRoute     = &problem{status: http.StatusNotFound, message: "there is no such resource"}
	errNotFound    = &problem{status: http.StatusNotFound, message: "the user or the authenticator does not exist"}
	errForbidden   = &problem{status: http.StatusForbidden, message: "not authorized to perform the request"}
	errToken       = &problem{status: http.StatusForbidden, message: "the token is not valid"}
	errState       = &problem{status: http.StatusConflict, message: "the token is in another state"}
	errMediaType   = &problem{status: http.StatusBadRequest, message: "the body must be application/json in UTF-8"}
	errNotJSON     = &problem{status: http.StatusUnsupportedMediaType, message: errMediaType.message}
	errTooLarge    = &problem{status: http.StatusBadRequest, message: "the body is too large"}
	errCutBody     = &problem{status: http.StatusBadRequest, message: "the body is incomplete"}
	errUnavailable = &problem{status: http.StatusServiceUnavailable, message: "the directory is not available", wait: 5 * time.Second}
)

// tooMany is the answer to a call before its turn.
func tooMany(wait time.Duration) *problem {
	return &problem{status: http.StatusTooManyRequests, message: "too many requests", wait: wait}
}

// badRequest says what is wrong with a body.
func badRequest(format string, args ...any) *problem {
	return &problem{status: http.StatusBadRequest, message: fmt.Sprintf(format, args...)}
}

// results says what an LDAP result becomes. A code that is missing is an
// internal error.
var results = map[int]*problem{
	16:  errNotFound, // noSuchAttribute: the credential is gone
	19:  badRequest("a value is not possible"),
	32:  errNotFound,    // noSuchObject
	50:  errForbidden,   // insufficientAccessRights
	51:  errUnavailable, // busy
	52:  errUnavailable, // unavailable
	53:  errState,       // unwillingToPerform
	123: errForbidden,   // authorizationDenied: the key was revoked a moment ago
}

// problemOf is what the client is told about err. What is not known here is
// nobody's business but the log's.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if result, ok := errors.AsType[*upstream.Result](err); ok {
		if p, ok := results[result.Code]; ok {
			return p
		}
	}
	if place, ok := errors.AsType[*strictjson.Error](err); ok {
		return badRequest("%s", place.Error())
	}
	if errors.Is(err, upstream.ErrUnavailable) {
		return errUnavailable
	}
	return &problem{status: http.StatusInternalServerError, message: "internal error"}
}

// isResult reports whether err is the LDAP result code.
func isResult(err error, code int) bool {
	r, ok := errors.AsType[*upstream.Result](err)
	return ok && r.Code == code
}

// writeProblem answers in the shape of Spring Boot, which RSA's errors have.
func (h *Handler) writeProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	if p.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((p.wait+time.Second-1)/time.Second)))
	}
	if p.allow != "" {
		w.Header().Set("Allow", p.allow)
	}
	writeJSON(w, p.status, struct {
		Timestamp int64  `json:"timestamp"` // milliseconds since 1970
		Status    int    `json:"status"`
		Error     string `json:"error"`
		Message   string `json:"message"`
		Path      string `json:"path"`
	}{h.cfg.Now().UnixMilli(), p.status, http.StatusText(p.status), p.message, r.URL.Path})
}
