package upstream

import (
	"context"

	"github.com/go-ldap/ldap/v3"

	"tallystick/extop/wire"
)

type clientKey struct{}

// toldClient is what a context has under clientKey: who the client is, and the
// control that tells the server.
type toldClient struct {
	address string
	told    [1]Control
}

// ClientOf is the address of WithClient; "": none.
func ClientOf(ctx context.Context) string {
	if c, ok := ctx.Value(clientKey{}).(*toldClient); ok {
		return c.address
	}
	return ""
}

// WithClient returns a context whose requests to the server are for the client
// with an IP address ("": unknown). With Config.TellClient the server gets to
// know it.
func WithClient(ctx context.Context, address string) context.Context {
	if address == "" {
		return context.WithValue(ctx, clientKey{}, nil)
	}
	value := wire.IntermediateClient{Address: address, Name: "tallystick bridge"}.Encode()
	return context.WithValue(ctx, clientKey{}, &toldClient{address, [1]Control{{OID: wire.IntermediateClientOID, Value: value}}})
}

// controls are those to send with a request of ctx. Who the client is the server
// is told from here, if at all, and by nobody else: it may believe this side, told
// or not, and the client could come from any address. Errors: *Result.
func (c *Client) controls(ctx context.Context, given []Control) ([]Control, error) {
	var told []Control
	if of, ok := ctx.Value(clientKey{}).(*toldClient); ok && c.cfg.TellClient {
		told = of.told[:]
	}
	if len(given) == 0 {
		return told, nil
	}
	controls := make([]Control, 0, len(given)+len(told))
	for _, one := range given {
		switch {
		case one.OID != wire.IntermediateClientOID:
			controls = append(controls, one)
		case one.Critical:
			return nil, &Result{Code: ldap.LDAPResultInsufficientAccessRights, DiagnosticMessage: "this client is not believed whom it asks for"}
		}
	}
	return append(controls, told...), nil
}
