package passwords

import (
	"context"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Verifier compares passwords; *directory.Directory does.
type Verifier interface {
	// VerifyPassword reports whether password is that of the user called userDN.
	VerifyPassword(ctx context.Context, who directory.Requester, userDN string, password []byte) (bool, error)
}

// Verify is the operation Verify password. NewVerify makes one.
type Verify struct{ verifier Verifier }

// NewVerify returns the operation on v.
func NewVerify(v Verifier) Verify { return Verify{v} }

// OID is the requestName.
func (Verify) OID() string { return wire.VerifyPasswordOID }

// Serve compares: the answer is a resultCode, as that of a compare operation.
func (o Verify) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodeVerifyPasswordRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	right, err := o.verifier.VerifyPassword(ctx, req.From, r.DN, []byte(r.Password))
	switch {
	case err != nil:
		return nil, err
	case right:
		return nil, &directory.Error{ResultCode: directory.CompareTrue}
	}
	return nil, &directory.Error{ResultCode: directory.CompareFalse}
}
