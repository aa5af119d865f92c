package password

import (
	"errors"

	"golang.org/x/crypto/bcrypt"
)

const (
	bcryptCost    = 10 // OWASP's least
	bcryptMaxCost = 15 // two to three seconds
)

func hashBcrypt(password []byte) (string, error) {
	b, err := bcrypt.GenerateFromPassword(password, bcryptCost)
	if errors.Is(err, bcrypt.ErrPasswordTooLong) {
		return "", ErrLength
	}
	return string(b), err
}

// parseBcrypt reads $2a$10$… and its sisters $2b$ and $2y$.
func parseBcrypt(value string) (stored, error) {
	cost, err := bcrypt.Cost([]byte(value))
	if err != nil || len(value) != 60 {
		return stored{}, ErrMalformed
	}
	if cost > bcryptMaxCost {
		return stored{}, ErrCost
	}
	return stored{
		verify: func(password []byte) bool {
			return bcrypt.CompareHashAndPassword([]byte(value), password) == nil
		},
		weak: cost < bcryptCost,
	}, nil
}
