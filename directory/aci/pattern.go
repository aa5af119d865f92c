package aci

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"tallystick/directory/schema"
)

// pattern is a DN with asterisks: for a value or parts of it (uid=a*), for an
// attribute type (*=ann), for an RDN (*), and two for any number of RDNs (**).
type pattern []rdnPattern

type rdnPattern struct {
	any   bool                  // "**"
	one   bool                  // "*"
	rdn   schema.RDN            // an RDN without asterisks, unless parts is set
	typ   *schema.AttributeType // nil: any
	parts [][]byte              // what stands between the asterisks; not empty

	schema *schema.Schema // where the types of names are looked up; with parts
}

// maxPattern is how many RDNs a pattern may have: "**" is tried at each.
const maxPattern = 64

// parsePattern reads a DN that has an asterisk.
func parsePattern(s *schema.Schema, text string) (pattern, error) {
	var p pattern
	for _, part := range splitUnescaped(text, ',') {
		part = strings.TrimSpace(part)
		r, err := parseRDNPattern(s, part)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", part, err)
		}
		if p = append(p, r); len(p) > maxPattern {
			return nil, fmt.Errorf("has more than %d RDNs", maxPattern)
		}
	}
	return p, nil
}

func parseRDNPattern(s *schema.Schema, text string) (rdnPattern, error) {
	switch {
	case text == "**":
		return rdnPattern{any: true}, nil
	case text == "*":
		return rdnPattern{one: true}, nil
	case !strings.Contains(text, "*"):
		rdn, err := s.ParseRDN(text)
		return rdnPattern{rdn: rdn}, err
	}
	if len(splitUnescaped(text, '+')) > 1 {
		return rdnPattern{}, errors.New("an RDN of several attributes has no asterisks")
	}
	typ, value, ok := strings.Cut(text, "=")
	if !ok {
		return rdnPattern{}, errors.New("neither type=value nor an asterisk")
	}
	r := rdnPattern{schema: s}
	if typ = strings.TrimSpace(typ); typ != "*" {
		rdn, err := s.ParseRDN(typ + "=x") // for what is wrong with the type
		if err != nil {
			return r, err
		}
		r.typ = s.AttributeOrUndefined(rdn.AVAs()[0].Type)
	}
	for _, part := range strings.Split(strings.TrimSpace(value), "*") {
		part, err := unescape(part)
		if err != nil {
			return r, err
		}
		r.parts = append(r.parts, []byte(part))
	}
	return r, nil
}

// unescape takes the backslashes of RFC 4514 away.
func unescape(text string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 == len(text) {
			return "", errors.New("ends with a backslash")
		}
		if i+2 < len(text) && unhex(text[i+1]) >= 0 && unhex(text[i+2]) >= 0 {
			b.WriteByte(byte(unhex(text[i+1])<<4 | unhex(text[i+2])))
			i += 2
			continue
		}
		i++
		b.WriteByte(text[i])
	}
	return b.String(), nil
}

// unhex is the value of a hexadecimal digit; -1 if c is none.
func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// splitUnescaped splits at c where no backslash stands before it.
func splitUnescaped(text string, c byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case c:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

// matches reports whether the ancestor of dn that is up levels above it (0: it
// itself) matches. After a "**" the shortest run of RDNs that lets the rest go
// on will do, so it never goes back further than to the last one.
func (p pattern) matches(dn schema.DN, up int) bool {
	at, star, resume := 0, -1, 0
	for up < dn.Len() {
		switch {
		case at < len(p) && p[at].any:
			star, resume = at, up
			at++
		case at < len(p) && p[at].matches(dn.RDN(up)):
			at++
			up++
		case star >= 0:
			resume++
			at, up = star+1, resume
		default:
			return false
		}
	}
	for at < len(p) && p[at].any {
		at++
	}
	return at == len(p)
}

func (r rdnPattern) matches(rdn schema.RDN) bool {
	switch {
	case r.one:
		return true
	case r.parts == nil:
		return r.rdn.Norm() == rdn.Norm()
	}
	avas := rdn.AVAs()
	if len(avas) != 1 {
		return false
	}
	t := r.schema.AttributeOrUndefined(avas[0].Type)
	return (r.typ == nil || r.typ.Name() == t.Name()) && consistsOf(avas[0].Value, r.parts, t)
}

// consistsOf reports whether a value is the parts, with anything between them,
// by the matching rules of its type: equal names match the same patterns. Where
// there is no rule about parts, case does not matter.
func consistsOf(value []byte, parts [][]byte, t *schema.AttributeType) bool {
	last := len(parts) - 1
	rule := t.SubstringRule()
	prepared := func(i int) ([]byte, error) {
		switch {
		case len(parts[i]) == 0:
			return nil, nil
		case rule == nil:
			return bytes.ToLower(parts[i]), nil
		case i == 0:
			return rule.NormalizeSubstring(nil, schema.Initial, parts[i])
		case i == last:
			return rule.NormalizeSubstring(nil, schema.Final, parts[i])
		}
		return rule.NormalizeSubstring(nil, schema.Any, parts[i])
	}
	switch equality := t.EqualityRule(); {
	case last == 0 && equality != nil:
		a, err := equality.Normalize(nil, value)
		b, err2 := equality.Normalize(nil, parts[0])
		return err == nil && err2 == nil && bytes.Equal(a, b)
	case rule != nil:
		var err error
		if value, err = rule.Normalize(nil, value); err != nil {
			return false
		}
	default:
		value = bytes.ToLower(value)
	}
	for i := range parts {
		part, err := prepared(i)
		if err != nil {
			return false
		}
		at := bytes.Index(value, part)
		switch {
		case i == last && i > 0:
			return bytes.HasSuffix(value, part)
		case at < 0 || i == 0 && at > 0:
			return false
		}
		value = value[at+len(part):]
	}
	return len(value) == 0 // there was no asterisk
}
