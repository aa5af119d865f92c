//go:build linux

package main

import (
	"errors"
	"fmt"

	"tallystick/internal/ber"
)

// maxReply bounds one reply; the largest entry of the load is below 2 KiB.
const maxReply = 64 << 10

var errReply = errors.New("reply is not an LDAPMessage of ours")

// expectation is the right answer to an operation.
type expectation struct {
	op      byte // of the final reply
	entries int  // SearchResultEntry messages before it
}

// answer gathers the replies to one request.
type answer struct{ entries int }

// answers are those to the requests outstanding on a connection; the request
// with messageID n belongs to answers[n-1].
type answers []answer

// take reads one reply from the start of b. It returns how many octets the
// reply has, 0 if b does not hold all of it yet; which answer it belongs to;
// whether it was the final one; and, if so, whether the whole answer was the
// right one with resultCode success. After a final reply the answer is ready
// for the next request.
func (all answers) take(b []byte, want expectation) (size, which int, final, right bool, err error) {
	r, err := readReply(b)
	if err != nil || r.size == 0 {
		return 0, 0, false, false, err
	}
	if r.id < 1 || r.id > int64(len(all)) {
		return 0, 0, false, false, fmt.Errorf("reply 0x%02x has messageID %d", r.op, r.id)
	}
	which = int(r.id - 1)
	a := &all[which]
	if r.op == searchEntry {
		a.entries++
		return r.size, which, false, false, nil
	}
	right = r.code == 0 && r.op == want.op && a.entries == want.entries
	a.entries = 0
	return r.size, which, true, right, nil
}

// reply is an LDAPMessage from a server.
type reply struct {
	size int // octets; 0: not all of it is there
	id   int64
	op   byte
	code int64 // resultCode, of all but entries
}

// readReply reads the reply that b begins with.
func readReply(b []byte) (reply, error) {
	tag, header, length, err := ber.Header(b)
	if errors.Is(err, ber.ErrTruncated) {
		return reply{}, nil
	}
	if err != nil || tag != ber.Sequence || length > maxReply {
		return reply{}, errReply
	}
	if len(b) < header+length {
		return reply{}, nil
	}
	in := ber.NewReader(b[header : header+length])
	r := reply{size: header + length}
	if r.id, err = in.Int(ber.Integer); err != nil {
		return reply{}, errReply
	}
	var contents []byte
	if r.op, contents, err = in.Next(); err != nil {
		return reply{}, errReply
	}
	if r.op == searchEntry {
		return r, nil
	}
	result := ber.NewReader(contents)
	if r.code, err = result.Int(ber.Enumerated); err != nil {
		return reply{}, errReply
	}
	return r, nil
}
