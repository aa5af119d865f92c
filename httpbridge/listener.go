package httpbridge

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// places are the connections that all listeners together may have open.
type places struct {
	all     chan struct{} // one token for each connection, open or being accepted
	perPeer int
	exempt  []netip.Prefix // of perPeer
	refused prometheus.Counter

	mu    sync.Mutex // guards peers
	peers map[netip.Prefix]int
}

func newPlaces(all, perPeer int, exempt []netip.Prefix, refused prometheus.Counter) *places {
	return &places{all: make(chan struct{}, all), perPeer: perPeer, exempt: exempt, refused: refused, peers: make(map[netip.Prefix]int)}
}

// listener accepts from l while there are places. When all are taken, further
// connections wait in the system's queue; those of one peer that has its share
// are closed, so that it keeps nobody else waiting.
func (p *places) listener(l net.Listener) net.Listener {
	return &limited{Listener: l, places: p, done: make(chan struct{})}
}

// enter counts a connection from a, unless there are too many.
func (p *places) enter(a net.Addr) (peer netip.Prefix, ok bool) {
	peer = p.peerOf(a)
	if !peer.IsValid() {
		return peer, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.peers[peer] >= p.perPeer {
		return peer, false
	}
	p.peers[peer]++
	return peer, true
}

// leave gives back what enter gave, and then the place: who comes for it at once
// may be the same peer, and is not to find its share still taken.
func (p *places) leave(peer netip.Prefix) {
	if peer.IsValid() {
		p.mu.Lock()
		if p.peers[peer]--; p.peers[peer] == 0 {
			delete(p.peers, peer)
		}
		p.mu.Unlock()
	}
	<-p.all
}

// peerOf is what counts as one peer: an IPv4 address, or an IPv6 /64, which is
// what one customer gets; invalid for who is not counted.
func (p *places) peerOf(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if slices.ContainsFunc(p.exempt, func(n netip.Prefix) bool { return n.Contains(ip) }) {
		return netip.Prefix{}
	}
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(ip, bits).Masked()
}

type limited struct {
	net.Listener
	places *places
	once   sync.Once
	done   chan struct{} // closed with the listener
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.places.all <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.places.all
			return nil, err
		}
		if peer, ok := l.places.enter(c.RemoteAddr()); ok {
			return &limitedConn{Conn: c, free: func() { l.places.leave(peer) }}, nil
		}
		l.places.refused.Inc()
		_ = c.Close()
	}
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	once sync.Once
	free func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.free)
	return err
}
