package schema

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseDescriptions(t *testing.T) {
	attribute, err := ParseAttributeType(`( 2.5.4.6 NAME ( 'c' 'countryName' ) DESC 'two\27letter \5Ccode' OBSOLETE SUP name
	EQUALITY a ORDERING b SUBSTR c SYNTAX 1.3.6.1{64} SINGLE-VALUE COLLECTIVE NO-USER-MODIFICATION
	USAGE dSAOperation X-A 'b' X-C ( 'd' 'e' ) )`)
	if want := (&AttributeTypeDescription{
		OID: "2.5.4.6", Names: []string{"c", "countryName"}, Desc: `two'letter \code`, Obsolete: true, Sup: "name",
		Equality: "a", Ordering: "b", Substr: "c", Syntax: "1.3.6.1", SyntaxLength: 64, SingleValue: true, Collective: true,
		NoUserModification: true, Usage: DSAOperation, Extensions: []Extension{{"X-A", []string{"b"}}, {"X-C", []string{"d", "e"}}},
	}); err != nil || !reflect.DeepEqual(attribute, want) {
		t.Errorf("%+v, %v", attribute, err)
	}

	class, err := ParseObjectClass("(1.2 NAME 'x' SUP (a$b) AUXILIARY MUST c MAY ( d $ e ))")
	if want := (&ObjectClassDescription{
		OID: "1.2", Names: []string{"x"}, Sup: []string{"a", "b"}, Kind: Auxiliary, Must: []string{"c"}, May: []string{"d", "e"},
	}); err != nil || !reflect.DeepEqual(class, want) {
		t.Errorf("%+v, %v", class, err)
	}

	rule, err := ParseMatchingRule("( 1.2 NAME 'x' DESC 'y' OBSOLETE SYNTAX '1.3' )")
	if want := (&MatchingRuleDescription{OID: "1.2", Names: []string{"x"}, Desc: "y", Obsolete: true, Syntax: "1.3"}); err != nil || !reflect.DeepEqual(rule, want) {
		t.Errorf("%+v, %v", rule, err)
	}

	syntax, err := ParseLDAPSyntax("( 1.2 DESC 'x' X-NOT-HUMAN-READABLE 'TRUE' )")
	if want := (&LDAPSyntaxDescription{OID: "1.2", Desc: "x", Extensions: []Extension{{"X-NOT-HUMAN-READABLE", []string{"TRUE"}}}}); err != nil || !reflect.DeepEqual(syntax, want) {
		t.Errorf("%+v, %v", syntax, err)
	}
}

func TestParseDescriptionErrors(t *testing.T) {
	attribute := func(text string) error { _, err := ParseAttributeType(text); return err }
	class := func(text string) error { _, err := ParseObjectClass(text); return err }
	rule := func(text string) error { _, err := ParseMatchingRule(text); return err }
	syntax := func(text string) error { _, err := ParseLDAPSyntax(text); return err }
	tests := []struct {
		parse      func(string) error
		text, want string
	}{
		{attribute, "", "at offset 0: expected '('"},
		{attribute, "( )", "at offset 2: expected a word"},
		{attribute, "( 1.2", "at offset 5: expected a word"},
		{attribute, "( 1.2 )", "at offset 0: neither SUP nor SYNTAX"},
		{attribute, "( 1.2 SUP a ) x", "at offset 14: text behind the closing parenthesis"},
		{attribute, "( 1.2 SUP a SUP b )", "at offset 12: SUP appears twice"},
		{attribute, "( 1.2 FOO a )", `at offset 6: unknown keyword "FOO"`},
		{attribute, "( 1.2 NAME x SUP a )", `at offset 11: expected '\''`},
		{attribute, "( 1.2 NAME 'x SUP a )", "at offset 12: missing closing quote"},
		{attribute, "( 1.2 NAME 'a b' SUP a )", `at offset 11: "a b" is neither a name nor an object identifier`},
		{attribute, "( 1.2 SUP a USAGE foo )", `at offset 18: unknown USAGE "foo"`},
		{attribute, "( 1.2 SYNTAX 1.3{x} )", "at offset 13: malformed bound of the syntax"},
		{attribute, "( 1.2 SYNTAX 1.3{1 )", "at offset 13: malformed bound of the syntax"},
		{attribute, "( 1,2 SUP a )", `at offset 2: "1,2" is neither a name nor an object identifier`},
		{attribute, "( 1.2 SUP a" + strings.Repeat(" ", maxDescription) + ")", "at offset 65536: longer than 65536 octets"},
		{class, "( 1.2 ABSTRACT AUXILIARY )", "at offset 24: more than one kind of class"},
		{class, "( 1.2 MUST ( a b ) )", "at offset 15: expected ')'"},
		{class, "( 1.2 MUST ( ) )", "at offset 13: expected a word"},
		{rule, "( 1.2 NAME 'x' )", "at offset 0: no SYNTAX"},
		{syntax, "( 1.2 NAME 'x' )", `at offset 6: unknown keyword "NAME"`},
		{syntax, "( 1.2 X-A ( 'x' )", "at offset 17: expected a word"},
	}
	for _, tt := range tests {
		if err := tt.parse(tt.text); err == nil || err.Error() != tt.want {
			t.Errorf("%.40q: %v, want %s", tt.text, err, tt.want)
		}
	}
}

// The schema files of OpenLDAP parse, where they are installed.
func TestParseForeignFiles(t *testing.T) {
	files, _ := filepath.Glob("/etc/ldap/schema/*.ldif")
	if len(files) == 0 {
		t.Skip("no schema files of OpenLDAP here")
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		unfolded := strings.ReplaceAll(string(text), "\n ", "")
		for line := range strings.SplitSeq(unfolded, "\n") {
			kind, description, _ := strings.Cut(line, ": ")
			if strings.HasPrefix(description, "{") {
				_, description, _ = strings.Cut(description, "}")
			}
			switch strings.ToLower(kind) {
			case "olcattributetypes":
				_, err = ParseAttributeType(description)
			case "olcobjectclasses":
				_, err = ParseObjectClass(description)
			default:
				continue
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, description, err)
			}
		}
	}
}

func FuzzParseDescriptions(f *testing.F) {
	for _, text := range []string{
		"( 1.2 NAME 'x' DESC 'y' SUP a SYNTAX 1.3{5} USAGE dSAOperation X-A ( 'b' 'c' ) )",
		"( 1.2 NAME ( 'x' 'y' ) SUP ( a $ b ) ABSTRACT MUST c MAY ( d $ e ) )", "(", "( 1.2 DESC '\\27' )",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := ParseAttributeType(text)
		check := func(err error) {
			if err == nil {
				return
			}
			if e, ok := err.(*SyntaxError); !ok || e.Offset < 0 || e.Offset > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
		}
		check(err)
		_, err = ParseObjectClass(text)
		check(err)
		_, err = ParseMatchingRule(text)
		check(err)
		_, err = ParseLDAPSyntax(text)
		check(err)
	})
}
