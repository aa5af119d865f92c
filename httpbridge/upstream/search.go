package upstream

import (
	"context"

	"github.com/go-ldap/ldap/v3"
)

// Search is Entries in go-ldap's types.
func (s *Session) Search(ctx context.Context, req *ldap.SearchRequest) ([]*ldap.Entry, error) {
	found, err := s.Entries(ctx, SearchRequest{
		Base: req.BaseDN, Scope: Scope(req.Scope), Filter: req.Filter, Attributes: req.Attributes,
		SizeLimit: req.SizeLimit, TimeLimit: req.TimeLimit,
	})
	var entries []*ldap.Entry
	for _, e := range found {
		entry := &ldap.Entry{DN: e.DN}
		for _, a := range e.Attributes {
			b := make([][]byte, len(a.Values))
			for i, v := range a.Values {
				b[i] = []byte(v)
			}
			entry.Attributes = append(entry.Attributes, &ldap.EntryAttribute{Name: a.Name, Values: a.Values, ByteValues: b})
		}
		entries = append(entries, entry)
	}
	return entries, err
}
