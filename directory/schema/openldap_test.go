package schema

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files that come with OpenLDAP load whole, each alone with those that it
// builds upon, in both of their forms; and what is printed of them is read again.
func TestOpenLDAPFiles(t *testing.T) {
	const folder = "/etc/ldap/schema"
	if _, err := os.Stat(folder); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("slapd is not installed")
	}
	read := func(name string) []Definition {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := ReadFile(filepath.Base(name), string(text))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	below := []string{"core", "cosine", "nis"}
	for _, form := range []string{".schema", ".ldif"} {
		names, _ := filepath.Glob(folder + "/*" + form)
		if len(names) < 10 {
			t.Fatalf("only %d files *%s", len(names), form)
		}
		for _, name := range names {
			t.Run(filepath.Base(name), func(t *testing.T) {
				own := read(name)
				all := own
				for _, b := range below {
					if other := filepath.Join(folder, b+form); other != name {
						all = append(all[:len(all):len(all)], read(other)...)
					}
				}
				s, err := New(all...)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range own {
					p := &parser{text: d.Text}
					p.expect('(')
					oid := p.oid()
					switch {
					case d.Kind == AttributeDefinition && s.Attribute(oid) == nil,
						d.Kind == ClassDefinition && s.ObjectClass(oid) == nil,
						d.Kind == SyntaxDefinition && s.Syntax(oid) == nil:
						t.Errorf("%s: %s is not there", d.Where, oid)
					}
				}
				for kind, texts := range map[Kind][]string{
					AttributeDefinition: s.AttributeTypes(), ClassDefinition: s.ObjectClasses(), SyntaxDefinition: s.LDAPSyntaxes(), RuleDefinition: s.MatchingRules(),
				} {
					file := string(kind) + " " + strings.Join(texts, "\n"+string(kind)+" ")
					again, err := ReadFile("printed", file)
					if err != nil || len(again) != len(texts) {
						t.Errorf("%d definitions, %d read again, %v", len(texts), len(again), err)
					}
				}
			})
		}
	}
}

// RFC 2307bis makes posixGroup an auxiliary class, so that a group of names can be
// one. Who has it in a file has it so.
func TestRFC2307bis(t *testing.T) {
	group := [][]byte{[]byte("groupOfNames"), []byte("posixGroup")}
	names := []string{"objectClass", "cn", "member", "gidNumber"}
	if err := Standard().CheckEntry(group, names); err == nil {
		t.Error("built in, it is structural")
	}
	list, err := ReadFile("rfc2307bis.schema", `objectclass ( 1.3.6.1.1.1.2.2 NAME 'posixGroup' SUP top AUXILIARY
		DESC 'Abstraction of a group of accounts' MUST gidNumber MAY ( authPassword $ userPassword $ memberUid $ description ) )
attributetype ( 1.3.6.1.4.1.4203.1.3.4 NAME 'authPassword' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
attributetype ( 1.3.6.1.1.1.1.1 NAME 'gidNumber' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(list...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckEntry(group, names); err != nil {
		t.Error(err)
	}
	if s.Attribute("gidNumber").EqualityRule().Name() != "integerMatch" {
		t.Error("an attribute type, by which entries are indexed, was replaced")
	}
}

// A syntax may be another one by a different name, and so may its rules.
func TestSyntaxSubstitute(t *testing.T) {
	list, err := ReadFile("x", `
ldapsyntax ( 1.2.840.113556.1.4.906 NAME 'LargeInteger' DESC 'Large Integer' X-SUBST '1.3.6.1.4.1.1466.115.121.1.27' )
attributetype ( 1.2.840.113556.1.4.96 NAME 'pwdLastSet' EQUALITY integerMatch SYNTAX 1.2.840.113556.1.4.906 SINGLE-VALUE )`)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(list...)
	if err != nil {
		t.Fatal(err)
	}
	a := s.Attribute("pwdLastSet")
	if a.Syntax.Validate([]byte("12")) != nil || a.Syntax.Validate([]byte("twelve")) == nil || !s.MatchingRule("integerBitAndMatch").AppliesTo(a) {
		t.Error("its values are no integers")
	}
	for _, text := range s.LDAPSyntaxes() {
		if strings.Contains(text, "NAME") {
			t.Errorf("printed: %s", text)
		}
	}
}
