package pingdirectory

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"tallystick/httpbridge/caller"
	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// problem is an answer other than success, and an error until it is sent.
type problem struct {
	status  int
	code    string
	message string
	target  string           // the member of the body that is wrong; "" if none
	result  *upstream.Result // what LDAP said; nil if it was not asked, or could not answer
	header  [2]string        // one header more; empty if none
}

func (p *problem) Error() string { return p.message }

// challenge is the header of every 401.
var challenge = [2]string{"WWW-Authenticate", caller.Challenge}

// wrongMethod is the 405 for a resource that supports only the methods allowed.
func wrongMethod(allowed []string) *problem {
	list := strings.Join(allowed, ", ")
	return &problem{
		status: http.StatusMethodNotAllowed, code: invalidRequest,
		message: "this resource supports " + list + " only", header: [2]string{"Allow", list},
	}
}

func unauthorized(message string) *problem {
	return &problem{status: http.StatusUnauthorized, code: invalidRequest, message: message, header: challenge}
}

var (
	errNotFound = &problem{status: http.StatusNotFound, code: notFound, message: "there is no such resource"}
	errSlash    = &problem{status: http.StatusNotFound, code: notFound, message: `there is no such resource; a "/" inside a DN is written %2F`}
	errEscape   = &problem{status: http.StatusBadRequest, code: invalidRequest, message: "the DN in the path is not percent-encoded UTF-8"}

	errCrossOrigin = &problem{status: http.StatusForbidden, code: accessFailed, message: "the request comes from a page of another origin"}

	errMediaType = &problem{status: http.StatusUnsupportedMediaType, code: invalidRequest, message: "the body must be application/json in UTF-8"}
	errTooLarge  = &problem{status: http.StatusRequestEntityTooLarge, code: limitExceeded, message: "the body is too large", header: [2]string{"Connection", "close"}}
	errSlowBody  = &problem{status: http.StatusRequestTimeout, code: limitExceeded, message: "the body did not come in time", header: [2]string{"Connection", "close"}}
	errCutBody   = &problem{status: http.StatusBadRequest, code: invalidRequest, message: "the body is incomplete", header: [2]string{"Connection", "close"}}

	errNoCode = &problem{status: http.StatusBadRequest, code: invalidRequest, message: "totpPassword: must be present", target: totpPassword}
	errNoDN   = &problem{status: http.StatusBadRequest, code: invalidRequest, message: "the server does not name the authenticated user by a DN"}

	errUnauthenticated = unauthorized("authentication is needed")

	errWhichDN         = badMember("_dn", "either _dn or _parentDN must be there")
	errParentDN        = badMember("_parentDN", "is for new entries; _dn moves one")
	errNewDN           = badMember("_dn", "is not a DN")
	errNamingAttribute = badMember("_dn", "the attributes of the new name must be in the body, with the values they have in it")
	errRenameAndChange = badMember("_dn", "a new name and other changes need two requests: here only the attributes of the name may change, as the new name has them")

	errTwoPolicies   = badMember("targetEntryDN", "does not go with passwordPolicyDN")
	errNoOp          = badMember("_controls", "the no-op control does not go with a question")
	errNoCredentials = badMember("credentials", "must be there")
	errNoName        = errors.New("the LDAP server does not say how it named the entry")
	errNoToken       = errors.New("the LDAP server made no access token")

	errScope        = badParameter("searchScope", "must be baseObject, singleLevel, wholeSubtree or subordinateSubtree")
	errCursor       = badParameter("cursor", "is not one for this search, or no longer valid")
	errTooFar       = &problem{status: http.StatusBadRequest, code: limitExceeded, message: "cursor: the LDAP server does not go on with so long a search: use a filter", target: "cursor"}
	errPagedControl = badMember("_controls", "pages are asked for by limit and cursor")

	errNoModifications = badMember("modifications", "must be there")

	errCriticalControl = &problem{
		status: results[12].status, code: results[12].code,
		message: "_controls: a critical control is not supported", target: "_controls",
		result: &upstream.Result{Code: 12, DiagnosticMessage: "a critical control is not supported"},
	}
)

