package schema

import (
	"strings"
	"testing"
)

// A few definitions, seen through their names, rules and syntaxes.
func TestStandardAttributes(t *testing.T) {
	s := Standard()
	tests := []struct {
		desc, name, oid            string
		equality, ordering, substr string
		syntax                     string // without syntaxArc
		single, operational        bool
	}{
		{"CN", "cn", "2.5.4.3", "caseIgnoreMatch", "", "caseIgnoreSubstringsMatch", "15", false, false},
		{"commonname;lang-de", "cn", "2.5.4.3", "caseIgnoreMatch", "", "caseIgnoreSubstringsMatch", "15", false, false},
		{"2.5.4.6", "c", "2.5.4.6", "caseIgnoreMatch", "", "caseIgnoreSubstringsMatch", "11", true, false},
		{"objectclass", "objectClass", "2.5.4.0", "objectIdentifierMatch", "", "", "38", false, false},
		{"member", "member", "2.5.4.31", "distinguishedNameMatch", "", "", "12", false, false},
		{"dc", "dc", "0.9.2342.19200300.100.1.25", "caseIgnoreIA5Match", "", "caseIgnoreIA5SubstringsMatch", "26", true, false},
		{"createTimestamp", "createTimestamp", "2.5.18.1", "generalizedTimeMatch", "generalizedTimeOrderingMatch", "", "24", true, true},
		{"entryUUID", "entryUUID", "1.3.6.1.1.16.4", "uuidMatch", "uuidOrderingMatch", "", uuidSyntax, true, true},
		{"entryDN", "entryDN", "1.3.6.1.1.20", "distinguishedNameMatch", "", "", "12", true, true},
		{"userPassword", "userPassword", "2.5.4.35", "octetStringMatch", "", "", "40", false, false},
		{"uidNumber", "uidNumber", "1.3.6.1.1.1.1.0", "integerMatch", "integerOrderingMatch", "", "27", true, false},
		{"vendorName", "vendorName", "1.3.6.1.1.4", "caseExactMatch", "", "", "15", true, true},
		{"registeredAddress", "registeredAddress", "2.5.4.26", "caseIgnoreListMatch", "", "caseIgnoreListSubstringsMatch", "41", false, false},
		{"jpegPhoto", "jpegPhoto", "0.9.2342.19200300.100.1.60", "", "", "", "28", false, false},
		{"ds-auth-totp-shared-secret", "ds-auth-totp-shared-secret", "1.3.6.1.4.1.30221.2.1.896", "octetStringMatch", "", "", "40", false, true},
		{"ds-privilege-name", "ds-privilege-name", Arc + ".1", "caseIgnoreMatch", "", "", "15", false, true},
		{"tallystickTOTPCredential", "tallystickTOTPCredential", Arc + ".2", "octetStringMatch", "", "", "40", false, true},
		{"tallystickRecoveryCodes", "tallystickRecoveryCodes", Arc + ".3", "octetStringMatch", "", "", "40", true, true},
	}
	name := func(r *MatchingRule) string {
		if r == nil {
			return ""
		}
		return r.Name()
	}
	for _, tt := range tests {
		a := s.Attribute(tt.desc)
		if a == nil {
			t.Errorf("%s is not defined", tt.desc)
			continue
		}
		if a.Name() != tt.name || a.OID != tt.oid || a.SingleValue != tt.single || a.Operational() != tt.operational ||
			strings.TrimPrefix(a.Syntax.OID, syntaxArc) != tt.syntax || name(a.EqualityRule()) != tt.equality ||
			name(a.OrderingRule()) != tt.ordering || name(a.SubstringRule()) != tt.substr {
			t.Errorf("%s is %s %s, %s %s %s, syntax %s, single %v, operational %v", tt.desc, a.Name(), a.OID,
				name(a.EqualityRule()), name(a.OrderingRule()), name(a.SubstringRule()), a.Syntax.OID, a.SingleValue, a.Operational())
		}
	}
	for _, desc := range []string{"", "x", "cnn", ";lang-de", "2.5.4.999", strings.Repeat("x", 1000)} {
		if s.Attribute(desc) != nil {
			t.Errorf("%.40q is defined", desc)
		}
		a := s.AttributeOrUndefined(desc)
		if !a.Undefined() || a.EqualityRule().Name() != "caseIgnoreMatch" || a.Operational() || a.Name() != trimOptions(desc) {
			t.Errorf("%.40q is %+v", desc, a)
		}
	}
	if !s.AttributeOrUndefined("Xx;a").IsA(s.AttributeOrUndefined("xX")) || s.AttributeOrUndefined("x").IsA(s.AttributeOrUndefined("y")) {
		t.Error("undefined types are not told apart by their names in lower case")
	}
	if !s.Attribute("cn").IsA(s.Attribute("name")) || s.Attribute("name").IsA(s.Attribute("cn")) {
		t.Error("cn is not a subtype of name")
	}
}

