package wire_test

import (
	"bytes"
	"reflect"
	"testing"

	"tallystick/extop/wire"
)

func TestManageServerRequest(t *testing.T) {
	for _, row := range []struct {
		name string
		req  wire.ManageServerRequest
		hex  string
	}{
		{"indexes", wire.ManageServerRequest{}, "30 03 80 01 00"},
		{"add an index", wire.ManageServerRequest{Action: wire.ServerAddIndex, Attribute: "l", Kind: "equality"}, "30 10 80 01 01 81 01 6c 82 08 657175616c697479"},
		{"writability", wire.ManageServerRequest{Action: wire.ServerWritability, Writability: "disabled"}, "30 0d 80 01 03 83 08 64697361626c6564"},
		{"backup", wire.ManageServerRequest{Action: wire.ServerBackup, Name: "b"}, "30 06 80 01 04 84 01 62"},
		{"access", wire.ManageServerRequest{Action: wire.ServerAccess, Attribute: "l,cn", As: "a", To: "t", From: "f", Code: true, TLS: true},
			"30 18 80 01 05 81 04 6c2c636e 85 01 61 86 01 74 87 01 66 88 01 ff 89 01 ff"},
	} {
		value := row.req.Encode()
		if !bytes.Equal(value, unhex(t, row.hex)) {
			t.Errorf("%s: %x", row.name, value)
		}
		if got, err := wire.DecodeManageServerRequest(value); err != nil || got != row.req {
			t.Errorf("%s: %+v, %v", row.name, got, err)
		}
	}
	for name, hex := range map[string]string{
		"no action": "30 00", "an unknown element": "30 06 80 01 00 8a 01 41", "a negative action": "30 03 80 01 ff", "an action of no octets": "30 02 80 00",
	} {
		if r, err := wire.DecodeManageServerRequest(unhex(t, hex)); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := wire.DecodeManageServerRequest(nil); err == nil {
		t.Error("an absent value")
	}
}

func TestManageServerResponse(t *testing.T) {
	for _, row := range []struct {
		name string
		resp wire.ManageServerResponse
		hex  string
	}{
		{"nothing", wire.ManageServerResponse{}, "30 00"},
		{"indexes", wire.ManageServerResponse{Indexes: []wire.Index{{Attribute: "l", Kind: "k", State: "s", Done: 1, Of: 2, Fault: "f"}}},
			"30 16 a0 14 30 12 80 01 6c 81 01 6b 82 01 73 83 01 01 84 01 02 85 01 66"},
		{"backup", wire.ManageServerResponse{Name: "b", Pairs: 3, Octets: 4}, "30 09 82 01 03 83 01 04 84 01 62"},
		{"access to everything", wire.ManageServerResponse{Access: &wire.Access{Unrestricted: "u"}}, "30 09 a5 07 80 01 75 a3 00 a4 00"},
		{"access", wire.ManageServerResponse{Access: &wire.Access{Sees: true, Entry: "add",
			Attributes: []wire.AttributeAccess{{Name: "l", Rights: "read"}, {Name: "o"}},
			Rules:      []wire.AccessRule{{Permission: "p", ACI: "a", Holder: "h", Denies: true}, {Permission: "q"}}}},
			"30 31 a5 2f 81 01 ff 82 03 616464 a3 10 30 09 80 01 6c 81 04 72656164 30 03 80 01 6f a4 13 30 0c 80 01 70 81 01 61 82 01 68 83 01 ff 30 03 80 01 71"},
	} {
		value := row.resp.Encode()
		if !bytes.Equal(value, unhex(t, row.hex)) {
			t.Errorf("%s: %x", row.name, value)
		}
		if got, err := wire.DecodeManageServerResponse(value); err != nil || !reflect.DeepEqual(got, row.resp) {
			t.Errorf("%s: %+v, %v", row.name, got, err)
		}
	}
}

func FuzzManageServerRequest(f *testing.F) {
	f.Add(wire.ManageServerRequest{Action: wire.ServerAddIndex, Attribute: "l", Kind: "equality"}.Encode())
	f.Fuzz(func(t *testing.T, value []byte) { roundTrip(t, wire.DecodeManageServerRequest, value) })
}

func FuzzManageServerResponse(f *testing.F) {
	f.Add(wire.ManageServerResponse{Indexes: []wire.Index{{Attribute: "l", State: "building", Done: 1, Of: 2}}, Writability: "enabled"}.Encode())
	f.Add(wire.ManageServerResponse{Access: &wire.Access{Sees: true, Attributes: []wire.AttributeAccess{{Name: "l", Rights: "read"}}, Rules: []wire.AccessRule{{Permission: "p", Denies: true}}}}.Encode())
	f.Fuzz(func(t *testing.T, value []byte) { roundTrip(t, wire.DecodeManageServerResponse, value) })
}
