// Package whoami is the "Who am I?" operation (RFC 4532): it answers with the
// authorization identity that the server has for the client.
package whoami

import (
	"context"

	"tallystick/extop"
	"tallystick/extop/wire"
)

// Operation is "Who am I?". Its zero value is ready.
type Operation struct{}

// OID is the requestName.
func (Operation) OID() string { return wire.WhoAmIOID }

// Serve answers with the authorization identity, empty for anonymous. A request
// with a value is a protocolError. RFC 4532, section 2.
func (Operation) Serve(_ context.Context, req *extop.Request) (*extop.Response, error) {
	if err := wire.DecodeWhoAmIRequest(req.Value); err != nil {
		return nil, extop.Malformed(err)
	}
	resp := wire.WhoAmIResponse{AuthzID: req.From.AuthzID()}
	return &extop.Response{Value: resp.Encode()}, nil
}
