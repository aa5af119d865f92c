package pingdirectory

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// The members that bodies can have. All are strings.
const (
	staticPassword   = "staticPassword"
	totpSharedSecret = "totpSharedSecret"
	totpPassword     = "totpPassword"
)

// deepest is how deep a body may be nested: _controls is an array of objects
// in an object, whose value-json is the control's own affair.
const deepest = 16

// body is the members that are present. None of them is empty.
type body map[string]string

// get is the member, nil if absent.
func (b body) get(name string) *string {
	if s, ok := b[name]; ok {
		return &s
	}
	return nil
}

// octets is the member's octets, nil if absent.
func (b body) octets(name string) []byte {
	if s, ok := b[name]; ok {
		return []byte(s)
	}
	return nil
}

// taken is how many octets of a body get their place before they come.
const taken = 4 << 10

// readBody reads the body of r: at most limit octets of JSON, or nothing.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	if err := checkMediaType(r.Header, r.ContentLength != 0); err != nil {
		return nil, err
	}
	var b []byte
	var err error
	if r.ContentLength >= 0 && r.ContentLength <= taken {
		b = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, b)
	} else {
		b, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return b, nil
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlowBody
	default:
		return nil, errCutBody
	}
}

// checkMediaType wants JSON in UTF-8. A request without a body need not say so.
func checkMediaType(h http.Header, hasBody bool) error {
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return errMediaType
	}
	types := h.Values("Content-Type")
	if len(types) == 0 && !hasBody {
		return nil
	}
	if len(types) != 1 {
		return errMediaType
	}
	if types[0] == "application/json" {
		return nil
	}
	t, params, err := mime.ParseMediaType(types[0])
	if err != nil || t != "application/json" && t != "application/hal+json" {
		return errMediaType
	}
	if c, ok := params["charset"]; ok && !strings.EqualFold(c, "utf-8") {
		return errMediaType
	}
	return nil
}

// parseBody reads a body that is an object; nil if there is none.
func parseBody(text []byte) (*strictjson.Document, error) {
	if len(text) == 0 {
		return nil, nil
	}
	doc, err := strictjson.Parse(text, deepest)
	if err != nil {
		return nil, badBody(err)
	}
	if doc.Root.Kind != strictjson.Object {
		return nil, badBody(doc.At(doc.Root, "", "must be an object, not %v", doc.Root.Kind))
	}
	return doc, nil
}

// decodeBody reads a body of an operation without controls: a critical one is
// refused, others are dropped.
func decodeBody(text []byte, members []string) (body, error) {
	doc, err := parseBody(text)
	if err != nil {
		return nil, err
	}
	b, controls, err := readStrings(doc, members)
	if err != nil {
		return nil, err
	}
	for _, c := range controls {
		if c.Critical {
			return nil, errCriticalControl
		}
	}
	return b, nil
}

// readStrings reads a body (nil: none) that is an object of the named members,
// all of them strings and optional here, and _controls. null is absent.
func readStrings(doc *strictjson.Document, members []string) (body, []upstream.Control, error) {
	b := body{}
	if doc == nil {
		return b, nil, nil
	}
	var controls []upstream.Control
	for _, m := range doc.Root.Members {
		var err error
		switch {
		case m.Name == "_controls":
			controls, err = readControls(doc, m.Value)
		case !slices.Contains(members, m.Name):
			err = badBody(doc.AtMember(m, strictjson.Join("", m.Name), "unknown member"))
		default:
			var s string
			if s, err = text(doc, m); s != "" {
				b[m.Name] = s
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return b, controls, nil
}
