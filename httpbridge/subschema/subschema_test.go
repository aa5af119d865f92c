package subschema

import (
	"reflect"
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	s := Parse([]string{
		`( 2.5.4.41 NAME 'name' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{32768} )`,
		`( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'RFC4519: it\27s a \5c name' SUP name )`,
		`(2.5.4.6 NAME 'c' SUP name SINGLE-VALUE X-ORIGIN ( 'a' 'b' ))`,
		`( 2.5.18.1 NAME 'createTimestamp' SYNTAX '1.3.6.1.4.1.1466.115.121.1.24' SINGLE-VALUE NO-USER-MODIFICATION USAGE directoryOperation )`,
		`( 1.1.1 NAME 'loop' SUP loop )`,
		`( 1.1.2 )`,
		`not a definition`,
		`( 1.1.3 NAME 'open`,
		`( 1.1.4 NAME )`,
	}, []string{
		`( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) MAY ( userPassword $ telephoneNumber ) )`,
		`( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )`,
	})
	for _, tt := range []struct {
		name string
		want AttributeType
	}{
		{"CN", AttributeType{OID: "2.5.4.3", Names: []string{"cn", "commonName"}, Description: `RFC4519: it's a \ name`, Syntax: "1.3.6.1.4.1.1466.115.121.1.15", sup: "name"}},
		{"commonname", AttributeType{OID: "2.5.4.3", Names: []string{"cn", "commonName"}, Description: `RFC4519: it's a \ name`, Syntax: "1.3.6.1.4.1.1466.115.121.1.15", sup: "name"}},
		{"2.5.4.6", AttributeType{OID: "2.5.4.6", Names: []string{"c"}, SingleValue: true, Syntax: "1.3.6.1.4.1.1466.115.121.1.15", sup: "name"}},
		{"createtimestamp", AttributeType{
			OID: "2.5.18.1", Names: []string{"createTimestamp"}, Syntax: "1.3.6.1.4.1.1466.115.121.1.24",
			SingleValue: true, Operational: true, NoUserModification: true,
		}},
		{"loop", AttributeType{OID: "1.1.1", Names: []string{"loop"}, sup: "loop"}},
		{"1.1.2", AttributeType{OID: "1.1.2"}},
	} {
		if got := s.Attribute(tt.name); got == nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	if n := len(s.Attributes); n != 6 {
		t.Errorf("%d attributes", n)
	}
	person := s.Class("PERSON")
	if person == nil || !slices.Equal(person.Must, []string{"sn", "cn"}) || person.Kind != "STRUCTURAL" || !slices.Equal(person.Sup, []string{"top"}) {
		t.Errorf("person: %+v", person)
	}
	if top := s.Class("top"); top == nil || top.Kind != "ABSTRACT" || top.Name() != "top" {
		t.Errorf("top: %+v", top)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`( 2.5.4.3 NAME ( 'cn' 'commonName' ) DESC 'x' SUP name USAGE dSAOperation X-A ( 'b' ) )`)
	f.Add(`( 1 NAME '`)
	f.Add(`( 1 MUST ( a $ b ) )`)
	f.Fuzz(func(t *testing.T, text string) {
		s := Parse([]string{text}, []string{text})
		for _, a := range s.Attributes {
			if s.Attribute(a.OID) == nil {
				t.Fatalf("%q: %q is not found", text, a.OID)
			}
		}
	})
}
