package schema

import (
	"bytes"
	"slices"
)

// authPasswordSyntax is that of RFC 3112, section 2.1.
const authPasswordSyntax = "1.3.6.1.4.1.4203.1.1.2"

// normalizeAuthPassword is scheme$authInfo$authValue without the spaces that may
// stand around the three (RFC 3112, sections 2.1 and 2.2).
func normalizeAuthPassword(dst, value []byte) ([]byte, error) {
	parts := bytes.Split(value, []byte("$"))
	if len(parts) != 3 {
		return nil, valueErrorf("an authentication password is scheme$authInfo$authValue")
	}
	for i, p := range parts {
		p = bytes.Trim(p, " ")
		visible := func(c byte) bool { return c > ' ' && c < 0x7f }
		if i == 0 {
			visible = func(c byte) bool {
				return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || '-' <= c && c <= '/' || c == '_'
			}
		}
		if i == 0 && len(p) == 0 || slices.ContainsFunc(p, func(c byte) bool { return !visible(c) }) {
			return nil, valueErrorf("an authentication password is scheme$authInfo$authValue: a scheme has capital letters, digits and -./_, the rest no spaces")
		}
		if i > 0 {
			dst = append(dst, '$')
		}
		dst = append(dst, p...)
	}
	return dst, nil
}

// assertPassword is the assertion of authPasswordMatch: none that a filter could
// hold against values, which would be guessing that nobody counts. Where a
// password may be asked for, the directory finds it out by itself.
func assertPassword(_, _ []byte) ([]byte, error) {
	return nil, valueErrorf("a password is compared of one entry, by base, and by who may verify passwords")
}
