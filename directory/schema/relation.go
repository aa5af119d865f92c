package schema

import (
	"bytes"
	"math/big"
	"unicode"
)

// The rules that are neither equality nor ordering nor substrings.

// hasWord is wordMatch (RFC 4517, section 4.2.33): a word of the value, between
// spaces, is the assertion.
func hasWord(value, assertion []byte) bool {
	for word := range bytes.SplitSeq(value, []byte(" ")) {
		if bytes.Equal(word, assertion) {
			return true
		}
	}
	return false
}

// hasKeyword is keywordMatch (RFC 4517, section 4.2.21): as hasWord, but
// punctuation stands between keywords too. The text leaves it to the server what
// a keyword is.
func hasKeyword(value, assertion []byte) bool {
	between := func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) }
	for keyword := range bytes.FieldsFuncSeq(value, between) {
		if bytes.Equal(keyword, assertion) {
			return true
		}
	}
	return false
}

// normalizeDecimal takes an integer as it is, without more digits than
// normalizeInteger takes.
func normalizeDecimal(dst, value []byte) ([]byte, error) {
	if _, err := normalizeInteger(nil, value); err != nil {
		return nil, err
	}
	return append(dst, value...), nil
}

// commonBits is the bits that two integers have in common, of which a negative one
// has all above its own.
func commonBits(value, assertion []byte) (common, asked *big.Int) {
	v, _ := new(big.Int).SetString(string(value), 10)
	a, _ := new(big.Int).SetString(string(assertion), 10)
	return v.And(v, a), a
}

// hasAllBits is Active Directory's LDAP_MATCHING_RULE_BIT_AND (MS-ADTS, section
// 3.1.1.3.4.4.1).
func hasAllBits(value, assertion []byte) bool {
	common, asked := commonBits(value, assertion)
	return common.Cmp(asked) == 0
}

// hasAnyBit is LDAP_MATCHING_RULE_BIT_OR (section 3.1.1.3.4.4.2).
func hasAnyBit(value, assertion []byte) bool {
	common, _ := commonBits(value, assertion)
	return common.Sign() != 0
}
