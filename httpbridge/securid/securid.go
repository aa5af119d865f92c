// Package securid is the face of the bridge that clients of RSA SecurID's Cloud
// Administration API know, as far as one-time password credentials go: those
// of the SecurID DS100 and of hardware tokens, and what it takes to find them.
//
//	POST   /AdminInterface/restapi/v1/ds100/lookup
//	PATCH  /AdminInterface/restapi/v1/ds100/{enable,disable,clearPin}/otp
//	DELETE /AdminInterface/restapi/v1/ds100/delete/otp
//	POST   /AdminInterface/restapi/v1/sidTokens/lookup
//	DELETE /AdminInterface/restapi/v1/sidTokens/delete
//	PATCH  /AdminInterface/restapi/v1/users/{userId}/sidTokens/{enable,disable,updateName}
//	PATCH  /AdminInterface/restapi/v2/users/{userId}/sidTokens/clearPin
//	POST   /AdminInterface/restapi/v1/users/lookup
//	PUT    /AdminInterface/restapi/v1/users/{userId}/userStatus
//	PATCH  /AdminInterface/restapi/v1/users/{userId}/methods
//	GET    /AdminInterface/restapi/v2/users/{userId}/devices
//	DELETE /AdminInterface/restapi/v1/users/{userId}/devices/{deviceId}
//
// A caller signs a token with his API key. The key is an entry of the
// directory, as which the calls are made by proxied authorization (RFC 4370);
// the LDAP server decides what it may do. A userId is an entryUUID, serial
// numbers are those of the credentials.
package securid

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tallystick/httpbridge/upstream"
)

// Prefix is what the paths of the face begin with.
const Prefix = "/AdminInterface/"

// base is what the paths of the calls begin with, and what stands behind the
// host in most audiences.
const base = "/AdminInterface/restapi"

// Config is the limits of the face. The zero value works.
type Config struct {
	// URL is where clients reach the bridge: https://host, without a path. A
	// token must be for it. "": what the request's Host says.
	URL string

	MaxBody int64            // octets of a request's body; 0: 64 KiB
	Now     func() time.Time // nil: time.Now
}

// Handler answers the calls.
type Handler struct {
	ldap     *upstream.Client
	cfg      Config
	routes   []route
	calls    *limiter // by access id
	failures *limiter // by address
}

// New returns the handler of the calls in front of the LDAP server of client,
// which has to have an identity of its own there.
func New(client *upstream.Client, cfg Config) *Handler {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 64 << 10
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Handler{
		ldap: client, cfg: cfg, routes: routes,
		calls: newLimiter(10, 20), failures: newLimiter(5, 10),
	}
}

// call is one request at work.
type call struct {
	*upstream.Session        // acting as the key
	key               *key   // who calls
	body              body   // of the request; empty if the call takes none
	userID, deviceID  string // of the path; "" if it has none
}

// route is where a call is, and what it takes.
type route struct {
	method string
	path   []string // {userId} and {deviceId} stand for any one segment
	body   members  // nil: it takes none
	serve  func(context.Context, *call) (any, error)
}

func at(method, path string, body members, serve func(context.Context, *call) (any, error)) route {
	return route{method, strings.Split(base+path, "/"), body, serve}
}

// userLookup is the one call for which RSA documents 415.
const userLookup = "/v1/users/lookup"

