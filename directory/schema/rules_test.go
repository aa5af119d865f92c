package schema

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Which values are equal under which rule (RFC 4517, section 4.2).
func TestEqualityRules(t *testing.T) {
	tests := []struct {
		rule  string
		a, b  string
		equal bool
	}{
		{"caseIgnoreMatch", "Ann Lee", "ann  LEE ", true},
		{"caseIgnoreMatch", " x", "x", true},
		{"caseIgnoreMatch", " ", "   ", true},
		{"caseIgnoreMatch", "a b", "ab", false},
		{"caseIgnoreMatch", "a\tb", "A B", true},
		{"caseIgnoreMatch", "a\r\nb", "a b", true},
		{"caseIgnoreMatch", "a\x00b\x7f", "ab", true},
		{"caseIgnoreMatch", "ÉTÉ", "été", true},
		{"caseIgnoreMatch", "e\u0301", "é", true},
		{"caseIgnoreMatch", "Straße", "STRASSE", true},
		{"caseIgnoreMatch", "STRAẞE", "strasse", true},
		{"caseIgnoreMatch", "ﬁn", "FIN", true},
		{"caseIgnoreMatch", "Ａｎｎ", "ann", true},
		{"caseIgnoreMatch", "㎒", "mhz", true},
		{"caseIgnoreMatch", "ΣΑΣ", "σας", true},
		{"caseIgnoreMatch", "a\u00a0b", "a b", true},
		{"caseIgnoreMatch", "a\u2003\u2028b", "a b", true},
		{"caseIgnoreMatch", "so\u00adft", "soft", true},
		{"caseIgnoreMatch", "ze\u200bro\ufeff", "zero", true},
		{"caseIgnoreMatch", "a\u0085b", "a b", true},
		{"caseIgnoreMatch", "a \u0308b", "a\u0308b", false}, // a space with a combining mark is none
		{"caseIgnoreMatch", "a  \u0308", "a \u0308", false},
		{"caseIgnoreMatch", "é a\tb", "É A B", true}, // ASCII behind the first other character
		{"caseIgnoreMatch", "é\x01", "é", true},
		{"caseIgnoreMatch", "e\x00\u0301", "é", true}, // mapped to nothing before they are composed
		{"caseExactMatch", "Ann", "ann", false},
		{"caseExactMatch", "Ann  Lee", " Ann Lee", true},
		{"caseExactMatch", "É", "é", false},
		{"caseExactIA5Match", "/Home", "/home", false},
		{"caseIgnoreIA5Match", "Ann@Example.com", "ann@example.COM", true},

		{"numericStringMatch", "12 34", " 1234", true},
		{"numericStringMatch", " ", "", true},
		{"telephoneNumberMatch", "+1 555-0100", "+15550100", true},
		{"telephoneNumberMatch", "+1\u2010555", "+1 555", true},
		{"telephoneNumberMatch", "x1", "X1", true},
		{"telephoneNumberMatch", "12", "13", false},

		{"caseIgnoreListMatch", "1 Main  St$Town", "1 main st $ TOWN", true},
		{"caseIgnoreListMatch", `a\24b`, "a$b", false},
		{"caseIgnoreListMatch", `a\24b\5C`, `A\24b\5c`, true},
		{"caseIgnoreListMatch", "a$b", "a b", false},

		{"booleanMatch", "TRUE", "true", true},
		{"booleanMatch", "TRUE", "FALSE", false},
		{"integerMatch", "12", "012", true},
		{"integerMatch", "0", "-0", true},
		{"integerMatch", "12", "-12", false},
		{"integerMatch", strings.Repeat("9", 100), "0" + strings.Repeat("9", 100), true},
		{"bitStringMatch", "'01'B", "'01'B", true},
		{"bitStringMatch", "'01'B", "'010'B", false},
		{"octetStringMatch", "a ", "a", false},
		{"octetStringMatch", "a\x00\xff", "a\x00\xff", true},

		{"generalizedTimeMatch", "20260102030405Z", "20260102040405+01", true},
		{"generalizedTimeMatch", "20260102030405Z", "20260101233405-0330", true},
		{"generalizedTimeMatch", "2026010203Z", "20260102030000.000Z", true},
		{"generalizedTimeMatch", "202601020304.5Z", "20260102030430,0Z", true},
		{"generalizedTimeMatch", "2026010203.25Z", "20260102031500Z", true},
		{"generalizedTimeMatch", "20260102030405.1Z", "20260102030405.10Z", true},
		{"generalizedTimeMatch", "20260102030405.1Z", "20260102030405Z", false},
		{"generalizedTimeMatch", "20161231235960Z", "20170101000000Z", true},

		{"uuidMatch", "597AE2F6-16A6-1027-98F4-D28B5365DC14", "597ae2f6-16a6-1027-98f4-d28b5365dc14", true},
		{"uuidMatch", "597ae2f6-16a6-1027-98f4-d28b5365dc14", "597ae2f6-16a6-1027-98f4-d28b5365dc15", false},

		{"objectIdentifierMatch", "PERSON", "2.5.6.6", true},
		{"objectIdentifierMatch", "commonName", "cn", true},
		{"objectIdentifierMatch", "caseIgnoreMatch", "2.5.13.2", true},
		{"objectIdentifierMatch", "myClass", "MYCLASS", true},
		{"objectIdentifierMatch", "person", "top", false},

		{"distinguishedNameMatch", "CN=Ann + SN=Lee, DC=x", "2.5.4.4=lee+commonName=ann,dc=X", true},
		{"distinguishedNameMatch", "cn=a,dc=x", `cn=a\,dc=x`, false},
		{"distinguishedNameMatch", "", " ", true},
		{"uniqueMemberMatch", "cn=A,dc=x#'01'B", "CN=a, DC=x#'01'B", true},
		{"uniqueMemberMatch", "cn=a,dc=x#'01'B", "cn=a,dc=x", false},
		{"uniqueMemberMatch", "cn=a#b", `cn=a\#b`, true},
	}
	for _, tt := range tests {
		rule := Standard().MatchingRule(tt.rule)
		a, err := rule.Normalize(nil, []byte(tt.a))
		if err != nil {
			t.Errorf("%s %q: %v", tt.rule, tt.a, err)
		}
		b, err := rule.Normalize([]byte("x"), []byte(tt.b))
		if err != nil {
			t.Errorf("%s %q: %v", tt.rule, tt.b, err)
			continue
		}
		if b[0] != 'x' || bytes.Equal(a, b[1:]) != tt.equal {
			t.Errorf("%s: %q is %q, %q is %q, want equal: %v", tt.rule, tt.a, a, tt.b, b[1:], tt.equal)
		}
	}
}

