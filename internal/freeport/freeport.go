// Package freeport finds ports for servers that tests start.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
)

// Clients get ports from 32768 on by Linux's defaults, from 16000 on under gVisor.
const lowest, highest = 10_000, 15_999

var (
	next atomic.Uint32
	mine [highest - lowest + 1]net.PacketConn
)

// Address is an address on this machine where nobody listens. It is below the
// ports that the system gives to clients, so that none is taken before a server
// listens there, nor while it is being restarted; and nobody else gets it here,
// in this process or another, as long as this process runs. That is what the UDP
// port of the same number is held for.
func Address() (string, error) {
	next.CompareAndSwap(0, 1+rand.Uint32N(highest-lowest))
	for range len(mine) {
		n := int(next.Add(1)) % len(mine)
		address := fmt.Sprintf("127.0.0.1:%d", lowest+n)
		held, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			held.Close()
			continue
		}
		mine[n] = held // or the collector would close it
		return address, l.Close()
	}
	return "", errors.New("no free port")
}
