package passwords_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/passwords"
	"tallystick/extop/wire"
	"tallystick/internal/directorytest"
)

const policy = "cn=pw," + directorytest.Suffix

// policed is a directory where everybody is under a policy.
func policed(t *testing.T, now func() time.Time, lines ...string) *directory.Directory {
	t.Helper()
	d := directorytest.Open(t, func(c *directory.Config) { c.Credentials.PasswordPolicy, c.Now = policy, now })
	req := directory.AddRequest{Entry: policy}
	for _, l := range append([]string{"objectClass: device", "objectClass: tallystickPwdPolicy", "cn: pw", "pwdAttribute: userPassword"}, lines...) {
		name, value, _ := strings.Cut(l, ": ")
		req.Attributes = append(req.Attributes, directory.Attribute{Name: name, Values: [][]byte{[]byte(value)}})
	}
	if err := d.Add(t.Context(), directory.Requester{How: directory.ByServer}, &req); err != nil {
		t.Fatal(err)
	}
	return d
}

// operations reads what a row asks or wants: a number and values, and a semicolon
// between two of them.
func operations(text string) (list []wire.PasswordStateOperation) {
	for part := range strings.SplitSeq(text, "; ") {
		words := strings.Split(part, " ")
		n, _ := strconv.Atoi(words[0])
		list = append(list, wire.PasswordStateOperation{Type: n, Values: words[1:]})
	}
	return list
}

// Each row is one request, on what the rows before it have left.
func TestState(t *testing.T) {
	clock := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	d := policed(t, func() time.Time { return clock }, "pwdMaxAge: 1000", "pwdExpireWarning: 100", "pwdGraceAuthNLimit: 3", "pwdMustChange: TRUE",
		"pwdLockout: TRUE", "pwdMaxFailure: 2", "pwdLockoutDuration: 60", "pwdMaxIdle: 2000", "pwdInHistory: 3")
	for range 2 {
		_, _ = d.Bind(t.Context(), directory.Requester{}, &directory.BindRequest{Version: 3, Name: bob, Password: []byte("wrong")})
	}
	for _, tt := range []struct {
		from, user string
		ask, want  string
		code       directory.ResultCode
	}{
		{ada, ann, "0", "0 cn=pw,dc=example,dc=com", 0},
		{ann, bob, "0", "", directory.InsufficientAccessRights},
		{"", bob, "0", "", directory.InsufficientAccessRights},
		{ada, "uid=nobody," + directorytest.People, "0", "", directory.NoSuchObject},
		{ada, "x", "0", "", directory.InvalidDNSyntax},
		{ada, ada, "0", "0 cn=pw,dc=example,dc=com", 0},
		{ada, ada, "79", "", directory.UnwillingToPerform},
		{ada, ann, "71", "", directory.UnwillingToPerform},
		{ada, ann, "9 20260101115000Z; 58; 14; 15; 67",
			"8 20260101115000.000Z; 58 20260101120640.000Z; 14 400; 15 300; 67 false", 0},
		{ada, ann, "9 x", "", directory.InvalidAttributeSyntax},
		{ada, ann, "9 20250101000000Z; 67; 34; 55", "8 20250101000000.000Z; 67 true; 34 3; 55 true", 0},
		{ada, ann, "32 20260101000000Z 20260101000001Z 20260101000002Z; 34; 55",
			"30 20260101000000.000Z 20260101000001.000Z 20260101000002.000Z; 34 0; 55 false", 0},
		{ada, ann, "33; 31; 31 20260101000003Z; 34", "30 20260101120000.000Z 20260101000003.000Z; 30 20260101120000.000Z 20260101000003.000Z; 30 20260101120000.000Z 20260101000003.000Z; 34 1", 0},
		{ada, ann, "31 x", "", directory.InvalidAttributeSyntax},
		{ada, ann, "33; 10; 55", "30; 8; 55 true", 0},
		{ada, ann, "2 true; 55", "1 true; 55 false", 0},
		{ada, ann, "3; 55", "1 false; 55 true", 0},
		{ada, ann, "2 TRUE", "", directory.InvalidAttributeSyntax},
		{ada, ann, "27 true", "26 true", 0},
		{ada, ann, "28", "26 false", 0},
		{ada, ann, "5 20260101115959Z; 57; 55", "4 20260101115959.000Z; 57 true; 55 false", 0},
		{ada, ann, "6; 46 20260101120010Z; 48; 56", "4; 45 20260101120010.000Z; 48 10; 56 true", 0},
		{ada, ann, "47", "45", 0},
		{ada, ann, "23 20260101113000Z; 25; 62", "22 20260101113000.000Z; 25 300; 62 false", 0},
		{ada, ann, "24", "22", 0},
		{ada, bob, "59; 20; 21; 61; 16",
			"59 true; 20 60; 21 0; 61 20260101120000.000Z; 16 20260101120000.000Z 20260101120000.000Z", 0},
		{ada, bob, "60 true", "", directory.UnwillingToPerform},
		{ada, bob, "60 false; 21", "59 false; 21 2", 0},
		{ada, bob, "19; 40", "16; 66 0", 0},
		{ada, ann, "70; 81", "70 false; 81 true", 0},
		{ada, ann, "76 ABCDEFGHIJKLMNOP", "70 true", 0},
		{ada, ann, "77 QRSTUVWXYZ234567", "", directory.NoSuchAttribute},
		{ada, ann, "77 ABCDEFGHIJKLMNOP", "70 false", 0},
		{ada, ann, "76 !", "", directory.InvalidAttributeSyntax},
		{ada, ann, "78 ABCDEFGHIJKLMNOP QRSTUVWXYZ234567", "70 true", 0},
		{ada, ann, "79", "70 false", 0},
	} {
		got, err := passwords.NewState(d).Serve(t.Context(), &extop.Request{Value: wire.PasswordStateMessage{TargetUser: tt.user, Operations: operations(tt.ask)}.Encode(), From: by(tt.from)})
		if code := directory.Result(err).ResultCode; code != tt.code {
			t.Errorf("%v: %v, want %v", tt.ask, err, tt.code)
		}
		if err != nil {
			continue
		}
		resp, err := wire.DecodePasswordStateMessage(got.Value)
		same := func(a, b wire.PasswordStateOperation) bool {
			return a.Type == b.Type && slices.Equal(a.Values, b.Values)
		}
		if err != nil || got.OID != wire.PasswordStateOID || resp.TargetUser != tt.user || !slices.EqualFunc(resp.Operations, operations(tt.want), same) {
			t.Errorf("%v:\n%v, %v, want\n%v", tt.ask, resp.Operations, err, tt.want)
		}
	}
	// Without operations all is told.
	got, err := passwords.NewState(d).Serve(t.Context(), &extop.Request{Value: wire.PasswordStateMessage{TargetUser: ann}.Encode(), From: by(ada)})
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := wire.DecodePasswordStateMessage(got.Value); err != nil || len(resp.Operations) != 30 {
		t.Errorf("%d operations, %v", len(resp.Operations), err)
	}
}

