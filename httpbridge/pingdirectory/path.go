package pingdirectory

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// prefix is where the API lives.
const prefix = "/directory/v1"

// target is what a path names.
type target struct {
	dn    string // a DN as given, for the server to parse; "" if none of those below is set either
	me    bool   // the user who asks
	uuid  string // an entryUUID
	class string // below /schemas
}

// rawPath is the path of r as it was sent. What net/http has decoded will not
// do: a "/" that was "%2F" inside a DN looks like any other there.
func rawPath(r *http.Request) string {
	p := r.RequestURI
	if p == "" || p[0] != '/' { // made by hand, or a request target in absolute form
		return r.URL.EscapedPath()
	}
	p, _, _ = strings.Cut(p, "?")
	return p
}

// route takes a raw path apart: split on "/", then each segment decoded once.
// The fixed names come first, so an entry cannot be called like one of them;
// nor could it, since a DN has a "=".
func route(path string) (resource, target, error) {
	if path == prefix {
		return theServer, target{}, nil
	}
	rest, ok := strings.CutPrefix(path, prefix+"/")
	if !ok {
		return resource{}, target{}, errNotFound
	}
	var segments []string
	for i, s := range strings.Split(rest, "/") {
		s, err := url.PathUnescape(s)
		switch {
		case i == 0 && (err != nil || !utf8.ValidString(s)):
			return resource{}, target{}, errEscape
		case err != nil, s == "", i > 0 && strings.Contains(s, "/"):
			return resource{}, target{}, errNotFound
		}
		segments = append(segments, s)
	}
	first, behind := segments[0], strings.Join(segments[1:], "/")
	if r, ok := fixed[first]; ok && behind == "" {
		return r, target{}, nil
	}
	if first == "schemas" && len(segments) == 2 {
		return oneSchema, target{class: behind}, nil
	}
	r, ok := ofEntry[behind]
	if !ok {
		_, known := ofEntry[segments[len(segments)-1]]
		if known || strings.Contains(behind, "=") {
			return resource{}, target{}, errSlash
		}
		return resource{}, target{}, errNotFound
	}
	switch {
	case first == "me":
		return r, target{me: true}, nil
	case isUUID(first):
		return r, target{uuid: strings.ToLower(first)}, nil
	}
	if behind == "" && !strings.Contains(first, "=") {
		return resource{}, target{}, errNotFound // a name of ours that is misspelt, rather than a DN that is
	}
	return r, target{dn: first}, nil
}

// isUUID reports whether s is a UUID in the form of RFC 9562, section 4.
func isUUID(s string) bool {
	const length = len("00000000-0000-0000-0000-000000000000") // uuid takes other forms too
	return len(s) == length && uuid.Validate(s) == nil
}

// linkTo is the path of the entry called dn, with a name behind it ("": none).
func linkTo(dn, behind string) string {
	link := prefix + "/" + strings.ReplaceAll(url.PathEscape(dn), "%2C", ",")
	if behind != "" {
		link += "/" + behind
	}
	return link
}

// linkToSchema is the path of the schema of an object class.
func linkToSchema(class string) string { return prefix + "/schemas/" + url.PathEscape(class) }
