package totp

import (
	"bytes"
	"slices"
)

// Candidate is one way to read what a client sent as its password.
type Candidate struct {
	Password []byte // the static password
	Code     []byte // the code behind it
}

// Split returns the ways to read sent as a static password with a code behind
// it, one for each length in digits (which may repeat), longest code first.
// An empty result means that no code was given. The slices alias sent.
//
// The code is the last n octets, n from the user's credentials; nothing is
// guessed from the text, so a password may end in digits. If separator is not
// empty it stands between the two and belongs to neither; only the last one
// counts, so a password may contain it.
//
//	sent            digits  separator  read as
//	secret123456    6       -          secret + 123456
//	secret99123456  6       -          secret99 + 123456
//	secret12345678  6, 8    -          secret + 12345678, secret12 + 345678
//	secret          6       -          no code (not digits)
//	hunter2123456   6       -          hunter2 + 123456
//	secret 99999    6       -          no code (too few digits)
//	123456          6       -          no code (an empty password authenticates nobody)
//	secret:123456   6       :          secret + 123456
//	se:cret:123456  6       :          se:cret + 123456
//	secret123456    6       :          no code (separator missing)
//	secret::123456  6       :          secret: + 123456
func Split(sent []byte, digits []int, separator string) []Candidate {
	lengths := slices.Clone(digits)
	slices.Sort(lengths)
	lengths = slices.Compact(lengths)
	slices.Reverse(lengths)

	var found []Candidate
	for _, n := range lengths {
		at := len(sent) - n
		if at < 0 || !isCode(sent[at:], n) {
			continue
		}
		if password, ok := cutPassword(sent[:at], separator); ok {
			found = append(found, Candidate{Password: password, Code: sent[at:]})
		}
	}
	return found
}

// cutPassword is what stands before the code, without the separator. It is not
// empty.
func cutPassword(before []byte, separator string) (password []byte, ok bool) {
	password, ok = bytes.CutSuffix(before, []byte(separator))
	return password, ok && len(password) > 0
}
