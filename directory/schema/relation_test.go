package schema

import "testing"

// Rules for extensible matches alone.
func TestRelationRules(t *testing.T) {
	tests := []struct {
		rule, value, assertion string
		holds                  bool
	}{
		// RFC 4517, section 4.2.33: space-delimited words, by caseIgnoreMatch.
		{"wordMatch", "The quick  brown fox", "QUICK", true},
		{"wordMatch", "The quick brown fox", "qui", false},
		{"wordMatch", "The quick brown fox", "quick brown", false},
		{"wordMatch", "well-known", "known", false},
		{"wordMatch", "ÉTÉ indien", "été", true},
		{"wordMatch", "fox", "fox", true},

		// Section 4.2.21: keywords; what they are is for the server to say.
		{"keywordMatch", "well-known (and loved)", "known", true},
		{"keywordMatch", "well-known (and loved)", "LOVED", true},
		{"keywordMatch", "well-known (and loved)", "love", false},
		{"keywordMatch", "RFC 4517: syntaxes", "4517", true},
		{"keywordMatch", "smörgåsbord, etc.", "SMÖRGÅSBORD", true},

		// MS-ADTS, sections 3.1.1.3.4.4.1 and 2.
		{"integerBitAndMatch", "514", "2", true},
		{"integerBitAndMatch", "512", "2", false},
		{"integerBitAndMatch", "514", "514", true},
		{"integerBitAndMatch", "514", "0", true},
		{"integerBitAndMatch", "-2147483646", "-2147483648", true}, // groupType of a security group
		{"integerBitOrMatch", "514", "6", true},
		{"integerBitOrMatch", "512", "6", false},
		{"integerBitOrMatch", "512", "0", false},
	}
	for _, tt := range tests {
		r := Standard().MatchingRule(tt.rule)
		value, err := r.Normalize(nil, []byte(tt.value))
		if err != nil {
			t.Fatal(err)
		}
		assertion, err := r.NormalizeAssertion(nil, []byte(tt.assertion))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Holds(value, assertion); got != tt.holds {
			t.Errorf("%s: %q, %q: %v", tt.rule, tt.value, tt.assertion, got)
		}
	}
	for rule, value := range map[string]string{"integerBitAndMatch": "two", "integerBitOrMatch": ""} {
		if _, err := Standard().MatchingRule(rule).NormalizeAssertion(nil, []byte(value)); err == nil {
			t.Errorf("%s takes %q", rule, value)
		}
	}
}