// badMember is the 400 for a member of the body that is wrong.
func badMember(name, reason string) *problem {
	return &problem{status: http.StatusBadRequest, code: invalidRequest, message: name + ": " + reason, target: name}
}

// badBody is the 400 for a body that err says is wrong, and where.
func badBody(err error) *problem {
	p := &problem{status: http.StatusBadRequest, code: invalidRequest, message: err.Error()}
	var place *strictjson.Error
	if errors.As(err, &place) {
		p.target = place.Path
	}
	return p
}

// problemOf is what the client is told about err. What is not known here is
// nobody's business but the log's.
func problemOf(err error) *problem {
	var p *problem
	var rejected *upstream.RejectedError
	var result *upstream.Result
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &rejected):
		// One answer for all of them: servers say different things about
		// unknown users, and a stranger is not to tell them apart.
		p = unauthorized("the credentials of the Authorization header are not valid")
		if rejected.Result.PasswordExpired { // which is told with the right ones only
			p = unauthorized(passwordExpired)
		}
		p.result = &upstream.Result{Code: 49}
		return p
	case errors.As(err, &result):
		return problemOfResult(result)
	case errors.Is(err, upstream.ErrUnavailable):
		return &problem{
			status: http.StatusServiceUnavailable, code: unavailable,
			message: "the LDAP server is not available", header: [2]string{"Retry-After", "5"},
		}
	}
	return &problem{status: http.StatusInternalServerError, code: unexpected, message: "internal error"}
}

func problemOfResult(r *upstream.Result) *problem {
	if r.Unsupported { // which is not the client's protocol error
		r = &upstream.Result{Code: unwillingToPerform, DiagnosticMessage: r.DiagnosticMessage}
	}
	in := lookup(r.Code)
	p := &problem{status: in.status, code: in.code, message: in.name, result: r}
	if r.DiagnosticMessage != "" {
		p.message += ": " + r.DiagnosticMessage
	}
	switch in.status {
	case http.StatusUnauthorized:
		p.header = challenge
	case http.StatusServiceUnavailable:
		p.header = [2]string{"Retry-After", "5"}
	}
	return p
}

// problemBody serves both readings of the vendor's documentation: an error
// object in the style of its other APIs, and the result object of LDAP.
type problemBody struct {
	Code              string          `json:"code,omitempty"`
	Message           string          `json:"message"`
	Details           []problemDetail `json:"details,omitempty"`
	ResultCode        *resultCode     `json:"resultCode,omitempty"`
	DiagnosticMessage string          `json:"diagnosticMessage,omitempty"`
	MatchedDN         string          `json:"matchedDN,omitempty"`
}

type problemDetail struct {
	Code    string `json:"code"`
	Target  string `json:"target,omitempty"`
	Message string `json:"message"`
}

func (p *problem) write(w http.ResponseWriter) {
	message := strings.ToValidUTF8(p.message, "\ufffd")
	body := problemBody{Code: p.code, Message: message}
	if p.status < http.StatusInternalServerError && p.status != http.StatusOK {
		body.Details = []problemDetail{{Code: invalidRequest, Target: p.target, Message: message}}
	}
	if p.result != nil {
		body.ResultCode = &resultCode{p.result.Code, lookup(p.result.Code).name}
		body.DiagnosticMessage = p.result.DiagnosticMessage
		body.MatchedDN = p.result.MatchedDN
	}
	mediaType := "application/json"
	if p.status == http.StatusOK {
		mediaType = "application/hal+json"
	}
	if p.header[0] != "" {
		w.Header().Set(p.header[0], p.header[1])
	}
	write(w, p.status, mediaType, body)
}

// withoutControl is err, or, if the LDAP server refuses a critical control that
// only the bridge can have meant, because none of those given is critical, that
// it does not have it.
func withoutControl(err error, oid string, given []upstream.Control) error {
	var r *upstream.Result
	isCritical := func(c upstream.Control) bool { return c.Critical }
	if !errors.As(err, &r) || r.Code != unavailableCriticalExtension || slices.ContainsFunc(given, isCritical) {
		return err
	}
	return &upstream.Result{Code: unwillingToPerform, DiagnosticMessage: "the LDAP server does not have the control " + oid}
}
