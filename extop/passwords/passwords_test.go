package passwords_test

import (
	"reflect"
	"testing"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/extoptest"
	"tallystick/extop/passwords"
	"tallystick/extop/wire"
	"tallystick/internal/directorytest"
)

const (
	ann = directorytest.Ann
	bob = directorytest.Bob
	ada = directorytest.Ada
)

func TestContract(t *testing.T) {
	d := directorytest.Open(t, nil)
	for _, op := range []extop.Operation{passwords.NewGenerate(d), passwords.NewQuality(d), passwords.NewVerify(d), passwords.NewState(d)} {
		t.Run(op.OID(), func(t *testing.T) { extoptest.Run(t, op) })
	}
}

// by is a requester who has authenticated with a password; "" is anonymous.
func by(dn string) directory.Requester {
	if dn == "" {
		return directory.Requester{Secure: true}
	}
	return directory.Requester{DN: dn, How: directory.ByPassword, Secure: true}
}

func open(t *testing.T, minLength int) *directory.Directory {
	return directorytest.Open(t, func(c *directory.Config) { c.Credentials.MinPasswordLength = minLength })
}

func text(s string) *string { return &s }

// A suggested password is accepted, and no two are the same.
func TestGenerate(t *testing.T) {
	for _, tt := range []struct {
		name      string
		from      string
		req       wire.GeneratePasswordRequest
		minLength int
		code      directory.ResultCode
	}{
		{"one", ann, wire.GeneratePasswordRequest{NumberOfPasswords: 1, ValidationAttempts: 5}, 0, directory.Success},
		{"ten", ann, wire.GeneratePasswordRequest{NumberOfPasswords: 10, ValidationAttempts: 1}, 8, directory.Success},
		{"eleven", ann, wire.GeneratePasswordRequest{NumberOfPasswords: 11, ValidationAttempts: 1}, 0, directory.UnwillingToPerform},
		{"not validated", ann, wire.GeneratePasswordRequest{NumberOfPasswords: 2}, 0, directory.Success},
		{"anonymous", "", wire.GeneratePasswordRequest{NumberOfPasswords: 1, ValidationAttempts: 5}, 0, directory.InsufficientAccessRights},
		{"the policy", ann, wire.GeneratePasswordRequest{Policy: wire.PolicySelection{PasswordPolicyDN: text("CN=default password policy, cn=Password Policies,cn=config")}, NumberOfPasswords: 1}, 0, directory.Success},
		{"another policy", ann, wire.GeneratePasswordRequest{Policy: wire.PolicySelection{PasswordPolicyDN: text("cn=x")}, NumberOfPasswords: 1}, 0, directory.NoSuchObject},
		{"no DN", ann, wire.GeneratePasswordRequest{Policy: wire.PolicySelection{PasswordPolicyDN: text("x")}, NumberOfPasswords: 1}, 0, directory.InvalidDNSyntax},
		{"for an entry that is not there", ann, wire.GeneratePasswordRequest{Policy: wire.PolicySelection{TargetEntryDN: text("uid=nobody,dc=x")}, NumberOfPasswords: 1}, 0, directory.Success},
		{"for no DN", ann, wire.GeneratePasswordRequest{Policy: wire.PolicySelection{TargetEntryDN: text("x")}, NumberOfPasswords: 1}, 0, directory.InvalidDNSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, tt.minLength)
			got, err := passwords.NewGenerate(d).Serve(t.Context(), &extop.Request{Value: tt.req.Encode(), From: by(tt.from)})
			if code := directory.Result(err).ResultCode; code != tt.code {
				t.Fatalf("%v, want %v", err, tt.code)
			}
			if err != nil {
				return
			}
			resp, err := wire.DecodeGeneratePasswordResponse(got.Value)
			if err != nil || got.OID != wire.GeneratePasswordResponseOID || resp.PasswordPolicyDN != directory.DefaultPasswordPolicy || len(resp.Passwords) != tt.req.NumberOfPasswords {
				t.Fatalf("%+v, %v", resp, err)
			}
			seen := map[string]bool{}
			for _, p := range resp.Passwords {
				if seen[p.Password] || p.ValidationAttempted != (tt.req.ValidationAttempts > 0) || p.ValidationErrors != nil {
					t.Errorf("%+v", p)
				}
				seen[p.Password] = true
				if _, err := d.ChangePassword(t.Context(), by(ada), text(bob), nil, []byte(p.Password)); err != nil {
					t.Errorf("%q is not accepted: %v", p.Password, err)
				}
			}
		})
	}
}

