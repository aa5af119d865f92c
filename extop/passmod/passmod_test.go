package passmod_test

import (
	"testing"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/extoptest"
	"tallystick/extop/passmod"
	"tallystick/extop/wire"
	"tallystick/internal/directorytest"
)

const (
	ann = directorytest.Ann
	bob = directorytest.Bob
	ada = directorytest.Ada
)

func TestContract(t *testing.T) {
	extoptest.Run(t, passmod.New(directorytest.Open(t, nil)))
}

func name(s string) *string { return &s }

// by is a requester who has authenticated with a password; "" is anonymous.
func by(dn string) directory.Requester {
	if dn == "" {
		return directory.Requester{Secure: true}
	}
	return directory.Requester{DN: dn, How: directory.ByPassword, Secure: true}
}

// bind is the resultCode of a simple bind.
func bind(t *testing.T, d *directory.Directory, dn, password string) directory.ResultCode {
	t.Helper()
	_, err := d.Bind(t.Context(), by(""), &directory.BindRequest{Version: 3, Name: dn, Password: []byte(password)})
	return directory.Result(err).ResultCode
}

func TestPasswordModify(t *testing.T) {
	old, new := []byte(directorytest.Password), []byte("a new password")
	for _, test := range []struct {
		rule    string
		from    string
		req     wire.PasswordModifyRequest
		code    directory.ResultCode
		changed string // whose password it is that is new; "" if nobody's
	}{
		{"a user changes his own, naming nobody", ann, wire.PasswordModifyRequest{OldPasswd: old, NewPasswd: new}, directory.Success, ann},
		{"or himself", ann, wire.PasswordModifyRequest{UserIdentity: name(ann), OldPasswd: old, NewPasswd: new}, directory.Success, ann},
		{"by dn:", ann, wire.PasswordModifyRequest{UserIdentity: name("dn:" + ann), OldPasswd: old, NewPasswd: new}, directory.Success, ann},
		{"by u:", ann, wire.PasswordModifyRequest{UserIdentity: name("u:ann"), OldPasswd: old, NewPasswd: new}, directory.Success, ann},
		{"by his bare name", ann, wire.PasswordModifyRequest{UserIdentity: name("ann"), OldPasswd: old, NewPasswd: new}, directory.Success, ann},
		{"an administrator changes another's", ada, wire.PasswordModifyRequest{UserIdentity: name(bob), NewPasswd: new}, directory.Success, bob},
		{"the server makes the password", ada, wire.PasswordModifyRequest{UserIdentity: name(bob)}, directory.Success, bob},
		{"the server makes one's own", ann, wire.PasswordModifyRequest{OldPasswd: old}, directory.Success, ann},
		{"the old password is wrong", ann, wire.PasswordModifyRequest{OldPasswd: new, NewPasswd: new}, directory.InvalidCredentials, ""},
		{"an empty old password is there, and wrong", ann, wire.PasswordModifyRequest{OldPasswd: []byte{}, NewPasswd: new}, directory.InvalidCredentials, ""},
		{"an empty new password", ann, wire.PasswordModifyRequest{OldPasswd: old, NewPasswd: []byte{}}, directory.ConstraintViolation, ""},
		{"anonymous, with the old password", "", wire.PasswordModifyRequest{UserIdentity: name(ann), OldPasswd: old, NewPasswd: new}, directory.Success, ann},
		{"anonymous, with a wrong one", "", wire.PasswordModifyRequest{UserIdentity: name(ann), OldPasswd: new, NewPasswd: new}, directory.InvalidCredentials, ""},
		{"anonymous, with none", "", wire.PasswordModifyRequest{UserIdentity: name(ann), NewPasswd: new}, directory.InsufficientAccessRights, ""},
		{"anonymous, naming nobody", "", wire.PasswordModifyRequest{OldPasswd: old, NewPasswd: new}, directory.UnwillingToPerform, ""},
		{"no such user, with a password", "", wire.PasswordModifyRequest{UserIdentity: name("u:none"), OldPasswd: old, NewPasswd: new}, directory.InvalidCredentials, ""},
		{"no such user, from an administrator", ada, wire.PasswordModifyRequest{UserIdentity: name("u:none"), NewPasswd: new}, directory.NoSuchObject, ""},
		{"no such user, from another", ann, wire.PasswordModifyRequest{UserIdentity: name("u:none"), NewPasswd: new}, directory.InsufficientAccessRights, ""},
		{"a user may not change another's", ann, wire.PasswordModifyRequest{UserIdentity: name(bob), NewPasswd: new}, directory.InsufficientAccessRights, ""},
	} {
		t.Run(test.rule, func(t *testing.T) {
			d := directorytest.Open(t, nil)
			resp, err := passmod.New(d).Serve(t.Context(), &extop.Request{Value: test.req.Encode(), From: by(test.from)})
			if got := directory.Result(err).ResultCode; got != test.code {
				t.Fatalf("got %v, want %v", err, test.code)
			}
			password := string(test.req.NewPasswd)
			if err == nil {
				password = answered(t, resp, password)
			}
			for _, user := range []string{ann, bob} {
				want, not := directorytest.Password, password
				if user == test.changed {
					want, not = not, want
				}
				if code := bind(t, d, user, want); code != directory.Success {
					t.Errorf("%s binds with the right password: %v", user, code)
				}
				if code := bind(t, d, user, not); not != "" && code != directory.InvalidCredentials {
					t.Errorf("%s binds with the other password: %v", user, code)
				}
			}
		})
	}
}

// answered is the password that is in force after resp: the one asked for, or
// if that is "" the one that the response has. RFC 3062, section 2.
func answered(t *testing.T, resp *extop.Response, asked string) string {
	t.Helper()
	if resp.OID != "" {
		t.Errorf("the response has OID %s", resp.OID)
	}
	r, err := wire.DecodePasswordModifyResponse(resp.Value)
	if err != nil {
		t.Fatal(err)
	}
	if asked != "" {
		if resp.Value != nil {
			t.Error("the response tells a password that the client chose")
		}
		return asked
	}
	if len(r.GenPasswd) == 0 {
		t.Fatal("no password was made")
	}
	return string(r.GenPasswd)
}

// No value is the same as an empty SEQUENCE: a new password for the requester.
func TestNoValue(t *testing.T) {
	d := directorytest.Open(t, nil)
	resp, err := passmod.New(d).Serve(t.Context(), &extop.Request{From: by(ann)})
	if err != nil {
		t.Fatal(err)
	}
	if code := bind(t, d, ann, answered(t, resp, "")); code != directory.Success {
		t.Errorf("bind with the password made: %v", code)
	}
}
