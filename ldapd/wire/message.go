// Package wire is the LDAPMessage codec of the server side (RFC 4511, section
// 4 and appendix B): octets to request values of package directory, and
// results back to octets. It does no input or output and keeps no state.
//
// Decoding takes BER as LDAP allows it (RFC 4511, section 5.1): definite
// lengths of any width, any octet but 0 as TRUE, explicit defaults, unknown
// trailing elements ignored. Encoding is minimal.
package wire

import (
	"errors"
	"fmt"
	"math"

	"tallystick/directory"
	"tallystick/internal/ber"
)

// Identifier octets of the protocolOps (RFC 4511, appendix B).
const (
	TagBindRequest           = 0x60
	TagBindResponse          = 0x61
	TagUnbindRequest         = 0x42
	TagSearchRequest         = 0x63
	TagSearchResultEntry     = 0x64
	TagSearchResultDone      = 0x65
	TagModifyRequest         = 0x66
	TagModifyResponse        = 0x67
	TagAddRequest            = 0x68
	TagAddResponse           = 0x69
	TagDelRequest            = 0x4a
	TagDelResponse           = 0x6b
	TagModifyDNRequest       = 0x6c
	TagModifyDNResponse      = 0x6d
	TagCompareRequest        = 0x6e
	TagCompareResponse       = 0x6f
	TagAbandonRequest        = 0x50
	TagSearchResultReference = 0x73
	TagExtendedRequest       = 0x77
	TagExtendedResponse      = 0x78
	TagIntermediateResponse  = 0x79
)

const tagControls = ber.Context | ber.Constructed // [0]

// MaxMessageID is the greatest messageID (RFC 4511, section 4.1.1.1).
const MaxMessageID = math.MaxInt32

// Message is one LDAPMessage from a client.
type Message struct {
	ID int32 // 0 to MaxMessageID; a request with 0 is for the front to refuse

	// Request is one of *directory.BindRequest, *directory.SearchRequest,
	// *directory.CompareRequest, *directory.AddRequest,
	// *directory.ModifyRequest, *directory.DeleteRequest,
	// *directory.ModifyDNRequest, *AbandonRequest, *ExtendedRequest and
	// *UnbindRequest. A BindRequest with neither Password nor SASL chose an
	// authentication method that RFC 4511 does not know.
	Request any

	Controls []Control // nil if absent
}

// Control is RFC 4511, section 4.1.11.
type Control struct {
	OID      string
	Critical bool
	Value    []byte // nil if absent
}

// UnbindRequest is RFC 4511, section 4.3.
type UnbindRequest struct{}

// AbandonRequest is RFC 4511, section 4.11.
type AbandonRequest struct {
	ID int32 // messageID of the operation to abandon
}

// ExtendedRequest is RFC 4511, section 4.12.
type ExtendedRequest struct {
	Name  string // requestName, dotted-decimal; not checked
	Value []byte // requestValue; nil if absent
}

// Limits bound the memory that one message can take. The zero value allows
// nothing; DefaultLimits is what a server wants.
type Limits struct {
	Depth    int // filters within filters
	Filters  int // filters in one search, nested ones included
	Elements int // values, attributes, changes, controls: list items of any kind
}

// DefaultLimits allow a group of a million members in one message and a
// search for ten thousand names.
var DefaultLimits = Limits{Depth: 64, Filters: 16 << 10, Elements: 1 << 20}

// RequestError is the error of a message whose frame can be read and whose
// request cannot be served: a choice or number outside what the RFC allows, or
// a limit. It is answered by a response of its own (RFC 4511, section 4.1.1);
// every other error of Decode ends the session.
type RequestError struct {
	ID       int32
	Response byte                 // tag of the response to send; 0 if the request has none
	Code     directory.ResultCode // protocolError or adminLimitExceeded
	Reason   string               // for the client
}

func (e *RequestError) Error() string {
	return fmt.Sprintf("wire: message %d: %v %s", e.ID, e.Code, e.Reason)
}

// ErrNotRequest is returned for a protocolOp that is not a request.
var ErrNotRequest = errors.New("wire: protocolOp is not a request")

// ErrMessageID is returned for a messageID that is not in 0 to MaxMessageID.
var ErrMessageID = errors.New("wire: messageID is out of range")

// Decode reads pdu, which is exactly one LDAPMessage. Octet strings in the
// result alias pdu. Errors: *RequestError; any other means that pdu is not an
// LDAPMessage.
func Decode(pdu []byte, limits Limits) (*Message, error) {
	outer := ber.NewReader(pdu)
	r, err := outer.Enter(ber.Sequence)
	if err != nil {
		return nil, err
	}
	if !outer.Done() {
		return nil, ber.ErrTrailing
	}
	id, err := r.Int(ber.Integer)
	if err != nil {
		return nil, err
	}
	if id < 0 || id > MaxMessageID {
		return nil, ErrMessageID
	}
	tag, contents, err := r.Next()
	if err != nil {
		return nil, err
	}
	d := decoder{Limits: limits}
	m := &Message{ID: int32(id)}
	if m.Request, err = d.request(tag, contents); err == nil {
		m.Controls, err = d.controls(&r)
	}
	if e, ok := errors.AsType[*RequestError](err); ok {
		e.ID, e.Response = m.ID, responseTag(tag)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// responseTag is the tag of the response that ends the operation which the
// request tag begins; 0 if it has none.
func responseTag(request byte) byte {
	switch request {
	case TagBindRequest:
		return TagBindResponse
	case TagSearchRequest:
		return TagSearchResultDone
	case TagModifyRequest:
		return TagModifyResponse
	case TagAddRequest:
		return TagAddResponse
	case TagDelRequest:
		return TagDelResponse
	case TagModifyDNRequest:
		return TagModifyDNResponse
	case TagCompareRequest:
		return TagCompareResponse
	case TagExtendedRequest:
		return TagExtendedResponse
	}
	return 0
}
