package upstream

import (
	"context"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Attribute is an attribute of an entry, or what a change does to one. The
// values are octets.
type Attribute struct {
	Name   string // with its options
	Values []string
}

// Entry is an entry as the server returned it.
type Entry struct {
	DN         string
	Attributes []Attribute
}

// Values are those of an attribute, by its name as the server writes it but for
// case; nil: there are none.
func (e Entry) Values(name string) []string {
	for _, a := range e.Attributes {
		if strings.EqualFold(a.Name, name) {
			return a.Values
		}
	}
	return nil
}

// Value is the first of Values, or "".
func (e Entry) Value(name string) string {
	if values := e.Values(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Scope is where a search looks (RFC 4511, section 4.5.1.2).
type Scope int

// The scopes. SubordinateSubtree is all of a subtree but its base.
const (
	BaseObject         Scope = ldap.ScopeBaseObject
	SingleLevel        Scope = ldap.ScopeSingleLevel
	WholeSubtree       Scope = ldap.ScopeWholeSubtree
	SubordinateSubtree Scope = ldap.ScopeChildren
)

// SearchRequest is a search (RFC 4511, section 4.5).
type SearchRequest struct {
	Base       string
	Scope      Scope
	Filter     string   // RFC 4515
	Attributes []string // nil: all user attributes; "1.1": none
	SizeLimit  int      // 0: the server's
	TimeLimit  int      // seconds; 0: the server's
	Controls   []Control
}

// Entries is Search in the types of this package. References to other servers
// are not followed. Errors: as Extended.
func (s *Session) Entries(ctx context.Context, req SearchRequest) ([]Entry, error) {
	result, err := s.Search(ctx, &ldap.SearchRequest{
		BaseDN: req.Base, Scope: int(req.Scope), DerefAliases: ldap.NeverDerefAliases,
		SizeLimit: req.SizeLimit, TimeLimit: req.TimeLimit, Filter: req.Filter, Attributes: req.Attributes,
		Controls: s.wireControls(ctx, req.Controls),
	})
	var found []Entry
	for _, e := range result {
		entry := Entry{DN: e.DN}
		for _, a := range e.Attributes {
			entry.Attributes = append(entry.Attributes, Attribute{a.Name, a.Values})
		}
		found = append(found, entry)
	}
	return found, err
}

// Add adds an entry (RFC 4511, section 4.7). Errors: as Extended.
func (s *Session) Add(ctx context.Context, e Entry, controls []Control) error {
	req := &ldap.AddRequest{DN: e.DN, Controls: s.wireControls(ctx, controls)}
	for _, a := range e.Attributes {
		req.Attribute(a.Name, a.Values)
	}
	return s.do(ctx, longestResponse, func(c *ldap.Conn) error { return c.Add(req) })
}

// ChangeType is what a Change does (RFC 4511, section 4.6; RFC 4525).
type ChangeType uint

// The types. Replace without values removes the attribute.
const (
	AddValues    ChangeType = ldap.AddAttribute
	DeleteValues ChangeType = ldap.DeleteAttribute
	Replace      ChangeType = ldap.ReplaceAttribute
	Increment    ChangeType = ldap.IncrementAttribute
)

// Change is one change of an entry.
type Change struct {
	Type ChangeType
	Attribute
}

// Modify changes an entry, all of it or nothing (RFC 4511, section 4.6).
// Errors: as Extended.
func (s *Session) Modify(ctx context.Context, dn string, changes []Change, controls []Control) error {
	req := &ldap.ModifyRequest{DN: dn, Controls: s.wireControls(ctx, controls)}
	for _, c := range changes {
		req.Changes = append(req.Changes, ldap.Change{
			Operation:    uint(c.Type),
			Modification: ldap.PartialAttribute{Type: c.Name, Vals: c.Values},
		})
	}
	return s.do(ctx, longestResponse, func(c *ldap.Conn) error { return c.Modify(req) })
}

// ModifyDN renames an entry, and moves it if newSuperior is not "" (RFC 4511,
// section 4.9). Errors: as Extended.
func (s *Session) ModifyDN(ctx context.Context, dn, newRDN string, deleteOldRDN bool, newSuperior string, controls []Control) error {
	req := ldap.NewModifyDNWithControlsRequest(dn, newRDN, deleteOldRDN, newSuperior, s.wireControls(ctx, controls))
	return s.do(ctx, longestResponse, func(c *ldap.Conn) error { return c.ModifyDN(req) })
}

// Delete deletes a leaf (RFC 4511, section 4.8). Errors: as Extended.
func (s *Session) Delete(ctx context.Context, dn string, controls []Control) error {
	req := ldap.NewDelRequest(dn, s.wireControls(ctx, controls))
	return s.do(ctx, longestResponse, func(c *ldap.Conn) error { return c.Del(req) })
}

// do runs one operation of go-ldap's, whose answer may have n octets.
func (s *Session) do(ctx context.Context, n int, operation func(*ldap.Conn) error) error {
	s.link.nc.reset(n)
	err := guard(ctx, s.link.nc, func() error { return operation(s.link.ldap) })
	if err != nil {
		return s.failed(ctx, err)
	}
	return nil
}
