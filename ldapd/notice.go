package ldapd

import (
	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// A notice is an error that ends a session with a Notice of Disconnection
// (RFC 4511, section 4.4.1).
type notice struct {
	code   directory.ResultCode
	reason string // for the client
	last   bool   // operations that run may end and answer before it
	cause  error  // for the log; may be nil
}

var noticeShutdown = &notice{code: directory.Unavailable, reason: "the server is shutting down", last: true}

func (n *notice) Error() string {
	s := n.code.Error() + " " + n.reason
	if n.cause != nil {
		s += ": " + n.cause.Error()
	}
	return s
}

func (n *notice) Unwrap() error { return n.cause }

func (n *notice) append(b []byte) []byte {
	r := wire.Response{
		Tag:               wire.TagExtendedResponse,
		Code:              n.code,
		DiagnosticMessage: n.reason,
		Name:              wire.NoticeOfDisconnection,
	}
	return r.Append(b)
}
