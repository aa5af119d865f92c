package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"tallystick/extop/wire"
	"tallystick/internal/ber"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func textOf(s string) *string { return &s }

var manageRequests = []struct {
	name string
	req  wire.ManageTOTPRequest
	hex  string // "": not written down
}{
	{"list", wire.ManageTOTPRequest{}, "30 03 80 01 00"},
	{"list of somebody else's", wire.ManageTOTPRequest{AuthenticationID: textOf("u:ann")}, "30 0a 80 01 00 81 05 753a616e6e"},
	{"an empty password is there", wire.ManageTOTPRequest{StaticPassword: []byte{}}, "30 05 80 01 00 82 00"},
	{"enrol", wire.ManageTOTPRequest{Action: wire.ManageEnrol, StaticPassword: []byte("pw"), Digits: 8, QRCode: true}, "30 0d 80 01 01 82 02 7077 88 01 08 8b 01 ff"},
	{"enrol, with everything", wire.ManageTOTPRequest{
		Action: wire.ManageEnrol, AuthenticationID: textOf("dn:uid=ann"), Name: "token", Algorithm: "SHA512", Digits: 7, Period: time.Minute,
		Issuer: "Example", QRCode: true, Serial: "1", Device: "2",
		NotBefore: time.Unix(1_700_000_000, 0).UTC(), NotAfter: time.Unix(1_800_000_000, 0).UTC(),
	}, ""},
	{"confirm", wire.ManageTOTPRequest{Action: wire.ManageConfirm, ID: "A", Code: "123456"}, "30 0e 80 01 02 83 01 41 85 06 313233343536"},
	{"rename", wire.ManageTOTPRequest{Action: wire.ManageRename, ID: "A", Name: "n"}, "30 09 80 01 03 83 01 41 84 01 6e"},
	{"resync", wire.ManageTOTPRequest{Action: wire.ManageResync, ID: "A", Code: "1", NextCode: "2"}, "30 0c 80 01 06 83 01 41 85 01 31 86 01 32"},
	{"new recovery codes", wire.ManageTOTPRequest{Action: wire.ManageNewRecoveryCodes}, "30 03 80 01 08"},
	{"import", wire.ManageTOTPRequest{Action: wire.ManageImport, Key: []byte("secret"), Disabled: true, LastStep: 58_000_000, Drift: -2, DryRun: true},
		"30 1a 80 01 09 90 06 736563726574 91 01 ff 92 04 03750280 93 01 fe 94 01 ff"},
	{"import of a counter-based token", wire.ManageTOTPRequest{Action: wire.ManageImport, Key: []byte("k"), Counter: new(int64(0))}, "30 09 80 01 09 90 01 6b 99 01 00"},
	{"an empty key is there", wire.ManageTOTPRequest{Action: wire.ManageImport, Key: []byte{}}, "30 05 80 01 09 90 00"},
	{"unlock", wire.ManageTOTPRequest{Action: wire.ManageUnlock, AuthenticationID: new("u:a")}, "30 08 80 01 0b 81 03 753a61"},
	{"explain", wire.ManageTOTPRequest{Action: wire.ManageExplain, Listener: "ldap", Address: "::1"}, "30 0e 80 01 0a 95 04 6c646170 96 03 3a3a31"},
	{"new application password", wire.ManageTOTPRequest{Action: wire.ManageNewApplicationPassword, Name: "m", Networks: []string{"::1", "::2"}, Listeners: []string{"ldap"}},
		"30 15 80 01 0c 84 01 6d 97 07 3a3a31203a3a32 98 04 6c646170"},
	{"find", wire.ManageTOTPRequest{Action: wire.ManageFind, Serial: "1"}, "30 06 80 01 0f 8c 01 31"},
	{"an action of later days", wire.ManageTOTPRequest{Action: 200}, "30 04 80 02 00c8"},
}

func TestManageTOTPRequest(t *testing.T) {
	for _, row := range manageRequests {
		value := row.req.Encode()
		if row.hex != "" && !bytes.Equal(value, unhex(t, row.hex)) {
			t.Errorf("%s: encoded %x, want %s", row.name, value, row.hex)
		}
		if got, err := wire.DecodeManageTOTPRequest(value); err != nil || !reflect.DeepEqual(got, row.req) {
			t.Errorf("%s: decoded %+v, %v; want %+v", row.name, got, err, row.req)
		}
	}
}

