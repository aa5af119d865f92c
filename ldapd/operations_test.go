package ldapd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/pquerna/otp/totp"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// TestOperations takes every operation of RFC 4511 through a foreign client.
func TestOperations(t *testing.T) {
	s := start(t, Config{})
	c := s.dial(t)
	if err := c.Bind(rootDN, rootPassword); err != nil {
		t.Fatal(err)
	}
	const dn, moved = "cn=operations," + suffix, "cn=moved," + people

	add := ldap.NewAddRequest(dn, nil)
	add.Attribute("objectClass", []string{"device"})
	add.Attribute("description", []string{"first", strings.Repeat("long ", 2000)})
	if err := c.Add(add); err != nil {
		t.Fatalf("add: %v", err)
	}
	if err := c.Add(add); !ldap.IsErrorWithCode(err, ldap.LDAPResultEntryAlreadyExists) {
		t.Errorf("add again: %v", err)
	}

	modify := ldap.NewModifyRequest(dn, nil)
	modify.Add("serialNumber", []string{"41"})
	modify.Replace("description", []string{"second"})
	if err := c.Modify(modify); err != nil {
		t.Errorf("modify: %v", err)
	}

	for value, want := range map[string]bool{"41": true, "42": false} {
		if got, err := c.Compare(dn, "serialNumber", value); err != nil || got != want {
			t.Errorf("compare %s: %v, %v", value, got, err)
		}
	}
	if _, err := c.Compare("cn=nobody,"+suffix, "cn", "x"); !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		t.Errorf("compare nobody: %v", err)
	}

	if err := c.ModifyDN(ldap.NewModifyDNRequest(dn, "cn=moved", true, people)); err != nil {
		t.Errorf("modify DN: %v", err)
	}
	found, err := c.Search(&ldap.SearchRequest{BaseDN: moved, Scope: ldap.ScopeBaseObject, Filter: "(cn:caseExactMatch:=moved)"})
	if err != nil || len(found.Entries) != 1 || found.Entries[0].GetAttributeValue("description") != "second" {
		t.Errorf("search: %+v, %v", found, err)
	}
	if err := c.Del(ldap.NewDelRequest(moved, nil)); err != nil {
		t.Errorf("delete: %v", err)
	}
	_, err = c.Search(&ldap.SearchRequest{BaseDN: moved, Scope: ldap.ScopeBaseObject, Filter: "(cn=*)"})
	if e, ok := errors.AsType[*ldap.Error](err); !ok || e.ResultCode != ldap.LDAPResultNoSuchObject || e.MatchedDN != people {
		t.Errorf("search after delete: %#v", err)
	}

	if who, err := c.WhoAmI(nil); err != nil || !strings.EqualFold(who.AuthzID, "dn:"+rootDN) {
		t.Errorf("whoami: %+v, %v", who, err)
	}
	if err := c.Unbind(); err != nil {
		t.Errorf("unbind: %v", err)
	}
}

func TestBind(t *testing.T) {
	s := start(t, Config{})
	c := s.dial(t)
	who := func() string {
		t.Helper()
		r, err := c.WhoAmI(nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.AuthzID
	}
	if got := who(); got != "" {
		t.Errorf("before: %q", got)
	}
	if err := c.Bind(person(0), "password"); err != nil {
		t.Fatal(err)
	}
	if got := who(); got != "dn:"+person(0) {
		t.Errorf("bound: %q", got)
	}
	// A failed bind leaves an anonymous session (RFC 4511, section 4.2.1).
	if err := c.Bind(person(1), "wrong"); !ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
		t.Errorf("wrong password: %v", err)
	}
	if got := who(); got != "" {
		t.Errorf("after a failed bind: %q", got)
	}
	for _, secret := range []string{"password", "wrong", rootPassword} {
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(strings.ReplaceAll(line, "wrong password", ""), secret) {
				t.Errorf("%q is in the log: %s", secret, line)
			}
		}
	}
}

