// Package passmod is the Password Modify operation (RFC 3062): it changes a
// user's password, or makes a new one and answers with it.
package passmod

import (
	"context"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Passwords changes passwords; *directory.Directory does.
type Passwords interface {
	// ChangePassword sets the password of userIdentity (nil: who), or makes one
	// and returns it if newPassword is nil. oldPassword is nil if not given.
	ChangePassword(ctx context.Context, who directory.Requester, userIdentity *string,
		oldPassword, newPassword []byte) (generated string, err error)
}

// Operation is Password Modify. New makes one.
type Operation struct{ passwords Passwords }

// New returns the operation on p.
func New(p Passwords) Operation { return Operation{p} }

// OID is the requestName.
func (Operation) OID() string { return wire.PasswordModifyOID }

// Serve changes the password. The response has a value only if the server made
// the password, and never an OID. RFC 3062, section 2.
func (o Operation) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodePasswordModifyRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	generated, err := o.passwords.ChangePassword(ctx, req.From, r.UserIdentity, r.OldPasswd, r.NewPasswd)
	if err != nil {
		return nil, err
	}
	var resp wire.PasswordModifyResponse
	if generated != "" {
		resp.GenPasswd = []byte(generated)
	}
	return &extop.Response{Value: resp.Encode()}, nil
}
