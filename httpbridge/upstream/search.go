package upstream

import (
	"context"

	"github.com/go-ldap/ldap/v3"
)

// Search sends a search request (RFC 4511, section 4.5). Beside a *Result the
// entries that came before it are returned too: those within a size limit, for
// instance. Errors: as Extended.
func (s *Session) Search(ctx context.Context, req *ldap.SearchRequest) ([]*ldap.Entry, error) {
	if s.proxied != "" && ldap.FindControl(req.Controls, proxiedAuthorization) == nil {
		proxied := *req
		proxied.Controls = append(proxied.Controls[:len(proxied.Controls):len(proxied.Controls)], s.proxiedControl())
		req = &proxied
	}
	var found *ldap.SearchResult
	s.link.nc.reset(longestSearch)
	err := guard(ctx, s.link.nc, func() (err error) {
		found, err = s.link.ldap.Search(req)
		return err
	})
	if err != nil {
		err = s.failed(ctx, err)
	}
	if found == nil {
		return nil, err
	}
	return found.Entries, err
}
