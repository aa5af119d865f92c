//go:build unix

package upstream

import (
	"crypto/tls"
	"errors"
	"syscall"

	"tallystick/internal/inprocess"
)

// alive reports whether a connection that nobody uses is still good: the server
// has neither closed it nor said anything, as it does before it closes it.
func (l *link) alive() bool {
	if l.broken || l.r.Buffered() > 0 {
		return false
	}
	nc := l.nc
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if within, ok := nc.(*inprocess.Conn); ok {
		return within.Quiet()
	}
	socket, ok := nc.(syscall.Conn)
	if !ok {
		return true // not a socket: the next request will tell
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && quiet
}
