package schema

import (
	"errors"
	"strings"
	"testing"
)

// RFC 4512, sections 2.4 and 3.3.
func TestCheckEntry(t *testing.T) {
	s := Standard()
	for _, row := range []struct {
		rule, classes, attributes string
		wrong                     string // in the message; "": nothing is
	}{
		{"all that is demanded", "person", "objectClass cn sn", ""},
		{"and what is allowed", "person", "objectClass cn sn telephoneNumber description", ""},
		{"by OID, and with options", "2.5.6.6", "2.5.4.0 cn;lang-de cn sn;x-a", ""},
		{"a superclass demands", "inetOrgPerson", "objectClass sn", "demands: cn (person)"},
		{"everything missing is named", "inetOrgPerson posixAccount", "objectClass uid cn", "uidNumber (posixAccount), gidNumber (posixAccount), homeDirectory (posixAccount)"},
		{"a subtype is not what is demanded", "person", "objectClass sn name", "cn (person)"},
		{"a class allows what its superclass does", "inetOrgPerson", "objectClass cn sn seeAlso mail", ""},
		{"no class allows it", "person", "objectClass cn sn mail", "allows mail"},
		{"an auxiliary class allows it", "person posixAccount", "objectClass cn sn uid uidNumber gidNumber homeDirectory gecos", ""},
		{"extensibleObject allows everything", "person extensibleObject", "objectClass cn sn mail dc", ""},
		{"that is defined", "person extensibleObject", "objectClass cn sn shoeSize", `"shoeSize" is not defined`},
		{"and demands nothing less", "person extensibleObject", "objectClass cn", "sn (person)"},
		{"operational attributes are not its business", "person", "objectClass cn sn ds-privilege-name", ""},
		{"a chain of structural classes", "top person organizationalPerson inetOrgPerson", "objectClass cn sn", ""},
		{"in any order", "inetOrgPerson top organizationalPerson person", "objectClass cn sn", ""},
		{"two chains", "person account", "objectClass cn sn uid", "neither is above the other"},
		{"two chains, with their ends first", "inetOrgPerson person account", "objectClass cn sn uid", "neither is above the other"},
		{"only top", "top", "objectClass", "none of the object classes is structural"},
		{"only auxiliary ones", "posixAccount", "objectClass cn uid uidNumber gidNumber homeDirectory", "structural"},
		{"an unknown class", "person warlock", "objectClass cn sn", `"warlock" is not defined`},
		{"an unknown attribute", "person", "objectClass cn sn shoeSize;x-a", `"shoeSize" is not defined`},
	} {
		var classes [][]byte
		for _, c := range strings.Fields(row.classes) {
			classes = append(classes, []byte(c))
		}
		err := s.CheckEntry(classes, strings.Fields(row.attributes))
		switch {
		case row.wrong == "" && err == nil:
		case row.wrong == "" || err == nil || !strings.Contains(err.Error(), row.wrong):
			t.Errorf("%s: %v; want %q", row.rule, err, row.wrong)
		default:
			e, ok := errors.AsType[*EntryError](err)
			if !ok || e.Undefined != strings.Contains(row.wrong, `"shoeSize"`) {
				t.Errorf("%s: %#v", row.rule, err)
			}
		}
	}
}

func TestSuperclasses(t *testing.T) {
	for classes, want := range map[string]string{
		"inetOrgPerson":                    "organizationalPerson person top",
		"INETORGPERSON person":             "organizationalPerson top",
		"2.5.6.6 top":                      "",
		"posixAccount person posixAccount": "top",
		"warlock":                          "",
	} {
		var list [][]byte
		for _, c := range strings.Fields(classes) {
			list = append(list, []byte(c))
		}
		if got := strings.Join(Standard().Superclasses(list), " "); got != want {
			t.Errorf("above %s: %q, want %q", classes, got, want)
		}
	}
}

func BenchmarkCheckEntry(b *testing.B) {
	s := Standard()
	var classes [][]byte
	for _, c := range strings.Fields("top person organizationalPerson inetOrgPerson posixAccount") {
		classes = append(classes, []byte(c))
	}
	names := strings.Fields("objectClass uid cn sn givenName mail telephoneNumber ou uidNumber gidNumber homeDirectory loginShell description userPassword")
	b.ReportAllocs()
	for b.Loop() {
		if err := s.CheckEntry(classes, names); err != nil {
			b.Fatal(err)
		}
	}
}
