package passwords

import (
	"context"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// mostPasswords is how many one request may ask for, as in PingDirectory.
const mostPasswords = 10

// Generate is the operation Generate password. NewGenerate makes one.
type Generate struct{ policies Policies }

// NewGenerate returns the operation on p.
func NewGenerate(p Policies) Generate { return Generate{p} }

// OID is the requestName.
func (Generate) OID() string { return wire.GeneratePasswordOID }

// Serve suggests passwords to an authenticated user. They are nobody's until
// somebody sets them. All of them keep the rules, so the first attempt at one
// is the last.
func (o Generate) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodeGeneratePasswordRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	if req.From.Anonymous() {
		return nil, directory.Errorf(directory.InsufficientAccessRights, "not allowed for anonymous clients: bind first")
	}
	policy, err := o.policies.PasswordPolicy(ctx, req.From, directory.PasswordPolicyChoice{
		Policy: r.Policy.PasswordPolicyDN, User: r.Policy.TargetEntryDN,
	})
	if err != nil {
		return nil, err
	}
	if r.NumberOfPasswords > mostPasswords {
		return nil, directory.Errorf(directory.UnwillingToPerform, "more than %d passwords at once", mostPasswords)
	}
	resp := wire.GeneratePasswordResponse{PasswordPolicyDN: policy.DN}
	for range r.NumberOfPasswords {
		resp.Passwords = append(resp.Passwords, wire.GeneratedPassword{
			Password: policy.Rules.Suggest(), ValidationAttempted: r.ValidationAttempts > 0,
		})
	}
	return &extop.Response{OID: wire.GeneratePasswordResponseOID, Value: resp.Encode()}, nil
}
