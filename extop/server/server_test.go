package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tallystick/directory"
	"tallystick/directory/schema"
	"tallystick/extop"
	"tallystick/extop/extoptest"
	"tallystick/extop/server"
	"tallystick/extop/wire"
	"tallystick/internal/directorytest"
)

// backups is a place where nothing is kept: that of the server is in
// testdata/script/readonly.txtar.
type backups struct{}

func (backups) WriteBackup(_ context.Context, name string) (string, uint64, int64, error) {
	return "/backups/" + name, 7, 70, nil
}

func TestContract(t *testing.T) { extoptest.Run(t, server.New(directorytest.Open(t, nil), backups{})) }

// The OID is one of those that this project may assign.
func TestOID(t *testing.T) {
	if got := (server.Operation{}).OID(); got != schema.Arc+".6.2" {
		t.Error(got)
	}
}

// Each action is for those with its privilege, and for nobody else.
func TestPrivileges(t *testing.T) {
	d := directorytest.Open(t, nil)
	op := server.New(d, backups{})
	give := func(privilege string) {
		t.Helper()
		err := d.Modify(t.Context(), directory.Requester{How: directory.ByServer}, &directory.ModifyRequest{
			Object:  directorytest.Bob,
			Changes: []directory.Change{{Operation: directory.ReplaceValues, Attribute: directory.Attribute{Name: "ds-privilege-name", Values: [][]byte{[]byte(privilege)}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ask := func(who string, req wire.ManageServerRequest) error {
		_, err := op.Serve(t.Context(), &extop.Request{Value: req.Encode(), From: directory.Requester{DN: who, How: directory.ByPassword}})
		return err
	}
	index := wire.ManageServerRequest{Action: wire.ServerIndexes}
	add := wire.ManageServerRequest{Action: wire.ServerAddIndex, Attribute: "l", Kind: "equality"}
	remove := wire.ManageServerRequest{Action: wire.ServerRemoveIndex, Attribute: "l", Kind: "equality"}
	show := wire.ManageServerRequest{Action: wire.ServerWritability}
	set := wire.ManageServerRequest{Action: wire.ServerWritability, Writability: "enabled"}
	backup := wire.ManageServerRequest{Action: wire.ServerBackup, Name: "one"}
	access := wire.ManageServerRequest{Action: wire.ServerAccess, As: directorytest.Ann, To: directorytest.Bob}
	for _, row := range []struct {
		privilege string
		may, not  []wire.ManageServerRequest
	}{
		{"bypass-acl", []wire.ManageServerRequest{access}, []wire.ManageServerRequest{index, add, remove, show, set, backup}},
		{"config-read", []wire.ManageServerRequest{index, show}, []wire.ManageServerRequest{add, remove, set, backup, access}},
		{"config-write", []wire.ManageServerRequest{index, add, remove, show, set}, []wire.ManageServerRequest{backup, access}},
		{"backend-backup", []wire.ManageServerRequest{backup}, []wire.ManageServerRequest{index, add, remove, show, set, access}},
	} {
		give(row.privilege)
		for _, req := range row.may {
			if err := ask(directorytest.Bob, req); err != nil {
				t.Errorf("%s, action %d: %v", row.privilege, req.Action, err)
			}
		}
		for _, req := range row.not {
			if err := ask(directorytest.Bob, req); !errors.Is(err, directory.InsufficientAccessRights) {
				t.Errorf("%s, action %d: %v", row.privilege, req.Action, err)
			}
			if err := ask("", req); !errors.Is(err, directory.InsufficientAccessRights) {
				t.Errorf("anonymous, action %d: %v", req.Action, err)
			}
		}
	}
	if err := ask(directorytest.Bob, wire.ManageServerRequest{Action: 99}); !errors.Is(err, directory.ProtocolError) {
		t.Errorf("unknown action: %v", err)
	}
}

// What the actions answer.
func TestAnswers(t *testing.T) {
	op := server.New(directorytest.Open(t, nil), backups{})
	ask := func(req wire.ManageServerRequest) wire.ManageServerResponse {
		t.Helper()
		resp, err := op.Serve(t.Context(), &extop.Request{Value: req.Encode(), From: directory.Requester{How: directory.ByServer}})
		if err != nil {
			t.Fatal(err)
		}
		if resp.Value == nil {
			return wire.ManageServerResponse{}
		}
		r, err := wire.DecodeManageServerResponse(resp.Value)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ask(wire.ManageServerRequest{Action: wire.ServerAddIndex, Attribute: "L", Kind: "substring"})
	list := ask(wire.ManageServerRequest{Action: wire.ServerIndexes}).Indexes
	if first := list[0]; first != (wire.Index{Attribute: "objectClass", Kind: "equality", State: "built-in"}) {
		t.Errorf("%+v", first)
	}
	if last := list[len(list)-1]; last.Attribute != "l" || last.Kind != "substring" || last.State != "building" || last.Of == 0 {
		t.Errorf("%+v", last)
	}
	if got := ask(wire.ManageServerRequest{Action: wire.ServerWritability, Writability: "disabled"}).Writability; got != "disabled" {
		t.Error(got)
	}
	got := ask(wire.ManageServerRequest{Action: wire.ServerBackup, Name: "one"})
	if got.Name != "/backups/one" || got.Pairs != 7 || got.Octets != 70 {
		t.Errorf("%+v", got)
	}
}

// What somebody may is told with the rule that says so and the entry that has
// it; nonsense in a request has an answer.
func TestAccess(t *testing.T) {
	d := directorytest.Open(t, nil)
	op := server.New(d, backups{})
	ask := func(req wire.ManageServerRequest) (*wire.Access, error) {
		req.Action = wire.ServerAccess
		resp, err := op.Serve(t.Context(), &extop.Request{Value: req.Encode(), From: directory.Requester{How: directory.ByServer}})
		if err != nil {
			return nil, err
		}
		r, err := wire.DecodeManageServerResponse(resp.Value)
		if err != nil {
			t.Fatal(err)
		}
		return r.Access, nil
	}
	const rule = `(targetattr="homePhone")(version 3.0; acl "by code from there"; allow (read) userdn="ldap:///all" and authmethod="otp" and ip="192.0.2.7" and secure="true";)`
	err := d.Modify(t.Context(), directory.Requester{How: directory.ByServer}, &directory.ModifyRequest{
		Object:  directorytest.Bob,
		Changes: []directory.Change{{Operation: directory.AddValues, Attribute: directory.Attribute{Name: "aci", Values: [][]byte{[]byte(rule)}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	applies := func(req wire.ManageServerRequest) bool {
		t.Helper()
		x, err := ask(req)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(x.Rules, func(r wire.AccessRule) bool {
			return r.ACI == "by code from there" && r.Holder == directorytest.Bob && strings.HasPrefix(r.Permission, "allow (read)")
		})
	}
	all := wire.ManageServerRequest{As: directorytest.Ann, To: directorytest.Bob, From: "192.0.2.7", Code: true, TLS: true, Attribute: "homePhone"}
	if !applies(all) {
		t.Error("the rule is not told")
	}
	for name, change := range map[string]func(*wire.ManageServerRequest){
		"without a code":   func(r *wire.ManageServerRequest) { r.Code = false },
		"without TLS":      func(r *wire.ManageServerRequest) { r.TLS = false },
		"from elsewhere":   func(r *wire.ManageServerRequest) { r.From = "192.0.2.8" },
		"from nowhere":     func(r *wire.ManageServerRequest) { r.From = "nowhere" },
		"anonymous":        func(r *wire.ManageServerRequest) { r.As = "" },
		"to another entry": func(r *wire.ManageServerRequest) { r.To = directorytest.Ann },
	} {
		req := all
		if change(&req); applies(req) {
			t.Errorf("%s: the rule applies", name)
		}
	}
	for name, req := range map[string]wire.ManageServerRequest{
		"no attribute":          {To: directorytest.Bob, Attribute: ",,;,;;,a b"},
		"nobody's name":         {As: "cn=nobody,dc=example,dc=net", To: directorytest.Bob},
		"the root user, of Bob": {As: "cn=Directory Manager", To: directorytest.Bob},
	} {
		if _, err := ask(req); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, row := range map[string]struct {
		req  wire.ManageServerRequest
		want directory.ResultCode
	}{
		"no name":          {wire.ManageServerRequest{As: "x", To: directorytest.Bob}, directory.InvalidDNSyntax},
		"no entry's name":  {wire.ManageServerRequest{To: "x"}, directory.InvalidDNSyntax},
		"no entry":         {wire.ManageServerRequest{To: "uid=absent," + directorytest.Bob}, directory.NoSuchObject},
		"too much to tell": {wire.ManageServerRequest{To: directorytest.Bob, Attribute: strings.Repeat("a,", 20_000)}, directory.Success},
		"far too much":     {wire.ManageServerRequest{To: directorytest.Bob, Attribute: many(9_000)}, directory.AdminLimitExceeded},
	} {
		if _, err := ask(row.req); row.want == directory.Success && err != nil || row.want != directory.Success && !errors.Is(err, row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// many is so many names.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%x,", i)
	}
	return b.String()
}
