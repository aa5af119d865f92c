package sasl

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What is wrong with a message of OAUTHBEARER.
var (
	ErrHeader = errors.New("sasl: not a gs2-header without channel binding")
	ErrPairs  = errors.New("sasl: not key=value pairs, each with %x01 behind it")
	ErrBearer = errors.New("sasl: not one Bearer token")
)

// OAuthBearerMessage is the first message of OAUTHBEARER (RFC 7628, section
// 3.1):
//
//	gs2-header kvsep *( key "=" value kvsep ) kvsep
//
// kvsep is %x01. Of the keys only auth counts here.
type OAuthBearerMessage struct {
	AuthorizationID string // "": the identity that the token is for
	Token           string // of RFC 6750, section 2.1
}

const (
	kvsep  = "\x01"
	bearer = "Bearer "
)

// Encode returns the message.
func (m OAuthBearerMessage) Encode() []byte {
	b := []byte("n,")
	if m.AuthorizationID != "" {
		b = append(b, "a="...)
		b = append(b, strings.NewReplacer("=", "=3D", ",", "=2C").Replace(m.AuthorizationID)...)
	}
	return append(b, ","+kvsep+"auth="+bearer+m.Token+kvsep+kvsep...)
}

// DecodeOAuthBearer reads a message. Other keys than auth are left aside. Like
// PingDirectory's own library, a client may leave out the last kvsep.
func DecodeOAuthBearer(message []byte) (OAuthBearerMessage, error) {
	m, err := decodeOAuthBearer(message)
	if err != nil {
		return OAuthBearerMessage{}, fmt.Errorf("%s: %w", OAuthBearer, err)
	}
	return m, nil
}

func decodeOAuthBearer(message []byte) (m OAuthBearerMessage, err error) {
	switch {
	case len(message) == 0:
		return m, ErrAbsent
	case len(message) > MaxMessage:
		return m, ErrTooLong
	case !utf8.Valid(message):
		return m, ErrUTF8
	}
	header, rest, found := strings.Cut(string(message), kvsep)
	if !found {
		return m, ErrPairs
	}
	if m.AuthorizationID, err = authorizationID(header); err != nil {
		return m, err
	}
	auth := ""
	for rest != "" && rest != kvsep {
		pair, after, ended := strings.Cut(rest, kvsep)
		key, value, assigned := strings.Cut(pair, "=")
		if !ended || !assigned || key == "" || strings.ContainsFunc(key, notLetter) {
			return m, ErrPairs
		}
		if key == "auth" {
			if auth != "" {
				return m, ErrBearer
			}
			auth = value
		}
		rest = after
	}
	if len(auth) <= len(bearer) || !strings.EqualFold(auth[:len(bearer)], bearer) {
		return m, ErrBearer
	}
	m.Token = auth[len(bearer):]
	if strings.ContainsFunc(m.Token, notToken) {
		return m, ErrBearer
	}
	return m, nil
}

// authorizationID reads a gs2-header (RFC 5801, section 4).
func authorizationID(header string) (string, error) {
	parts := strings.Split(header, ",")
	if len(parts) != 3 || parts[0] != "n" && parts[0] != "y" || parts[2] != "" {
		return "", ErrHeader
	}
	if parts[1] == "" {
		return "", nil
	}
	name, ok := strings.CutPrefix(parts[1], "a=")
	if !ok || name == "" || strings.Contains(name, "\x00") {
		return "", ErrHeader
	}
	plain := strings.NewReplacer("=3D", "=", "=2C", ",").Replace(name)
	if strings.Count(name, "=") != strings.Count(name, "=3D")+strings.Count(name, "=2C") {
		return "", ErrHeader
	}
	return plain, nil
}

func notLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// notToken reports what a b64token of RFC 6750 does not have.
func notToken(r rune) bool {
	return notLetter(r) && (r < '0' || r > '9') && !strings.ContainsRune("-._~+/=", r)
}

// OAuthBearerFailure is the server's message where a token is not taken (RFC
// 7628, section 3.2.2). It does not say why.
const OAuthBearerFailure = `{"status":"invalid_token"}`

// EndsOAuthBearer reports whether message is the client's answer to
// OAuthBearerFailure (RFC 7628, section 3.2.3).
func EndsOAuthBearer(message []byte) bool { return string(message) == kvsep }
