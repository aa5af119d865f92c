package upstream

import (
	"context"
	"errors"
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// The OIDs of the control of RFC 4370, and of its first version, an early draft
// that some servers still have.
const (
	proxiedAuthorization   = "2.16.840.1.113730.3.4.18"
	proxiedAuthorizationV1 = "2.16.840.1.113730.3.4.12"
)

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

// withProxied is controls with the one of For. A caller's own beside it is
// refused here: servers differ in which of two they follow. Errors: *Result.
func (s *Session) withProxied(controls []Control) ([]Control, error) {
	if s.proxied == "" {
		return controls, nil
	}
	for _, c := range controls {
		if c.OID == proxiedAuthorization || c.OID == proxiedAuthorizationV1 {
			return nil, &Result{Code: ldap.LDAPResultAuthorizationDenied, DiagnosticMessage: "this client acts for another already"}
		}
	}
	return append(slices.Clip(controls), Control{OID: proxiedAuthorization, Critical: true, Value: []byte(s.proxied)}), nil
}
