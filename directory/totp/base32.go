package totp

import (
	"encoding/base32"
	"errors"
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// EncodeSecret is the base32 text of a key: upper case, no padding (RFC 4648,
// section 6). A key of SecretSize octets fills its 32 characters exactly, so
// that decoders which insist on padding take it too.
func EncodeSecret(secret []byte) string { return encoding.EncodeToString(secret) }

// ErrBase32 is all that is said about a text that is not base32: the text may
// be a secret with a typing mistake in it.
var ErrBase32 = errors.New("totp: secret is not base32")

// DecodeSecret reads base32 as people type it: letters of any case, padding
// present or absent, blanks and hyphens anywhere. Spare bits in the last
// character may be set, as PingDirectory's SDK allows.
func DecodeSecret(text string) ([]byte, error) {
	clean := make([]byte, 0, len(text))
	padded := false
	for _, c := range []byte(text) {
		switch {
		case c == ' ' || c == '\t' || c == '-':
			continue
		case c == '=':
			padded = true
			continue
		case padded: // something behind the padding
			return nil, ErrBase32
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case c == '\r' || c == '\n': // the library would skip them
			return nil, ErrBase32
		}
		clean = append(clean, c)
	}
	switch len(clean) % 8 {
	case 1, 3, 6: // no whole number of octets is this long; the library drops the rest
		return nil, ErrBase32
	}
	secret, err := encoding.DecodeString(string(clean))
	if err != nil {
		return nil, ErrBase32
	}
	return secret, nil
}
