package upstream

import (
	"context"

	"github.com/go-ldap/ldap/v3"

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

// controls are those to send with a request of ctx. Where the server is told who
// the client is, that is told from here and by nobody else: it is believed, and
// the client could come from any address. Errors: *Result.
func (c *Client) controls(ctx context.Context, given []Control) ([]Control, error) {
	if !c.cfg.TellClient {
		return given, nil
	}
	controls := make([]Control, 0, len(given)+1)
	for _, one := range given {
		switch {
		case one.OID != wire.IntermediateClientOID:
			controls = append(controls, one)
		case one.Critical:
			return nil, &Result{Code: ldap.LDAPResultInsufficientAccessRights, DiagnosticMessage: "this client is not believed whom it asks for"}
		}
	}
	if address := ClientOf(ctx); address != "" {
		value := wire.IntermediateClient{Address: address, Name: "tallystick bridge"}.Encode()
		controls = append(controls, Control{OID: wire.IntermediateClientOID, Value: value})
	}
	return controls, nil
}
