package password

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"strconv"
	"strings"

	"github.com/go-crypt/x/crypt"
)

const (
	shaCryptRounds    = 5000 // when the value does not say
	shaCryptMinRounds = 1000
	shaCryptMaxRounds = 1_000_000
)

// parseCrypt reads the values of crypt(3) that are still worth something:
// SHA-512 ($6$), SHA-256 ($5$), bcrypt and argon2.
func parseCrypt(value string) (stored, error) {
	switch {
	case strings.HasPrefix(value, "$6$"):
		return parseSHACrypt(sha512.New, 86, value[3:])
	case strings.HasPrefix(value, "$5$"):
		return parseSHACrypt(sha256.New, 43, value[3:])
	case strings.HasPrefix(value, "$2"):
		return parseBcrypt(value)
	case strings.HasPrefix(value, "$argon2"):
		return parseArgon2(value)
	}
	return stored{}, ErrMalformed
}

// parseSHACrypt reads [rounds=n$]salt$key, where key has size characters.
func parseSHACrypt(new func() hash.Hash, size int, value string) (stored, error) {
	rounds := uint64(shaCryptRounds)
	if text, ok := strings.CutPrefix(value, "rounds="); ok {
		var err error
		if text, value, ok = strings.Cut(text, "$"); !ok {
			return stored{}, ErrMalformed
		}
		if rounds, err = strconv.ParseUint(text, 10, 32); err != nil {
			return stored{}, ErrMalformed
		}
		rounds = max(rounds, shaCryptMinRounds) // as crypt(3) does
	}
	salt, key, ok := strings.Cut(value, "$")
	if !ok || len(salt) > 16 || len(key) != size {
		return stored{}, ErrMalformed
	}
	if rounds > shaCryptMaxRounds {
		return stored{}, ErrCost
	}
	return stored{
		verify: func(password []byte) bool {
			got := crypt.KeySHACrypt(new, password, []byte(salt), int(rounds))
			return subtle.ConstantTimeCompare(got, []byte(key)) == 1
		},
	}, nil
}
