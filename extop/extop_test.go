package extop_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"tallystick/directory"
	"tallystick/extop"
)

// named is an operation with the OID it is made of, which answers nothing.
type named string

func (n named) OID() string { return string(n) }

func (named) Serve(context.Context, *extop.Request) (*extop.Response, error) {
	return &extop.Response{}, nil
}

func TestSet(t *testing.T) {
	set := extop.NewSet(named("1.2.3"), named("0.9.2342.19200300"), named("1.2"))
	if got, want := set.OIDs(), []string{"1.2.3", "0.9.2342.19200300", "1.2"}; !slices.Equal(got, want) {
		t.Errorf("OIDs are %v, want %v", got, want)
	}
	if got := set.Lookup("1.2"); got != named("1.2") {
		t.Errorf("1.2 is %v", got)
	}
	if got := set.Lookup("1.2.3.4"); got != nil {
		t.Errorf("1.2.3.4 is %v", got)
	}
	if got := extop.NewSet().OIDs(); len(got) != 0 {
		t.Errorf("an empty set has %v", got)
	}
}

// What is wrong with an OID shows when the server starts (RFC 4512, section
// 1.4: numericoid).
func TestSetPanics(t *testing.T) {
	for _, ops := range [][]extop.Operation{
		{named("")},
		{named("1")},
		{named("3.1")},
		{named("1.2.")},
		{named("1..2")},
		{named("1.02")},
		{named("whoami")},
		{named("1.2 ")},
		{named("1.2\n")},
		{named("1.2"), named("1.3"), named("1.2")},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q: no panic", ops)
				}
			}()
			extop.NewSet(ops...)
		}()
	}
}

// The client learns that its value is malformed, and no more.
func TestMalformed(t *testing.T) {
	cause := errors.New("octet 17 of the password is bad")
	err := extop.Malformed(cause)
	if !errors.Is(err, directory.ProtocolError) || !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if m := directory.Result(err).DiagnosticMessage; m != "malformed requestValue" {
		t.Errorf("the client sees %q", m)
	}
}
