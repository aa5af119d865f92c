package upstream

import (
	"errors"
	"net"
	"sync/atomic"
)

// longestResponse limits the octets a server may send for one operation.
// go-ldap has no such limit, and keeps in memory whatever comes.
const longestResponse = 1 << 20

var errResponseTooLong = errors.New("response too long")

// meter is a connection from which only so much can be read.
type meter struct {
	net.Conn
	left atomic.Int64 // octets
}

func newMeter(nc net.Conn) *meter {
	m := &meter{Conn: nc}
	m.reset()
	return m
}

// reset allows another longestResponse octets.
func (m *meter) reset() { m.left.Store(longestResponse) }

func (m *meter) Read(b []byte) (int, error) {
	if m.left.Load() <= 0 {
		return 0, errResponseTooLong
	}
	n, err := m.Conn.Read(b)
	m.left.Add(-int64(n))
	return n, err
}
