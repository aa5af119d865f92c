package extoptest

import (
	"context"
	"errors"
	"testing"

	"tallystick/directory"
	"tallystick/extop"
)

// serveFunc is an operation that does what the function does.
type serveFunc func(*extop.Request) (*extop.Response, error)

func (serveFunc) OID() string { return "1.2.3" }

func (f serveFunc) Serve(_ context.Context, req *extop.Request) (*extop.Response, error) {
	return f(req)
}

// What breaks the contract is found, and what keeps it is left alone.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		rule  string
		serve serveFunc
		keeps bool
	}{
		{"refuses", func(*extop.Request) (*extop.Response, error) {
			return nil, extop.Malformed(errors.New("cause"))
		}, true},
		{"accepts", func(*extop.Request) (*extop.Response, error) {
			return &extop.Response{}, nil
		}, false},
		{"panics", func(req *extop.Request) (*extop.Response, error) {
			return nil, extop.Malformed(errors.New(string(req.Value[99])))
		}, false},
		{"refuses without a code", func(*extop.Request) (*extop.Response, error) {
			return nil, errors.New("bad value")
		}, false},
		{"refuses with the code of our own faults", func(*extop.Request) (*extop.Response, error) {
			return nil, directory.Errorf(directory.Other, "bad value")
		}, false},
		{"refuses with success", func(*extop.Request) (*extop.Response, error) {
			return nil, directory.Errorf(directory.Success, "bad value")
		}, false},
		{"says nothing", func(*extop.Request) (*extop.Response, error) {
			return nil, nil
		}, false},
		{"answers beside the error", func(*extop.Request) (*extop.Response, error) {
			return &extop.Response{}, extop.Malformed(errors.New("cause"))
		}, false},
		{"writes to the value", func(req *extop.Request) (*extop.Response, error) {
			req.Value[0] = 1
			return nil, extop.Malformed(errors.New("cause"))
		}, false},
		{"becomes somebody else", func(req *extop.Request) (*extop.Response, error) {
			req.From.DN = "cn=root"
			return nil, extop.Malformed(errors.New("cause"))
		}, false},
	} {
		t.Run(test.rule, func(t *testing.T) {
			err := refused(t.Context(), test.serve, []byte{0x30, 1}, directory.Requester{})
			if (err == nil) != test.keeps {
				t.Errorf("got %v", err)
			}
		})
	}
}
