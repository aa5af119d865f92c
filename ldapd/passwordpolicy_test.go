package ldapd

import (
	"encoding/hex"
	"io"
	"testing"

	"tallystick/directory"
	"tallystick/extop/whoami"
	extopwire "tallystick/extop/wire"
	"tallystick/ldapd/wire"
)

// What the control and Netscape's say, octet by octet, of entries that a policy of
// their own is about. Others do not notice.
func TestPasswordPolicyControl(t *testing.T) {
	s := start(t, Config{NetscapePasswordControls: true})
	c := s.raw(t)
	admin := directory.Requester{DN: rootDN, How: directory.ByPassword}
	add := func(dn string, lines ...string) {
		t.Helper()
		req := &directory.AddRequest{Entry: dn}
		for i := 0; i < len(lines); i += 2 {
			req.Attributes = append(req.Attributes, directory.Attribute{Name: lines[i], Values: [][]byte{[]byte(lines[i+1])}})
		}
		if err := testDirectory(t).Add(t.Context(), admin, req); err != nil {
			t.Fatal(err)
		}
	}
	policy := func(name string, lines ...string) string {
		t.Helper()
		dn := "cn=" + name + "," + suffix
		add(dn, append([]string{"objectClass", "device", "objectClass", "pwdPolicy", "cn", name, "pwdAttribute", "userPassword"}, lines...)...)
		return dn
	}
	user := func(name, policy string, lines ...string) string {
		t.Helper()
		dn := "cn=" + name + "," + suffix
		add(dn, append([]string{"objectClass", "person", "cn", name, "sn", "x", "userPassword", "password", "pwdPolicySubentry", policy}, lines...)...)
		return dn
	}
	reset := policy("reset", "pwdMustChange", "TRUE")
	warned := policy("warned", "pwdMaxAge", "3000000000", "pwdExpireWarning", "3000000000")
	expired := policy("expired", "pwdMaxAge", "1", "pwdGraceAuthNLimit", "2")
	plain := policy("plain")

	ask := wire.Control{OID: extopwire.PasswordPolicyOID}
	id := int32(0)
	bind := func(dn, password string, code directory.ResultCode, asked ...wire.Control) response {
		t.Helper()
		id++
		c.send(id, &directory.BindRequest{Version: 3, Name: dn, Password: []byte(password)}, asked...)
		return c.expect(id, wire.TagBindResponse, code)
	}
	want := func(what string, r response, policy, netscape string) {
		t.Helper()
		got := r.control(extopwire.PasswordPolicyOID)
		if (got == nil) != (policy == "") || got != nil && hex.EncodeToString(got.Value) != policy {
			t.Errorf("%s: %v", what, got)
		}
		if got := r.control(extopwire.PasswordExpiredOID); (got == nil) != (netscape == "") || got != nil && string(got.Value) != netscape {
			t.Errorf("%s: Netscape's %v", what, got)
		}
	}
	want("nothing to say", bind(user("p1", plain), "password", directory.Success, ask), "", "")
	r1 := user("r1", reset)
	want("must change, not asked", bind(r1, "password", directory.Success), "", "0")
	want("wrong", bind(r1, "wrong", directory.InvalidCredentials, ask), "", "")
	want("must change", bind(r1, "password", directory.Success, ask), "3003810102", "0")
	id++
	c.send(id, &directory.SearchRequest{BaseObject: suffix, Filter: directory.Filter{Kind: directory.FilterPresent, Attribute: "objectClass"}}, ask)
	want("search", c.expect(id, wire.TagSearchResultDone, directory.InsufficientAccessRights), "3003810102", "")
	id++
	c.send(id, &wire.ExtendedRequest{Name: whoami.Operation{}.OID()}, ask)
	want("who am I", c.expect(id, wire.TagExtendedResponse, directory.InsufficientAccessRights), "3003810102", "")
	if r := bind(user("w1", warned), "password", directory.Success, ask); r.control(extopwire.PasswordPolicyOID) == nil || r.control(extopwire.PasswordExpiringOID) == nil {
		t.Errorf("warned: %v", r.controls)
	}

	// Grace, and the end of it, of a password from long ago.
	e1 := "cn=e1," + suffix
	load(t, e1, "objectClass", "person", "cn", "e1", "sn", "x", "userPassword", "password", "pwdPolicySubentry", expired, "pwdChangedTime", "20200101000000Z")
	want("grace", bind(e1, "password", directory.Success, ask), "3005a003810101", "0")
	want("last grace", bind(e1, "password", directory.Success, ask), "3005a003810100", "0")
	want("expired, and wrong", bind(e1, "wrong", directory.InvalidCredentials, ask), "", "")
	want("expired", bind(e1, "password", directory.InvalidCredentials, ask), "3003810100", "0")
}

// load adds an entry as an import does.
func load(t *testing.T, dn string, lines ...string) {
	t.Helper()
	req := &directory.AddRequest{Entry: dn}
	for i := 0; i < len(lines); i += 2 {
		req.Attributes = append(req.Attributes, directory.Attribute{Name: lines[i], Values: [][]byte{[]byte(lines[i+1])}})
	}
	next := []any{req}
	_, err := testDirectory(t).Load(t.Context(), directory.ImportSource{
		Next: func() (*directory.ImportRecord, error) {
			if len(next) == 0 {
				return nil, io.EOF
			}
			next = nil
			return &directory.ImportRecord{Request: req}, nil
		},
		Bad: func(_ *directory.ImportRecord, err error) error { return err },
	})
	if err != nil {
		t.Fatal(err)
	}
}
