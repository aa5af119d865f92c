package ldif

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
)

// appendBase64 appends the octets that text stands for.
func appendBase64(dst, text []byte) ([]byte, error) {
	out, err := base64.StdEncoding.Strict().AppendDecode(dst, text)
	if at, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return dst, fmt.Errorf("wrong at or behind character %d", int64(at)+1)
	}
	return out, err
}

// file returns the content of the file that a value points to.
func (r *Reader) file(address string) ([]byte, error) {
	if !r.opts.Files {
		return nil, errors.New("a value from a file: not allowed here, since whoever wrote the LDIF would choose the file")
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || u.Path == "" {
		return nil, fmt.Errorf("%.80q: only file:///path is supported", address)
	}
	f, err := os.Open(u.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, int64(r.opts.MaxLine)+1))
	if err != nil {
		return nil, err
	}
	if len(content) > r.opts.MaxLine {
		return nil, fmt.Errorf("%s is longer than %d octets", u.Path, r.opts.MaxLine)
	}
	return content, nil
}

var controlSyntax = regexp.MustCompile(`(?s)^([0-2](?:\.[0-9]+)+)(?: +(true|false))?(:.*)?$`)

// parseControl takes the value of a control line apart, which has a colon and
// a value of its own:
//
//	control: 1.2.840.113556.1.4.805 true: value
func parseControl(l line) (Control, error) {
	m := controlSyntax.FindSubmatch(l.value)
	if m == nil {
		return Control{}, &Error{l.at, "a control is an OID, then true or false, then a colon and a value"}
	}
	c := Control{OID: string(m[1]), Critical: string(m[2]) == "true"}
	if m[3] == nil {
		return c, nil
	}
	value := m[3][1:]
	switch {
	case bytes.HasPrefix(value, []byte("<")):
		return Control{}, &Error{l.at, "the value of a control cannot be taken from a file"}
	case bytes.HasPrefix(value, []byte(":")):
		octets, err := appendBase64([]byte{}, bytes.Trim(value[1:], " "))
		if err != nil {
			return Control{}, &Error{l.at, "base64: " + err.Error()}
		}
		c.Value = octets
	default:
		c.Value = append([]byte{}, bytes.TrimLeft(value, " ")...)
	}
	return c, nil
}
