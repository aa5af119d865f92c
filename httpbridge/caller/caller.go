// Package caller reads who calls: the Authorization header, in the one way that
// all faces of the bridge take it. It says what was presented, and nothing
// about whether it is good: that is for the LDAP server.
package caller

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"tallystick/httpbridge/upstream"
)

// What is wrong with a header, in words for the client. All of them are 401s.
var (
	ErrRepeated  = errors.New("more than one Authorization header")
	ErrScheme    = errors.New("only Basic and Bearer authentication are offered")
	ErrMalformed = errors.New("malformed credentials")
)

// Challenge is the WWW-Authenticate header of every 401 (RFC 9110, section
// 11.6.1; RFC 7617; RFC 6750, section 3).
const Challenge = `Basic realm="directory", charset="UTF-8", Bearer realm="directory"`

// Credentials reads the Authorization header: Basic (RFC 7617), whose user name
// is a DN or a user name, or Bearer (RFC 6750, section 2.1). nil: there is no
// header.
func Credentials(h http.Header) (*upstream.Credentials, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return nil, nil
	}
	if len(values) > 1 {
		return nil, ErrRepeated
	}
	scheme, encoded, _ := strings.Cut(values[0], " ")
	if strings.EqualFold(scheme, "Bearer") {
		token := strings.Trim(encoded, " ")
		if token == "" || strings.ContainsFunc(token, notToken) {
			return nil, ErrMalformed
		}
		return &upstream.Credentials{Token: token}, nil
	}
	if !strings.EqualFold(scheme, "Basic") {
		return nil, ErrScheme
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return nil, ErrMalformed
	}
	name, password, ok := strings.Cut(string(b), ":")
	if !ok || name == "" || password == "" {
		return nil, ErrMalformed
	}
	return &upstream.Credentials{Name: name, Password: password}, nil
}

// notToken reports what a b64token does not have (RFC 6750, section 2.1).
func notToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~+/=", r)
}
