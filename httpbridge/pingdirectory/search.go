package pingdirectory

import (
	"context"
	"strconv"
	"strings"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// searching is the parameters of a search.
var searching = []string{"searchScope", "filter", "limit", "cursor", includeAttributes, excludeAttributes}

// searchFor is a search, but for where it begins.
type searchFor struct {
	Scope            upstream.Scope
	Filter           string   `json:",omitempty"` // in the syntax of SCIM; "": everything
	Include, Exclude []string `json:",omitempty"`
	Limit            int      // entries on a page
}

// longestPage is how many entries a page has at most, and where no limit is
// given.
const longestPage = 100

// longestFilter is how many octets a filter may have: it comes back in links.
const longestFilter = 12 << 10

var scopes = map[string]upstream.Scope{
	"baseobject": upstream.BaseObject, "singlelevel": upstream.SingleLevel,
	"wholesubtree": upstream.WholeSubtree, "subordinatesubtree": upstream.SubordinateSubtree,
}

// listEntries searches with the parameters in the query.
func listEntries(ctx context.Context, h *Handler, c *call) (*reply, error) {
	return h.search(ctx, c, c.query, nil, func(dn, cursor string) any {
		href := linkTo(dn, "subtree") + "?"
		if cursor != "" {
			return link{href + "cursor=" + cursor}
		}
		return link{href + c.rawQuery}
	})
}

// searchEntries searches with the parameters in a body, where nobody logs them.
func searchEntries(ctx context.Context, h *Handler, c *call) (*reply, error) {
	p, controls, err := searchBody(c.document)
	if err != nil {
		return nil, err
	}
	return h.search(ctx, c, p, controls, func(dn, cursor string) any {
		o := object{{"href", linkTo(dn, "subtree/search")}}
		if cursor != "" {
			return append(o, member{"data", object{{"cursor", cursor}}})
		}
		return append(o, member{"data", c.document.Root})
	})
}

// search looks for entries; linkOf makes the links to its pages.
func (h *Handler) search(ctx context.Context, c *call, p parameters, controls []upstream.Control, linkOf func(dn, cursor string) any) (*reply, error) {
	s, dn, err := entrySession(ctx, h.ldap, c)
	if err != nil {
		return nil, err
	}
	release := s.Release
	defer func() { release() }()
	at, err := h.pageOf(p, dn)
	if err != nil {
		return nil, err
	}
	schema, err := h.schema.get(ctx, s)
	if err != nil {
		return nil, err
	}
	v, err := newView(schema, at.Search.Include, at.Search.Exclude)
	if err != nil {
		return nil, err
	}
	filter, err := ldapFilter(schema, at.Search.Filter)
	if err != nil {
		return nil, badParameter("filter", err.Error())
	}
	found, answered, cookie, err := turn(ctx, s, upstream.SearchRequest{
		Base: dn, Scope: at.Search.Scope, Filter: filter, Attributes: v.request, Controls: controls,
	}, at)
	if err != nil {
		return nil, err
	}
	links := object{{"self", linkOf(dn, p["cursor"])}}
	if len(cookie) > 0 {
		at.Cookie, at.Delivered = cookie, at.Delivered+len(found)
		if len(cookie) < numberCookie {
			at.Cookie, release = nil, s.Close // the server keeps the search until then
		}
		links = append(links, member{"next", linkOf(dn, h.cursors.seal(at))})
	}
	entries := []object{}
	for _, e := range found {
		entries = append(entries, v.object(e))
	}
	o := object{
		{"_links", links},
		{"_embedded", object{{"entries", entries}}},
		{"size", len(entries)},
	}
	return done(withControls(o, encodeControls(answered))), nil
}

// pageOf is the page that p asks for. A cursor holds all of a search, and what
// stands beside it does not count.
func (h *Handler) pageOf(p parameters, dn string) (page, error) {
	if cursor, ok := p["cursor"]; ok {
		at, err := h.cursors.open(cursor)
		if err == nil && !sameName(at.Base, dn) {
			err = errCursor
		}
		return at, err
	}
	at := page{Base: dn, Search: searchFor{Filter: p["filter"], Limit: longestPage}}
	var ok bool
	var err error
	if at.Search.Scope, ok = scopes[strings.ToLower(p["searchScope"])]; !ok {
		return page{}, errScope
	}
	if len(at.Search.Filter) > longestFilter {
		return page{}, badParameter("filter", "too long")
	}
	if limit, ok := p["limit"]; ok {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 {
			return page{}, badParameter("limit", "must be a positive integer")
		}
		at.Search.Limit = min(n, at.Search.Limit)
	}
	if at.Search.Include, err = p.names(includeAttributes); err != nil {
		return page{}, err
	}
	at.Search.Exclude, err = p.names(excludeAttributes)
	return at, err
}

func sameName(a, b string) bool {
	x, errA := upstream.ParseName(a)
	y, errB := upstream.ParseName(b)
	return errA == nil && errB == nil && x.Equal(y)
}

// searchBody reads the parameters of a search and the controls out of a body.
func searchBody(doc *strictjson.Document) (parameters, []upstream.Control, error) {
	p := parameters{}
	if doc == nil {
		return p, nil, nil
	}
	var controls []upstream.Control
	for _, m := range doc.Root.Members {
		var err error
		switch m.Name {
		case "_controls":
			controls, err = readControls(doc, m.Value)
		case "limit":
			p[m.Name] = m.Value.Text
			if m.Value.Kind != strictjson.Number {
				err = badBody(doc.At(m.Value, m.Name, "must be a number, not %v", m.Value.Kind))
			}
		case includeAttributes, excludeAttributes:
			p[m.Name], err = nameList(doc, m)
		case "searchScope", "filter", "cursor":
			p[m.Name], err = text(doc, m)
		default:
			err = badBody(doc.AtMember(m, strictjson.Join("", m.Name), "unknown member"))
		}
		if err != nil {
			return nil, nil, err
		}
		if p[m.Name] == "" {
			delete(p, m.Name)
		}
	}
	for _, c := range controls {
		if c.OID == upstream.PagedResultsOID {
			return nil, nil, errPagedControl
		}
	}
	return p, controls, nil
}

// nameList is a comma-separated list of names, or an array of them.
func nameList(doc *strictjson.Document, m strictjson.Member) (string, error) {
	if m.Value.Kind != strictjson.Array {
		return text(doc, m)
	}
	var names []string
	for _, e := range m.Value.Elements {
		if e.Kind != strictjson.String || strings.Contains(e.Text, ",") {
			return "", badBody(doc.At(e, m.Name, "must be an array of names"))
		}
		names = append(names, e.Text)
	}
	return strings.Join(names, ","), nil
}
