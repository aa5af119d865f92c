package ldapd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"tallystick/directory"
	extopwire "tallystick/extop/wire"
	"tallystick/ldapd/wire"
)

// TestControls is RFC 4511, section 4.1.11.
func TestControls(t *testing.T) {
	dse := &directory.SearchRequest{Filter: directory.Filter{Kind: directory.FilterPresent, Attribute: "objectClass"}}
	bind := &directory.BindRequest{Version: 3, Name: person(0), Password: []byte("password")}
	whoAmI := &wire.ExtendedRequest{Name: extopwire.WhoAmIOID}
	list := func(c ...wire.Control) []wire.Control { return c }
	many := make([]wire.Control, maxControls+1)
	for i := range many {
		many[i].OID = fmt.Sprintf("1.2.%d", i)
	}
	for _, tt := range []struct {
		name     string
		request  any
		controls []wire.Control
		want     directory.ResultCode
	}{
		{"unknown", dse, list(wire.Control{OID: "1.2.3"}), directory.Success},
		{"unknown and critical", dse, list(wire.Control{OID: "1.2.3", Critical: true}), directory.UnavailableCriticalExtension},
		{"unknown and critical, of an extended operation", whoAmI, list(wire.Control{OID: "1.2.3", Critical: true}), directory.UnavailableCriticalExtension},
		{"unknown and critical, of a bind", bind, list(wire.Control{OID: "1.2.3", Critical: true}), directory.UnavailableCriticalExtension},
		{"the same twice", dse, list(wire.Control{OID: "1.2.3"}, wire.Control{OID: "1.2.3"}), directory.ProtocolError},
		{"known", dse, list(wire.Control{OID: wire.ManageDsaIT, Critical: true}), directory.Success},
		{"known, on an operation it is not about", bind, list(wire.Control{OID: wire.ManageDsaIT}), directory.Success},
		{"known and critical, on an operation it is not about", bind, list(wire.Control{OID: wire.ManageDsaIT, Critical: true}), directory.UnavailableCriticalExtension},
		{"known, with a value that it has not", dse, list(wire.Control{OID: wire.ManageDsaIT, Value: []byte("x")}), directory.ProtocolError},
		{"most there may be", dse, many[1:], directory.Success},
		{"more than there may be", dse, many, directory.AdminLimitExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t, Config{}).raw(t)
			c.send(1, tt.request, tt.controls...)
			if r := c.result(); r.code != tt.want || r.id != 1 {
				t.Errorf("%v %q, want %v", r.code, r.diag, tt.want)
			}
			c.works(2)
		})
	}
	t.Run("unbind", func(t *testing.T) { // to which criticality means nothing
		c := start(t, Config{}).raw(t)
		c.send(1, &wire.UnbindRequest{}, wire.Control{OID: "1.2.3", Critical: true})
		c.expectEnd()
	})
}

// result reads up to the next message that is no entry.
func (c *raw) result() response {
	c.t.Helper()
	for {
		if r := c.recv(); r.tag != wire.TagSearchResultEntry {
			return r
		}
	}
}

// What the root DSE lists is what the server takes.
func TestSupportedControl(t *testing.T) {
	for _, tt := range []struct {
		cfg       Config
		responses []string // which nobody sends
	}{
		{Config{}, []string{wire.AuthorizationIdentityResponse}},
		{Config{NetscapePasswordControls: true}, []string{wire.AuthorizationIdentityResponse, extopwire.PasswordExpiredOID, extopwire.PasswordExpiringOID}},
	} {
		s := startOn(t, emptyDirectory(t), tt.cfg)
		dse, err := s.dial(t).Search(&ldap.SearchRequest{Filter: "(objectClass=*)", Attributes: []string{"supportedControl"}})
		if err != nil {
			t.Fatal(err)
		}
		listed := map[string]bool{}
		for _, oid := range dse.Entries[0].GetAttributeValues("supportedControl") {
			listed[oid] = true
		}
		want := slices.Clone(tt.responses)
		for _, known := range controls {
			want = append(want, known.oid)
		}
		for _, oid := range want {
			if !listed[oid] {
				t.Errorf("%s is not listed", oid)
			}
			delete(listed, oid)
		}
		if len(listed) > 0 {
			t.Errorf("listed and not taken: %v", listed)
		}
	}
}

