package pingdirectory

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The parameters of the query, and of searches in a body.
const (
	includeAttributes = "includeAttributes"
	excludeAttributes = "excludeAttributes"
)

// parameters are those of a query, none of them empty.
type parameters map[string]string

// parseQuery reads a query in which each of known may stand once, and nothing
// else: a misspelt includeAttributes would mean all of them.
func parseQuery(raw string, known []string) (parameters, error) {
	if raw == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badParameter("", "the query is not percent-encoded")
	}
	p := parameters{}
	for name, v := range values {
		switch {
		case !slices.Contains(known, name):
			return nil, badParameter(clip(name), "unknown parameter")
		case len(v) > 1:
			return nil, badParameter(name, "given twice")
		case !utf8.ValidString(v[0]):
			return nil, badParameter(name, "not UTF-8")
		case v[0] != "":
			p[name] = v[0]
		}
	}
	return p, nil
}

// mostNames is how many attributes a request may name.
const mostNames = 256

// names splits a comma-separated list of attributes.
func (p parameters) names(parameter string) ([]string, error) {
	text, ok := p[parameter]
	if !ok {
		return nil, nil
	}
	list := strings.Split(text, ",")
	if len(list) > mostNames {
		return nil, badParameter(parameter, "too many names")
	}
	for i, name := range list {
		if list[i] = strings.TrimSpace(name); list[i] == "" {
			return nil, badParameter(parameter, "an empty name")
		}
	}
	return list, nil
}

// badParameter is the 400 for a parameter of the query ("": all of it).
func badParameter(name, reason string) *problem {
	p := &problem{status: 400, code: invalidRequest, message: reason, target: name}
	if name != "" {
		p.message = name + ": " + reason
	}
	return p
}
