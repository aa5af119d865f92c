package pingdirectory

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// prefix is where the API lives.
const prefix = "/directory/v1"

// target is the entry a path names: a DN as given, for the server to parse, or
// the user who asks.
type target struct {
	dn string // "" if me
	me bool
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
// A path ends in the name of an operation and has the entry in front of it, or
// it is not found.
func route(path string) (op operation, name string, t target, err error) {
	rest, ok := strings.CutPrefix(path, prefix+"/")
	if !ok {
		return op, "", t, errNotFound
	}
	dn, name, ok := strings.Cut(rest, "/")
	if !ok || dn == "" {
		return op, "", t, errNotFound
	}
	if name, err = url.PathUnescape(name); err != nil {
		return op, "", t, errNotFound
	}
	if op, ok = operations[name]; !ok {
		if _, ok := operations[name[strings.LastIndexByte(name, '/')+1:]]; ok {
			return op, "", t, errSlash
		}
		return op, "", t, errNotFound
	}
	if dn, err = url.PathUnescape(dn); err != nil || !utf8.ValidString(dn) {
		return op, "", t, errEscape
	}
	if dn == "me" {
		return op, name, target{me: true}, nil
	}
	return op, name, target{dn: dn}, nil
}
