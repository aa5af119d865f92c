package password

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"
)

const pbkdf2MaxIterations = 2_000_000

// pbkdf2Hash is one of the functions below PBKDF2 and what Hash spends with it
// (OWASP's advice of 2023).
type pbkdf2Hash struct {
	new        func() hash.Hash
	iterations int
}

var (
	pbkdf2SHA512 = pbkdf2Hash{sha512.New, 210_000}
	pbkdf2SHA256 = pbkdf2Hash{sha256.New, 600_000}
	pbkdf2SHA1   = pbkdf2Hash{sha1.New, 1_300_000}
)

// adapted is passlib's "adapted base64", which OpenLDAP's pw-pbkdf2 writes:
// "." for "+" and no padding.
var adapted = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").WithPadding(base64.NoPadding)

func hashPBKDF2(h pbkdf2Hash) func([]byte) (string, error) {
	return func(password []byte) (string, error) {
		salt := make([]byte, 16)
		if _, err := rand.Read(salt); err != nil {
			return "", err
		}
		key, err := pbkdf2.Key(h.new, string(password), salt, h.iterations, h.new().Size())
		if err != nil {
			return "", err
		}
		return strconv.Itoa(h.iterations) + "$" + adapted.EncodeToString(salt) + "$" + adapted.EncodeToString(key), nil
	}
}

// parsePBKDF2 reads OpenLDAP's form: iterations$salt$key.
func parsePBKDF2(h pbkdf2Hash) func(string) (stored, error) {
	return func(value string) (stored, error) {
		parts := strings.Split(value, "$")
		if len(parts) != 3 {
			return stored{}, ErrMalformed
		}
		iterations, err := strconv.ParseUint(parts[0], 10, 32)
		if err != nil || iterations == 0 {
			return stored{}, ErrMalformed
		}
		salt, err := adapted.DecodeString(parts[1])
		if err != nil || len(salt) == 0 || len(salt) > 64 {
			return stored{}, ErrMalformed
		}
		key, err := adapted.DecodeString(parts[2])
		if err != nil || len(key) < 16 || len(key) > 64 {
			return stored{}, ErrMalformed
		}
		if iterations > pbkdf2MaxIterations {
			return stored{}, ErrCost
		}
		return stored{
			verify: func(password []byte) bool {
				got, err := pbkdf2.Key(h.new, string(password), salt, int(iterations), len(key))
				return err == nil && subtle.ConstantTimeCompare(got, key) == 1
			},
			weak: int(iterations) < h.iterations,
		}, nil
	}
}