// Values that a rule cannot take.
func TestNormalizeErrors(t *testing.T) {
	tests := []struct{ rule, value, want string }{
		{"caseIgnoreMatch", "a\xff", "not UTF-8"},
		{"caseExactMatch", "a\xed\xa0\x80", "not UTF-8"}, // a surrogate
		{"caseIgnoreMatch", "\ue000", "holds the code point U+E000, which no value may have"},
		{"caseIgnoreMatch", "\ufffd", "holds the code point U+FFFD, which no value may have"},
		{"caseIgnoreMatch", "\ufdd0", "holds the code point U+FDD0, which no value may have"},
		{"caseIgnoreListMatch", "a$\xff", "not UTF-8"},
		{"integerMatch", "", "an integer has digits"},
		{"integerMatch", "-", "an integer has digits"},
		{"integerMatch", "+1", "an integer has only digits, behind a minus sign if it is negative"},
		{"integerMatch", "1" + strings.Repeat("0", maxDigits), "an integer has at most 4096 digits"},
		{"booleanMatch", "yes", "a boolean is TRUE or FALSE"},
		{"bitStringMatch", "'02'B", "a bit string is zeros and ones between '…'B"},
		{"bitStringMatch", "''", "a bit string is zeros and ones between '…'B"},
		{"uuidMatch", "597ae2f6-16a6-1027-98f4-d28b5365dc1", "a UUID is 8-4-4-4-12 hexadecimal digits"},
		{"uuidMatch", "597ae2f6-16a6-1027-98f4-d28b5365dc1g", "a UUID is 8-4-4-4-12 hexadecimal digits"},
		{"objectIdentifierMatch", "", "an object identifier is not empty"},
		{"objectIdentifierMatch", "a b", "an object identifier is a name or numbers with dots"},
		{"objectIdentifierFirstComponentMatch", "2.5.4.3", "a description begins with a parenthesis"},
		{"distinguishedNameMatch", "x", "at offset 1: expected an equals sign behind the attribute type"},
		{"uniqueMemberMatch", "x#'0'B", "at offset 1: expected an equals sign behind the attribute type"},
		{"generalizedTimeMatch", "", "a generalized time is YYYYMMDDHHMMSSZ: it begins with ten digits"},
		{"generalizedTimeMatch", "202601020", "a generalized time is YYYYMMDDHHMMSSZ: it begins with ten digits"},
		{"generalizedTimeMatch", "20260102030405", "a generalized time is YYYYMMDDHHMMSSZ: it ends with Z or an offset"},
		{"generalizedTimeMatch", "20260102030405z", "a generalized time is YYYYMMDDHHMMSSZ: it ends with Z or an offset"},
		{"generalizedTimeMatch", "20260102030405*01", "a generalized time is YYYYMMDDHHMMSSZ: it ends with Z or an offset"},
		{"generalizedTimeMatch", "20260102030405+24", "a generalized time is YYYYMMDDHHMMSSZ: the offset is out of range"},
		{"generalizedTimeMatch", "20260102030405.Z", "a generalized time is YYYYMMDDHHMMSSZ: the fraction has no digits"},
		{"generalizedTimeMatch", "20261302030405Z", "a generalized time is YYYYMMDDHHMMSSZ: month, hour, minute or second is out of range"},
		{"generalizedTimeMatch", "20260102240405Z", "a generalized time is YYYYMMDDHHMMSSZ: month, hour, minute or second is out of range"},
		{"generalizedTimeMatch", "2026010203040Z", "a generalized time is YYYYMMDDHHMMSSZ: month, hour, minute or second is out of range"},
		{"generalizedTimeMatch", "20260229000000Z", "a generalized time is YYYYMMDDHHMMSSZ: the month has no such day"},
		{"generalizedTimeMatch", "00000101000000+01", "a generalized time is YYYYMMDDHHMMSSZ: the year is out of range"},
	}
	for _, tt := range tests {
		_, err := Standard().MatchingRule(tt.rule).Normalize(nil, []byte(tt.value))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s %.40q: %v, want %s", tt.rule, tt.value, err, tt.want)
		}
	}
}

