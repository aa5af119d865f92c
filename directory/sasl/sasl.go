// Package sasl is the octets of the SASL mechanisms that carry a password or a
// code: a client's first message as a Go value, and back. It decides nothing
// and knows no directory; servers and clients share it.
package sasl

import (
	"errors"

	"tallystick/internal/ber"
)

// The mechanisms, as they are named on the wire (RFC 4422, section 3.1).
const (
	Plain         = "PLAIN"          // RFC 4616
	External      = "EXTERNAL"       // RFC 4422, appendix A
	OAuthBearer   = "OAUTHBEARER"    // RFC 7628
	UnboundIDTOTP = "UNBOUNDID-TOTP" // PingDirectory's
)

// MaxMessage is how many octets a message may have. The longest that makes
// sense, two long DNs with a long password, is far shorter.
const MaxMessage = 64 << 10

// What is wrong with a message, apart from the errors of package ber.
var (
	ErrAbsent   = errors.New("sasl: the message is absent")
	ErrTooLong  = errors.New("sasl: the message is longer than MaxMessage")
	ErrParts    = errors.New("sasl: not authzid NUL authcid NUL password")
	ErrUTF8     = errors.New("sasl: not UTF-8")
	ErrElements = errors.New("sasl: an element is missing")
	ErrUnknown  = errors.New("sasl: unknown element")
)

// sequence enters the SEQUENCE that all of message must be. Like the vendor's
// library it takes a SET for one.
func sequence(message []byte) (ber.Reader, error) {
	if len(message) == 0 {
		return ber.Reader{}, ErrAbsent
	}
	outer := ber.NewReader(message)
	tag, contents, err := outer.Next()
	switch {
	case err != nil:
		return ber.Reader{}, err
	case tag != ber.Sequence && tag != ber.Set:
		return ber.Reader{}, ber.ErrTag
	case !outer.Done():
		return ber.Reader{}, ber.ErrTrailing
	}
	return ber.NewReader(contents), nil
}
