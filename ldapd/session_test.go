package ldapd

import (
	"context"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// A session goes on as its entry under a new name, and once that is deleted
// everything but a bind is refused, whoever has the name then.
func TestSessionOfRenamedAndDeletedUser(t *testing.T) {
	s := start(t, Config{})
	admin := s.dial(t)
	if err := admin.Bind(rootDN, rootPassword); err != nil {
		t.Fatal(err)
	}
	add := func(dn string) {
		t.Helper()
		req := ldap.NewAddRequest(dn, nil)
		for name, value := range map[string]string{"objectClass": "inetOrgPerson", "cn": "x", "sn": "x", "userPassword": "password"} {
			req.Attribute(name, []string{value})
		}
		if err := admin.Add(req); err != nil {
			t.Fatal(err)
		}
	}
	first, second := "uid=session.1,"+people, "uid=session.2,"+people
	t.Cleanup(func() { // others count the entries there
		for _, dn := range []string{first, second} {
			if err := admin.Del(ldap.NewDelRequest(dn, nil)); err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
				t.Error(err)
			}
		}
	})
	add(first)
	user := s.dial(t)
	if err := user.Bind(first, "password"); err != nil {
		t.Fatal(err)
	}
	is := func(want string) {
		t.Helper()
		who, err := user.WhoAmI(nil)
		if err != nil || !strings.EqualFold(who.AuthzID, "dn:"+want) {
			t.Errorf("is %+v, %v; want %s", who, err, want)
		}
	}
	is(first)
	if err := admin.ModifyDN(ldap.NewModifyDNRequest(first, "uid=session.2", true, "")); err != nil {
		t.Fatal(err)
	}
	is(second)
	add(first)
	is(second)
	if err := admin.Del(ldap.NewDelRequest(second, nil)); err != nil {
		t.Fatal(err)
	}
	add(second)
	if _, err := user.WhoAmI(nil); !ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
		t.Errorf("who am I, without an entry: %v", err)
	}
	for _, dn := range []string{people, ""} {
		if _, err := user.Search(&ldap.SearchRequest{BaseDN: dn, Filter: "(objectClass=*)"}); !ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
			t.Errorf("search at %q, without an entry: %v", dn, err)
		}
	}
	if err := user.Bind(second, "password"); err != nil {
		t.Error(err)
	}
	is(second)
}

// Without an entry a session can still end what it has begun.
func TestSessionOfDeletedUserCancels(t *testing.T) {
	s := start(t, Config{})
	admin := s.dial(t)
	if err := admin.Bind(rootDN, rootPassword); err != nil {
		t.Fatal(err)
	}
	const user = "uid=session.3," + people
	req := ldap.NewAddRequest(user, nil)
	for name, value := range map[string]string{"objectClass": "inetOrgPerson", "cn": "x", "sn": "x", "userPassword": "password"} {
		req.Attribute(name, []string{value})
	}
	if err := admin.Add(req); err != nil {
		t.Fatal(err)
	}
	c := s.raw(t)
	c.send(1, &directory.BindRequest{Version: 3, Name: user, Password: []byte("password")})
	c.expect(1, wire.TagBindResponse, directory.Success)
	c.send(2, &wire.ExtendedRequest{Name: oidHold})
	s.hold.hasBegun(t)
	if err := admin.Del(ldap.NewDelRequest(user, nil)); err != nil {
		t.Fatal(err)
	}
	c.send(3, cancelRequest(2))
	c.expect(2, wire.TagExtendedResponse, directory.Canceled)
	c.expect(3, wire.TagExtendedResponse, directory.Success)
	c.send(4, &wire.ExtendedRequest{Name: oidEcho})
	c.expect(4, wire.TagExtendedResponse, directory.InvalidCredentials)
}

// BenchmarkRefresh is what each operation pays for it.
func BenchmarkRefresh(b *testing.B) {
	dir := testDirectory(b)
	who := directory.Requester{DN: person(1), How: directory.ByPassword}
	for b.Loop() {
		var err error
		if who, err = dir.Refresh(context.Background(), who); err != nil {
			b.Fatal(err)
		}
	}
}
