package ldapd

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"tallystick/directory"
	extopwire "tallystick/extop/wire"
	"tallystick/ldapd/wire"
)

// Who is believed whom he asks for: what runs as the server does, and the
// addresses in the configuration. Others are refused, or heard out and not
// believed.
func TestIntermediateClient(t *testing.T) {
	value := func(c extopwire.IntermediateClient) []byte { return c.Encode() }
	address := value(extopwire.IntermediateClient{Address: "198.51.100.7", Name: "bridge"})
	for _, row := range []struct {
		rule     string
		network  string
		bridges  string
		value    []byte
		critical bool
		want     directory.ResultCode
		believed bool
	}{
		{"the local socket", "unix", "", address, true, directory.Success, true},
		{"the local socket, not critical", "unix", "", address, false, directory.Success, true},
		{"an address that is named", "tcp", "127.0.0.0/8", address, true, directory.Success, true},
		{"any other", "tcp", "192.0.2.0/24", address, false, directory.Success, false},
		{"any other, critical", "tcp", "", address, true, directory.InsufficientAccessRights, false},
		{"an identity", "unix", "", value(extopwire.IntermediateClient{Identity: "u:ann"}), true, directory.UnwillingToPerform, false},
		{"a name for an address", "unix", "", value(extopwire.IntermediateClient{Address: "localhost"}), true, directory.UnwillingToPerform, false},
		{"no address", "unix", "", value(extopwire.IntermediateClient{Name: "bridge"}), true, directory.Success, false},
		{"malformed", "unix", "", []byte("x"), false, directory.ProtocolError, false},
		{"malformed, from whom is not believed", "tcp", "", []byte("x"), false, directory.ProtocolError, false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			cfg := Config{}
			if row.bridges != "" {
				cfg.Bridges = []netip.Prefix{netip.MustParsePrefix(row.bridges)}
			}
			s := start(t, cfg)
			addr := s.addr
			if row.network == "unix" {
				addr = s.listen(t, "unix", filepath.Join(t.TempDir(), "s"), s.Serve)
			}
			nc, err := net.Dial(row.network, addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { nc.Close() })
			c := newRaw(t, nc)
			control := wire.Control{OID: extopwire.IntermediateClientOID, Critical: row.critical, Value: row.value}
			c.send(1, &wire.ExtendedRequest{Name: oidPeer}, control)
			r := c.expect(1, wire.TagExtendedResponse, row.want)
			if got := string(r.value) == "198.51.100.7 http"; row.want == directory.Success && got != row.believed {
				t.Errorf("it comes from %q", r.value)
			}
			c.send(2, &directory.BindRequest{Version: 3, Name: person(1), Password: []byte("password")}, control)
			c.expect(2, wire.TagBindResponse, row.want)
			// It is about one operation, not about the session.
			c.send(3, &wire.ExtendedRequest{Name: oidPeer})
			if r := c.expect(3, wire.TagExtendedResponse, directory.Success); strings.Contains(string(r.value), "198.51.100.7") {
				t.Errorf("the next operation comes from %q", r.value)
			}
			if !row.believed {
				return
			}
			// One connection is for many clients.
			for i, from := range []string{"198.51.100.7", "203.0.113.9", "203.0.113.9", "198.51.100.7"} {
				id := int32(4 + i)
				c.send(id, &wire.ExtendedRequest{Name: oidPeer}, wire.Control{OID: control.OID, Value: value(extopwire.IntermediateClient{Address: from, Name: "bridge"})})
				if r := c.expect(id, wire.TagExtendedResponse, directory.Success); string(r.value) != from+" http" {
					t.Errorf("asked for %s, it comes from %q", from, r.value)
				}
			}
		})
	}
}
