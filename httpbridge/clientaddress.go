package httpbridge

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"tallystick/httpbridge/upstream"
)

// clientAddress is the IP address of who sent a request, without a port; "" if
// it cannot be told. Behind proxies it is the last one in their header that is
// none of theirs: what stands before that anybody can write. Only one header is
// looked at, since a proxy passes on what its clients write into the other.
func clientAddress(r *http.Request, proxies []netip.Prefix, header string) string {
	ours := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	if len(proxies) == 0 { // then it is the connection's, see told
		if told := upstream.ClientOf(r.Context()); told != "" {
			return told
		}
	}
	address := peerIP(r.RemoteAddr)
	if !address.IsValid() {
		return ""
	}
	if !ours(address) {
		return address.WithZone("").String()
	}
	forwarded := strings.Split(strings.Join(r.Header.Values(header), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && ours(address); i-- {
		text := strings.TrimSpace(forwarded[i])
		if header == Forwarded {
			text = forwardedFor(text)
		}
		next, err := netip.ParseAddr(text)
		if err != nil {
			break
		}
		address = next.Unmap()
	}
	return address.WithZone("").String()
}

// The headers in which proxies say who the client is.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
)

// forwardedFor is the address in an element of Forwarded, as in
// for="[2001:db8::1]:47011";proto=https (RFC 7239, sections 4 and 6); "" if it
// has none, or hides it.
func forwardedFor(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		name, node, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok || !strings.EqualFold(name, "for") {
			continue
		}
		node = strings.Trim(node, `"`)
		if in, ok := strings.CutPrefix(node, "["); ok {
			node, _, _ = strings.Cut(in, "]")
		} else {
			node, _, _ = strings.Cut(node, ":")
		}
		return node
	}
	return ""
}

// peerIP is the address in a RemoteAddr; invalid if it has none.
func peerIP(remote string) netip.Addr {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}

// told is the context of a connection of a peer: what its requests have for the
// LDAP server, if they come through no proxy, is made once.
func told(ctx context.Context, peer net.Conn) context.Context {
	if address := peerIP(peer.RemoteAddr().String()); address.IsValid() {
		return upstream.WithClient(ctx, address.WithZone("").String())
	}
	return ctx
}
