package upstream

import (
	"errors"
	"net"
	"sync"
)

// How many octets a server may send for one operation. go-ldap has no such
// limit, and keeps in memory whatever comes.
const (
	longestResponse = 1 << 20
	longestSearch   = 16 << 20
)

var errResponseTooLong = errors.New("response too long")

// meter is a connection from which only so much can be read, and which knows
// what was.
type meter struct {
	net.Conn

	mu   sync.Mutex // guards what follows
	left int        // octets
	got  []byte     // since the last reset
}

func newMeter(nc net.Conn) *meter {
	m := &meter{Conn: nc}
	m.reset(longestResponse)
	return m
}

// reset allows n octets from now on, and forgets those that came.
func (m *meter) reset(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left, m.got = n, nil
}

// received is what came since the last reset.
func (m *meter) received() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got
}

func (m *meter) Read(b []byte) (int, error) {
	m.mu.Lock()
	left := m.left
	m.mu.Unlock()
	if left <= 0 {
		return 0, errResponseTooLong
	}
	n, err := m.Conn.Read(b)
	m.mu.Lock()
	m.left -= n
	m.got = append(m.got, b[:n]...)
	m.mu.Unlock()
	return n, err
}
