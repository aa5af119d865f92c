package wire

import (
	"fmt"

	"tallystick/internal/ber"
)

// IntermediateClientOID is PingDirectory's control by which a server in front
// of the directory says for whom it asks. It stands here, and not with the
// other controls, because the bridge writes what the directory reads.
const IntermediateClientOID = "1.3.6.1.4.1.30221.2.5.2"

// IntermediateClient is the value of the control. Text that is absent is "".
//
//	IntermediateClientRequest ::= SEQUENCE {
//	     downstreamRequest       [0] IntermediateClientRequest OPTIONAL,
//	     downstreamClientAddress [1] OCTET STRING OPTIONAL,
//	     downstreamClientSecure  [2] BOOLEAN OPTIONAL,
//	     clientIdentity          [3] OCTET STRING OPTIONAL,
//	     clientName              [4] OCTET STRING OPTIONAL,
//	     clientSessionID         [5] OCTET STRING OPTIONAL,
//	     clientRequestID         [6] OCTET STRING OPTIONAL }
//
// What the client says of clients of its own, and whether it came in safely, is
// read past.
type IntermediateClient struct {
	Address   string // of the client: an IP address, or a name
	Identity  string // authorization identity that is asked for
	Name      string // of the application that asks
	SessionID string
	RequestID string
}

// Encode returns the value of the control.
func (c IntermediateClient) Encode() []byte {
	b, start := ber.Begin(make([]byte, 0, 64), ber.Sequence)
	b = appendSome(b, 1, c.Address)
	b = appendSome(b, 3, c.Identity)
	b = appendSome(b, 4, c.Name)
	b = appendSome(b, 5, c.SessionID)
	b = appendSome(b, 6, c.RequestID)
	return ber.End(b, start)
}

// DecodeIntermediateClient reads the value of the control.
func DecodeIntermediateClient(value []byte) (IntermediateClient, error) {
	r, err := sequence(value)
	if err == nil && r.Peek() == ber.Context|ber.Constructed {
		_, _, err = r.Next()
	}
	var f [][]byte
	if err == nil {
		f, err = contextFields(r, 7)
	}
	if err != nil {
		return IntermediateClient{}, fmt.Errorf("intermediate client: %w", err)
	}
	return IntermediateClient{
		Address:   text(f[1]),
		Identity:  text(f[3]),
		Name:      text(f[4]),
		SessionID: text(f[5]),
		RequestID: text(f[6]),
	}, nil
}
