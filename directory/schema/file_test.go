package schema

import (
	"os"
	"strings"
	"testing"
)

// The same definitions in every form that a file may have.
func TestReadFile(t *testing.T) {
	const (
		shoe  = "( 1.3.6.1.4.1.99999.1.1 NAME 'shoeSize' DESC 'in Paris points' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27{8} SINGLE-VALUE X-ORIGIN 'the shop' X-SCHEMA-FILE '99-user.ldif' )"
		class = "( 1.3.6.1.4.1.99999.2.1 NAME 'shod' SUP top AUXILIARY MAY shoeSize )"
	)
	for form, text := range map[string]string{
		"as built in": "attributetype " + shoe + "\n\nobjectclass " + class + "\n",
		"OpenLDAP's": `# shoes
objectIdentifier Shop 1.3.6.1.4.1.99999
objectidentifier shopAttribute	Shop:1
objectidentifier Int 1.3.6.1.4.1.1466.115.121.1.27
attributeType	( ShopAttribute:1
	NAME 'shoeSize' DESC 'in Paris points'
	EQUALITY integerMatch SYNTAX Int{8} SINGLE-VALUE X-ORIGIN 'the shop' X-SCHEMA-FILE '99-user.ldif' )
ObjectClass(Shop:2.1 NAME 'shod' SUP top AUXILIARY MAY shoeSize )`,
		"of cn=config": `dn: cn={4}shoes,cn=schema,cn=config
objectClass: olcSchemaConfig
cn: {4}shoes
olcObjectIdentifier: {0}Shop 1.3.6.1.4.1.99999
olcAttributeTypes: {0}( Shop:1.1 NAME 'shoeSize' DESC 'in Paris points' EQUALITY
  integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27{8} SINGLE-VALUE X-ORIGIN 't
 he shop' X-SCHEMA-FILE '99-user.ldif' )
olcObjectClasses: {0}( Shop:2.1 NAME 'shod' SUP top AUXILIARY MAY shoeSize )
`,
		"of 389": "\ufeff# 99user.ldif\r\n#\r\ndn: cn=schema\r\nobjectclass: top\r\nobjectclass: subschema\r\nattributetypes: " + shoe +
			"\r\nobjectclasses:: KCAxLjMuNi4xLjQuMS45OTk5OS4yLjEgTkFNRSAnc2hvZCcgU1VQIHRvcCBBVVhJTElBUlkgTUFZIHNob2VTaXplICk=\r\n",
		"a change": "version: 1\ndn: cn=schema\nchangetype: modify\nadd: attributeTypes\nattributeTypes: " + shoe + "\n-\nadd: objectClasses\nobjectClasses: " + class + "\n-\n",
	} {
		t.Run(form, func(t *testing.T) {
			list, err := ReadFile("f", text)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) != 2 || list[0].Text != shoe || strings.Replace(list[1].Text, "(1", "( 1", 1) != class {
				t.Fatalf("%+v", list)
			}
			s, err := New(list...)
			if err != nil {
				t.Fatal(err)
			}
			c := s.ObjectClass("shod")
			if c == nil || len(c.May) != 1 || c.May[0] != s.Attribute("SHOESIZE") || !c.May[0].SingleValue {
				t.Errorf("%+v", c)
			}
			if Standard().ObjectClass("shod") != nil {
				t.Error("it is in the built-in schema too")
			}
		})
	}
}

// A draft comes into force when it is used, and for matching too.
func TestUse(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	same := func() bool {
		a, err := s.ParseDN("code=AbC")
		b, err2 := s.ParseDN("1.2.3=abc")
		return err == nil && err2 == nil && a.Norm() == b.Norm()
	}
	old := s.Attribute("name")
	d, err := s.Draft([]Definition{{AttributeDefinition, "( 1.2.3 NAME 'code' SUP name )", "here"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Attribute("code") != nil || same() {
		t.Error("a draft is in force")
	}
	s.Use(d)
	first := s.Attribute("code")
	if first == nil || !first.IsA(old) || !same() {
		t.Error("a draft that is used is not in force")
	}
	if d, err = s.Draft(nil); err != nil {
		t.Fatal(err)
	}
	s.Use(d)
	if s.Attribute("code") != nil || s.Attribute("name") != old {
		t.Error("an older draft is still in force")
	}
}

// A file as operators have it.
func TestEduPerson(t *testing.T) {
	text, err := os.ReadFile("../../testdata/schema/eduperson.schema")
	if err != nil {
		t.Fatal(err)
	}
	list, err := ReadFile("eduperson.schema", string(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(list...)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.Attribute("eduPersonNickname"); a == nil || a.OID != "1.3.6.1.4.1.5923.1.1.1.2" || a.SubstringRule() == nil {
		t.Errorf("%+v", a)
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add("attributetype ( 1.2 NAME 'a' SUP name )\nobjectIdentifier x 1.2\nobjectclass ( x:3 MAY a )")
	f.Add("dn: cn=schema\nattributeTypes: ( 1.2 NAME 'a'\n  SUP name )\nolcObjectClasses: {1}( 1.3 SUP top )")
	s, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ReadFile("f", text)
		if err != nil {
			return
		}
		d, err := s.Draft(list)
		if err != nil {
			return
		}
		s.Use(d)
		for _, text := range s.AttributeTypes() {
			if _, err := ParseAttributeType(text); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}

// Files that Debian's slapd brings, in both their forms; the others want rules or
// syntaxes that are not there.
func TestFilesOfOpenLDAP(t *testing.T) {
	for name, count := range map[string]int{
		"inetorgperson": 10, "nis": 38,
		"collective": 13, "corba": 5, "duaconf": 17, "java": 12, "misc": 6, "msuser": 944, "namedobject": 2,
	} {
		for _, form := range []string{"schema", "ldif"} {
			file := "/etc/ldap/schema/" + name + "." + form
			text, err := os.ReadFile(file)
			if err != nil && os.Getenv("CI") != "true" {
				t.Skip("slapd is not installed")
			}
			list, err := ReadFile(file, string(text))
			if err == nil {
				_, err = New(list...)
			}
			if err != nil || len(list) != count {
				t.Errorf("%s: %d definitions, %v", file, len(list), err)
			}
		}
	}
}
