package seeds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"tallystick/directory"
	"tallystick/directory/schema"
	"tallystick/internal/ldif"
)

// ldifWith returns whether a file is LDIF with a value of one of the given
// attributes.
func ldifWith(names ...string) func([]byte) bool {
	pattern := regexp.MustCompile(`(?mi)^(` + strings.Join(names, "|") + `)(;[a-z0-9;-]*)?:`)
	return func(data []byte) bool { return pattern.Match(data) && anyDN.Match(data) }
}

var anyDN = regexp.MustCompile(`(?mi)^dn:`)

// entry is one entry of an LDIF file.
type entry struct{ *ldif.Record }

// eachEntry calls fn with every entry. Changes are refused: what they lead to
// is not in the file.
func eachEntry(data []byte, fn func(entry)) error {
	for r := ldif.NewReader(bytes.NewReader(data), ldif.Options{Keep: true}); ; {
		rec, err := r.Next()
		switch e := (*ldif.Error)(nil); {
		case err == io.EOF:
			return nil
		case errors.As(err, &e): // whose reason may quote the line
			return fmt.Errorf("line %d is not LDIF", e.Line)
		case err != nil:
			return err
		case rec.Change != ldif.Content && rec.Change != ldif.Add:
			return fmt.Errorf("line %d: a change, where there should be an entry", rec.Line)
		}
		fn(entry{rec})
	}
}

// all are the values of an attribute, whatever its options.
func (e entry) all(name string) (values [][]byte) {
	for _, a := range e.Attributes {
		base, _, _ := strings.Cut(a.Name, ";")
		if strings.EqualFold(base, name) {
			values = append(values, a.Values...)
		}
	}
	return values
}

// octets are the first value of an attribute; nil if there is none.
func (e entry) octets(name string) []byte {
	if values := e.all(name); len(values) > 0 {
		return values[0]
	}
	return nil
}

func (e entry) text(name string) string { return string(e.octets(name)) }

// number is the first value of an attribute as a number; 0 if there is none.
func (e entry) number(s *Seed, name string) int64 {
	text := e.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.refuse("%s is not a number", name)
	}
	return n
}

// isA reports whether the entry has an object class.
func (e entry) isA(class string) bool {
	for _, v := range e.all("objectClass") {
		if strings.EqualFold(string(v), class) {
			return true
		}
	}
	return false
}

// nameKey is the same for all ways to write a DN.
func nameKey(dn string) string {
	name, err := directory.ParseDN(schema.Standard(), dn)
	if err != nil {
		return "?" + strings.ToLower(dn)
	}
	return name.Norm()
}
