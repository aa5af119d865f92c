// Package inprocess connects two parts of one process by streams of octets, as
// a socket would and without the kernel: a server that accepts net.Conns, and
// its client beside it.
package inprocess

import (
	"context"
	"net"
	"sync"
)

// Network is the name of the network of both addresses of a connection.
const Network = "in-process"

type addr struct{}

func (addr) Network() string { return Network }
func (addr) String() string  { return Network }

// Listener is a net.Listener that only its holder can connect to.
type Listener struct {
	conns  chan *Conn // unbuffered: who has dialled was accepted
	once   sync.Once
	closed chan struct{}
}

// Listen returns an open listener.
func Listen() *Listener {
	return &Listener{conns: make(chan *Conn), closed: make(chan struct{})}
}

// Dial connects to l, once it accepts. Errors: net.ErrClosed, ctx's.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	client, server := Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Accept returns the next connection, which is a *Conn. Error: net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial, and leaves the connections open.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is on Network.
func (l *Listener) Addr() net.Addr { return addr{} }
