package upstream

import (
	"context"
	"errors"
)

// proxiedAuthorization is the OID of the control of RFC 4370.
const proxiedAuthorization = "2.16.840.1.113730.3.4.18"

// errNoSelf says that the client has no identity to act for others with.
var errNoSelf = errors.New("the bridge has no identity at the LDAP server")

// Self returns a session bound as Config.Self. Errors: as As.
func (c *Client) Self(ctx context.Context) (*Session, error) {
	if c.cfg.Self == nil {
		return nil, errNoSelf
	}
	return c.As(ctx, *c.cfg.Self)
}

// For makes the session act as the entry dn from now on, if the server lets who
// is bound do that (RFC 4370).
func (s *Session) For(dn string) { s.proxied = "dn:" + dn }

func (s *Session) proxiedControl() Control {
	return Control{OID: proxiedAuthorization, Critical: true, Value: []byte(s.proxied)}
}