// What a bind has shown goes with every operation, so that it can end there.
func TestBindKeepsTheFactor(t *testing.T) {
	s := start(t, Config{})
	dir, dn := testDirectory(t), person(2)
	authID := "dn:" + dn
	secret, err := dir.GenerateTOTPSharedSecret(t.Context(), directory.Requester{}, &authID, []byte("password"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dir.RevokeTOTPSharedSecret(context.Background(), directory.Requester{}, &authID, nil, &secret); err != nil {
			t.Error(err)
		}
	}()
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := s.dial(t)
	if err := c.Bind(dn, "password"+code); err != nil {
		t.Fatal(err)
	}
	r, err := c.Extended(&ldap.ExtendedRequest{Name: oidFactor})
	if err != nil || r.Value == nil || r.Value.Data.Len() == 0 {
		t.Errorf("no factor: %+v, %v", r, err)
	}
}

// A bind that is refused before the directory sees it makes the session
// anonymous too (RFC 4513, section 4).
func TestRefusedBindForgets(t *testing.T) {
	bind := &directory.BindRequest{Version: 3, Name: person(0), Password: []byte("password")}
	future := &directory.BindRequest{Version: 128, Name: person(0), Password: []byte("password")}
	for _, tt := range []struct {
		name     string
		request  *directory.BindRequest
		controls []wire.Control
		want     directory.ResultCode
	}{
		{"a critical control", bind, []wire.Control{{OID: "1.2.3", Critical: true}}, directory.UnavailableCriticalExtension},
		{"version 128", future, nil, directory.ProtocolError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t, Config{}).raw(t)
			c.send(1, bind)
			c.expect(1, wire.TagBindResponse, directory.Success)
			c.send(2, tt.request, tt.controls...)
			c.expect(2, wire.TagBindResponse, tt.want)
			c.send(3, everybody())
			c.expect(3, wire.TagSearchResultDone, directory.InsufficientAccessRights)
		})
	}
}

func TestBindOfTheFuture(t *testing.T) {
	c := start(t, Config{}).raw(t)
	// [9] is a choice of authentication that nobody has defined yet.
	c.sendOctets([]byte{0x30, 0x0c, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x89, 0})
	c.expect(1, wire.TagBindResponse, directory.AuthMethodNotSupported)
	c.works(2)
}

func TestRootDSE(t *testing.T) {
	s := start(t, Config{})
	c := s.dial(t)
	r, err := c.Search(&ldap.SearchRequest{Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"+"}})
	if err != nil || len(r.Entries) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	dse := r.Entries[0]
	for _, row := range []struct{ attribute, value string }{
		{"supportedLDAPVersion", "3"},
		{"supportedExtension", oidCancel},
		{"supportedExtension", oidEcho},
		{"supportedExtension", "1.3.6.1.4.1.4203.1.11.3"},
	} {
		if !slices.Contains(dse.GetAttributeValues(row.attribute), row.value) {
			t.Errorf("%s lacks %s", row.attribute, row.value)
		}
	}
}

func TestExtended(t *testing.T) {
	c := start(t, Config{}).raw(t)
	for i, row := range []struct {
		what  string
		req   wire.ExtendedRequest
		code  directory.ResultCode
		name  string
		value []byte
		diag  string
	}{
		{"name and value", wire.ExtendedRequest{Name: oidEcho, Value: []byte("x")}, directory.Success, oidEcho, []byte("x"), ""},
		{"an empty value", wire.ExtendedRequest{Name: oidEcho, Value: []byte{}}, directory.Success, oidEcho, []byte{}, ""},
		{"no value", wire.ExtendedRequest{Name: oidEcho}, directory.Success, oidEcho, nil, ""},
		{"unknown", wire.ExtendedRequest{Name: "1.2.3"}, directory.ProtocolError, "", nil, "unknown extended operation"},
		{"StartTLS without TLS", wire.ExtendedRequest{Name: oidStartTLS}, directory.ProtocolError, "", nil, "unknown extended operation"},
		{"a name that is no OID", wire.ExtendedRequest{Name: "\x00\xff"}, directory.ProtocolError, "", nil, "unknown extended operation"},
		{"a fault of ours", wire.ExtendedRequest{Name: oidFail}, directory.Other, "", nil, "internal error"},
		{"a panic", wire.ExtendedRequest{Name: oidPanic}, directory.Other, "", nil, "internal error"},
	} {
		id := int32(i + 1)
		c.send(id, &row.req)
		r := c.expect(id, wire.TagExtendedResponse, row.code)
		if r.name != row.name || string(r.value) != string(row.value) || (r.value == nil) != (row.value == nil) || r.diag != row.diag {
			t.Errorf("%s: %+v", row.what, r)
		}
	}
}

