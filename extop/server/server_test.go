package server_test

import (
	"context"
	"errors"
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
	for _, row := range []struct {
		privilege string
		may, not  []wire.ManageServerRequest
	}{
		{"bypass-acl", nil, []wire.ManageServerRequest{index, add, remove, show, set, backup}},
		{"config-read", []wire.ManageServerRequest{index, show}, []wire.ManageServerRequest{add, remove, set, backup}},
		{"config-write", []wire.ManageServerRequest{index, add, remove, show, set}, []wire.ManageServerRequest{backup}},
		{"backend-backup", []wire.ManageServerRequest{backup}, []wire.ManageServerRequest{index, add, remove, show, set}},
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