// TestAuthorizationIdentity is RFC 3829, section 4.
func TestAuthorizationIdentity(t *testing.T) {
	c := start(t, Config{}).raw(t)
	for i, tt := range []struct {
		name string
		bind directory.BindRequest
		want string // "-": no response control
		code directory.ResultCode
	}{
		{"somebody", directory.BindRequest{Name: strings.ToUpper(person(0)), Password: []byte("password")}, "dn:" + strings.ToUpper(person(0)), directory.Success},
		{"anonymous", directory.BindRequest{Password: []byte{}}, "", directory.Success},
		{"refused", directory.BindRequest{Name: person(0), Password: []byte("wrong")}, "-", directory.InvalidCredentials},
	} {
		tt.bind.Version = 3
		c.send(int32(i+1), &tt.bind, wire.Control{OID: wire.AuthorizationIdentityRequest, Critical: true})
		r := c.expect(int32(i+1), wire.TagBindResponse, tt.code)
		got := "-"
		if rc := r.control(wire.AuthorizationIdentityResponse); rc != nil {
			got = string(rc.Value)
		}
		if !strings.EqualFold(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestProxiedAuthorization is RFC 4370; who may act for whom is for the
// directory's tests.
func TestProxiedAuthorization(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	id := int32(0)
	ask := func(request any, control wire.Control) response {
		t.Helper()
		id++
		control.OID = wire.ProxiedAuthorization
		c.send(id, request, control)
		return c.result()
	}
	as := func(authzID string) wire.Control { return wire.Control{Critical: true, Value: []byte(authzID)} }
	whoAmI := &wire.ExtendedRequest{Name: extopwire.WhoAmIOID}
	bind := &directory.BindRequest{Version: 3, Name: rootDN, Password: []byte(rootPassword)}

	if r := ask(whoAmI, as("dn:"+person(0))); r.code != directory.AuthorizationDenied {
		t.Errorf("anonymous as somebody: %v", r.code)
	}
	c.bindRoot(1000)
	for _, tt := range []struct {
		name    string
		request any
		control wire.Control
		want    directory.ResultCode
		value   string
	}{
		{"an extended operation", whoAmI, as("dn:" + person(0)), directory.Success, "dn:" + person(0)},
		{"an extended operation, by user name", whoAmI, as("u:user.1"), directory.Success, "dn:" + person(1)},
		{"an extended operation as nobody", whoAmI, as(""), directory.Success, ""},
		{"a search", everybody(), as("dn:" + person(0)), directory.Success, ""},
		{"a search as nobody", everybody(), as(""), directory.InsufficientAccessRights, ""},
		{"a compare", &directory.CompareRequest{Entry: person(0), Attribute: "sn", Value: []byte("user")}, as("u:user.1"), directory.CompareTrue, ""},
		{"an addition", &directory.AddRequest{Entry: person(0)}, as("u:user.1"), directory.InsufficientAccessRights, ""},
		{"a modification", &directory.ModifyRequest{Object: person(0), Changes: []directory.Change{{Attribute: directory.Attribute{Name: "cn"}}}}, as("u:user.1"), directory.InsufficientAccessRights, ""},
		{"a deletion", &directory.DeleteRequest{Entry: person(0)}, as("u:user.1"), directory.InsufficientAccessRights, ""},
		{"a rename", &directory.ModifyDNRequest{Entry: person(0), NewRDN: "uid=x"}, as("u:user.1"), directory.InsufficientAccessRights, ""},
		{"a bind", bind, as("u:user.1"), directory.UnavailableCriticalExtension, ""},
		{"StartTLS", &wire.ExtendedRequest{Name: oidStartTLS}, as("u:user.1"), directory.UnavailableCriticalExtension, ""},
		{"a user who does not exist", whoAmI, as("u:nobody"), directory.AuthorizationDenied, ""},
		{"a malformed DN", whoAmI, as("dn:x"), directory.AuthorizationDenied, ""},
		{"what is no authorization identity", whoAmI, as(person(0)), directory.AuthorizationDenied, ""},
		{"not critical", whoAmI, wire.Control{Value: []byte("u:user.1")}, directory.ProtocolError, ""},
		{"without a value", whoAmI, wire.Control{Critical: true}, directory.ProtocolError, ""},
	} {
		if tt.name == "StartTLS" {
			c.bindRoot(1001) // the bind before has failed, and forgotten who it was
		}
		if r := ask(tt.request, tt.control); r.code != tt.want || string(r.value) != tt.value {
			t.Errorf("%s: %v %q %q, want %v %q", tt.name, r.code, r.diag, r.value, tt.want, tt.value)
		}
	}
	id++
	c.send(id, whoAmI)
	if r := c.recv(); !strings.EqualFold(string(r.value), "dn:"+rootDN) {
		t.Errorf("afterwards: %q", r.value)
	}
	if want := `by="` + person(1) + `" proxy="` + rootDN; !strings.Contains(s.log.String(), want) {
		t.Errorf("log lacks %s", want)
	}
}

// BenchmarkTakeControls is what a control costs.
func BenchmarkTakeControls(b *testing.B) {
	s := start(b, Config{})
	op := &operation{c: &conn{srv: s.Server}, request: everybody(), ctx: context.Background(),
		controls: []wire.Control{{OID: wire.ManageDsaIT, Critical: true}}}
	b.ReportAllocs()
	for b.Loop() {
		if err := op.takeControls(); err != nil {
			b.Fatal(err)
		}
	}
}

// Every control can be taken with every operation that it is about, whatever
// its value: there is an answer, and it is not that we are at fault.
func TestEveryControl(t *testing.T) {
	c := start(t, Config{}).raw(t)
	c.bindRoot(1)
	id := int32(1)
	for _, known := range controls {
		for _, request := range []any{
			everybody(),
			&directory.CompareRequest{Entry: person(0), Attribute: "cn"},
			&directory.AddRequest{Entry: "cn=x," + person(0)},
			&directory.ModifyRequest{Object: person(0), Changes: []directory.Change{{Operation: directory.IncrementValues, Attribute: directory.Attribute{Name: "cn"}}}},
			&directory.DeleteRequest{Entry: "cn=nobody," + person(0)},
			&directory.ModifyDNRequest{Entry: "cn=nobody," + person(0), NewRDN: "cn=x"},
			&wire.ExtendedRequest{Name: oidEcho},
		} {
			for _, value := range [][]byte{nil, {}, []byte("0\x00"), []byte("\x87\x02cn"), []byte("0\x80")} {
				id++
				c.send(id, request, wire.Control{OID: known.oid, Critical: true, Value: value})
				if r := c.result(); r.id != id || r.code == directory.Other {
					t.Errorf("%s with %T: %v %q", known.oid, request, r.code, r.diag)
				}
			}
		}
	}
}

// TestChangeControls takes controls of changes through a foreign client.
func TestChangeControls(t *testing.T) {
	c := start(t, Config{}).dial(t)
	if err := c.Bind(rootDN, rootPassword); err != nil {
		t.Fatal(err)
	}
	plain := func(oid string) ldap.Control { return ldap.NewControlString(oid, true, "") }
	top := "ou=controls," + suffix
	for _, dn := range []string{top, "ou=below," + top} {
		add := ldap.NewAddRequest(dn, nil)
		add.Attribute("objectClass", []string{"organizationalUnit"})
		if err := c.Add(add); err != nil {
			t.Fatal(err)
		}
	}
	add := ldap.NewAddRequest("cn=any,"+top, []ldap.Control{plain(wire.NameWithEntryUUID)})
	add.Attribute("objectClass", []string{"device"})
	add.Attribute("cn", []string{"any"})
	if err := c.Add(add); err != nil {
		t.Errorf("name with entryUUID: %v", err)
	}
	found, err := c.Search(&ldap.SearchRequest{BaseDN: top, Scope: ldap.ScopeSingleLevel, Filter: "(objectClass=device)"})
	if err != nil || len(found.Entries) != 1 || !strings.HasPrefix(found.Entries[0].DN, "entryUUID=") {
		t.Errorf("name with entryUUID: %+v, %v", found, err)
	}
	for _, controls := range [][]ldap.Control{nil, {plain(wire.PermissiveModify)}} {
		modify := ldap.NewModifyRequest(top, controls)
		modify.Add("ou", []string{"controls"})
		if err := c.Modify(modify); (err == nil) != (controls != nil) {
			t.Errorf("modify with %d controls: %v", len(controls), err)
		}
	}
	if err := c.Del(ldap.NewDelRequest(top, []ldap.Control{plain(wire.NoOp), plain(wire.SubtreeDelete)})); !ldap.IsErrorWithCode(err, uint16(directory.NoOperation)) {
		t.Errorf("no-op: %v", err)
	}
	if err := c.Del(ldap.NewDelRequest(top, nil)); !ldap.IsErrorWithCode(err, ldap.LDAPResultNotAllowedOnNonLeaf) {
		t.Errorf("delete: %v", err)
	}
	if err := c.Del(ldap.NewDelRequest(top, []ldap.Control{ldap.NewControlSubtreeDelete()})); err != nil {
		t.Errorf("subtree delete: %v", err)
	}
}

// TestPagedAndSorted takes pages, sorted, through a foreign client.
func TestPagedAndSorted(t *testing.T) {
	c := start(t, Config{}).dial(t)
	if err := c.Bind(person(0), "password"); err != nil {
		t.Fatal(err)
	}
	request := func(controls ...ldap.Control) *ldap.SearchRequest {
		return ldap.NewSearchRequest(people, ldap.ScopeSingleLevel, ldap.NeverDerefAliases, 0, 0, false, "(mail=*)", []string{"mail"}, controls)
	}
	for _, size := range []uint32{1, 99, 100, entries, 10 * entries} {
		found, err := c.SearchWithPaging(request(), size)
		if err != nil || len(found.Entries) != entries {
			t.Fatalf("pages of %d: %v, %v", size, found, err)
		}
		seen := map[string]bool{}
		for _, e := range found.Entries {
			seen[e.DN] = true
		}
		if len(seen) != entries {
			t.Errorf("pages of %d: %d entries", size, len(seen))
		}
	}
	byMail := ldap.NewControlServerSideSortingWithSortKeys([]*ldap.SortKey{{AttributeType: "mail", Reverse: true}})
	found, err := c.SearchWithPaging(request(byMail), 64)
	if err != nil || len(found.Entries) != entries {
		t.Fatalf("sorted: %v, %v", found, err)
	}
	if !slices.IsSortedFunc(found.Entries, func(a, b *ldap.Entry) int {
		return -strings.Compare(a.GetAttributeValue("mail"), b.GetAttributeValue("mail"))
	}) {
		t.Error("not sorted")
	}
	result, ok := ldap.FindControl(found.Controls, ldap.ControlTypeServerSideSortingResult).(*ldap.ControlServerSideSortingResult)
	if !ok || result.Result != ldap.ControlServerSideSortingCodeSuccess {
		t.Errorf("sort result: %+v", result)
	}
}
