package httpbridge

import (
	"net"
	"sync"
)

// limitListener accepts as many connections at the same time as slots has room
// for, together with other listeners; further ones wait in the system's queue.
func limitListener(l net.Listener, slots chan struct{}) net.Listener {
	return &limited{Listener: l, slots: slots, done: make(chan struct{})}
}

type limited struct {
	net.Listener
	slots chan struct{} // one token for each connection
	once  sync.Once
	done  chan struct{} // closed with the listener
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: c, free: func() { <-l.slots }}, nil
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
