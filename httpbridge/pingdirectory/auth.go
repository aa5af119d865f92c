package pingdirectory

import (
	"context"
	"net/http"
	"strings"

	"tallystick/httpbridge/caller"
	"tallystick/httpbridge/upstream"
)

// authorization reads the Authorization header. nil: there is none.
func authorization(h http.Header) (*upstream.Credentials, error) {
	c, err := caller.Credentials(h)
	if err != nil {
		return nil, unauthorized(err.Error())
	}
	return c, nil
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
