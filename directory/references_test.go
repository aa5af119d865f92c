package directory

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"tallystick/directory/store"
)

// What refers to an entry follows it, in the transaction that changes it.
func TestReferentialIntegrity(t *testing.T) {
	d := newDirectory(t, func(c *Config) { c.ReferentialIntegrity = []string{"member", "uniqueMember"} })
	addPeople(t, d, "ann", "bob", "eve")
	mustAdd(t, d, "ou=team,ou=people,dc=example,dc=com", "objectClass: organizationalUnit")
	mustAdd(t, d, "uid=ida,ou=team,ou=people,dc=example,dc=com", "objectClass: inetOrgPerson", "cn: x", "sn: x")
	mustAdd(t, d, "cn=g,dc=example,dc=com", "objectClass: groupOfNames", "member: "+person("ann"), "member: "+person("bob"),
		"member: uid=ida,ou=team,ou=people,dc=example,dc=com", "member: cn=g,dc=example,dc=com")
	mustAdd(t, d, "cn=u,dc=example,dc=com", "objectClass: groupOfUniqueNames", "uniqueMember: "+person("ann"), "uniqueMember: "+person("eve"))
	mustAdd(t, d, "cn=one,dc=example,dc=com", "objectClass: groupOfNames", "member: "+person("eve"), "seeAlso: "+person("bob"))
	groups := "dc=example,dc=com"
	for _, row := range []struct {
		rule    string
		change  any
		code    ResultCode
		message string
		want    string // members of g; of u; of one
	}{
		{"rename", &ModifyDNRequest{Entry: person("ann"), NewRDN: "uid=anna", DeleteOldRDN: true}, Success, "", "anna bob ida,ou=team g; anna eve; eve"},
		{"in another case", &ModifyDNRequest{Entry: person("anna"), NewRDN: "uid=Anna", DeleteOldRDN: true}, Success, "", "Anna bob ida,ou=team g; Anna eve; eve"},
		{"move of what is above", &ModifyDNRequest{Entry: "ou=team,ou=people,dc=example,dc=com", NewRDN: "ou=crew", DeleteOldRDN: true, NewSuperior: &groups}, Success, "", "Anna bob ida,ou=crew,dc=example,dc=com g; Anna eve; eve"},
		{"delete", &DeleteRequest{Entry: person("bob")}, Success, "", "Anna ida,ou=crew,dc=example,dc=com g; Anna eve; eve"},
		{"the only member", &DeleteRequest{Entry: person("eve")}, UnwillingToPerform, "cn=one,dc=example,dc=com refers to uid=eve,ou=people,dc=example,dc=com by member and cannot do without", "Anna ida,ou=crew,dc=example,dc=com g; Anna eve; eve"},
		{"a group that is its own member", &ModifyDNRequest{Entry: "cn=g,dc=example,dc=com", NewRDN: "cn=G2", DeleteOldRDN: true}, Success, "", "Anna ida,ou=crew,dc=example,dc=com G2; Anna eve; eve"},
		{"all but a leaf", &DeleteRequest{Entry: "ou=people,dc=example,dc=com"}, NotAllowedOnNonLeaf, "", "Anna ida,ou=crew,dc=example,dc=com G2; Anna eve; eve"},
		{"both only members of a group that stays", &DeleteRequest{Entry: "ou=people,dc=example,dc=com", Subtree: true}, UnwillingToPerform, "cannot do without", "Anna ida,ou=crew,dc=example,dc=com G2; Anna eve; eve"},
		{"all, with the groups", &DeleteRequest{Entry: "dc=example,dc=com", Subtree: true}, Success, "", "; ; "},
	} {
		err := operate(d, root, row.change)
		if got := Result(err); got.ResultCode != row.code || !strings.Contains(got.DiagnosticMessage, row.message) {
			t.Errorf("%s: %v, want %v %s", row.rule, err, row.code, row.message)
		}
		var got []string
		for _, filter := range []string{"(|(cn=g)(cn=g2))", "(cn=u)", "(cn=one)"} {
			found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree, Attributes: []string{"member", "uniqueMember"}}, filter)
			if err != nil {
				t.Fatal(err)
			}
			var members []string
			for _, e := range found {
				for _, a := range e.Attributes {
					for _, v := range a.Values {
						name := strings.TrimSuffix(strings.TrimSuffix(string(v), ",ou=people,dc=example,dc=com"), ",dc=example,dc=com")
						if name = name[strings.Index(name, "=")+1:]; strings.Contains(name, "crew") {
							name += ",dc=example,dc=com"
						}
						members = append(members, name)
					}
				}
			}
			got = append(got, strings.Join(members, " "))
		}
		if strings.Join(got, "; ") != row.want {
			t.Errorf("%s: %s, want %s", row.rule, strings.Join(got, "; "), row.want)
		}
	}
}