// Names of attributes, classes and rules do not overlap, for
// objectIdentifierMatch looks among all of them, classes first. OATH-LDAP
// calls an attribute and the class of what it points to the same.
func TestStandardNamesAreUnique(t *testing.T) {
	s := Standard()
	d := s.inForce.Load()
	for _, c := range d.classList {
		for _, n := range c.Names {
			if lookup(&d.attributes, n) != nil && !strings.HasPrefix(n, "oath") || lookup(&d.rules, n) != nil {
				t.Errorf("%s is more than one thing", n)
			}
		}
	}
	for _, a := range d.attributeList {
		for _, n := range a.Names {
			if lookup(&d.rules, n) != nil {
				t.Errorf("%s is more than one thing", n)
			}
		}
	}
}

// Every rule an attribute uses is made for its syntax.
func TestStandardRulesFitSyntaxes(t *testing.T) {
	for _, a := range Standard().inForce.Load().attributeList {
		for kind, r := range map[RuleKind]*MatchingRule{EqualityKind: a.EqualityRule(), OrderingKind: a.OrderingRule(), SubstringsKind: a.SubstringRule()} {
			if r != nil && (r.Kind != kind || !r.AppliesTo(a)) {
				t.Errorf("%s: %s does not fit syntax %s", a.Name(), r.Name(), a.Syntax.OID)
			}
		}
	}
}

func TestStructuralClass(t *testing.T) {
	tests := []struct {
		classes []string
		want    string // "": none
	}{
		{[]string{"top", "person", "organizationalPerson", "inetOrgPerson"}, "inetOrgPerson"},
		{[]string{"INETORGPERSON", "top"}, "inetOrgPerson"},
		{[]string{"2.5.6.6", "posixAccount"}, "person"},
		{[]string{"posixAccount", "top"}, ""},
		{[]string{"unknown", "groupOfNames"}, "groupOfNames"},
		{[]string{"groupOfNames", "person"}, "groupOfNames"},
		{[]string{"dcObject", "organization", "top"}, "organization"},
		{nil, ""},
	}
	for _, tt := range tests {
		var values [][]byte
		for _, c := range tt.classes {
			values = append(values, []byte(c))
		}
		got := ""
		if c := Standard().StructuralClass(values); c != nil {
			got = c.Name()
		}
		if got != tt.want {
			t.Errorf("%v: %q, want %q", tt.classes, got, tt.want)
		}
	}
}

func TestObjectClasses(t *testing.T) {
	c := Standard().ObjectClass("INETORGPERSON")
	if c == nil || c.Name() != "inetOrgPerson" || c.Kind != Structural || !c.IsA(Standard().ObjectClass("2.5.6.0")) ||
		c.IsA(Standard().ObjectClass("device")) {
		t.Fatalf("%+v", c)
	}
	may := map[string]bool{}
	for _, a := range c.May {
		may[a.Name()] = true
	}
	if !may["mail"] || !may["userCertificate"] || may["sn"] {
		t.Errorf("inetOrgPerson may have %v", may)
	}
}

