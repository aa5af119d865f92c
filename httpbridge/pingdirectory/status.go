package pingdirectory

import (
	"net/http"
	"strconv"
)

// The words of "code" in an error's body.
const (
	accessFailed   = "ACCESS_FAILED"
	invalidRequest = "INVALID_REQUEST"
	limitExceeded  = "LIMIT_EXCEEDED"
	notFound       = "NOT_FOUND"
	notUnique      = "UNIQUENESS_VIOLATION"
	unavailable    = "SERVICE_UNAVAILABLE"
	unexpected     = "UNEXPECTED_ERROR"
)

// The LDAP results that are made here.
const (
	protocolError                = 2
	unavailableCriticalExtension = 12

	noSuchObject       = 32
	invalidDNSyntax    = 34
	invalidCredentials = 49

	insufficientAccessRights = 50
	unwillingToPerform       = 53
)

// row is what an LDAP result becomes.
type row struct {
	status int
	code   string // "" for 200
	name   string // resultCode.name: as PingDirectory's SDK prints it
}

// results is the table of LDAP results. A code that is missing is a 500
// without a name. invalidCredentials is about the body here: what the server
// says of the header's identity is always a 401, see problemOf.
var results = map[int]row{
	0:   {http.StatusOK, "", "success"},
	1:   {http.StatusInternalServerError, unexpected, "operations error"},
	2:   {http.StatusBadRequest, invalidRequest, "protocol error"},
	3:   {http.StatusBadRequest, limitExceeded, "time limit exceeded"},
	4:   {http.StatusBadRequest, limitExceeded, "size limit exceeded"},
	5:   {http.StatusOK, "", "compare false"},
	6:   {http.StatusOK, "", "compare true"},
	7:   {http.StatusUnauthorized, invalidRequest, "auth method not supported"},
	8:   {http.StatusUnauthorized, invalidRequest, "strong auth required"},
	10:  {http.StatusOK, "", "referral"},
	11:  {http.StatusBadRequest, limitExceeded, "admin limit exceeded"},
	12:  {http.StatusBadRequest, invalidRequest, "unavailable critical extension"},
	13:  {http.StatusInternalServerError, unexpected, "confidentiality required"},
	14:  {http.StatusInternalServerError, unexpected, "SASL bind in progress"},
	16:  {http.StatusBadRequest, invalidRequest, "no such attribute"},
	17:  {http.StatusBadRequest, invalidRequest, "undefined attribute type"},
	18:  {http.StatusBadRequest, invalidRequest, "inappropriate matching"},
	19:  {http.StatusBadRequest, invalidRequest, "constraint violation"},
	20:  {http.StatusBadRequest, invalidRequest, "attribute or value exists"},
	21:  {http.StatusBadRequest, invalidRequest, "invalid attribute syntax"},
	32:  {http.StatusNotFound, notFound, "no such object"},
	33:  {http.StatusInternalServerError, unexpected, "alias problem"},
	34:  {http.StatusBadRequest, invalidRequest, "invalid DN syntax"},
	36:  {http.StatusInternalServerError, unexpected, "alias dereferencing problem"},
	48:  {http.StatusUnauthorized, invalidRequest, "inappropriate authentication"},
	49:  {http.StatusBadRequest, invalidRequest, "invalid credentials"},
	50:  {http.StatusForbidden, accessFailed, "insufficient access rights"},
	51:  {http.StatusServiceUnavailable, unavailable, "busy"},
	52:  {http.StatusServiceUnavailable, unavailable, "unavailable"},
	53:  {http.StatusBadRequest, invalidRequest, "unwilling to perform"},
	54:  {http.StatusInternalServerError, unexpected, "loop detect"},
	64:  {http.StatusBadRequest, invalidRequest, "naming violation"},
	65:  {http.StatusBadRequest, invalidRequest, "object class violation"},
	66:  {http.StatusBadRequest, invalidRequest, "not allowed on non-leaf"},
	67:  {http.StatusBadRequest, invalidRequest, "not allowed on RDN"},
	68:  {http.StatusConflict, notUnique, "entry already exists"},
	69:  {http.StatusBadRequest, invalidRequest, "object class mods prohibited"},
	71:  {http.StatusBadRequest, invalidRequest, "affects multiple DSAs"},
	80:  {http.StatusInternalServerError, unexpected, "other"},
	118: {http.StatusInternalServerError, unexpected, "canceled"},
	119: {http.StatusInternalServerError, unexpected, "no such operation"},
	120: {http.StatusInternalServerError, unexpected, "too late"},
	121: {http.StatusInternalServerError, unexpected, "cannot cancel"},
	122: {http.StatusBadRequest, invalidRequest, "assertion failed"},
	123: {http.StatusForbidden, accessFailed, "authorization denied"},

	16654: {http.StatusOK, "", "no operation"},
}

func lookup(code int) row {
	if r, ok := results[code]; ok {
		return r
	}
	return row{http.StatusInternalServerError, unexpected, strconv.Itoa(code)}
}

// succeeded is what the body of a call that succeeded begins with.
var succeeded = member{"resultCode", resultCode{0, results[0].name}}