func TestManageTOTPRequestErrors(t *testing.T) {
	for _, row := range []struct {
		name, hex string
		want      error
	}{
		{"no action", "30 02 81 00", wire.ErrElements},
		{"empty", "30 00", wire.ErrElements},
		{"an empty action", "30 02 80 00", ber.ErrValue},
		{"a negative action", "30 03 80 01 ff", ber.ErrValue},
		{"an element of later days", "30 06 80 01 00 9e 01 00", wire.ErrUnknown},
		{"a negative step", "30 06 80 01 09 92 01 ff", ber.ErrValue},
		{"a negative counter", "30 06 80 01 09 99 01 ff", ber.ErrValue},
		{"a huge drift", "30 0a 80 01 09 93 05 ff00000000", ber.ErrValue},
		{"a constructed element", "30 05 a0 03 0a 01 00", wire.ErrUnknown},
		{"huge digits", "30 0c 80 01 01 88 07 01000000000000", ber.ErrValue},
		{"a boolean of two octets", "30 07 80 01 01 8b 02 ffff", ber.ErrValue},
		{"a date before 1970", "30 06 80 01 01 8e 01 ff", ber.ErrValue},
		{"a date beyond all calendars", "30 0b 80 01 01 8f 06 7fffffffffff", ber.ErrValue},
		{"something behind", "30 03 80 01 00 00", ber.ErrTrailing},
	} {
		if got, err := wire.DecodeManageTOTPRequest(unhex(t, row.hex)); !errors.Is(err, row.want) {
			t.Errorf("%s: %+v, %v; want %v", row.name, got, err, row.want)
		}
	}
	if _, err := wire.DecodeManageTOTPRequest(nil); !errors.Is(err, wire.ErrAbsent) {
		t.Errorf("absent: %v", err)
	}
}

var manageResponses = []struct {
	name string
	resp wire.ManageTOTPResponse
	hex  string
}{
	{"nothing", wire.ManageTOTPResponse{}, "30 00"},
	{"enrol", wire.ManageTOTPResponse{ID: "A", Secret: "B", URI: "C", QRCode: []byte{1}}, "30 0c 82 01 41 83 01 42 84 01 43 85 01 01"},
	{"import of what is there", wire.ManageTOTPResponse{ID: "A", There: true}, "30 06 82 01 41 87 01 ff"},
	{"enrol, and the change", wire.ManageTOTPResponse{ID: "A", Sequence: 300, LastChange: time.UnixMilli(1_700_000_000_123).UTC()}, "30 0f 82 01 41 88 02 012c 89 06 018bcfe5687b"},
	{"recovery codes", wire.ManageTOTPResponse{RecoveryCodes: []string{"A", "B"}}, "30 08 a6 06 04 01 41 04 01 42"},
	{"list", wire.ManageTOTPResponse{RecoveryCodesLeft: 9, Credentials: []wire.ManagedCredential{
		{ID: "A", State: "active", Algorithm: "SHA1", Digits: 6, Period: 30 * time.Second, Created: time.Unix(1, 0).UTC(), Changed: time.Unix(2, 0).UTC()},
		{ID: "B", Name: "n", State: "pending", Algorithm: "SHA256", Digits: 8, Period: time.Minute, Created: time.Unix(1, 0).UTC(), Changed: time.Unix(2, 0).UTC(),
			ChangedBy: "uid=ann", LastUsed: time.Unix(3, 0).UTC(), Serial: "s", Device: "d", NotBefore: time.Unix(4, 0).UTC(), NotAfter: time.Unix(5, 0).UTC(),
			CreatedBy: "uid=bob", Switched: time.UnixMilli(6007).UTC(), SwitchedBy: "uid=ada", Owner: "uid=eve", CounterBased: true},
	}}, ""},
	{"explanation", wire.ManageTOTPResponse{Explanation: &wire.Explanation{
		LogIn: "p", SecondFactor: "q", Policy: "r", Because: []string{"s", "t"}, Fault: "u", RecoveryCodes: 3,
		GraceUntil: time.Unix(4, 0).UTC(), GraceLogins: 5, RebindFor: 6 * time.Second,
		Credentials: []wire.ManagedCredential{{ID: "A", State: "active", Algorithm: "SHA1", Digits: 6, Period: 30 * time.Second,
			Created: time.Unix(1, 0).UTC(), Changed: time.Unix(2, 0).UTC()}},
		Applications: []wire.ApplicationPassword{{ID: "A", Name: "n", Networks: []string{"::1"}, Created: time.Unix(1, 0).UTC()}},
		WaitUntil:    time.UnixMilli(7008).UTC(),
	}}, ""},
	{"failures", wire.ManageTOTPResponse{Failures: 10, WaitUntil: time.UnixMilli(1_700_000_000_123).UTC()}, "30 0b 8b 01 0a 8c 06 018bcfe5687b"},
	{"application password", wire.ManageTOTPResponse{ID: "A", Password: "b"}, "30 06 82 01 41 8d 01 62"},
	{"application passwords", wire.ManageTOTPResponse{Applications: []wire.ApplicationPassword{
		{ID: "A", Name: "n", Networks: []string{"::1"}, Created: time.Unix(1, 0).UTC()},
		{ID: "B", Name: "m", Listeners: []string{"ldap", "ldaps"}, Created: time.Unix(1, 0).UTC(), MadeBy: "uid=ann",
			NotAfter: time.Unix(2, 0).UTC(), LastUsed: time.Unix(3, 0).UTC()},
	}}, ""},
	{"explanation of little", wire.ManageTOTPResponse{Explanation: &wire.Explanation{LogIn: "p", SecondFactor: "q"}}, "30 08 aa 06 80 01 70 81 01 71"},
}

