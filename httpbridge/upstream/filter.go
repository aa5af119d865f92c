package upstream

import (
	asn1ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"tallystick/internal/ber"
)

// EncodeFilter is the BER of a filter (RFC 4515 to RFC 4511).
func EncodeFilter(text string) ([]byte, error) {
	if text == anyEntry { // by far the most frequent
		const present = ber.Context | 7
		return ber.AppendString(nil, present, "objectClass"), nil
	}
	p, err := ldap.CompileFilter(text)
	if err != nil {
		return nil, err
	}
	return p.Bytes(), nil
}

// DecodeFilter is a filter's text.
func DecodeFilter(b []byte) (string, error) {
	p, err := asn1ber.DecodePacketErr(b)
	if err != nil {
		return "", err
	}
	return ldap.DecompileFilter(p)
}

// EscapeFilter is a value as it can stand in the text of a filter.
func EscapeFilter(value string) string { return ldap.EscapeFilter(value) }
