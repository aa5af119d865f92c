package ldapd

import (
	"net/netip"

	"tallystick/directory"
	extopwire "tallystick/extop/wire"
	"tallystick/ldapd/wire"
)

// intermediateClient takes PingDirectory's control by which a server in front
// says who its client is: the operation then comes from the client's address.
// Only those are believed who run as the server does, or are named in
// Config.Bridges: else anybody could come from anywhere.
func intermediateClient(op *operation, c *wire.Control) error {
	if last := op.c.told.Load(); last != nil && last.value == string(c.Value) {
		op.who.Peer, op.who.Listener = last.address, "http"
		return nil
	}
	client, err := extopwire.DecodeIntermediateClient(c.Value)
	switch {
	case err != nil:
		return err
	case !op.c.bridge && !c.Critical:
		return nil
	case !op.c.bridge:
		return directory.Errorf(directory.InsufficientAccessRights, "this client is not believed whom it asks for")
	case client.Identity != "":
		return directory.Errorf(directory.UnwillingToPerform, "use proxied authorization for the client's identity")
	}
	if address, err := netip.ParseAddr(client.Address); err == nil {
		op.who.Peer = address.String()
		op.c.told.Store(&toldClient{value: string(c.Value), address: op.who.Peer})
	} else if client.Address != "" {
		return directory.Errorf(directory.UnwillingToPerform, "the client's address must be an IP address")
	}
	op.who.Listener = "http"
	return nil
}

// toldClient is a client that a server in front was believed to ask for, and the
// value of the control: mostly the next request on the connection has the same.
type toldClient struct{ value, address string }

// isBridge reports whether a session is believed whom it asks for. who is what
// its transport says of it.
func (s *Server) isBridge(who directory.Requester) bool {
	if who.External != "" && who.External == s.dir.RootDN() {
		return true
	}
	peer, err := netip.ParseAddrPort(who.Peer)
	if err != nil {
		return false
	}
	for _, network := range s.cfg.Bridges {
		if network.Contains(peer.Addr().Unmap().WithZone("")) {
			return true
		}
	}
	return false
}
