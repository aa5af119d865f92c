package upstream

import (
	"context"

	"tallystick/extop/wire"
)

type clientKey struct{}

// ClientOf is the address of WithClient; "": none.
func ClientOf(ctx context.Context) string {
	address, _ := ctx.Value(clientKey{}).(string)
	return address
}

// WithClient returns a context whose requests to the server are for the client
// with an IP address. With Config.TellClient the server gets to know it.
func WithClient(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, clientKey{}, address)
}

// controls are those to send with a request of ctx.
func (c *Client) controls(ctx context.Context, controls []Control) []Control {
	address, ok := ctx.Value(clientKey{}).(string)
	if !ok || !c.cfg.TellClient {
		return controls
	}
	for _, one := range controls {
		if one.OID == wire.IntermediateClientOID { // the caller knows better
			return controls
		}
	}
	value := wire.IntermediateClient{Address: address, Name: "tallystick bridge"}.Encode()
	return append(controls[:len(controls):len(controls)], Control{OID: wire.IntermediateClientOID, Value: value})
}
