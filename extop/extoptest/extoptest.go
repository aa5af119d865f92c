// Package extoptest is the contract that every extended operation keeps, as a
// test. Each operation's own test calls Run.
package extoptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"tallystick/directory"
	"tallystick/extop"
)

// malformed are values that no operation may accept, whatever it reads: each
// says it is BER (or nothing at all) and is not.
var malformed = []struct {
	name  string
	value []byte
}{
	{"empty", []byte{}},
	{"one octet", []byte{0x30}},
	{"truncated element", []byte{0x30, 4, 0x80, 9, 'a', 'b'}},
	{"truncated sequence", []byte{0x30, 8, 0x80, 2, 'a', 'b'}},
	{"truncated length", []byte{0x30, 0x82, 1}},
	{"announces 2 GiB", []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x80, 0}},
	{"length of 126 octets", append([]byte{0x30, 0xfe}, bytes.Repeat([]byte{0xff}, 126)...)},
	{"indefinite length", []byte{0x30, 0x80, 0x80, 2, 'a', 'b', 0, 0}},
	{"trailing octets", []byte{0x30, 8, 0x80, 2, 'a', 'b', 0x81, 2, 'c', 'd', 0, 0}},
	{"primitive in place of the sequence", []byte{0x04, 4, 0x80, 2, 'a', 'b'}},
	{"element with an application tag, cut", []byte{0x30, 3, 0x43, 2, 'a'}},
	{"tag number above 30", []byte{0x30, 5, 0x9f, 0x81, 0x01, 1, 'a'}},
	{"not BER", []byte("abc")},
	{"NUL octets", make([]byte, 64)},
	{"1 MiB of nested sequences", bytes.Repeat([]byte{0x30, 0x84, 0x00, 0x0f, 0xff, 0x00}, 1<<20/6)},
	{"1 MiB of 0xff", bytes.Repeat([]byte{0xff}, 1<<20)},
}

// requesters are the kinds of sender an operation meets.
var requesters = []struct {
	name string
	from directory.Requester
}{
	{"anonymous", directory.Requester{Peer: "192.0.2.1:1"}},
	{"user", directory.Requester{
		DN: "uid=nobody,dc=extoptest,dc=invalid", How: directory.ByPassword, Peer: "192.0.2.1:1", Secure: true,
	}},
}

// Run checks that op keeps the contract of extop.Operation:
//
//   - its OID is well formed and stays the same;
//   - a value that is empty, truncated, over-long, wrongly tagged or otherwise
//     not BER is refused with a *directory.Error, whoever sends it;
//   - an absent value (nil) is answered or refused so;
//   - an answer is either a *Response or an error, and the request is as it
//     was before;
//   - all this from many goroutines at once, which the race detector watches.
//
// What op sends to the directory behind it is not undone: give it one made for
// the test.
func Run(t *testing.T, op extop.Operation) {
	t.Helper()
	oid := op.OID()
	t.Run("OID", func(t *testing.T) {
		if extop.NewSet(op).Lookup(oid) != op { // panics on a malformed OID
			t.Errorf("a set does not find %s", oid)
		}
		if again := op.OID(); again != oid {
			t.Errorf("OID changed from %s to %s", oid, again)
		}
	})
	for _, r := range requesters {
		t.Run(r.name+" sends no value", func(t *testing.T) {
			if err := serve(t.Context(), op, nil, r.from); err != nil && !typed(err) {
				t.Error(err)
			}
		})
		for _, m := range malformed {
			t.Run(r.name+" sends "+m.name, func(t *testing.T) {
				if err := refused(t.Context(), op, m.value, r.from); err != nil {
					t.Error(err)
				}
			})
		}
	}
	t.Run("at once", func(t *testing.T) { atOnce(t, op) })
}

// atOnce sends everything from several goroutines.
func atOnce(t *testing.T, op extop.Operation) {
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for _, r := range requesters {
				if err := serve(t.Context(), op, nil, r.from); err != nil && !typed(err) {
					t.Error(err)
				}
				for _, m := range malformed {
					if err := refused(t.Context(), op, m.value, r.from); err != nil {
						t.Errorf("%s: %v", m.name, err)
					}
				}
			}
		})
	}
	running.Wait()
}

// refused serves a value that must be refused, and says what is wrong with the
// way op does it.
func refused(ctx context.Context, op extop.Operation, value []byte, from directory.Requester) error {
	err := serve(ctx, op, value, from)
	switch {
	case err == nil:
		return errors.New("accepted")
	case !typed(err):
		return fmt.Errorf("refused without a *directory.Error: %w", err)
	}
	return nil
}

// typed reports whether err picks a resultCode of its own that a client may see
// for what it sent.
func typed(err error) bool {
	e, ok := errors.AsType[*directory.Error](err)
	return ok && e.ResultCode != directory.Success && e.ResultCode != directory.Other
}

// serve calls op.Serve. A panic, a wrong pair of results and a changed request
// come back as untyped errors.
func serve(ctx context.Context, op extop.Operation, value []byte, from directory.Requester) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	req := &extop.Request{Value: bytes.Clone(value), From: from}
	resp, err := op.Serve(ctx, req)
	switch {
	case err == nil && resp == nil:
		return errors.New("neither a response nor an error")
	case err != nil && resp != nil:
		return fmt.Errorf("a response beside the error %q", err)
	case !bytes.Equal(req.Value, value) || (req.Value == nil) != (value == nil) || req.From != from:
		return errors.New("the request changed")
	}
	return err
}
