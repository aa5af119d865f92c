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
		if got := clientAddress(r, proxies, XForwardedFor); got != row.want {
			t.Errorf("%s: %q; want %q", row.rule, got, row.want)
		}
	}
}

// One header counts, and in Forwarded the parameter "for" (RFC 7239, section 6).
func TestProxyHeader(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("2001:db8:1::/48")}
	for _, row := range []struct{ header, value, want string }{
		{Forwarded, "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"},
		{Forwarded, "proto=https ; For=192.0.2.60", "192.0.2.60"},
		{Forwarded, `for="192.0.2.60:4711"`, "192.0.2.60"},
		{Forwarded, `for="[2001:db8:cafe::17]:4711"`, "2001:db8:cafe::17"},
		{Forwarded, `for=192.0.2.1, for="[2001:db8:1::17]"`, "192.0.2.1"},
		{Forwarded, "for=198.51.100.1, for=192.0.2.1", "192.0.2.1"},
		{Forwarded, "for=unknown", "127.0.0.1"},
		{Forwarded, "for=_hidden, for=", "127.0.0.1"},
		{Forwarded, "by=192.0.2.1", "127.0.0.1"},
		{Forwarded, `for="[2001:db8::1`, "2001:db8::1"},
		{Forwarded, "", "127.0.0.1"},
	} {
		other := XForwardedFor // which the client may have written
		r := &http.Request{RemoteAddr: "127.0.0.1:99", Header: http.Header{row.header: {row.value}, other: {"203.0.113.9"}}}
		if got := clientAddress(r, proxies, row.header); got != row.want {
			t.Errorf("%s: %s: %q, want %q", row.header, row.value, got, row.want)
		}
	}
}
