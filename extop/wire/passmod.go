package wire

import (
	"fmt"

	"tallystick/internal/ber"
)

// PasswordModifyRequest is a requestValue of RFC 3062, section 2. The zero
// value asks for a new password for the requester, made by the server.
//
//	PasswdModifyRequestValue ::= SEQUENCE {
//	     userIdentity [0] OCTET STRING OPTIONAL
//	     oldPasswd    [1] OCTET STRING OPTIONAL
//	     newPasswd    [2] OCTET STRING OPTIONAL }
type PasswordModifyRequest struct {
	UserIdentity *string // a DN, or what the server maps to a user; nil: the requester
	OldPasswd    []byte
	NewPasswd    []byte // nil: the server makes one
}

// Encode returns the requestValue, an empty SEQUENCE if nothing is there.
func (r PasswordModifyRequest) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = appendText(b, 0, r.UserIdentity)
	b = appendField(b, 1, r.OldPasswd)
	b = appendField(b, 2, r.NewPasswd)
	return ber.End(b, start)
}

// DecodePasswordModifyRequest reads a requestValue (nil: absent, which means
// the same as an empty SEQUENCE).
func DecodePasswordModifyRequest(value []byte) (PasswordModifyRequest, error) {
	if value == nil {
		return PasswordModifyRequest{}, nil
	}
	f, err := fields(value, 3)
	if err != nil {
		return PasswordModifyRequest{}, fmt.Errorf("password modify request: %w", err)
	}
	return PasswordModifyRequest{UserIdentity: optionalText(f[0]), OldPasswd: f[1], NewPasswd: f[2]}, nil
}

// PasswordModifyResponse is a responseValue of RFC 3062, section 2.
//
//	PasswdModifyResponseValue ::= SEQUENCE {
//	     genPasswd [0] OCTET STRING OPTIONAL }
type PasswordModifyResponse struct {
	GenPasswd []byte // the password the server made; nil: it made none
}

// Encode returns the responseValue, nil (absent) if the server made no
// password.
func (r PasswordModifyResponse) Encode() []byte {
	if r.GenPasswd == nil {
		return nil
	}
	b, start := ber.Begin(nil, ber.Sequence)
	b = appendField(b, 0, r.GenPasswd)
	return ber.End(b, start)
}

// DecodePasswordModifyResponse reads a responseValue (nil: absent).
func DecodePasswordModifyResponse(value []byte) (PasswordModifyResponse, error) {
	if value == nil {
		return PasswordModifyResponse{}, nil
	}
	f, err := fields(value, 1)
	if err != nil {
		return PasswordModifyResponse{}, fmt.Errorf("password modify response: %w", err)
	}
	return PasswordModifyResponse{GenPasswd: f[0]}, nil
}
