package directory

import (
	"context"
	"strings"
	"testing"
)

// memberOf by every kind of group, in results, filters, comparisons.
func TestMemberOf(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob", "eve")
	mustAdd(t, d, "ou=groups,dc=example,dc=com", "objectClass: organizationalUnit")
	mustAdd(t, d, "cn=names,ou=groups,dc=example,dc=com", "objectClass: groupOfNames", "member: UID=Ann, ou=people,dc=example,dc=com", "member: "+person("bob"), "member: "+person("gone"))
	mustAdd(t, d, "cn=unique,ou=groups,dc=example,dc=com", "objectClass: groupOfUniqueNames", "uniqueMember: "+person("ann"), "uniqueMember: "+person("bob")+"#'01'B")
	mustAdd(t, d, "cn=posix,ou=groups,dc=example,dc=com", "objectClass: posixGroup", "gidNumber: 1", "memberUid: ann")
	mustAdd(t, d, "cn=nested,ou=groups,dc=example,dc=com", "objectClass: groupOfNames", "member: cn=names,ou=groups,dc=example,dc=com")
	everywhere := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Attributes: []string{"memberOf"}}
	group := func(names ...string) string {
		var lines []string
		for _, n := range names {
			lines = append(lines, "memberOf: cn="+n+",ou=groups,dc=example,dc=com")
		}
		return strings.Join(lines, "\n")
	}
	for uid, want := range map[string]string{
		"ann": group("names", "posix", "unique"), "bob": group("names"), "eve": "",
	} {
		found, err := find(t, d, root, everywhere, "(uid="+uid+")")
		if err != nil || len(found) != 1 || found[0].text() != want {
			t.Errorf("%s: %v %v, want %s", uid, err, found, want)
		}
	}
	for filter, want := range map[string]string{
		"(memberOf=cn=names,ou=groups,dc=example,dc=com)":                           "ann bob",
		"(memberOf=CN=Posix,ou=groups,dc=example,dc=com)":                           "ann",
		"(memberOf=cn=unique,ou=groups,dc=example,dc=com)":                          "ann",
		"(&(uid=bob)(memberOf=cn=names,ou=groups,dc=example,dc=com))":               "bob",
		"(&(objectClass=person)(!(memberOf=cn=names,ou=groups,dc=example,dc=com)))": "eve",
		"(&(objectClass=person)(memberOf=*))":                                       "ann bob",
		"(memberOf=cn=nothing,ou=groups,dc=example,dc=com)":                         "",
		"(memberOf=nothing)": "",
	} {
		found, err := find(t, d, root, everywhere, filter)
		var got []string
		for _, dn := range found.names() {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(dn, "uid="), ",ou=people,dc=example,dc=com"))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v %v, want %s", filter, err, got, want)
		}
	}
	// Only for those who ask for it.
	everywhere.Attributes = []string{"*", "+"}
	if found, err := find(t, d, root, everywhere, "(uid=ann)"); err != nil || strings.Contains(found[0].text(), "memberOf") {
		t.Errorf("%v %v", err, found)
	}
	for uid, want := range map[string]bool{"ann": true, "bob": false} {
		equal, err := d.Compare(context.Background(), root, &CompareRequest{Entry: person(uid), Attribute: "memberof", Value: []byte("cn=posix,ou=groups,dc=example,dc=com")})
		if err != nil || equal != want {
			t.Errorf("compare %s: %v %v", uid, equal, err)
		}
	}
	change := &ModifyRequest{Object: person("eve"), Changes: []Change{{AddValues, attributes("memberOf: cn=names,ou=groups,dc=example,dc=com")[0]}}}
	if err := operate(d, root, change); Result(err).ResultCode != ConstraintViolation {
		t.Errorf("written: %v", err)
	}
}
