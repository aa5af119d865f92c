package directory

import (
	"strings"
	"testing"
)

// What a request asks for and the schema or a name does not allow: each code of
// RFC 4511, appendix A.2, with a message that says which attribute it is about,
// and which of its values.
func TestViolations(t *testing.T) {
	d := newDirectory(t, func(c *Config) { c.Unique = []string{"mail"} })
	addPeople(t, d, "ann", "bob")
	mustAdd(t, d, "ou=elsewhere,dc=example,dc=com", "objectClass: referral", "objectClass: extensibleObject", "ref: ldap://other.example.com/")
	ann := person("ann")
	add := func(dn string, lines ...string) func() error {
		return func() error {
			return d.Add(t.Context(), root, &AddRequest{Entry: dn, Attributes: attributes(lines...)})
		}
	}
	modify := func(op ChangeOperation, lines ...string) func() error {
		return func() error {
			req := ModifyRequest{Object: ann}
			for _, a := range attributes(lines...) {
				req.Changes = append(req.Changes, Change{op, a})
			}
			return d.Modify(t.Context(), root, &req)
		}
	}
	rename := func(dn, rdn, superior string) func() error {
		return func() error {
			req := ModifyDNRequest{Entry: dn, NewRDN: rdn, DeleteOldRDN: true}
			if superior != "" {
				req.NewSuperior = &superior
			}
			return d.ModifyDN(t.Context(), root, &req)
		}
	}
	for _, test := range []struct {
		rule    string
		request func() error
		code    ResultCode
		message string
	}{
		{"add a type that is not defined", add(person("eve"), "objectClass: account", "shoeSize: 7"), UndefinedAttributeType, "attribute type \"shoeSize\" is not defined"},
		{"modify a type that is not defined", modify(AddValues, "shoeSize: 7"), UndefinedAttributeType, "attribute type \"shoeSize\" is not defined"},
		{"delete a type that is not defined", modify(DeleteValues, "shoeSize: 7"), UndefinedAttributeType, "attribute type \"shoeSize\" is not defined"},
		{"two values of a single-valued type", modify(AddValues, "preferredLanguage: de", "preferredLanguage: en"), ConstraintViolation, "preferredLanguage: has only one value"},
		{"a second value of a single-valued type", add(person("eve"), "objectClass: posixAccount", "objectClass: account", "uidNumber: 1", "uidNumber: 2"), ConstraintViolation, "uidNumber: has only one value"},
		{"what the server keeps", modify(ReplaceValues, "entryUUID: 1b4db7eb-4057-5ddf-91e0-36dec72071f5"), ConstraintViolation, "entryUUID: kept by the server, not to be written"},
		{"a value that must be unique", modify(ReplaceValues, "mail: x@example.com", "mail: BOB@example.com"), ConstraintViolation, "mail: another entry has value 2, which must be unique"},
		{"a value given twice", add(person("eve"), "objectClass: account", "description: a", "description: b", "description: A"), AttributeOrValueExists, "description: value 3 is given twice"},
		{"a value that is there", modify(AddValues, "sn: other", "sn: EXAMPLE"), AttributeOrValueExists, "sn: the entry has value 2 already"},
		{"a value of another syntax", modify(ReplaceValues, "seeAlso: cn=a", "seeAlso: nonsense"), InvalidAttributeSyntax, "seeAlso: value 2: at offset 8: expected an equals sign behind the attribute type"},
		{"no UTF-8", modify(ReplaceValues, "description: \xff"), InvalidAttributeSyntax, "description: value 1: a directory string is UTF-8"},
		{"an empty value", modify(AddValues, "description: "), InvalidAttributeSyntax, "description: value 1: a directory string is not empty"},
		{"no values", func() error {
			return d.Modify(t.Context(), root, &ModifyRequest{Object: ann, Changes: []Change{{AddValues, Attribute{Name: "description"}}}})
		}, InvalidAttributeSyntax, "description: no values given"},
		{"a malformed description", modify(AddValues, "a b: c"), InvalidAttributeSyntax, "malformed attribute description \"a b\""},
		{"a name of another syntax", add("c=Utopia,dc=example,dc=com", "objectClass: country"), NamingViolation, "c in the name: a country string is two letters"},
		{"a name that no class allows", add("dc=here,ou=people,dc=example,dc=com", "objectClass: account", "uid: here"), ObjectClassViolation, "none of the object classes allows dc"},
		{"what a class demands is missing", add(person("eve"), "objectClass: inetOrgPerson", "cn: Eve"), ObjectClassViolation, "missing what an object class demands: sn (person)"},
		{"what no class allows", modify(AddValues, "uidNumber: 7"), ObjectClassViolation, "none of the object classes allows uidNumber"},
		{"a class that is not defined", modify(AddValues, "objectClass: nonsense"), ObjectClassViolation, "object class \"nonsense\" is not defined"},
		{"no structural class", add(person("eve"), "objectClass: posixAccount", "uidNumber: 1", "gidNumber: 1", "cn: e", "homeDirectory: /"), ObjectClassViolation, "none of the object classes is structural"},
		{"two structural classes", add(person("eve"), "objectClass: account", "objectClass: inetOrgPerson", "cn: e", "sn: e"), ObjectClassViolation, "account and inetOrgPerson are structural object classes and neither is above the other"},
		{"delete what is demanded", modify(DeleteValues, "sn: Example"), ObjectClassViolation, "missing what an object class demands: sn (person)"},
		{"delete the name's value", modify(DeleteValues, "uid: ann"), NotAllowedOnRDN, "uid: the entry's name has a value that is not in the entry"},
		{"replace the name's value", modify(ReplaceValues, "uid: eve"), NotAllowedOnRDN, "uid: the entry's name has a value that is not in the entry"},
		{"another structural class", modify(ReplaceValues, "objectClass: account"), ObjectClassModsProhibited, "the structural object class cannot change from inetOrgPerson to account"},
		{"rename to a type that is not defined", rename(ann, "shoeSize=7", ""), UndefinedAttributeType, "attribute type \"shoeSize\" is not defined"},
		{"rename to what no class allows", rename(ann, "dc=ann", ""), ObjectClassViolation, "none of the object classes allows dc"},
		{"rename to a value of another syntax", rename(ann, "c=Utopia", ""), NamingViolation, "c in the name: a country string is two letters"},
		{"rename away what is demanded", rename("ou=people,dc=example,dc=com", "description=people", ""), ObjectClassViolation, "missing what an object class demands: ou (organizationalUnit)"},
		{"move to another server", rename(ann, "uid=ann", "ou=elsewhere,dc=example,dc=com"), AffectsMultipleDSAs, "the new parent is held by another server"},
	} {
		got := Result(test.request())
		if got.ResultCode != test.code || got.DiagnosticMessage != test.message {
			t.Errorf("%s: %v %q, want %v %q", test.rule, got.ResultCode, got.DiagnosticMessage, test.code, test.message)
		}
		if strings.Contains(got.DiagnosticMessage, "\n") {
			t.Errorf("%s: more than one line", test.rule)
		}
	}
}
