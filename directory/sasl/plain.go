package sasl

import (
	"bytes"
	"unicode/utf8"
)

// PlainMessage is the one message of PLAIN (RFC 4616, section 2):
//
//	message = [authzid] NUL authcid NUL passwd
type PlainMessage struct {
	AuthorizationID  string // "": the authentication identity's own
	AuthenticationID string // never empty
	Password         []byte // never empty
}

// Encode returns the message. No part may hold a NUL.
func (m PlainMessage) Encode() []byte {
	return bytes.Join([][]byte{[]byte(m.AuthorizationID), []byte(m.AuthenticationID), m.Password}, []byte{0})
}

// DecodePlain reads a message. Password aliases it.
func DecodePlain(message []byte) (PlainMessage, error) {
	if len(message) > MaxMessage {
		return PlainMessage{}, ErrTooLong
	}
	parts := bytes.SplitN(message, []byte{0}, 4)
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 {
		return PlainMessage{}, ErrParts
	}
	if !utf8.Valid(message) {
		return PlainMessage{}, ErrUTF8
	}
	return PlainMessage{string(parts[0]), string(parts[1]), parts[2]}, nil
}
