package zitadel

import (
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	objectv2beta "tallystick/httpbridge/zitadel/api/zitadel/object/v2beta"
	userv3alpha "tallystick/httpbridge/zitadel/api/zitadel/user/v3alpha"
)

// Limits of the queries of one call: how deep they are nested, and how many
// there are in all.
const (
	maxDepth   = 8
	maxQueries = 100
)

// everybody are the users there are: entries with a user name.
const everybody = "(uid=*)"

// filterOf is the filter (RFC 4515) of the users that match all queries. Texts
// are compared as the directory compares them.
func filterOf(queries []*userv3alpha.SearchQuery) (string, error) {
	left := maxQueries
	f, err := join("(&"+everybody, queries, maxDepth, &left)
	return f, err
}

// join puts conditions into a filter that begins with start.
func join(start string, queries []*userv3alpha.SearchQuery, depth int, left *int) (string, error) {
	var b strings.Builder
	b.WriteString(start)
	for _, q := range queries {
		one, err := condition(q, depth, left)
		if err != nil {
			return "", err
		}
		b.WriteString(one)
	}
	b.WriteByte(')')
	return b.String(), nil
}

func condition(q *userv3alpha.SearchQuery, depth int, left *int) (string, error) {
	if *left--; depth == 0 || *left < 0 {
		return "", invalid("queries: at most %d, and %d within each other", maxQueries, maxDepth)
	}
	switch q := q.GetQuery().(type) {
	case *userv3alpha.SearchQuery_OrQuery:
		return several("orQuery", "(|", q.OrQuery.GetQueries(), depth, left)
	case *userv3alpha.SearchQuery_AndQuery:
		return several("andQuery", "(&", q.AndQuery.GetQueries(), depth, left)
	case *userv3alpha.SearchQuery_NotQuery:
		return several("notQuery", "(!", []*userv3alpha.SearchQuery{q.NotQuery.GetQuery()}, depth, left)
	case *userv3alpha.SearchQuery_UserIdQuery:
		return comparison("entryUUID", q.UserIdQuery.GetId(), q.UserIdQuery.GetMethod())
	case *userv3alpha.SearchQuery_UsernameQuery:
		return comparison("uid", q.UsernameQuery.GetUsername(), q.UsernameQuery.GetMethod())
	}
	return "", invalid("queries: one of orQuery, andQuery, notQuery, userIdQuery and usernameQuery")
}

func several(name, start string, queries []*userv3alpha.SearchQuery, depth int, left *int) (string, error) {
	if len(queries) == 0 {
		return "", invalid("%s: no queries", name)
	}
	return join(start, queries, depth-1, left)
}

func comparison(attribute, text string, method objectv2beta.TextQueryMethod) (string, error) {
	if n := utf8.RuneCountInString(text); n < 1 || n > maxID || !utf8.ValidString(text) {
		return "", invalid("queries: a text has 1 to %d characters", maxID)
	}
	text = ldap.EscapeFilter(text)
	switch method {
	case objectv2beta.TextQueryMethod_TEXT_QUERY_METHOD_EQUALS, objectv2beta.TextQueryMethod_TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE:
		return "(" + attribute + "=" + text + ")", nil
	}
	if attribute == "entryUUID" { // has no matching rule for parts
		return "", invalid("queries: a userId is compared by TEXT_QUERY_METHOD_EQUALS only")
	}
	switch method {
	case objectv2beta.TextQueryMethod_TEXT_QUERY_METHOD_STARTS_WITH, objectv2beta.TextQueryMethod_TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE:
		return "(" + attribute + "=" + text + "*)", nil
	case objectv2beta.TextQueryMethod_TEXT_QUERY_METHOD_CONTAINS, objectv2beta.TextQueryMethod_TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE:
		return "(" + attribute + "=*" + text + "*)", nil
	case objectv2beta.TextQueryMethod_TEXT_QUERY_METHOD_ENDS_WITH, objectv2beta.TextQueryMethod_TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE:
		return "(" + attribute + "=*" + text + ")", nil
	}
	return "", invalid("queries: unknown method %d", method)
}
