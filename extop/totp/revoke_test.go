package totp_test

import (
	"strings"
	"testing"

	"tallystick/directory"
	"tallystick/extop/wire"
)

// Who may remove whose secrets. Ann has two of them and has used neither.
func TestRevoke(t *testing.T) {
	const (
		none = 0
		one  = 1
		all  = 2
	)
	absent := func(string) *string { return nil }
	theOne := func(s string) *string { return &s }
	another := func(string) *string { return name("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") }

	for _, test := range []struct {
		rule     string
		from     string
		id       *string
		password []byte
		secret   func(first string) *string
		want     directory.ResultCode
		removed  int
	}{
		{"the secret is proof enough", ann, nil, nil, theOne, directory.Success, one},
		{"with the password", ann, nil, right, theOne, directory.Success, one},
		{"with a wrong password", ann, nil, wrong, theOne, directory.InvalidCredentials, none},
		{"all, with the password", ann, nil, right, absent, directory.Success, all},
		{"all, with a wrong password", ann, nil, wrong, absent, directory.InvalidCredentials, none},
		{"all, with an empty password", ann, nil, empty, absent, directory.InvalidCredentials, none},
		{"another's secret", bob, nil, nil, theOne, directory.InvalidCredentials, none},
		{"nobody's secret", "", nil, nil, theOne, directory.UnwillingToPerform, none},
		{"nobody's, with a password", "", nil, right, theOne, directory.InvalidCredentials, none},

		{"by name, the secret is proof enough", "", name("dn:" + ann), nil, theOne, directory.Success, one},
		{"by u:", "", name("u:ann"), nil, theOne, directory.Success, one},
		{"by name, from another user", bob, name("dn:" + ann), nil, theOne, directory.Success, one},
		{"by name, with the password", "", name("dn:" + ann), right, theOne, directory.Success, one},
		{"by name, with a wrong password", "", name("dn:" + ann), wrong, theOne, directory.InvalidCredentials, none},
		{"by name, all", "", name("dn:" + ann), right, absent, directory.Success, all},
		{"by name, all, with a wrong password", "", name("dn:" + ann), wrong, absent, directory.InvalidCredentials, none},
		{"a secret that is not there", "", name("dn:" + ann), nil, another, directory.InvalidCredentials, none},
		{"not there, with the password", "", name("dn:" + ann), right, another, directory.NoSuchAttribute, none},
		{"not there, with a wrong password", "", name("dn:" + ann), wrong, another, directory.InvalidCredentials, none},
		{"not base32, with the password", "", name("dn:" + ann), right, func(string) *string { return name("not base32!") },
			directory.NoSuchAttribute, none},
		{"an empty secret, with the password", "", name("dn:" + ann), right, func(string) *string { return name("") },
			directory.NoSuchAttribute, none},
		{"in lower case", "", name("dn:" + ann), nil, func(s string) *string { return name(strings.ToLower(s)) },
			directory.Success, one},
		{"no such user", "", name("u:none"), nil, theOne, directory.InvalidCredentials, none},
		{"no such user, with a password", "", name("u:none"), right, theOne, directory.InvalidCredentials, none},

		{"an administrator, all of another", ada, name("dn:" + ann), nil, absent, directory.Success, all},
		{"an administrator, his own", ada, name("u:ada"), nil, absent, directory.UnwillingToPerform, none},
		{"an administrator, nobody's", ada, name("u:none"), nil, absent, directory.NoSuchObject, none},
		{"no administrator", bob, name("dn:" + ann), nil, absent, directory.InsufficientAccessRights, none},
		{"anonymous", "", name("dn:" + ann), nil, absent, directory.InsufficientAccessRights, none},
	} {
		t.Run(test.rule, func(t *testing.T) {
			h := newHouse(t)
			first, second := h.secret(ann), h.secret(ann)
			code := h.revoke(test.from, wire.RevokeTOTPSharedSecretRequest{
				AuthenticationID: test.id, StaticPassword: test.password, TOTPSharedSecret: test.secret(first),
			})
			if code != test.want {
				t.Fatalf("got %v, want %v", code, test.want)
			}
			if has := h.has(ann, first); has != (test.removed == none) {
				t.Errorf("whether the first secret is there: %v", has)
			}
			if has := h.has(ann, second); has != (test.removed != all) {
				t.Errorf("whether the second secret is there: %v", has)
			}
		})
	}
}

// To remove all of none is done (the vendor's own test double does so too).
func TestRevokeNothing(t *testing.T) {
	h := newHouse(t)
	if code := h.revoke(ann, wire.RevokeTOTPSharedSecretRequest{StaticPassword: right}); code != directory.Success {
		t.Errorf("with the password: %v", code)
	}
	if code := h.revoke(ada, wire.RevokeTOTPSharedSecretRequest{AuthenticationID: name("u:ann")}); code != directory.Success {
		t.Errorf("by an administrator: %v", code)
	}
}

// Once a code was accepted, the static password alone removes nothing; the
// secret itself still does.
func TestRevokeNeedsCode(t *testing.T) {
	h := newHouse(t)
	secret := h.secret(ann)
	if !h.has(ann, secret) {
		t.Fatal("the code was not accepted")
	}
	if code := h.revoke(ann, wire.RevokeTOTPSharedSecretRequest{StaticPassword: right}); code != directory.InvalidCredentials {
		t.Errorf("with the password alone: %v", code)
	}
	if code := h.revoke(ann, wire.RevokeTOTPSharedSecretRequest{TOTPSharedSecret: &secret}); code != directory.Success {
		t.Errorf("with the secret: %v", code)
	}
	if h.has(ann, secret) {
		t.Error("the secret is still there")
	}
}