// The octets of an ordering rule sort as the values do.
func TestOrderingRules(t *testing.T) {
	tests := []struct {
		rule   string
		sorted []string
	}{
		{"integerOrderingMatch", []string{"-10000000000000000000000", "-256", "-12", "-11", "-9", "-1", "0", "1", "9", "10", "99", "100", "10000000000000000000000"}},
		{"generalizedTimeOrderingMatch", []string{"00000101000000Z", "20251231235959.9Z", "20260101000000Z", "20260101000000.001Z", "20260101010000Z", "20260101000000-0200", "99991231235959Z"}},
		{"caseIgnoreOrderingMatch", []string{"a", "A b", "ab", "B"}},
		{"caseExactOrderingMatch", []string{"A", "B", "a"}},
		{"numericStringOrderingMatch", []string{"1", "1 0", "2"}},
		{"octetStringOrderingMatch", []string{"", "\x00", "a", "a\x00", "\xff"}},
		{"uuidOrderingMatch", []string{"0fffffff-0000-0000-0000-000000000000", "A0000000-0000-0000-0000-000000000000", "b0000000-0000-0000-0000-000000000000"}},
	}
	for _, tt := range tests {
		rule := Standard().MatchingRule(tt.rule)
		if rule.Kind != OrderingKind {
			t.Errorf("%s is no ordering rule", tt.rule)
		}
		var before []byte
		for i, v := range tt.sorted {
			norm, err := rule.Normalize(nil, []byte(v))
			if err != nil {
				t.Fatalf("%s %q: %v", tt.rule, v, err)
			}
			if i > 0 && bytes.Compare(before, norm) >= 0 {
				t.Errorf("%s: %q does not sort before %q", tt.rule, tt.sorted[i-1], v)
			}
			before = norm
		}
	}
}

