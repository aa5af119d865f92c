package extop_test

import (
	"context"
	"fmt"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/whoami"
)

// How a front finds an operation, calls it, and tells the client.
func Example() {
	ops := extop.NewSet(
		whoami.Operation{},
	)

	op := ops.Lookup("1.3.6.1.4.1.4203.1.11.3")
	resp, err := op.Serve(context.Background(), &extop.Request{
		From: directory.Requester{DN: "uid=ann,ou=people,dc=example,dc=com", How: directory.ByPassword},
	})
	fmt.Printf("%s %q\n", directory.Result(err).ResultCode, resp.Value)

	_, err = op.Serve(context.Background(), &extop.Request{Value: []byte("ann")})
	fmt.Printf("%s %s\n", directory.Result(err).ResultCode, directory.Result(err).DiagnosticMessage)

	// Output:
	// success(0) "dn:uid=ann,ou=people,dc=example,dc=com"
	// protocolError(2) malformed requestValue
}
