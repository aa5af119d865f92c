package httpbridge

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, row := range []struct {
		rule, peer string
		forwarded  []string
		want       string
	}{
		{"a client", "192.0.2.1:99", nil, "192.0.2.1"},
		{"a client that claims to be another", "192.0.2.1:99", []string{"198.51.100.1"}, "192.0.2.1"},
		{"a client of IPv6", "[2001:db8::1]:99", nil, "2001:db8::1"},
		{"a client of IPv4 on a socket of IPv6", "[::ffff:192.0.2.1]:99", nil, "192.0.2.1"},
		{"behind a proxy", "127.0.0.1:99", []string{"192.0.2.1"}, "192.0.2.1"},
		{"behind a proxy that adds to what the client claims", "127.0.0.1:99", []string{"198.51.100.1, 192.0.2.1"}, "192.0.2.1"},
		{"behind two", "127.0.0.1:99", []string{"198.51.100.1", "192.0.2.1, 10.1.1.1"}, "192.0.2.1"},
		{"a proxy itself", "127.0.0.1:99", nil, "127.0.0.1"},
		{"behind a proxy that says nonsense", "127.0.0.1:99", []string{"unknown"}, "127.0.0.1"},
		{"no address", "@", nil, ""},
	} {
		r := &http.Request{RemoteAddr: row.peer, Header: http.Header{"X-Forwarded-For": row.forwarded}}
		if got := clientAddress(r, proxies); got != row.want {
			t.Errorf("%s: %q; want %q", row.rule, got, row.want)
		}
	}
}