// Values that no two entries may have, whatever way they come in.
func TestUnique(t *testing.T) {
	d := newDirectory(t, func(c *Config) { c.Unique = []string{"uid", "mail"} })
	addPeople(t, d, "ann", "bob")
	mail := func(dn, op string, values ...string) *ModifyRequest {
		kind := map[string]ChangeOperation{"add": AddValues, "replace": ReplaceValues}[op]
		var list []string
		for _, v := range values {
			list = append(list, "mail: "+v)
		}
		return &ModifyRequest{Object: dn, Changes: []Change{{kind, attributes(list...)[0]}}}
	}
	taken := "mail: another entry has value 2, which must be unique"
	for _, row := range []struct {
		rule    string
		change  any
		code    ResultCode
		message string
	}{
		{"a new entry", &AddRequest{Entry: "cn=x,dc=example,dc=com", Attributes: attributes("objectClass: inetOrgPerson", "sn: x", "mail: x@example.com", "mail: ANN@example.com")}, ConstraintViolation, taken},
		{"by its name", &AddRequest{Entry: "uid=ANN,dc=example,dc=com", Attributes: attributes("objectClass: account")}, ConstraintViolation, "uid: another entry has value 1"},
		{"a new value", mail(person("bob"), "add", "ann@example.com"), ConstraintViolation, taken},
		{"instead of others", mail(person("bob"), "replace", "b@example.com", "ann@example.com"), ConstraintViolation, taken},
		{"its own", mail(person("bob"), "replace", "b@example.com", "BOB@example.com"), Success, ""},
		{"a new name", &ModifyDNRequest{Entry: person("bob"), NewRDN: "uid=ann+sn=Example"}, ConstraintViolation, "uid"},
		{"what nobody has", mail(person("bob"), "add", "c@example.com"), Success, ""},
		{"what nobody has any more", mail(person("ann"), "replace", "d@example.com"), Success, ""},
		{"is free", mail(person("bob"), "add", "ann@example.com"), Success, ""},
	} {
		err := operate(d, root, row.change)
		if got := Result(err); got.ResultCode != row.code || !strings.Contains(got.DiagnosticMessage, row.message) {
			t.Errorf("%s: %v, want %v %s", row.rule, err, row.code, row.message)
		}
	}
	// More entries have a value than can be looked at: nobody can say that it is free.
	at := d.schema.Attribute("mail")
	crowd := equalityPrefix(at.Name(), valueKey(at, []byte("busy@example.com")))
	crowded := func(fn func(w store.Writer, key []byte)) {
		if err := d.store.Update(context.Background(), func(w store.Writer) error {
			for block := range entryID(maxCandidates/blockSize + 1) {
				fn(w, append((1<<40+block*blockSize).append(slices.Clone(crowd)), 0))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	crowded(func(w store.Writer, key []byte) { w.Set(key, bytes.Repeat([]byte{0xff}, blockSize/8)) })
	for rule, change := range map[string]any{
		"add":    &AddRequest{Entry: "cn=y,dc=example,dc=com", Attributes: attributes("objectClass: inetOrgPerson", "sn: x", "mail: busy@example.com")},
		"modify": mail(person("ann"), "add", "busy@example.com"),
	} {
		if err := operate(d, root, change); Result(err).ResultCode != AdminLimitExceeded || !strings.Contains(Result(err).DiagnosticMessage, "mail: more than 50000 entries have value") {
			t.Errorf("%s of a value that many have: %v", rule, err)
		}
	}
	crowded(func(w store.Writer, key []byte) { w.Delete(key) })
	if found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, "(mail=busy@example.com)"); err != nil || len(found) != 0 {
		t.Errorf("refused, and written: %v, %v", found.names(), err)
	}

	ann := func(dn, mail string) Entry {
		return Entry{DN: dn, Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x", "mail: "+mail)}
	}
	for rule, entries := range map[string][]Entry{
		"with what is there": {ann("cn=y,dc=example,dc=com", "D@example.com")},
		"with each other":    {ann("cn=y,dc=example,dc=com", "e@example.com"), ann("cn=z,dc=example,dc=com", "E@example.com")},
	} {
		if err := load(t, d, entries); Result(err).ResultCode != ConstraintViolation {
			t.Errorf("loaded, %s: %v", rule, err)
		}
	}
}
