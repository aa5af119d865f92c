package securid

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"tallystick/httpbridge/strictjson"
)

// The members that bodies can have.
const (
	deviceSerial    = "deviceSerialNumber"
	tokenSerial     = "tokenSerialNumber"
	userIDMember    = "userId"
	updatedName     = "updatedName"
	emailMember     = "email"
	userStatus      = "userStatus"
	searchUnsynched = "searchUnsynched"
	unlockMethods   = "unlockMethods"
)

// kind is what a member has to be.
type kind int

const (
	number  kind = 36  // required: a string of so many characters at most
	text    kind = 255 // the same
	boolean kind = 0   // optional, and of no effect here
	methods kind = -1  // required: an array of tokencodeMethods
)

// members are those that a body must have. Others are ignored.
type members map[string]kind

// tokencodeMethods are ways in which a tokencode comes to its user.
var tokencodeMethods = []string{"SMS", "TOKEN", "VOICE"}

// body is the strings among the members that were asked for; none is empty.
// Of several methods it has all, with blanks between.
type body map[string]string

// deepest is how deep a body may be nested, in members that are ignored.
const deepest = 16

// readBody reads the body of r: at most limit octets, which are said to be JSON.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if !isJSON(r.Header) {
		return nil, errMediaType
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errTooLarge
	}
	if err != nil {
		return nil, errCutBody
	}
	return b, nil
}

// isJSON reports whether a body is said to be JSON in UTF-8. RSA's examples say
// nothing.
func isJSON(h http.Header) bool {
	if h.Get("Content-Encoding") != "" {
		return false
	}
	if h.Get("Content-Type") == "" {
		return true
	}
	t, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, other := params["charset"]
	return err == nil && t == "application/json" && (!other || strings.EqualFold(charset, "utf-8"))
}

// parseBody reads a JSON object that has the wanted members.
func parseBody(b []byte, want members) (body, error) {
	doc, err := strictjson.Parse(b, deepest)
	if err != nil {
		return nil, err
	}
	if doc.Root.Kind != strictjson.Object {
		return nil, doc.At(doc.Root, "", "must be an object, not %v", doc.Root.Kind)
	}
	found := body{}
	for _, m := range doc.Root.Members {
		longest, wanted := want[m.Name]
		v := m.Value
		switch {
		case !wanted:
		case longest == boolean && v.Kind != strictjson.Bool:
			return nil, doc.At(v, m.Name, "must be a boolean, not %v", v.Kind)
		case longest == boolean:
		case longest == methods:
			if found[m.Name], err = readMethods(doc, m); err != nil {
				return nil, err
			}
		case v.Kind != strictjson.String:
			return nil, doc.At(v, m.Name, "must be a string, not %v", v.Kind)
		case v.Text == "" || utf8.RuneCountInString(v.Text) > int(longest):
			return nil, doc.At(v, m.Name, "must have 1 to %d characters", longest)
		default:
			found[m.Name] = v.Text
		}
	}
	for name, k := range want {
		if _, there := found[name]; !there && k != boolean {
			return nil, badRequest("%s: must be there", name)
		}
	}
	return found, nil
}

// readMethods reads an array of methods.
func readMethods(doc *strictjson.Document, m strictjson.Member) (string, error) {
	if m.Value.Kind != strictjson.Array || len(m.Value.Elements) == 0 {
		return "", doc.At(m.Value, m.Name, "must be an array with something in it")
	}
	var list []string
	for _, e := range m.Value.Elements {
		if e.Kind != strictjson.String || !slices.Contains(tokencodeMethods, e.Text) {
			return "", doc.At(e, m.Name, "each is one of %s", strings.Join(tokencodeMethods, ", "))
		}
		list = append(list, e.Text)
	}
	return strings.Join(list, " "), nil
}
