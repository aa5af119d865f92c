package ldapd

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"tallystick/directory"
	"tallystick/internal/inprocess"
)

// identify says who is at the other end of nc before any bind: nobody, with
// what the transport vouches for. A local user may become
// gidNumber=G+uidNumber=U,cn=peercred,cn=external,cn=auth by SASL EXTERNAL, as
// with slapd; root and the server's own user may become the root user. Who
// connects within this process is its own user, and the HTTP bridge: nobody
// else does. secure: TLS comes first.
func (s *Server) identify(nc net.Conn, secure bool) directory.Requester {
	who := directory.Requester{Peer: peerName(nc)}
	switch nc := nc.(type) {
	case *net.UnixConn:
		who.Secure, who.Listener = true, "ldapi"
		uid, gid, err := peerCredentials(nc)
		if err != nil {
			s.log.Error("no credentials of a local peer", "err", err)
			break
		}
		who.Peer = localPeer(int(uid))
		who.External = fmt.Sprintf("gidNumber=%d+uidNumber=%d,cn=peercred,cn=external,cn=auth", gid, uid)
		if uid == 0 || int(uid) == os.Getuid() {
			who.External = s.dir.RootDN()
		}
	case *inprocess.Conn:
		who.Secure, who.Listener = true, "http"
		who.Peer, who.External = localPeer(os.Getuid()), s.dir.RootDN()
	case *net.TCPConn:
		who.Listener = "ldap"
		if secure {
			who.Listener = "ldaps"
		}
	default:
		who.Secure = nc.LocalAddr().Network() == "pipe"
	}
	return who
}

func localPeer(uid int) string { return fmt.Sprintf("local:uid=%d", uid) }

// peerName is the address of the client for the log.
func peerName(nc net.Conn) string {
	if _, ok := nc.(*net.UnixConn); ok {
		return "local"
	}
	return nc.RemoteAddr().String()
}

// peerKey is what the limit of connections per peer counts by: an IPv4
// address, an IPv6 /64; "" if the limit does not apply.
func peerKey(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return ""
	}
	ip := tcp.AddrPort().Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}
