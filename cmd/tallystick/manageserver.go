package main

import (
	"context"

	"tallystick/extop/wire"
)

// manageServer has the running server do something by Manage Server.
func (s *totpSession) manageServer(ctx context.Context, r wire.ManageServerRequest) (wire.ManageServerResponse, error) {
	_, value, err := s.link.Extended(ctx, wire.ManageServerOID, r.Encode())
	if err != nil {
		return wire.ManageServerResponse{}, told(err)
	}
	if value == nil {
		return wire.ManageServerResponse{}, nil
	}
	return wire.DecodeManageServerResponse(value)
}