// Random integers, large ones too, against math/big.
func TestIntegersSort(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func() *big.Int {
		v := new(big.Int).Rsh(new(big.Int).SetUint64(r.Uint64()), uint(r.IntN(65)))
		if r.IntN(4) == 0 {
			v.Lsh(v, uint(r.IntN(1000)))
		}
		if r.IntN(2) == 0 {
			v.Neg(v)
		}
		return v
	}
	for range 10000 {
		a, b := random(), random()
		an, err := normalizeInteger(nil, []byte(a.String()))
		if err != nil {
			t.Fatal(err)
		}
		bn, err := normalizeInteger(nil, []byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Compare(an, bn) != a.Cmp(b) {
			t.Fatalf("%v and %v sort as %d", a, b, bytes.Compare(an, bn))
		}
	}
}

// Spaces in substrings (RFC 4518, section 2.6.1), and the other rules.
func TestSubstringRules(t *testing.T) {
	tests := []struct {
		rule, value string
		pos         Position
		substring   string
		found       bool
	}{
		{"caseIgnoreSubstringsMatch", "foo bar", Initial, "FOO", true},
		{"caseIgnoreSubstringsMatch", "foo bar", Initial, "  foo", true},
		{"caseIgnoreSubstringsMatch", "foo bar", Initial, "foo ", true},
		{"caseIgnoreSubstringsMatch", "foobar", Initial, "foo ", false},
		{"caseIgnoreSubstringsMatch", "foo bar", Initial, "oo", false},
		{"caseIgnoreSubstringsMatch", "foo bar", Final, "bar", true},
		{"caseIgnoreSubstringsMatch", "foo bar", Final, " bar ", true},
		{"caseIgnoreSubstringsMatch", "foobar", Final, " bar", false},
		{"caseIgnoreSubstringsMatch", "foo bar", Final, "ba", false},
		{"caseIgnoreSubstringsMatch", "foo bar", Any, "o b", true},
		{"caseIgnoreSubstringsMatch", "foo   bar", Any, "o  b", true},
		{"caseIgnoreSubstringsMatch", "foo bar", Any, " bar", true},
		{"caseIgnoreSubstringsMatch", "foo bar", Any, "foo ", true},
		{"caseIgnoreSubstringsMatch", "foobar", Any, "o b", false},
		{"caseIgnoreSubstringsMatch", "foo bar", Any, " ", true},
		{"caseIgnoreSubstringsMatch", " ", Any, "  ", true},
		{"caseIgnoreSubstringsMatch", "ÉTÉ", Any, "té", true},
		{"caseExactSubstringsMatch", "Foo", Any, "foo", false},
		{"caseIgnoreIA5SubstringsMatch", "Ann@X.com", Final, "@x.COM", true},
		{"caseExactIA5SubstringsMatch", "/Home/x", Initial, "/home", false},
		{"numericStringSubstringsMatch", "12 34", Any, "2 3", true},
		{"numericStringSubstringsMatch", "12 34", Any, " ", true},
		{"telephoneNumberSubstringsMatch", "+1 555-0100", Any, "1-55", true},
		{"caseIgnoreListSubstringsMatch", "1 Main St$Town", Any, "main", true},
		{"caseIgnoreListSubstringsMatch", "1 Main St$Town", Any, "St Town", false},
		{"caseIgnoreListSubstringsMatch", "1 Main St$Town", Final, "town", true},
	}
	for _, tt := range tests {
		rule := Standard().MatchingRule(tt.rule)
		value, err := rule.Normalize(nil, []byte(tt.value))
		if err != nil {
			t.Errorf("%s %q: %v", tt.rule, tt.value, err)
		}
		sub, err := rule.NormalizeSubstring(nil, tt.pos, []byte(tt.substring))
		if err != nil {
			t.Errorf("%s %q: %v", tt.rule, tt.substring, err)
		}
		found := map[Position]func(s, sub []byte) bool{Initial: bytes.HasPrefix, Any: bytes.Contains, Final: bytes.HasSuffix}[tt.pos](value, sub)
		if found != tt.found {
			t.Errorf("%s: %q (%q) in %q (%q): %v", tt.rule, tt.substring, sub, tt.value, value, found)
		}
	}
	if _, err := Standard().MatchingRule("caseIgnoreMatch").NormalizeSubstring(nil, Any, nil); err == nil {
		t.Error("caseIgnoreMatch takes substrings")
	}
}

// RFC 4518, section 2.6.1, gives the forms of one string.
func TestSpaces(t *testing.T) {
	tests := []struct {
		mode     spaces
		in, want string
	}{
		{spacesValue, "foo bar  ", " foo  bar "},
		{spacesInitial, "foo bar  ", " foo  bar "},
		{spacesAny, "foo bar  ", "foo  bar "},
		{spacesFinal, "foo bar  ", "foo  bar "},
		{spacesInitial, " foo", " foo"},
		{spacesAny, " foo", " foo"},
		{spacesFinal, " foo", " foo "},
		{spacesValue, "", "  "},
		{spacesAny, "  ", " "},
		{spacesInitial, "", " "},
		{spacesCompact, "  ", " "},
		{spacesCompact, "a  b ", "a b"},
		{spacesNone, " 1 2 ", "12"},
		{spacesAndHyphens, "1 -2", "12"},
	}
	for _, tt := range tests {
		got, err := prepare(nil, []byte(tt.in), true, tt.mode)
		if err != nil || string(got) != tt.want {
			t.Errorf("mode %d of %q: %q, %v, want %q", tt.mode, tt.in, got, err, tt.want)
		}
	}
}

// A rule that looks at a component takes assertions of that component.
func TestFirstComponent(t *testing.T) {
	tests := []struct{ rule, value, assertion string }{
		{"objectIdentifierFirstComponentMatch", "( 2.5.4.3 NAME 'cn' SUP name )", "commonName"},
		{"objectIdentifierFirstComponentMatch", "(2.5.4.3)", "2.5.4.3"},
		{"integerFirstComponentMatch", "( 07 FORM x )", "7"},
		{"directoryStringFirstComponentMatch", "( 'A  b' x )", "a B"},
	}
	for _, tt := range tests {
		rule := Standard().MatchingRule(tt.rule)
		value, err := rule.Normalize(nil, []byte(tt.value))
		if err != nil {
			t.Errorf("%s %q: %v", tt.rule, tt.value, err)
		}
		assertion, err := rule.NormalizeAssertion(nil, []byte(tt.assertion))
		if err != nil || !bytes.Equal(value, assertion) {
			t.Errorf("%s: %q against %q, %v", tt.rule, value, assertion, err)
		}
	}
}

// The usual values cost no memory.
func TestNormalizeDoesNotAllocate(t *testing.T) {
	s := Standard()
	buf := make([]byte, 0, 128)
	for rule, value := range map[string]string{
		"caseIgnoreMatch": "Ann Lee", "caseIgnoreIA5Match": " Ann@Example.com", "integerMatch": "1000", "objectIdentifierMatch": "inetOrgPerson",
		"caseIgnoreSubstringsMatch": "Ann  Lee", "uuidMatch": "597ae2f6-16a6-1027-98f4-d28b5365dc14", "telephoneNumberMatch": "+1 555",
		"generalizedTimeMatch": "20260102030405Z",
	} {
		r, v := s.MatchingRule(rule), []byte(value)
		if n := testing.AllocsPerRun(100, func() { _, _ = r.Normalize(buf, v) }); n != 0 {
			t.Errorf("%s: %v allocations", rule, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.Attribute("givenName;lang-de") }); n != 0 {
		t.Errorf("Attribute: %v allocations", n)
	}
}

// Whatever the value, preparing it again changes nothing, and the forms agree.
func FuzzPrepare(f *testing.F) {
	for _, v := range []string{"", " A  b ", "É \u0308", "ﬁ\u00a0㎒", "\ufeff", "ΣΑΣ", "1-2", "\u1806x\u202f"} {
		f.Add([]byte(v), true)
		f.Add([]byte(v), false)
	}
	f.Fuzz(func(t *testing.T, value []byte, fold bool) {
		once, err := prepare(nil, value, fold, spacesCompact)
		if err != nil {
			return
		}
		twice, err := prepare(nil, once, fold, spacesCompact)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q is %q, then %q, %v", value, once, twice, err)
		}
		whole, err := prepare(nil, value, fold, spacesValue)
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range []spaces{spacesInitial, spacesAny, spacesFinal} {
			part, err := prepare(nil, value, fold, mode)
			if err != nil || !bytes.Contains(whole, part) {
				t.Fatalf("%q as %d is %q, not in %q, %v", value, mode, part, whole, err)
			}
		}
		if n := slices.Max(append([]byte(value), 0)); n < 0x80 {
			slow, err := prepareUnicode(nil, value, fold, spacesValue)
			if err != nil || !bytes.Equal(slow, whole) {
				t.Fatalf("%q: %q in ASCII, %q as Unicode, %v", value, whole, slow, err)
			}
		}
	})
}

// No rule panics on any value.
func FuzzNormalize(f *testing.F) {
	for _, v := range []string{"", "1", "-1", "2026010203Z", "cn=a#'1'B", "( 1.2 )", "'01'B", "a$b"} {
		f.Add([]byte(v))
	}
	s := Standard()
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, r := range s.inForce.Load().ruleList {
			_, _ = r.Normalize(nil, value)
			_, _ = r.NormalizeAssertion(nil, value)
			if r.Kind == SubstringsKind {
				_, _ = r.NormalizeSubstring(nil, Any, value)
			}
		}
		for _, x := range s.inForce.Load().syntaxList {
			_ = x.Validate(value)
		}
	})
}
