// Package totp is the logic of time-based one-time passwords (RFC 6238), and of
// the counter-based ones beneath them (RFC 4226), and nothing else: secret,
// remembered state, time and code in; verdict and new state out. It has no clock,
// no store and no secrets of its own.
package totp

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/pquerna/otp"
	library "github.com/pquerna/otp/hotp"
)

// Algorithm is the hash beneath the HMAC. The numbers are stored: they never
// change.
type Algorithm int

const (
	SHA1   Algorithm = 0
	SHA256 Algorithm = 1
	SHA512 Algorithm = 2
)

var algorithms = [...]struct {
	name string
	otp  otp.Algorithm
	hash func() hash.Hash
}{
	SHA1:   {"SHA1", otp.AlgorithmSHA1, sha1.New},
	SHA256: {"SHA256", otp.AlgorithmSHA256, sha256.New},
	SHA512: {"SHA512", otp.AlgorithmSHA512, sha512.New},
}

// String is the name that otpauth URIs use: SHA1, SHA256, SHA512.
func (a Algorithm) String() string {
	if a < 0 || int(a) >= len(algorithms) {
		return fmt.Sprintf("Algorithm(%d)", int(a))
	}
	return algorithms[a].name
}

// ParseAlgorithm is the reverse of String.
func ParseAlgorithm(name string) (Algorithm, error) {
	for a := range algorithms {
		if algorithms[a].name == name {
			return Algorithm(a), nil
		}
	}
	return 0, fmt.Errorf("totp: unknown algorithm %q", name)
}

// What a credential may be made of, and what it is made of by default.
const (
	DefaultDigits = 6
	DefaultPeriod = 30 * time.Second
	MinDigits     = 6
	MaxDigits     = 8
	MaxPeriod     = time.Hour

	SecretSize    = 20 // octets of a new secret (RFC 4226, section 4, R6)
	MinSecretSize = 10 // 80 bits, as PingDirectory makes them
	MaxSecretSize = 64 // the block of SHA-1 and SHA-256

	MaxCounter = 1 << 40 // more than any token ever counts to
)

const (
	// LookAhead is how many codes of a counter-based token are accepted at one
	// time: one whose button was pressed for nothing has skipped some (RFC 4226,
	// section 7.2). As many before them are told to be replayed.
	LookAhead = 10

	// ResyncAhead is how many codes of one Resync searches.
	ResyncAhead = 1000
)

// Parameters say how a secret becomes codes. The zero value is what every
// authenticator understands: SHA1, 6 digits, 30 seconds.
type Parameters struct {
	Algorithm Algorithm
	Digits    int           // MinDigits to MaxDigits; 0: DefaultDigits
	Period    time.Duration // whole seconds up to MaxPeriod; 0: DefaultPeriod

	// Counter says that steps are counted by codes, not by time (HOTP, RFC
	// 4226). There is no period, and no drift.
	Counter bool
}

// Check tells what is wrong with p, if anything.
func (p Parameters) Check() error {
	p = p.WithDefaults()
	switch {
	case p.Algorithm < 0 || int(p.Algorithm) >= len(algorithms):
		return fmt.Errorf("totp: unknown algorithm %d", int(p.Algorithm))
	case p.Digits < MinDigits || p.Digits > MaxDigits:
		return fmt.Errorf("totp: %d digits; %d to %d are possible", p.Digits, MinDigits, MaxDigits)
	case p.Period < time.Second || p.Period > MaxPeriod || p.Period%time.Second != 0:
		return fmt.Errorf("totp: period %v; whole seconds from 1s to %v are possible", p.Period, MaxPeriod)
	}
	return nil
}

// CheckSecret tells whether a key's length is one we keep.
func CheckSecret(secret []byte) error {
	if n := len(secret); n < MinSecretSize || n > MaxSecretSize {
		return fmt.Errorf("totp: secret of %d octets; %d to %d are possible", n, MinSecretSize, MaxSecretSize)
	}
	return nil
}

// WithDefaults is p with what zero stands for in place of zero.
func (p Parameters) WithDefaults() Parameters {
	if p.Digits == 0 {
		p.Digits = DefaultDigits
	}
	if p.Period == 0 || p.Counter {
		p.Period = DefaultPeriod
	}
	return p
}

// Step is the number of the time step that t is in (RFC 6238, section 4.2,
// with T0 = 0).
func (p Parameters) Step(t time.Time) int64 {
	period := int64(p.WithDefaults().Period / time.Second)
	s := t.Unix()
	if s < 0 {
		s -= period - 1 // Go divides towards zero, steps count downwards
	}
	return s / period
}

var errStep = errors.New("totp: steps before 1970 have no code")

// Code is the code of one step: HOTP(secret, step) (RFC 6238, section 4.2).
func (p Parameters) Code(secret []byte, step int64) (string, error) {
	if err := p.Check(); err != nil {
		return "", err
	}
	if step < 0 {
		return "", errStep
	}
	p = p.WithDefaults()
	return library.GenerateCodeCustom(EncodeSecret(secret), uint64(step), library.ValidateOpts{
		Digits:    otp.Digits(p.Digits),
		Algorithm: algorithms[p.Algorithm].otp,
	})
}
