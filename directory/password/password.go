// Package password keeps passwords as userPassword values: "{SCHEME}" and what
// the scheme makes of the password (RFC 2307, section 5.3, in the forms that
// OpenLDAP and PingDirectory write), or as authPassword values (RFC 3112).
// Everything is pure: password and stored value in, answer out. The
// cryptography is in libraries.
package password

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Scheme is the name of a storage scheme as it stands between the braces,
// in upper case.
type Scheme string

// The schemes that Hash can write. All others can only be verified.
const (
	Argon2id     Scheme = "ARGON2ID"
	PBKDF2SHA512 Scheme = "PBKDF2-SHA512"
	Bcrypt       Scheme = "BCRYPT"
	SSHA512      Scheme = "SSHA512"
	SSHA256      Scheme = "SSHA256"
	SSHA         Scheme = "SSHA"
)

// Default is the scheme for new passwords.
const Default = Argon2id

// MaxLength is how many octets a password may have. Longer ones are never
// right: some schemes take time that grows with the length.
const MaxLength = 1024

var (
	// ErrScheme means that a value does not begin with a scheme known here:
	// {SCHEME}, or SCHEME$ as authPassword has it.
	ErrScheme = errors.New("password: unknown storage scheme")

	// ErrMalformed means that a value is not what its scheme writes.
	ErrMalformed = errors.New("password: malformed value")

	// ErrCost means that verifying a value would take more time or memory
	// than a server should spend on one password.
	ErrCost = errors.New("password: value costs too much to verify")

	// ErrLength means that a password is empty or too long for the scheme.
	ErrLength = errors.New("password: empty or too long")
)

// stored is a value taken apart.
type stored struct {
	verify func(password []byte) bool
	memory int64 // KiB that verify needs for a moment; 0: next to nothing
	weak   bool  // made with less effort than Hash spends today
}

// scheme is what is known of one.
type scheme struct {
	parse func(value string) (stored, error)    // value is what follows "}"
	hash  func(password []byte) (string, error) // nil: verified only
	quick bool                                  // takes microseconds
}

var schemes = map[Scheme]scheme{
	Argon2id:        {parseArgon2, hashArgon2, false},
	"ARGON2":        {parse: parseArgon2}, // OpenLDAP
	PBKDF2SHA512:    {parsePBKDF2(pbkdf2SHA512), hashPBKDF2(pbkdf2SHA512), false},
	"PBKDF2-SHA256": {parse: parsePBKDF2(pbkdf2SHA256)},
	"PBKDF2":        {parse: parsePBKDF2(pbkdf2SHA1)}, // OpenLDAP
	"PBKDF2-SHA1":   {parse: parsePBKDF2(pbkdf2SHA1)},
	Bcrypt:          {parseBcrypt, hashBcrypt, false},
	SSHA512:         {parseDigest(digestSHA512, salted), hashDigest(digestSHA512), true},
	SSHA256:         {parseDigest(digestSHA256, salted), hashDigest(digestSHA256), true},
	SSHA:            {parseDigest(digestSHA1, salted), hashDigest(digestSHA1), true},
	"SMD5":          {parse: parseDigest(digestMD5, salted), quick: true},
	"SHA512":        {parse: parseDigest(digestSHA512, unsalted), quick: true},
	"SHA256":        {parse: parseDigest(digestSHA256, unsalted), quick: true},
	"SHA":           {parse: parseDigest(digestSHA1, unsalted), quick: true},
	"CRYPT":         {parse: parseCrypt},
}

// ParseScheme finds the scheme called name, in any case, with or without
// braces, for new passwords. ErrScheme: there is none, or it is one that is
// only verified.
func ParseScheme(name string) (Scheme, error) {
	s := Scheme(strings.ToUpper(strings.TrimSuffix(strings.TrimPrefix(name, "{"), "}")))
	if schemes[s].hash == nil {
		return "", fmt.Errorf("%w %q for new passwords", ErrScheme, name)
	}
	return s, nil
}

// Quick reports whether a password takes microseconds to verify, and not
// milliseconds on purpose.
func (s Scheme) Quick() bool { return schemes[s].quick }

// Hash is the userPassword value of a new password. ErrLength: the password
// is empty, longer than MaxLength, or than bcrypt's 72 octets.
func Hash(s Scheme, password []byte) ([]byte, error) {
	hash := schemes[s].hash
	if hash == nil {
		return nil, ErrScheme
	}
	if len(password) == 0 || len(password) > MaxLength {
		return nil, ErrLength
	}
	value, err := hash(password)
	if err != nil {
		return nil, err
	}
	return []byte("{" + string(s) + "}" + value), nil
}

// Verify reports whether password is the one behind value. An error means
// that value cannot be judged: ErrScheme, ErrMalformed or ErrCost. An empty
// password is never right. It waits while too much memory is used by others.
func Verify(value, password []byte) (bool, error) {
	_, s, err := parse(value)
	if err != nil {
		return false, err
	}
	if len(password) == 0 || len(password) > MaxLength {
		return false, nil
	}
	defer reserve(s.memory)()
	return s.verify(password), nil
}

// SchemeOf is the scheme that value was stored with, as it is called between
// braces: ErrScheme if it names none known here, ErrMalformed or ErrCost if
// nothing will ever match it.
func SchemeOf(value []byte) (Scheme, error) {
	name, _, err := parse(value)
	return name, err
}

// NeedsUpgrade reports whether value should be replaced by Hash(want, …) when
// the password is next at hand: it has another scheme, or was made with less
// effort than is spent today.
func NeedsUpgrade(value []byte, want Scheme) bool {
	name, s, err := parse(value)
	return err == nil && (name != want || s.weak)
}

// LooksHashed reports whether value begins with something that is written
// like a scheme, known or not: {MD5}, {sasl}. Nobody should take it for a
// password in the clear without asking.
func LooksHashed(value []byte) bool {
	name, _, ok := cutScheme(value)
	if !ok || name == "" {
		return false
	}
	for _, c := range name {
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_/.", c)) {
			return false
		}
	}
	return true
}

func cutScheme(value []byte) (name Scheme, rest string, ok bool) {
	if len(value) == 0 || value[0] != '{' {
		return "", "", false
	}
	end := bytes.IndexByte(value, '}')
	if end < 0 || end > 32 {
		return "", "", false
	}
	return Scheme(strings.ToUpper(string(value[1:end]))), string(value[end+1:]), true
}

func parse(value []byte) (Scheme, stored, error) {
	name, rest, ok := cutScheme(value)
	if IsAuthPassword(value) {
		var err error
		if name, rest, err = cutAuthPassword(value); err != nil {
			return name, stored{}, err
		}
	} else if !ok {
		return "", stored{}, ErrScheme
	}
	s, ok := schemes[name]
	if !ok {
		return "", stored{}, ErrScheme
	}
	v, err := s.parse(rest)
	return name, v, err
}
