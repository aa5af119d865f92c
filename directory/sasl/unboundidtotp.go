package sasl

import (
	"fmt"
	"strings"

	"tallystick/internal/ber"
)

// UnboundIDTOTPMessage is the one message of UNBOUNDID-TOTP, a static password
// with a code beside it:
//
//	SEQUENCE { authenticationID [0] OCTET STRING,
//	           authorizationID  [1] OCTET STRING OPTIONAL,
//	           totpPassword     [2] OCTET STRING,
//	           staticPassword   [3] OCTET STRING OPTIONAL }
//
// In UNBOUNDID-YUBIKEY-OTP, its neighbour, [2] is the password and [3] the
// code.
type UnboundIDTOTPMessage struct {
	AuthenticationID string  // "dn:" and a DN, or "u:" and a user name
	AuthorizationID  *string // nil: the authentication identity; "dn:": the anonymous one
	TOTPPassword     []byte  // the code; nil when encoding is an empty one
	StaticPassword   []byte  // nil: absent; empty but not nil: there, and empty
}

// Encode returns the message.
func (m UnboundIDTOTPMessage) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendString(b, ber.Context, m.AuthenticationID)
	if m.AuthorizationID != nil {
		b = ber.AppendString(b, ber.Context|1, *m.AuthorizationID)
	}
	b = ber.AppendBytes(b, ber.Context|2, m.TOTPPassword)
	if m.StaticPassword != nil {
		b = ber.AppendBytes(b, ber.Context|3, m.StaticPassword)
	}
	return ber.End(b, start)
}

// DecodeUnboundIDTOTP reads a message as the vendor's own library does: the
// elements may stand in any order, the last of several with one tag counts,
// there are no others, lengths need not be minimal, and U+FFFD stands for
// octets of an identity that are not UTF-8. The octets of code and password
// alias message.
func DecodeUnboundIDTOTP(message []byte) (UnboundIDTOTPMessage, error) {
	m, err := decodeUnboundIDTOTP(message)
	if err != nil {
		return UnboundIDTOTPMessage{}, fmt.Errorf("%s: %w", UnboundIDTOTP, err)
	}
	return m, nil
}

func decodeUnboundIDTOTP(message []byte) (m UnboundIDTOTPMessage, err error) {
	if len(message) > MaxMessage {
		return m, ErrTooLong
	}
	r, err := sequence(message)
	if err != nil {
		return m, err
	}
	var elements [4][]byte
	for !r.Done() {
		tag, contents, err := r.Next()
		if err != nil {
			return m, err
		}
		number := int(tag) - ber.Context
		if number < 0 || number >= len(elements) {
			return m, fmt.Errorf("%w with tag %#x", ErrUnknown, tag)
		}
		elements[number] = contents
	}
	if elements[0] == nil || elements[2] == nil {
		return m, ErrElements
	}
	m.AuthenticationID = text(elements[0])
	if elements[1] != nil {
		id := text(elements[1])
		m.AuthorizationID = &id
	}
	m.TOTPPassword, m.StaticPassword = elements[2], elements[3]
	return m, nil
}

// text is octets as a string, with U+FFFD in place of what is not UTF-8.
func text(octets []byte) string { return strings.ToValidUTF8(string(octets), "\uFFFD") }