// TestFaultsAreLogged: what the client is not told is in the log, with the
// connection and the message.
func TestFaultsAreLogged(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	c.send(5, &wire.ExtendedRequest{Name: oidFail})
	c.expect(5, wire.TagExtendedResponse, directory.Other)
	c.send(6, &wire.ExtendedRequest{Name: oidPanic})
	c.expect(6, wire.TagExtendedResponse, directory.Other)
	c.works(7) // so that both are logged
	for _, want := range []string{
		`level=ERROR msg=operation conn=1 messageID=5 op=extended oid=` + oidFail + ` code=80`,
		`err="the disk is on fire"`,
		`conn=1 messageID=6 op=extended oid=` + oidPanic + ` code=80`,
		`panic: at the disco`,
	} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("log lacks %s:\n%s", want, s.log)
		}
	}
}

// A bind is logged as the work of who it makes of the client, not of who was
// bound before: bridges bind one user after another on one connection.
func TestBindIsLoggedForWhoBinds(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	c.bindRoot(1)
	for id, password := range []string{"password", "wrong"} {
		c.bindRoot(int32(2 + id))
		c.send(int32(4+id), &directory.BindRequest{Version: 3, SASL: &directory.SASLCredentials{
			Mechanism: "PLAIN", Credentials: []byte("\x00dn:" + person(1) + "\x00" + password),
		}})
		c.expect(int32(4+id), wire.TagBindResponse, []directory.ResultCode{directory.Success, directory.InvalidCredentials}[id])
	}
	c.works(6) // so that they are logged
	for line := range strings.Lines(s.log.String()) {
		if by := strings.Contains(line, "by="); strings.Contains(line, "mechanism=PLAIN") &&
			(by != strings.Contains(line, "code=0") || by && !strings.Contains(line, `by="`+person(1))) {
			t.Error(line)
		}
	}
}

// TestMessageIDs goes over all borders of the encoding of an INTEGER.
func TestMessageIDs(t *testing.T) {
	c := start(t, Config{}).raw(t)
	for _, id := range []int32{1, 127, 128, 255, 256, 32767, 32768, 1<<23 - 1, 1 << 23, 1<<24 - 1, 1 << 24, wire.MaxMessageID} {
		c.works(id)
	}
}

func TestManyRequests(t *testing.T) {
	c := start(t, Config{}).dial(t)
	for range 300 {
		if _, err := c.WhoAmI(nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	c := start(t, Config{Decoding: wire.Limits{Depth: 3}}).raw(t)
	search := everybody()
	search.Scope = 9
	c.send(1, search)
	c.expect(1, wire.TagSearchResultDone, directory.ProtocolError)
	search = everybody()
	for range 3 {
		search.Filter = directory.Filter{Kind: directory.FilterNot, Filters: []directory.Filter{search.Filter}}
	}
	c.send(2, search)
	c.expect(2, wire.TagSearchResultDone, directory.AdminLimitExceeded)
	c.works(3)
}

func TestConcurrentClients(t *testing.T) {
	s := start(t, Config{})
	errs := make(chan error)
	for n := range 8 {
		c := s.dial(t)
		go func() {
			errs <- func() error {
				if err := c.Bind(person(n%3), "password"); err != nil {
					return err
				}
				for range 3 {
					r, err := c.Search(&ldap.SearchRequest{BaseDN: people, Scope: ldap.ScopeWholeSubtree, Filter: "(objectClass=inetOrgPerson)"})
					if err != nil {
						return err
					}
					if len(r.Entries) != entries {
						return fmt.Errorf("%d entries", len(r.Entries))
					}
				}
				return nil
			}()
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
