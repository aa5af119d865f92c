// Package wire is the octets of the extended operations: their OIDs, and the
// requestValue and responseValue of each as Go values. It decides nothing and
// knows no directory; servers and clients share it.
//
// In every type here, but for those of Manage TOTP, an element that is absent
// differs from one that is there and empty: a string is a *string (nil:
// absent), octets are a []byte (nil: absent; empty but not nil: there, without
// contents). Decoded []byte fields alias the value they were read from.
//
// Decoders take what the vendor's own library takes: any definite length, a SET
// in place of the SEQUENCE, U+FFFD for octets that are not UTF-8. Encoders
// write minimal lengths and elements in the order of their ASN.1.
package wire

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"tallystick/internal/ber"
)

// OIDs of requests, and of responses that have one.
const (
	GenerateTOTPSharedSecretOID         = "1.3.6.1.4.1.30221.2.6.56"
	GenerateTOTPSharedSecretResponseOID = "1.3.6.1.4.1.30221.2.6.57"
	RevokeTOTPSharedSecretOID           = "1.3.6.1.4.1.30221.2.6.58"
	ValidateTOTPPasswordOID             = "1.3.6.1.4.1.30221.2.6.15"
	GeneratePasswordOID                 = "1.3.6.1.4.1.30221.2.6.62"
	GeneratePasswordResponseOID         = "1.3.6.1.4.1.30221.2.6.63"
	PasswordQualityOID                  = "1.3.6.1.4.1.30221.2.6.43"
	PasswordQualityResponseOID          = "1.3.6.1.4.1.30221.2.6.44"
	VerifyPasswordOID                   = "1.3.6.1.4.1.30221.2.6.72"
	PasswordModifyOID                   = "1.3.6.1.4.1.4203.1.11.1" // RFC 3062
	WhoAmIOID                           = "1.3.6.1.4.1.4203.1.11.3" // RFC 4532
)

// MaxValue is how many octets a value may have. The longest that makes sense,
// a long DN with a long password, is far shorter.
const MaxValue = 64 << 10

// What is wrong with a value, apart from the errors of package ber.
var (
	ErrAbsent   = errors.New("wire: value is absent")
	ErrPresent  = errors.New("wire: value is there where none may be")
	ErrTooLong  = errors.New("wire: value is longer than MaxValue")
	ErrElements = errors.New("wire: too few elements")
	ErrUnknown  = errors.New("wire: unknown element")
)

// sequence enters the SEQUENCE (or SET) that all of value must be.
func sequence(value []byte) (ber.Reader, error) {
	if value == nil {
		return ber.Reader{}, ErrAbsent
	}
	if len(value) > MaxValue {
		return ber.Reader{}, ErrTooLong
	}
	outer := ber.NewReader(value)
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

// fields reads a sequence of primitive elements with context tags 0 to n-1,
// each optional, and returns the contents by tag number (nil: absent). They may
// stand in any order; of several with one tag the last counts; there is no
// other tag.
func fields(value []byte, n int) ([][]byte, error) {
	r, err := sequence(value)
	if err != nil {
		return nil, err
	}
	return contextFields(r, n)
}

// contextFields is fields for the contents of a sequence.
func contextFields(r ber.Reader, n int) ([][]byte, error) {
	found := make([][]byte, n)
	for !r.Done() {
		tag, contents, err := r.Next()
		if err != nil {
			return nil, err
		}
		number := int(tag) - ber.Context
		if number < 0 || number >= n {
			return nil, fmt.Errorf("%w with tag %#x", ErrUnknown, tag)
		}
		found[number] = contents
	}
	return found, nil
}

// elements calls read for each element of a sequence until one cannot be read:
// read returns an error, or leaves one in n. It ignores tags that it does not
// know.
func elements(value []byte, read func(tag byte, contents []byte, n *numbers) error) error {
	in, err := sequence(value)
	n := numbers{}
	for err == nil && n.err == nil && !in.Done() {
		var tag byte
		var contents []byte
		if tag, contents, err = in.Next(); err == nil {
			err = read(tag, contents, &n)
		}
	}
	return cmp.Or(err, n.err)
}

// positions reads a sequence of at least n elements and returns the contents of
// the first n. Tags are ignored; the rest must be whole elements.
func positions(value []byte, n int) ([][]byte, error) {
	r, err := sequence(value)
	if err != nil {
		return nil, err
	}
	found := make([][]byte, 0, n)
	for !r.Done() {
		_, contents, err := r.Next()
		if err != nil {
			return nil, err
		}
		if len(found) < n {
			found = append(found, contents)
		}
	}
	if len(found) < n {
		return nil, ErrElements
	}
	return found, nil
}

// text is octets as a string, with U+FFFD in place of what is not UTF-8.
func text(octets []byte) string {
	return strings.ToValidUTF8(string(octets), "\uFFFD")
}

// optionalText is text for an element that may be absent.
func optionalText(octets []byte) *string {
	if octets == nil {
		return nil
	}
	s := text(octets)
	return &s
}

// appendField appends the element with context tag number, unless it is absent.
func appendField(b []byte, number byte, octets []byte) []byte {
	if octets == nil {
		return b
	}
	return ber.AppendBytes(b, ber.Context|number, octets)
}

// appendText is appendField for a string.
func appendText(b []byte, number byte, s *string) []byte {
	if s == nil {
		return b
	}
	return ber.AppendString(b, ber.Context|number, *s)
}
