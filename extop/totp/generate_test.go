package totp_test

import (
	"encoding/base32"
	"testing"

	"tallystick/directory"
	"tallystick/extop/wire"
)

// Who may have a secret made for whom, and what everybody else is told.
func TestGenerate(t *testing.T) {
	for _, test := range []struct {
		rule     string
		from     string
		id       *string
		password []byte
		want     directory.ResultCode
		owner    string // of the secret
	}{
		{"oneself, with the password", ann, nil, right, directory.Success, ann},
		{"oneself, with a wrong password", ann, nil, wrong, directory.InvalidCredentials, ""},
		{"oneself, with an empty password", ann, nil, empty, directory.InvalidCredentials, ""},
		{"nobody has no password", "", nil, right, directory.InvalidCredentials, ""},

		{"dn: from anonymous, with the password", "", name("dn:" + ann), right, directory.Success, ann},
		{"dn: in another spelling", "", name("dn:UID=Ann, OU=People,dc=example , dc=com"), right, directory.Success, ann},
		{"u: from anonymous, with the password", "", name("u:ann"), right, directory.Success, ann},
		{"from another user, with the password", bob, name("dn:" + ann), right, directory.Success, ann},
		{"oneself by name, with the password", ann, name("u:ann"), right, directory.Success, ann},
		{"a wrong password", "", name("dn:" + ann), wrong, directory.InvalidCredentials, ""},
		{"an empty password", "", name("dn:" + ann), empty, directory.InvalidCredentials, ""},
		{"an administrator with a wrong password", ada, name("dn:" + ann), wrong, directory.InvalidCredentials, ""},
		{"no such user", "", name("dn:uid=none," + ann), right, directory.InvalidCredentials, ""},
		{"no such user name", "", name("u:none"), right, directory.InvalidCredentials, ""},
		{"no prefix", "", name(ann), right, directory.InvalidCredentials, ""},
		{"prefix in upper case", "", name("DN:" + ann), right, directory.InvalidCredentials, ""},
		{"the empty DN", "", name("dn:"), right, directory.InvalidCredentials, ""},
		{"the empty user name", "", name("u:"), right, directory.InvalidCredentials, ""},
		{"an empty identity", "", name(""), right, directory.InvalidCredentials, ""},
		{"not a DN", "", name("dn:ann"), right, directory.InvalidCredentials, ""},
		{"not UTF-8", "", name("u:\xff"), right, directory.InvalidCredentials, ""},

		{"an administrator for another", ada, name("dn:" + ann), nil, directory.Success, ann},
		{"an administrator for another by u:", ada, name("u:bob"), nil, directory.Success, bob},
		{"an administrator for himself", ada, name("dn:" + ada), nil, directory.UnwillingToPerform, ""},
		{"an administrator for himself by u:", ada, name("u:ada"), nil, directory.UnwillingToPerform, ""},
		{"an administrator for nobody", ada, name("u:none"), nil, directory.NoSuchObject, ""},
		{"an administrator without prefix", ada, name(ann), nil, directory.NoSuchObject, ""},
		{"an administrator with no DN", ada, name("dn:ann"), nil, directory.InvalidDNSyntax, ""},
		{"no administrator", bob, name("dn:" + ann), nil, directory.InsufficientAccessRights, ""},
		{"no administrator, no such user", bob, name("u:none"), nil, directory.InsufficientAccessRights, ""},
		{"anonymous without a password", "", name("dn:" + ann), nil, directory.InsufficientAccessRights, ""},
	} {
		t.Run(test.rule, func(t *testing.T) {
			h := newHouse(t)
			secret, code := h.generate(test.from, wire.GenerateTOTPSharedSecretRequest{
				AuthenticationID: test.id, StaticPassword: test.password,
			})
			if code != test.want {
				t.Fatalf("got %v, want %v", code, test.want)
			}
			if test.owner == "" {
				return
			}
			if key, err := base32.StdEncoding.DecodeString(secret); err != nil || len(key) != 20 {
				t.Errorf("the secret is not 20 octets in base32: %d, %v", len(key), err)
			}
			for _, user := range []string{ann, bob} {
				if h.has(user, secret) != (user == test.owner) {
					t.Errorf("whether %s has the secret is wrong", user)
				}
			}
		})
	}
}

// A second secret does not replace the first.
func TestGenerateAdds(t *testing.T) {
	h := newHouse(t)
	first, second := h.secret(ann), h.secret(ann)
	if first == second {
		t.Error("the same secret twice")
	}
	if !h.has(ann, first) || !h.has(ann, second) {
		t.Error("a secret is gone")
	}
}

// Once a code was accepted, the static password alone makes no more secrets; a
// current code behind it does.
func TestGenerateNeedsCode(t *testing.T) {
	h := newHouse(t)
	secret := h.secret(ann)
	request := func(password string) directory.ResultCode {
		_, code := h.generate("", wire.GenerateTOTPSharedSecretRequest{
			AuthenticationID: name("dn:" + ann), StaticPassword: []byte(password),
		})
		return code
	}
	if code := request(string(right)); code != directory.Success {
		t.Errorf("before a code was accepted: %v", code)
	}
	if !h.has(ann, secret) {
		t.Fatal("the code was not accepted")
	}
	if code := request(string(right)); code != directory.InvalidCredentials {
		t.Errorf("with the password alone: %v", code)
	}
	if code := request(string(right) + h.code(secret)); code != directory.InvalidCredentials {
		t.Errorf("with a spent code: %v", code)
	}
	h.now = h.now.Add(step)
	if code := request(string(right) + h.code(secret)); code != directory.Success {
		t.Errorf("with a code: %v", code)
	}
}
