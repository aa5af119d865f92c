// Package extop says what an extended operation is (RFC 4511, section 4.12)
// and holds the set of those a server offers. README.md shows how to add one.
package extop

import (
	"context"
	"fmt"
	"regexp"

	"tallystick/directory"
)

// An Operation serves one kind of extended request.
// Serve is called from many goroutines at once.
type Operation interface {
	// OID is the requestName, dotted-decimal. It never changes.
	OID() string

	// Serve answers one request. A *directory.Error picks the resultCode; any
	// other error is our fault: it is logged, and the client sees a bare
	// other(80).
	Serve(ctx context.Context, req *Request) (*Response, error)
}

// Request is one ExtendedRequest and what the server knows of its sender.
type Request struct {
	Value []byte              // requestValue: any octets; nil if absent
	From  directory.Requester // for whom it runs (proxied authorization is done), how they proved it, from where
}

// Response is what a successful operation answers.
type Response struct {
	OID   string // responseName; "" if absent
	Value []byte // responseValue; nil if absent
}

// Malformed is the error for a requestValue that does not decode: protocolError
// (RFC 4511, section 4.12). The cause is for the log; the client learns no more
// than that.
func Malformed(cause error) error {
	return &directory.Error{
		ResultCode:        directory.ProtocolError,
		DiagnosticMessage: "malformed requestValue",
		Cause:             cause,
	}
}

// Set is the operations of a server, by OID. It does not change once made.
type Set struct {
	order []Operation
	byOID map[string]Operation
}

var numericOID = regexp.MustCompile(`^[0-2](\.(0|[1-9][0-9]*))+$`)

// NewSet returns a set of ops. It panics on a malformed or repeated OID, which
// is a fault of the program, not of its input.
func NewSet(ops ...Operation) *Set {
	s := &Set{byOID: make(map[string]Operation, len(ops))}
	for _, op := range ops {
		oid := op.OID()
		if !numericOID.MatchString(oid) {
			panic(fmt.Sprintf("extop: %T has malformed OID %q", op, oid))
		}
		if other, ok := s.byOID[oid]; ok {
			panic(fmt.Sprintf("extop: %T and %T share OID %s", op, other, oid))
		}
		s.byOID[oid] = op
		s.order = append(s.order, op)
	}
	return s
}

// Lookup returns the operation for oid, or nil.
func (s *Set) Lookup(oid string) Operation { return s.byOID[oid] }

// OIDs lists the operations' OIDs in the order they were given to NewSet.
func (s *Set) OIDs() []string {
	oids := make([]string, len(s.order))
	for i, op := range s.order {
		oids[i] = op.OID()
	}
	return oids
}
