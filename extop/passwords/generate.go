package passwords

import (
	"context"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Suggester makes passwords; *directory.Directory does.
type Suggester interface {
	// SuggestPassword makes one that keeps the rules.
	SuggestPassword() string
}

// mostPasswords is how many one request may ask for, as in PingDirectory.
const mostPasswords = 10

// Generate is the operation Generate password. NewGenerate makes one.
type Generate struct{ suggester Suggester }

// NewGenerate returns the operation on s.
func NewGenerate(s Suggester) Generate { return Generate{s} }

// OID is the requestName.
func (Generate) OID() string { return wire.GeneratePasswordOID }

// Serve suggests passwords to an authenticated user. They are nobody's until
// somebody sets them. All of them keep the rules, so the first attempt at one
// is the last.
func (o Generate) Serve(_ context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodeGeneratePasswordRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	if req.From.Anonymous() {
		return nil, directory.Errorf(directory.InsufficientAccessRights, "not allowed for anonymous clients: bind first")
	}
	if policy := r.Policy.PasswordPolicyDN; policy != nil {
		err = requirePolicy(*policy)
	}
	if target := r.Policy.TargetEntryDN; target != nil {
		_, err = parseDN(*target)
	}
	if err != nil {
		return nil, err
	}
	if r.NumberOfPasswords > mostPasswords {
		return nil, directory.Errorf(directory.UnwillingToPerform, "more than %d passwords at once", mostPasswords)
	}
	resp := wire.GeneratePasswordResponse{PasswordPolicyDN: PolicyDN}
	for range r.NumberOfPasswords {
		resp.Passwords = append(resp.Passwords, wire.GeneratedPassword{
			Password: o.suggester.SuggestPassword(), ValidationAttempted: r.ValidationAttempts > 0,
		})
	}
	return &extop.Response{OID: wire.GeneratePasswordResponseOID, Value: resp.Encode()}, nil
}
