package totp

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
)

// Recovery codes stand in for the codes of an authenticator that is lost. Each
// is 80 random bits and counts once, so a quick salted hash keeps them: there
// is nothing to guess.

// RecoveryCodes is what is kept of a user's codes. The zero value is none.
type RecoveryCodes struct {
	Salt   []byte
	Hashes [][]byte // of the codes that are left; recoveryHash octets each
}

const (
	// NewCodes is how many recovery codes are made at a time.
	NewCodes = 10

	recoverySize = 16 // characters of base32, without hyphens: 80 bits
	recoveryHash = sha256.Size
	recoverySalt = 16
)

// NewRecoveryCodes makes a set of codes, to be shown once, and what to keep of
// it. A code is written ABCD-EFGH-IJKL-MNOP, in the letters of base32.
func NewRecoveryCodes() (codes []string, kept RecoveryCodes) {
	kept.Salt = make([]byte, recoverySalt)
	_, _ = rand.Read(kept.Salt) // never fails
	for range NewCodes {
		text := rand.Text()[:recoverySize]
		kept.Hashes = append(kept.Hashes, kept.hash([]byte(text)))
		codes = append(codes, text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:])
	}
	return codes, kept
}

func (r RecoveryCodes) hash(code []byte) []byte {
	sum := sha256.Sum256(append(slices.Clone(r.Salt), code...))
	return sum[:]
}

// Find returns which of the codes left is meant, -1 if none is. The time it
// takes does not depend on that.
func (r RecoveryCodes) Find(code []byte) int {
	canonical := readRecoveryCode(code)
	found := -1
	if canonical == nil {
		return found
	}
	given := r.hash(canonical)
	for i, h := range r.Hashes {
		if subtle.ConstantTimeCompare(h, given) == 1 {
			found = i
		}
	}
	return found
}

// Without is the set once the i-th code of those left was used.
func (r RecoveryCodes) Without(i int) RecoveryCodes {
	return RecoveryCodes{r.Salt, slices.Delete(slices.Clone(r.Hashes), i, i+1)}
}

// Valid reports whether r can have been made here.
func (r RecoveryCodes) Valid() bool {
	if len(r.Hashes) == 0 {
		return len(r.Salt) == 0 || len(r.Salt) == recoverySalt
	}
	return len(r.Hashes) <= NewCodes && len(r.Salt) == recoverySalt &&
		!slices.ContainsFunc(r.Hashes, func(h []byte) bool { return len(h) != recoveryHash })
}

// readRecoveryCode is a code in upper case and without hyphens, nil if text
// is not written like one. Case does not matter, and hyphens may be left out.
func readRecoveryCode(text []byte) []byte {
	var code []byte
	for i, c := range text {
		switch {
		case c == '-' && len(text) == recoverySize+3 && i%5 == 4:
			continue
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case c >= 'A' && c <= 'Z', c >= '2' && c <= '7':
		default:
			return nil
		}
		code = append(code, c)
	}
	if len(code) != recoverySize {
		return nil
	}
	return code
}

// SplitRecovery is Split for a recovery code behind the static password. There
// is at most one reading: the 19 octets of a code with hyphens, or else the 16
// of one without.
func SplitRecovery(sent []byte, separator string) []Candidate {
	for _, n := range []int{recoverySize + 3, recoverySize} {
		at := len(sent) - n
		if at < 0 || readRecoveryCode(sent[at:]) == nil {
			continue
		}
		if password, ok := cutPassword(sent[:at], separator); ok {
			return []Candidate{{Password: password, Code: sent[at:]}}
		}
	}
	return nil
}
