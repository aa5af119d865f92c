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
		if !proved || c.target.dn == "" {
			return nil, "", errUnauthenticated
		}
		s, err := client.Anonymous(ctx)
		return s, "dn:" + c.target.dn, err
	}
	s, err := client.As(ctx, *c.user)
	if err != nil {
		return nil, "", err
	}
	authzID := "dn:" + c.target.dn
	switch {
	case c.target.me:
		authzID, err = s.WhoAmI(ctx)
		if err == nil && strings.TrimPrefix(authzID, "dn:") == "" {
			err = unauthorized("the server takes these credentials for nobody's")
		}
	case c.target.uuid != "":
		authzID, err = nameOf(ctx, s, c.target.uuid)
		authzID = "dn:" + authzID
	}
	if err != nil {
		s.Release()
		return nil, "", err
	}
	return s, authzID, nil
}

// entrySession is session for the calls that are about an entry as such: the
// header's user asks, and the entry has a DN.
func entrySession(ctx context.Context, client *upstream.Client, c *call) (*upstream.Session, string, error) {
	s, authzID, err := session(ctx, client, c, false)
	if err != nil {
		return nil, "", err
	}
	dn, ok := strings.CutPrefix(authzID, "dn:")
	if !ok {
		s.Release()
		return nil, "", errNoDN
	}
	return s, dn, nil
}

// anySession is a session of the header's user, or without one anonymous.
func anySession(ctx context.Context, client *upstream.Client, c *call) (*upstream.Session, error) {
	if c.user == nil {
		return client.Anonymous(ctx)
	}
	return client.As(ctx, *c.user)
}

// nameOf is the DN of the entry with an entryUUID (RFC 4530).
func nameOf(ctx context.Context, s *upstream.Session, uuid string) (string, error) {
	found, err := s.Search(ctx, upstream.SearchRequest{
		Scope: upstream.WholeSubtree, Filter: "(entryUUID=" + uuid + ")", Attributes: []string{"1.1"}, SizeLimit: 1,
	})
	if err == nil && len(found) == 0 {
		err = &upstream.Result{Code: noSuchObject}
	}
	if err != nil {
		return "", err
	}
	return found[0].DN, nil
}
