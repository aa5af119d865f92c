package upstream

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"tallystick/internal/ber"
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

// Has reports whether e has an attribute, if only its name was asked for.
func (e Entry) Has(name string) bool {
	return slices.ContainsFunc(e.Attributes, func(a Attribute) bool { return strings.EqualFold(a.Name, name) })
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
	TypesOnly  bool     // without values
	SizeLimit  int      // 0: the server's
	TimeLimit  int      // seconds; 0: the server's
	Controls   []Control
}

// anyEntry is the filter that every entry matches.
const anyEntry = "(objectClass=*)"

// Search sends a search request. References to other servers are not followed.
// Beside a *Result the entries that came before it are returned too: those
// within a size limit, for instance. The whole subtree of "" is all of the server,
// also of one that does not see it so. Errors: as Extended.
func (s *Session) Search(ctx context.Context, req SearchRequest) (found []Entry, err error) {
	err = s.repeat(ctx, true, func() error {
		found, err = s.search(ctx, req)
		return err
	})
	if req.Base == "" && req.Scope == WholeSubtree && isAbsent(err) {
		return s.searchContexts(ctx, req)
	}
	return found, err
}

// searchContexts searches the naming contexts one by one, each within the limits
// of req: OpenLDAP has nothing at "".
func (s *Session) searchContexts(ctx context.Context, req SearchRequest) ([]Entry, error) {
	root, err := s.search(ctx, SearchRequest{Filter: anyEntry, Attributes: []string{"namingContexts"}})
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, e := range root {
		for _, req.Base = range topmost(e.Values("namingContexts")) {
			found, err := s.search(ctx, req)
			all = append(all, found...)
			if err != nil && !isAbsent(err) { // one may have no entry yet
				return all, err
			}
		}
	}
	return all, nil
}

// topmost are the names that are not below another of them.
func topmost(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		dn, err := ldap.ParseDN(name)
		return err == nil && slices.ContainsFunc(names, func(other string) bool {
			above, err := ldap.ParseDN(other)
			return err == nil && above.AncestorOfFold(dn)
		})
	})
}

func isAbsent(err error) bool {
	var r *Result
	return errors.As(err, &r) && r.Code == ldap.LDAPResultNoSuchObject
}

func (s *Session) search(ctx context.Context, req SearchRequest) ([]Entry, error) {
	filter, err := EncodeFilter(req.Filter)
	if err != nil {
		return nil, &Result{Code: ldap.LDAPResultProtocolError, DiagnosticMessage: "the filter is malformed"}
	}
	b, op := ber.Begin(make([]byte, 0, 256), searchRequest)
	b = ber.AppendString(b, ber.OctetString, req.Base)
	b = ber.AppendInt(b, ber.Enumerated, int64(req.Scope))
	b = ber.AppendInt(b, ber.Enumerated, ldap.NeverDerefAliases)
	b = ber.AppendInt(b, ber.Integer, int64(req.SizeLimit))
	b = ber.AppendInt(b, ber.Integer, int64(req.TimeLimit))
	b = ber.AppendBool(b, ber.Boolean, req.TypesOnly)
	b = append(b, filter...)
	b, names := ber.Begin(b, ber.Sequence)
	for _, name := range req.Attributes {
		b = ber.AppendString(b, ber.OctetString, name)
	}
	b = ber.End(ber.End(b, names), op)
	var found []Entry
	_, err = s.ask(ctx, request{
		op: b, answer: searchDone, limit: longestSearch, controls: req.Controls,
		entry: func(contents []byte) error {
			e, err := readEntryContents(contents)
			found = append(found, e)
			return err
		},
	})
	return found, err
}

// appendAttribute appends an attribute and its values.
func appendAttribute(b []byte, a Attribute) []byte {
	b, one := ber.Begin(b, ber.Sequence)
	b = ber.AppendString(b, ber.OctetString, a.Name)
	b, values := ber.Begin(b, ber.Set)
	for _, v := range a.Values {
		b = ber.AppendString(b, ber.OctetString, v)
	}
	return ber.End(ber.End(b, values), one)
}

// Add adds an entry (RFC 4511, section 4.7). Errors: as Extended.
func (s *Session) Add(ctx context.Context, e Entry, controls []Control) error {
	b, op := ber.Begin(nil, addRequest)
	b = ber.AppendString(b, ber.OctetString, e.DN)
	b, list := ber.Begin(b, ber.Sequence)
	for _, a := range e.Attributes {
		b = appendAttribute(b, a)
	}
	return s.change(ctx, ber.End(ber.End(b, list), op), addResponse, controls)
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
	b, op := ber.Begin(nil, modifyRequest)
	b = ber.AppendString(b, ber.OctetString, dn)
	b, list := ber.Begin(b, ber.Sequence)
	for _, c := range changes {
		var one int
		b, one = ber.Begin(b, ber.Sequence)
		b = ber.AppendInt(b, ber.Enumerated, int64(c.Type))
		b = ber.End(appendAttribute(b, c.Attribute), one)
	}
	return s.change(ctx, ber.End(ber.End(b, list), op), modifyResponse, controls)
}

// ModifyDN renames an entry, and moves it if newSuperior is not "" (RFC 4511,
// section 4.9). Errors: as Extended.
func (s *Session) ModifyDN(ctx context.Context, dn, newRDN string, deleteOldRDN bool, newSuperior string, controls []Control) error {
	b, op := ber.Begin(nil, modifyDNRequest)
	b = ber.AppendString(b, ber.OctetString, dn)
	b = ber.AppendString(b, ber.OctetString, newRDN)
	b = ber.AppendBool(b, ber.Boolean, deleteOldRDN)
	if newSuperior != "" {
		b = ber.AppendString(b, ber.Context, newSuperior)
	}
	return s.change(ctx, ber.End(b, op), modifyDNResponse, controls)
}

// Delete deletes a leaf (RFC 4511, section 4.8). Errors: as Extended.
func (s *Session) Delete(ctx context.Context, dn string, controls []Control) error {
	return s.change(ctx, ber.AppendString(nil, delRequest, dn), delResponse, controls)
}

// change sends an operation that writes. It is not sent twice: the first may
// have been done.
func (s *Session) change(ctx context.Context, op []byte, answer byte, controls []Control) error {
	return s.repeat(ctx, false, func() error {
		_, err := s.ask(ctx, request{op: op, answer: answer, limit: longestResponse, controls: controls})
		return err
	})
}
