// Package directorytest opens a small real directory for the tests of others.
package directorytest

import (
	"slices"
	"strings"
	"testing"

	"tallystick/directory"
	"tallystick/directory/password"
	"tallystick/directory/seal"
	"tallystick/directory/store/badger"
)

// Who is in the directory. Ann and Bob are users, Ada is an administrator with
// all privileges.
const (
	Suffix = "dc=example,dc=com"
	People = "ou=people," + Suffix
	Ann    = "uid=ann," + People
	Bob    = "uid=bob," + People
	Ada    = "uid=ada," + People
)

// Password is everybody's.
const Password = "password"

// scheme is quick, where the server's default is slow on purpose.
const scheme = password.SSHA512

// open lets users read one another and use all operations, and strangers ask
// what a password takes.
var open = []string{
	`(targetattr="* || +")(version 3.0; acl "users read"; allow (read, search, compare) userdn="ldap:///all";)`,
	`(extop="*")(version 3.0; acl "operations"; allow (read) userdn="ldap:///all";)`,
	`(extop="1.3.6.1.4.1.30221.2.6.43")(version 3.0; acl "requirements"; allow (read) userdn="ldap:///anyone";)`,
}

// Open returns a directory on an embedded store in a folder that is gone after
// the test, with Ann, Bob and Ada in it. change alters its Config (nil: not).
func Open(t testing.TB, change func(*directory.Config)) *directory.Directory {
	t.Helper()
	keyset, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	s, err := badger.Open(t.TempDir(), badger.Config{Small: true, MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg := directory.Config{
		Suffixes:    []string{Suffix},
		ACIs:        slices.Concat(directory.DefaultACIs, open),
		Credentials: directory.CredentialsConfig{Keyset: keyset, Scheme: scheme},
	}
	if change != nil {
		change(&cfg)
	}
	d, err := directory.Open(t.Context(), s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, d)
	return d
}

// fill adds the entries, as the server itself.
func fill(t testing.TB, d *directory.Directory) {
	t.Helper()
	person := func(dn, uid string, more ...directory.Attribute) directory.AddRequest {
		return directory.AddRequest{Entry: dn, Attributes: append([]directory.Attribute{
			attribute("objectClass", "inetOrgPerson"),
			attribute("uid", uid),
			attribute("cn", uid),
			attribute("sn", uid),
			attribute("userPassword", Password),
		}, more...)}
	}
	for _, req := range []directory.AddRequest{
		{Entry: Suffix, Attributes: []directory.Attribute{attribute("objectClass", "domain"), attribute("dc", "example")}},
		{Entry: People, Attributes: []directory.Attribute{attribute("objectClass", "organizationalUnit"), attribute("ou", "people")}},
		person(Ann, "ann"),
		person(Bob, "bob"),
		person(Ada, "ada", attribute("ds-privilege-name", "bypass-acl", "password-reset", "proxied-auth")),
	} {
		if err := d.Add(t.Context(), directory.Requester{How: directory.ByServer}, &req); err != nil {
			t.Fatalf("adding %s: %v", req.Entry, err)
		}
	}
}

func attribute(name string, values ...string) directory.Attribute {
	a := directory.Attribute{Name: name}
	for _, v := range values {
		a.Values = append(a.Values, []byte(v))
	}
	return a
}

// Police puts a user under a password policy of these lines, "name: value", from
// now on, with Password set a moment ago.
func Police(t testing.TB, d *directory.Directory, user string, lines ...string) {
	t.Helper()
	const policy = "cn=policy," + Suffix
	req := directory.AddRequest{Entry: policy, Attributes: []directory.Attribute{
		attribute("objectClass", "device", "tallystickPwdPolicy"), attribute("cn", "policy"), attribute("pwdAttribute", "userPassword"),
	}}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		req.Attributes = append(req.Attributes, attribute(name, value))
	}
	server := directory.Requester{How: directory.ByServer}
	if err := d.Add(t.Context(), server, &req); err != nil {
		t.Fatal(err)
	}
	err := d.Modify(t.Context(), server, &directory.ModifyRequest{Object: user, Changes: []directory.Change{
		{Operation: directory.ReplaceValues, Attribute: attribute("pwdPolicySubentry", policy)},
		{Operation: directory.ReplaceValues, Attribute: attribute("userPassword", Password)},
	}})
	if err != nil {
		t.Fatal(err)
	}
}
