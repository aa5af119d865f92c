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
	tag, header, length, err := ber.Header(b)
	if errors.Is(err, ber.ErrTruncated) {
		return 0, 0, false, false, nil
	}
	if err != nil || tag != ber.Sequence || length > maxReply {
		return 0, 0, false, false, errReply
	}
	if len(b) < header+length {
		return 0, 0, false, false, nil
	}
	r := ber.NewReader(b[header : header+length])
	id, err := r.Int(ber.Integer)
	if err != nil {
		return 0, 0, false, false, errReply
	}
	op, contents, err := r.Next()
	if err != nil {
		return 0, 0, false, false, errReply
	}
	if id < 1 || id > int64(len(all)) {
		return 0, 0, false, false, fmt.Errorf("reply 0x%02x has messageID %d", op, id)
	}
	size, which = header+length, int(id-1)
	a := &all[which]
	if op == searchEntry {
		a.entries++
		return size, which, false, false, nil
	}
	result := ber.NewReader(contents)
	code, err := result.Int(ber.Enumerated)
	if err != nil {
		return 0, 0, false, false, errReply
	}
	right = code == 0 && op == want.op && a.entries == want.entries
	a.entries = 0
	return size, which, true, right, nil
}
