package pingdirectory

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"tallystick/httpbridge/upstream"
)

// authorization reads the Authorization header: Basic (RFC 7617), whose user
// name is a DN or a user name. nil: there is no header.
func authorization(h http.Header) (*upstream.Credentials, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return nil, nil
	}
	if len(values) > 1 {
		return nil, unauthorized("more than one Authorization header")
	}
	scheme, encoded, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Basic") {
		return nil, unauthorized("only Basic authentication is offered")
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return nil, unauthorized("malformed Basic credentials")
	}
	name, password, ok := strings.Cut(string(b), ":")
	if !ok || name == "" || password == "" {
		return nil, unauthorized("malformed Basic credentials")
	}
	return &upstream.Credentials{Name: name, Password: password}, nil
}

// session opens a session for c and says whom c is about, as an identity string
// with its prefix (dn:, or u: where the server calls the user so). Credentials
// in the body are enough if proved is true; a header has to be valid anyway,
// and then the session is that user's: the server may want to know that he has
// shown a code already.
func session(ctx context.Context, client *upstream.Client, c *call, proved bool) (*upstream.Session, string, error) {
	if c.user == nil {
		if !proved || c.target.me {
			return nil, "", unauthorized("authentication is needed")
		}
		s, err := client.Anonymous(ctx)
		return s, "dn:" + c.target.dn, err
	}
	s, err := client.As(ctx, *c.user)
	if err != nil {
		return nil, "", err
	}
	if !c.target.me {
		return s, "dn:" + c.target.dn, nil
	}
	authzID, err := s.WhoAmI(ctx)
	if err == nil && strings.TrimPrefix(authzID, "dn:") == "" {
		err = unauthorized("the server takes these credentials for nobody's")
	}
	if err != nil {
		s.Release()
		return nil, "", err
	}
	return s, authzID, nil
}