func TestManageTOTPResponse(t *testing.T) {
	for _, row := range manageResponses {
		value := row.resp.Encode()
		if row.hex != "" && !bytes.Equal(value, unhex(t, row.hex)) {
			t.Errorf("%s: encoded %x, want %s", row.name, value, row.hex)
		}
		if got, err := wire.DecodeManageTOTPResponse(value); err != nil || !reflect.DeepEqual(got, row.resp) {
			t.Errorf("%s: decoded %+v, %v; want %+v", row.name, got, err, row.resp)
		}
	}
	if got, err := wire.DecodeManageTOTPResponse(nil); err != nil || !reflect.DeepEqual(got, wire.ManageTOTPResponse{}) {
		t.Errorf("absent: %+v, %v", got, err)
	}
	if got, err := wire.DecodeManageTOTPResponse(unhex(t, "30 06 82 01 41 9e 01 00")); err != nil || got.ID != "A" {
		t.Errorf("an element of later days: %+v, %v", got, err)
	}
	for name, row := range map[string]struct {
		hex  string
		want error
	}{
		"a credential without id":          {"30 07 a0 05 30 03 84 01 06", wire.ErrElements},
		"a credential that is no sequence": {"30 05 a0 03 04 01 00", ber.ErrTag},
		"a code that is no string":         {"30 05 a6 03 02 01 00", ber.ErrTag},
		"a negative count":                 {"30 03 81 01 ff", ber.ErrValue},
		"a negative sequence":              {"30 03 88 01 ff", ber.ErrValue},
		"a change beyond all calendars":    {"30 09 89 07 7fffffffffffff", ber.ErrValue},
		"an application password, no id":   {"30 07 ae 05 30 03 81 01 41", wire.ErrElements},
		"a reason that is no string":       {"30 07 aa 05 a3 03 02 01 00", ber.ErrTag},
		"a negative number of log-ins":     {"30 05 aa 03 88 01 ff", ber.ErrValue},
		"cut":                              {"30 03 82 02 41", ber.ErrTruncated},
	} {
		if got, err := wire.DecodeManageTOTPResponse(unhex(t, row.hex)); !errors.Is(err, row.want) {
			t.Errorf("%s: %+v, %v; want %v", name, got, err, row.want)
		}
	}
}

func FuzzManageTOTPRequest(f *testing.F) {
	for _, row := range manageRequests {
		f.Add(row.req.Encode())
	}
	f.Fuzz(func(t *testing.T, value []byte) { roundTrip(t, wire.DecodeManageTOTPRequest, value) })
}

func FuzzManageTOTPResponse(f *testing.F) {
	for _, row := range manageResponses {
		f.Add(row.resp.Encode())
	}
	f.Fuzz(func(t *testing.T, value []byte) { roundTrip(t, wire.DecodeManageTOTPResponse, value) })
}
