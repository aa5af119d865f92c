package aci

import (
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
	parts []string              // lower case; what stands between the asterisks
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
	var r rdnPattern
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
		r.parts = append(r.parts, strings.ToLower(part))
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
	if len(avas) != 1 || r.typ != nil && !isNamed(r.typ, avas[0].Type) {
		return false
	}
	value, ok := strings.CutPrefix(strings.ToLower(string(avas[0].Value)), r.parts[0])
	if !ok || len(r.parts) == 1 {
		return ok && value == ""
	}
	for _, part := range r.parts[1 : len(r.parts)-1] {
		i := strings.Index(value, part)
		if i < 0 {
			return false
		}
		value = value[i+len(part):]
	}
	return strings.HasSuffix(value, r.parts[len(r.parts)-1])
}

// isNamed reports whether name is one of the type's.
func isNamed(t *schema.AttributeType, name string) bool {
	for _, n := range t.Names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return t.OID == name
}
