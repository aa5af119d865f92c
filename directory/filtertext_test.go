package directory

import (
	"reflect"
	"strings"
	"testing"
)

// RFC 4515, section 4, and what else may come.
func TestParseFilter(t *testing.T) {
	eq := func(a, v string) Filter { return Filter{Kind: FilterEqualityMatch, Attribute: a, Value: []byte(v)} }
	tests := []struct {
		text string
		want Filter
		out  string // String; "": text
	}{
		// The examples of section 4.
		{"(cn=Babs Jensen)", eq("cn", "Babs Jensen"), ""},
		{"(!(cn=Tim Howes))", Filter{Kind: FilterNot, Filters: []Filter{eq("cn", "Tim Howes")}}, ""},
		{"(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))", Filter{Kind: FilterAnd, Filters: []Filter{
			eq("objectClass", "Person"),
			{Kind: FilterOr, Filters: []Filter{eq("sn", "Jensen"), {Kind: FilterSubstrings, Attribute: "cn", Initial: []byte("Babs J")}}},
		}}, ""},
		{"(o=univ*of*mich*)", Filter{Kind: FilterSubstrings, Attribute: "o", Initial: []byte("univ"), Any: [][]byte{[]byte("of"), []byte("mich")}}, ""},
		{"(seeAlso=)", eq("seeAlso", ""), ""},
		{"(cn:caseExactMatch:=Fred Flintstone)", Filter{Kind: FilterExtensibleMatch, Attribute: "cn", MatchingRule: "caseExactMatch", Value: []byte("Fred Flintstone")}, ""},
		{"(cn:=Betty Rubble)", Filter{Kind: FilterExtensibleMatch, Attribute: "cn", Value: []byte("Betty Rubble")}, ""},
		{"(sn:dn:2.4.6.8.10:=Barney Rubble)", Filter{Kind: FilterExtensibleMatch, Attribute: "sn", DNAttributes: true, MatchingRule: "2.4.6.8.10", Value: []byte("Barney Rubble")}, ""},
		{"(o:dn:=Ace Industry)", Filter{Kind: FilterExtensibleMatch, Attribute: "o", DNAttributes: true, Value: []byte("Ace Industry")}, ""},
		{"(:1.2.3:=Wilma Flintstone)", Filter{Kind: FilterExtensibleMatch, MatchingRule: "1.2.3", Value: []byte("Wilma Flintstone")}, ""},
		{"(:DN:2.4.6.8.10:=Dino)", Filter{Kind: FilterExtensibleMatch, DNAttributes: true, MatchingRule: "2.4.6.8.10", Value: []byte("Dino")}, "(:dn:2.4.6.8.10:=Dino)"},
		{`(o=Parens R Us \28for all your parenthetical needs\29)`, eq("o", "Parens R Us (for all your parenthetical needs)"), ""},
		{`(cn=*\2A*)`, Filter{Kind: FilterSubstrings, Attribute: "cn", Any: [][]byte{[]byte("*")}}, `(cn=*\2a*)`},
		{`(filename=C:\5cMyFile)`, eq("filename", `C:\MyFile`), ""},
		{`(bin=\00\00\00\04)`, eq("bin", "\x00\x00\x00\x04"), ""},
		{`(sn=Lu\c4\8di\c4\87)`, eq("sn", "Lučić"), "(sn=Lučić)"},
		{`(1.3.6.1.4.1.1466.0=\04\02\48\69)`, eq("1.3.6.1.4.1.1466.0", "\x04\x02Hi"), `(1.3.6.1.4.1.1466.0=\04\02Hi)`},

		// RFC 4526.
		{"(&)", Filter{Kind: FilterAnd}, ""},
		{"(|)", Filter{Kind: FilterOr}, ""},

		// The other operators.
		{"(cn;lang-de=*)", Filter{Kind: FilterPresent, Attribute: "cn;lang-de"}, ""},
		{"(cn=*b)", Filter{Kind: FilterSubstrings, Attribute: "cn", Final: []byte("b")}, ""},
		{"(cn=a*b)", Filter{Kind: FilterSubstrings, Attribute: "cn", Initial: []byte("a"), Final: []byte("b")}, ""},
		{"(n>=1)", Filter{Kind: FilterGreaterOrEqual, Attribute: "n", Value: []byte("1")}, ""},
		{"(n<=1)", Filter{Kind: FilterLessOrEqual, Attribute: "n", Value: []byte("1")}, ""},
		{"(n~=1)", Filter{Kind: FilterApproxMatch, Attribute: "n", Value: []byte("1")}, ""},
		{"(cn:dn:dn:=a)", Filter{Kind: FilterExtensibleMatch, Attribute: "cn", DNAttributes: true, MatchingRule: "dn", Value: []byte("a")}, ""},
		{`(cn=\ff)`, eq("cn", "\xff"), ""},
		{"(cn=a=b)", eq("cn", "a=b"), ""},
		{"cn=a", eq("cn", "a"), "(cn=a)"},
		{"objectClass=*", Filter{Kind: FilterPresent, Attribute: "objectClass"}, "(objectClass=*)"},
	}
	for _, tt := range tests {
		got, err := ParseFilter(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.text, got, tt.want)
		}
		if tt.out == "" {
			tt.out = tt.text
		}
		if got.String() != tt.out {
			t.Errorf("%s is written %s", tt.text, got.String())
		}
	}
}

func TestParseFilterErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "filter, at offset 1: expected an attribute description"},
		{"(", "filter, at offset 1: expected an attribute description"},
		{"()", "filter, at offset 1: expected an attribute description"},
		{"(cn=a", "filter, at offset 5: expected a closing parenthesis"},
		{"(cn=a))", "filter, at offset 6: text behind the filter"},
		{"(cn)", "filter, at offset 3: expected =, ~=, >=, <= or := behind the attribute description"},
		{"(cn>a)", "filter, at offset 4: expected an equals sign"},
		{"(=a)", "filter, at offset 1: expected an attribute description"},
		{"(c n=a)", "filter, at offset 2: expected =, ~=, >=, <= or := behind the attribute description"},
		{"(cn=a(b)", "filter, at offset 5: this character must be escaped in a value"},
		{"(cn=a\x00)", "filter, at offset 5: this character must be escaped in a value"},
		{`(cn=\zz)`, "filter, at offset 4: expected two hexadecimal digits behind the backslash"},
		{`(cn=\4`, "filter, at offset 4: expected two hexadecimal digits behind the backslash"},
		{"(cn=a**b)", "filter, at offset 6: two asterisks with nothing between them"},
		{"(cn=**)", "filter, at offset 5: two asterisks with nothing between them"},
		{"(cn>=a*)", "filter, at offset 6: expected a closing parenthesis"},
		{"(!)", "filter, at offset 2: expected one filter behind the exclamation mark"},
		{"(!(a=b)(c=d))", "filter, at offset 12: expected one filter behind the exclamation mark"},
		{"(&(a=b)x)", "filter, at offset 7: expected a closing parenthesis"},
		{"(:=a)", "filter, at offset 3: expected an attribute description or a matching rule in front of :="},
		{"(:dn:=a)", "filter, at offset 6: expected an attribute description or a matching rule in front of :="},
		{"(cn:x:y:=a)", "filter, at offset 7: expected := in front of the value"},
		{"(cn::=a)", "filter, at offset 4: expected := in front of the value"},
		{"(cn:x=a)", "filter, at offset 5: expected := in front of the value"},
		{strings.Repeat("(!", 65) + "(a=b)" + strings.Repeat(")", 65), "filter, at offset 128: nested too deep"},
		{"(cn=" + strings.Repeat("a", maxFilterLength) + ")", "filter, at offset 0: the filter is longer than 65536 octets"},
	}
	for _, tt := range tests {
		_, err := ParseFilter(tt.text)
		if r := Result(err); r.ResultCode != ProtocolError || r.DiagnosticMessage != tt.want {
			t.Errorf("%.40q: %v, want %s", tt.text, err, tt.want)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, text := range []string{"", "(&)", "(cn=a*b*\\2a)", "(!(:dn:x:=y))", "(|(a>=1)(b~=2)(c<=3)(d=*))"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter(text)
		if err != nil {
			return
		}
		again, err := ParseFilter(filter.String())
		if err != nil || !reflect.DeepEqual(filter, again) {
			t.Fatalf("%q is written %q, which is %+v, %v", text, filter.String(), again, err)
		}
	})
}
