package password

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"slices"
)

// One pass of a hash, with a salt behind the password ({SSHA}) or without
// ({SHA}): fast, and so only as good as the password. For old values, and for
// services that bind often with long random ones.

type digestFunc func([]byte) []byte

func digestMD5(b []byte) []byte    { d := md5.Sum(b); return d[:] }
func digestSHA1(b []byte) []byte   { d := sha1.Sum(b); return d[:] }
func digestSHA256(b []byte) []byte { d := sha256.Sum256(b); return d[:] }
func digestSHA512(b []byte) []byte { d := sha512.Sum512(b); return d[:] }

const (
	salted   = true
	unsalted = false
)

func hashDigest(sum digestFunc) func([]byte) (string, error) {
	return func(password []byte) (string, error) {
		salt := make([]byte, 16)
		if _, err := rand.Read(salt); err != nil {
			return "", err
		}
		return base64.StdEncoding.EncodeToString(append(sum(slices.Concat(password, salt)), salt...)), nil
	}
}

func parseDigest(sum digestFunc, withSalt bool) func(string) (stored, error) {
	size := len(sum(nil))
	return func(value string) (stored, error) {
		b, err := base64.StdEncoding.DecodeString(value)
		if err != nil || len(b) < size || len(b) > size+64 || withSalt != (len(b) > size) {
			return stored{}, ErrMalformed
		}
		want, salt := b[:size], b[size:]
		return stored{
			verify: func(password []byte) bool {
				return subtle.ConstantTimeCompare(sum(slices.Concat(password, salt)), want) == 1
			},
		}, nil
	}
}