var routes = []route{
	at("POST", "/v1/ds100/lookup", members{deviceSerial: number}, lookUpDevice),
	at("PATCH", "/v1/ds100/enable/otp", members{deviceSerial: number, userIDMember: number}, enableDevice),
	at("PATCH", "/v1/ds100/disable/otp", members{deviceSerial: number, userIDMember: number}, disableDevice),
	at("DELETE", "/v1/ds100/delete/otp", members{tokenSerial: number, deviceSerial: number, userIDMember: number}, deleteOTP),
	at("PATCH", "/v1/ds100/clearPin/otp", members{tokenSerial: number, userIDMember: number}, clearPIN),
	at("POST", "/v1/sidTokens/lookup", members{tokenSerial: number}, lookUpToken),
	at("DELETE", "/v1/sidTokens/delete", members{tokenSerial: number}, deleteToken),
	at("PATCH", "/v1/users/{userId}/sidTokens/enable", members{tokenSerial: number}, enableToken),
	at("PATCH", "/v1/users/{userId}/sidTokens/disable", members{tokenSerial: number}, disableToken),
	at("PATCH", "/v1/users/{userId}/sidTokens/updateName", members{tokenSerial: number, updatedName: text}, renameToken),
	at("PATCH", "/v2/users/{userId}/sidTokens/clearPin", members{tokenSerial: number}, clearTokenPIN),
	at("POST", userLookup, members{emailMember: text, searchUnsynched: boolean}, lookUpUser),
	at("PUT", "/v1/users/{userId}/userStatus", members{userStatus: text}, setUserStatus),
	at("PATCH", "/v1/users/{userId}/methods", members{unlockMethods: methods}, unlock),
	at("GET", "/v2/users/{userId}/devices", nil, listDevices),
	at("DELETE", "/v1/users/{userId}/devices/{deviceId}", nil, deleteDevice),
}

// match takes a path apart.
func (r *route) match(path []string) (userID, deviceID string, ok bool) {
	if len(path) != len(r.path) {
		return "", "", false
	}
	for i, want := range r.path {
		switch {
		case want == "{userId}":
			userID = path[i]
		case want == "{deviceId}":
			deviceID = path[i]
		case want != path[i]:
			return "", "", false
		}
	}
	return userID, deviceID, true
}

// find is the route of a request.
func (h *Handler) find(r *http.Request) (found *route, userID, deviceID string, err error) {
	path := strings.Split(r.URL.EscapedPath(), "/")
	for i, segment := range path {
		if path[i], err = url.PathUnescape(segment); err != nil {
			return nil, "", "", errNoRoute
		}
	}
	var allow []string
	for i := range h.routes {
		userID, deviceID, ok := h.routes[i].match(path)
		switch {
		case !ok:
		case h.routes[i].method == r.Method:
			return &h.routes[i], userID, deviceID, nil
		default:
			allow = append(allow, h.routes[i].method)
		}
	}
	if allow == nil {
		return nil, "", "", errNoRoute
	}
	return nil, "", "", &problem{status: http.StatusMethodNotAllowed, message: "this resource has other methods", allow: strings.Join(allow, ", ")}
}

// Noter is implemented by a ResponseWriter that keeps notes for the record of
// the request in the log.
type Noter interface{ Note(...slog.Attr) }

// ServeHTTP answers one call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	note := func(...slog.Attr) {}
	if n, ok := w.(Noter); ok {
		note = n.Note
	}
	answer, err := h.serve(w, r, note)
	if err != nil {
		note(slog.String("err", err.Error()))
		h.writeProblem(w, r, problemOf(err))
		return
	}
	if answer == nil { // of a deletion
		w.WriteHeader(http.StatusOK)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, note func(...slog.Attr)) (any, error) {
	route, userID, deviceID, err := h.find(r)
	if err != nil {
		return nil, err
	}
	var text []byte
	if route.body != nil { // before an LDAP connection is taken: it may come slowly
		text, err = readBody(w, r, h.cfg.MaxBody)
		if err == errMediaType && r.URL.Path == base+userLookup {
			err = errNotJSON
		}
		if err != nil {
			return nil, err
		}
	}
	c, err := h.authenticate(r)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	note(slog.String("key", c.key.id), slog.String("user", c.key.dn))
	if wait := h.calls.take(c.key.id, h.cfg.Now()); wait > 0 {
		return nil, tooMany(wait)
	}
	c.userID, c.deviceID = strings.ToLower(userID), strings.ToLower(deviceID)
	if route.body != nil {
		if c.body, err = parseBody(text, route.body); err != nil {
			return nil, err
		}
		if id, ok := c.body[userIDMember]; ok {
			c.userID = strings.ToLower(id)
		}
	}
	return route.serve(r.Context(), c)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // structs of texts
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
