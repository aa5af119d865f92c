package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What Hash spends (OWASP's first choice with one lane), and the most that
// Verify does.
const (
	argon2Memory  = 19 << 10 // KiB
	argon2Time    = 2
	argon2Threads = 1
	argon2Salt    = 16
	argon2Key     = 32

	argon2MaxTime    = 16
	argon2MaxThreads = 16
	argon2MaxWork    = 1 << 20 // memory in KiB times passes
)

func hashArgon2(password []byte) (string, error) {
	salt := make([]byte, argon2Salt)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	defer reserve(argon2Memory)()
	key := argon2.IDKey(password, salt, argon2Time, argon2Memory, argon2Threads, argon2Key)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argon2Memory, argon2Time, argon2Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// parseArgon2 reads the PHC form: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func parseArgon2(value string) (stored, error) {
	parts := strings.Split(value, "$")
	if len(parts) != 6 || parts[0] != "" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return stored{}, ErrMalformed
	}
	derive := argon2.IDKey
	switch parts[1] {
	case "argon2id":
	case "argon2i":
		derive = argon2.Key
	default:
		return stored{}, ErrMalformed
	}
	var m, t, p uint32
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &m, &t, &p); err != nil || fmt.Sprintf("m=%d,t=%d,p=%d", m, t, p) != parts[3] {
		return stored{}, ErrMalformed
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) < 8 || len(salt) > 64 {
		return stored{}, ErrMalformed
	}
	key, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(key) < 16 || len(key) > 64 {
		return stored{}, ErrMalformed
	}
	if m == 0 || t == 0 || p == 0 {
		return stored{}, ErrMalformed
	}
	if m > maxMemory || t > argon2MaxTime || p > argon2MaxThreads || uint64(m)*uint64(t) > argon2MaxWork {
		return stored{}, ErrCost
	}
	return stored{
		verify: func(password []byte) bool {
			got := derive(password, salt, t, m, uint8(p), uint32(len(key)))
			return subtle.ConstantTimeCompare(got, key) == 1
		},
		memory: int64(m),
		weak:   parts[1] != "argon2id" || uint64(m)*uint64(t) < argon2Memory*argon2Time,
	}, nil
}