// What is told is what is done.
func TestQuality(t *testing.T) {
	for _, tt := range []struct {
		name      string
		from      string
		req       wire.PasswordQualityRequest
		minLength int
		code      directory.ResultCode
	}{
		{"for a new user", "", wire.PasswordQualityRequest{Change: wire.AddWithDefaultPolicy}, 0, directory.Success},
		{"at least eight", "", wire.PasswordQualityRequest{Change: wire.AddWithDefaultPolicy}, 8, directory.Success},
		{"with the policy", "", wire.PasswordQualityRequest{Change: wire.AddWithPolicy, DN: directory.DefaultPasswordPolicy}, 8, directory.Success},
		{"with another policy", "", wire.PasswordQualityRequest{Change: wire.AddWithPolicy, DN: "cn=x"}, 8, directory.NoSuchObject},
		{"for oneself", ann, wire.PasswordQualityRequest{Change: wire.SelfChange}, 8, directory.Success},
		{"for nobody", "", wire.PasswordQualityRequest{Change: wire.SelfChange}, 8, directory.UnwillingToPerform},
		{"for a user", "", wire.PasswordQualityRequest{Change: wire.SelfChangeForUser, DN: ann}, 8, directory.Success},
		{"for a user that is not there", "", wire.PasswordQualityRequest{Change: wire.AdministrativeResetForUser, DN: "uid=nobody,dc=x"}, 8, directory.Success},
		{"for no DN", "", wire.PasswordQualityRequest{Change: wire.AdministrativeResetForUser, DN: "x"}, 8, directory.InvalidDNSyntax},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, tt.minLength)
			got, err := passwords.NewQuality(d).Serve(t.Context(), &extop.Request{Value: tt.req.Encode(), From: by(tt.from)})
			if code := directory.Result(err).ResultCode; code != tt.code {
				t.Fatalf("%v, want %v", err, tt.code)
			}
			if err != nil {
				return
			}
			least, description := "8", "at least 8 characters, and at most 1024 octets"
			if tt.minLength == 0 {
				least, description = "1", "at least one character, and at most 1024 octets"
			}
			want := wire.PasswordQualityResponse{Requirements: []wire.PasswordQualityRequirement{{
				Description: description, ValidationType: "length",
				Properties: []wire.Property{{Name: "min-password-length", Value: least}, {Name: "max-password-length", Value: "1024"}},
			}}}
			resp, err := wire.DecodePasswordQualityResponse(got.Value)
			if err != nil || got.OID != wire.PasswordQualityResponseOID || !reflect.DeepEqual(resp, want) {
				t.Errorf("%+v, %v", resp, err)
			}
		})
	}
}

// The least length is that of every way to set a password, in characters.
func TestMinPasswordLength(t *testing.T) {
	d := open(t, 5)
	for password, want := range map[string]directory.ResultCode{
		"äöüß": directory.ConstraintViolation, "äöüßé": directory.Success, "12345": directory.Success, "1234": directory.ConstraintViolation,
	} {
		_, err := d.ChangePassword(t.Context(), by(ada), text(bob), nil, []byte(password))
		if code := directory.Result(err).ResultCode; code != want {
			t.Errorf("password modify, %s: %v", password, err)
		}
		err = d.Modify(t.Context(), by(ada), &directory.ModifyRequest{Object: bob, Changes: []directory.Change{{
			Operation: directory.ReplaceValues, Attribute: directory.Attribute{Name: "userPassword", Values: [][]byte{[]byte(password)}},
		}}})
		if code := directory.Result(err).ResultCode; code != want {
			t.Errorf("modify, %s: %v", password, err)
		}
	}
}

func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name, from, dn, password string
		code                     directory.ResultCode
	}{
		{"right", ada, ann, directorytest.Password, directory.CompareTrue},
		{"wrong", ada, ann, "wrong", directory.CompareFalse},
		{"empty", ada, ann, "", directory.CompareFalse},
		{"no such user", ada, "uid=nobody," + directorytest.People, directorytest.Password, directory.NoSuchObject},
		{"no password", ada, directorytest.People, directorytest.Password, directory.InappropriateAuthentication},
		{"no DN", ada, "x", directorytest.Password, directory.InvalidDNSyntax},
		{"one's own, without bypass-acl", ann, ann, directorytest.Password, directory.InsufficientAccessRights},
		{"another's, without bypass-acl", bob, ann, directorytest.Password, directory.InsufficientAccessRights},
		{"anonymous", "", ann, directorytest.Password, directory.InsufficientAccessRights},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := passwords.NewVerify(directorytest.Open(t, nil))
			value := wire.VerifyPasswordRequest{DN: tt.dn, Password: tt.password}.Encode()
			resp, err := op.Serve(t.Context(), &extop.Request{Value: value, From: by(tt.from)})
			if code := directory.Result(err).ResultCode; code != tt.code || resp != nil {
				t.Errorf("%v, %v, want %v", resp, err, tt.code)
			}
		})
	}
}