// What the subschema subentry serves parses again, with the parsers here.
func TestSubschemaTexts(t *testing.T) {
	s := Standard()
	for _, text := range s.AttributeTypes() {
		if _, err := ParseAttributeType(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range s.ObjectClasses() {
		if _, err := ParseObjectClass(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range s.MatchingRules() {
		if _, err := ParseMatchingRule(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range s.LDAPSyntaxes() {
		if _, err := ParseLDAPSyntax(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	use := strings.Join(s.MatchingRuleUse(), "\n")
	for _, want := range []string{
		"( 2.5.13.16 NAME 'bitStringMatch' APPLIES x500UniqueIdentifier )",
		"( 2.5.13.8 NAME 'numericStringMatch' APPLIES ( internationalISDNNumber $ x121Address ) )",
	} {
		if !strings.Contains(use, want) {
			t.Errorf("no %s in\n%s", want, use)
		}
	}
	for _, syntax := range s.inForce.Load().syntaxList {
		if s.Syntax(syntax.OID) != syntax {
			t.Errorf("%s is not found", syntax.OID)
		}
	}
}

// What is wrong with files of definitions.
func TestBuildErrors(t *testing.T) {
	const syntaxText = "ldapsyntax ( 1.2 )\n"
	tests := []struct{ text, want string }{
		{"nonsense ( 1.2 )", `x:1: unknown keyword "nonsense"`},
		{"\n# comment\nattributetype ( 1.2 )", "x:3: at offset 0: neither SUP nor SYNTAX"},
		{"attributetype ( 1.2 NAME 'a' SUP b", "x:1: at offset 20: expected a word"},
		{"attributetype", "x:1: at offset 0: expected '('"},
		{"objectclass ( 1.2 ) )", `x:1: unknown keyword ")"`},
		{"matchingrule ( 1.2 NAME 'a' SYNTAX 1.3 )", "x:1: matching rule a is not implemented"},
		{"matchingrule ( 1.2 SYNTAX 1.3 )", "x:1: matching rule 1.2 has no name"},
		{syntaxText + "attributetype ( 1.3 NAME 'a' SYNTAX 1.2 )\nattributetype ( 1.4 NAME 'A' SYNTAX 1.2 )", "x:3: a is defined twice"},
		{"attributetype ( 1.3 NAME 'a' SUP b )", "x:1: attribute type a: b is not defined"},
		{"attributetype ( 1.3 NAME 'a' SYNTAX 1.2 )", "x:1: attribute type a: 1.2 is not defined"},
		{"attributetype ( 1.3 SUP 1.4 )\nattributetype ( 1.4 SUP 1.3 )", "x:1: attribute type 1.3: its supertypes lead in a circle"},
		{syntaxText + "attributetype ( 1.3 NAME 'a' SYNTAX 1.2 )\nattributetype ( 1.4 NAME 'b' SUP a USAGE dSAOperation )", "x:3: attribute type b: its supertype a is of another USAGE"},
		{"objectclass ( 1.3 NAME 'c' MUST a )", "x:1: object class c: a is not defined"},
		{"objectclass ( 1.3 NAME 'c' SUP d )\nobjectclass ( 1.4 NAME 'd' SUP c )", "x:1: object class c: its superclasses lead in a circle"},
		{"objectclass ( 1.3 NAME 'c' )\nobjectclass ( 1.4 NAME 'd' SUP c AUXILIARY )", "x:2: object class d: c cannot be above it: it is of another kind"},
		{"objectidentifier a", "x:1: an object identifier has a name and a number"},
		{"objectidentifier a b:1", `x:1: "b:1" is not an object identifier`},
		{"dn: cn=schema\nattributetypes", `x:2: no colon in "attributetypes"`},
		{"dn: cn=schema\nattributeTypes: ( 1.2\n  NAME 'a' )", "x:2: at offset 0: neither SUP nor SYNTAX"},
		{"dn: cn=schema\nattributeTypes:: =", "x:2: malformed base64"},
	}
	for _, tt := range tests {
		list, err := ReadFile("x", tt.text)
		if err == nil {
			_, err = build(list)
		}
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
		}
	}
}

// The rules of an attribute type are of the right kind, and for its syntax.
func TestRulesThatDoNotFit(t *testing.T) {
	for text, want := range map[string]string{
		"EQUALITY caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15":    "caseIgnoreSubstringsMatch is no EQUALITY rule",
		"EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15":                 "integerMatch does not go with syntax 1.3.6.1.4.1.1466.115.121.1.15",
		"SUP uidNumber SUBSTR caseIgnoreSubstringsMatch":                             "caseIgnoreSubstringsMatch does not go with syntax 1.3.6.1.4.1.1466.115.121.1.27",
		"SUP name ORDERING caseIgnoreMatch":                                          "caseIgnoreMatch is no ORDERING rule",
		"EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{256} USAGE x": "",
	} {
		_, err := New(Definition{AttributeDefinition, "( 1.2.3 NAME 'a' " + text + " )", "here"})
		if err == nil || want != "" && err.Error() != "here: attribute type a: "+want {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
