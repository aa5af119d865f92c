package whoami_test

import (
	"testing"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/extoptest"
	"tallystick/extop/whoami"
)

func TestContract(t *testing.T) {
	extoptest.Run(t, whoami.Operation{})
}

// The answer is an authzId as RFC 4513, section 5.2.1.8, writes it.
func TestWhoAmI(t *testing.T) {
	for _, test := range []struct{ dn, want string }{
		{"", ""},
		{"uid=ann,ou=people,dc=example,dc=com", "dn:uid=ann,ou=people,dc=example,dc=com"},
	} {
		req := &extop.Request{From: directory.Requester{DN: test.dn}}
		resp, err := whoami.Operation{}.Serve(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.OID != "" || resp.Value == nil || string(resp.Value) != test.want {
			t.Errorf("%q: answered %q with OID %q, want %q without one", test.dn, resp.Value, resp.OID, test.want)
		}
	}
}
