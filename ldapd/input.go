package ldapd

import (
	"bytes"

	"tallystick/directory"
	"tallystick/internal/ber"
)

// inputSize is the read buffer of a connection: many requests at once for a
// client that pipelines, little for ten thousand that idle.
const inputSize = 4 << 10

// input cuts what a connection sends into LDAPMessages. The goroutine that
// reads the session owns it.
type input struct {
	buf  [inputSize]byte
	r, w int // buf[r:w] is read and not yet taken

	// read is Conn.Read with what goes with it; partial says that a message
	// has begun.
	read func(p []byte, partial bool) (int, error)

	// admit waits until a message of n octets may be read; its error ends the
	// session.
	admit func(n int) error
}

// buffered reports whether octets are read and not yet taken.
func (in *input) buffered() bool { return in.r < in.w }

// next returns the next message, header included, in memory of its own.
// Nothing is allocated for a message longer than max, and never much more
// than has arrived. Errors: *notice for octets that cannot be an LDAPMessage
// of that length, otherwise what read returned.
func (in *input) next(max int) ([]byte, error) {
	for {
		have := in.buf[in.r:in.w]
		if len(have) > 0 && have[0] != ber.Sequence {
			return nil, noticeMalformed(ber.ErrTag)
		}
		_, header, length, err := ber.Header(have)
		switch {
		case err == nil && length > max-header:
			return nil, &notice{code: directory.AdminLimitExceeded, reason: "request is too long"}
		case err == nil:
			if err := in.admit(header + length); err != nil {
				return nil, err
			}
			return in.message(header + length)
		case err != ber.ErrTruncated:
			return nil, noticeMalformed(err)
		}
		if in.r > 0 { // room for a whole header
			in.w = copy(in.buf[:], have)
			in.r = 0
		}
		n, err := in.read(in.buf[in.w:], in.w > 0)
		in.w += n
		if err != nil {
			return nil, err
		}
	}
}

// message returns the next n octets.
func (in *input) message(n int) ([]byte, error) {
	have := in.buf[in.r:in.w]
	if len(have) >= n {
		in.r += n
		return bytes.Clone(have[:n]), nil
	}
	pdu := make([]byte, 0, min(n, 4*inputSize))
	pdu = append(pdu, have...)
	in.r, in.w = 0, 0
	for len(pdu) < n {
		if len(pdu) == cap(pdu) {
			grown := make([]byte, len(pdu), min(n, 2*cap(pdu)))
			copy(grown, pdu)
			pdu = grown
		}
		read, err := in.read(pdu[len(pdu):cap(pdu)], true)
		pdu = pdu[:len(pdu)+read]
		if err != nil {
			return nil, err
		}
	}
	return pdu, nil
}

func noticeMalformed(cause error) *notice {
	return &notice{code: directory.ProtocolError, reason: "not an LDAPMessage", cause: cause}
}
