package password

import (
	"strings"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/matching"
)

// What is estimated of a password: its first characters, and words with symbols
// for letters only where these are few kinds. The time would grow without bound
// otherwise: a password of 160 such symbols took 15 s.
const (
	maxEstimated = 32
	maxSymbols   = 8
)

// symbols may stand for letters.
const symbols = "4@8({[</369|10$5+7%2!"

// Strength estimates how hard a password is to guess, from 0 (a thousand
// guesses do) to 4 (ten thousand million and more), as zxcvbn does: by words,
// names, dates, patterns of keyboards and repetitions. words are what somebody
// would try first because of whose password it is.
func Strength(password []byte, words []string) int {
	text := strings.ToValidUTF8(string(password), "\uFFFD")
	if utf8.RuneCountInString(text) > maxEstimated {
		text = string([]rune(text)[:maxEstimated])
	}
	if text == "" {
		return 0
	}
	lower := make([]string, len(words))
	for i, w := range words {
		lower[i] = strings.ToLower(w)
	}
	kinds := 0
	for _, s := range symbols {
		if strings.ContainsRune(text, s) {
			kinds++
		}
	}
	few := func(m match.Matcher) bool { return kinds > maxSymbols && m.ID == matching.L33TMatcherName }
	return zxcvbn.PasswordStrength(text, lower, few).Score
}
