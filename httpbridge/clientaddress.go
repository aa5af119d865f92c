package httpbridge

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is the IP address of who sent a request, without a port; "" if
// it cannot be told. Behind proxies it is the last one in X-Forwarded-For that
// is none of theirs: what stands before that anybody can write.
func clientAddress(r *http.Request, proxies []netip.Prefix) string {
	ours := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	address := peer.Addr().Unmap()
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && ours(address); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(forwarded[i]))
		if err != nil {
			break
		}
		address = next.Unmap()
	}
	return address.WithZone("").String()
}