// Suggestions and requirements are those of the policy that is meant; who may not
// read hears of the default one.
func TestPolicyOfUser(t *testing.T) {
	d := policed(t, nil, "pwdCheckQuality: 2", "pwdMinLength: 40", "tallystickPwdMinScore: 3", "pwdInHistory: 5", "pwdSafeModify: TRUE", "pwdMaxAge: 1000")
	for _, tt := range []struct {
		from string
		req  wire.PasswordQualityRequest
		code directory.ResultCode
	}{
		{ann, wire.PasswordQualityRequest{Change: wire.SelfChange}, 0},
		{ann, wire.PasswordQualityRequest{Change: wire.SelfChangeForUser, DN: bob}, 0},
		{"", wire.PasswordQualityRequest{Change: wire.SelfChangeForUser, DN: bob}, 0},
		{ann, wire.PasswordQualityRequest{Change: wire.AddWithPolicy, DN: policy}, 0},
		{"", wire.PasswordQualityRequest{Change: wire.AddWithPolicy, DN: policy}, directory.NoSuchObject},
	} {
		got, err := passwords.NewQuality(d).Serve(t.Context(), &extop.Request{Value: tt.req.Encode(), From: by(tt.from)})
		if code := directory.Result(err).ResultCode; code != tt.code {
			t.Fatalf("%+v: %v", tt.req, err)
		}
		if err != nil {
			continue
		}
		resp, err := wire.DecodePasswordQualityResponse(got.Value)
		if err != nil || len(resp.Requirements) != 3 || resp.Requirements[0].Properties[0].Value != "40" || *resp.SecondsUntilExpiration != 1000 {
			t.Errorf("%+v: %+v, %v", tt.req, resp, err)
		}
	}
	value := wire.GeneratePasswordRequest{NumberOfPasswords: 2, ValidationAttempts: 1, Policy: wire.PolicySelection{TargetEntryDN: text(bob)}}.Encode()
	got, err := passwords.NewGenerate(d).Serve(t.Context(), &extop.Request{Value: value, From: by(ann)})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := wire.DecodeGeneratePasswordResponse(got.Value)
	if err != nil || resp.PasswordPolicyDN != policy {
		t.Errorf("%+v, %v", resp, err)
	}
	if _, err := d.ChangePassword(t.Context(), by(bob), nil, []byte(directorytest.Password), []byte(resp.Passwords[0].Password)); err != nil {
		t.Errorf("%q is not accepted: %v", resp.Passwords[0].Password, err)
	}
}
