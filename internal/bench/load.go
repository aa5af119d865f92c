//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// source gives the requests of a load, one at a time; nil when there is none.
type source interface{ next() []byte }

// client is one connection with at most one request outstanding.
type client struct {
	fd     int
	buf    []byte // replies not read yet are buf[:held]
	held   int
	answer answer
	sent   time.Time
	busy   bool
}

// dial connects and, unless dn is "", binds.
func dial(addr netip.AddrPort, dn, password string) (*client, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	c := &client{fd: fd, buf: make([]byte, maxReply+16)}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}); err != nil {
		c.close()
		return nil, fmt.Errorf("connecting to %s: %w", addr, err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		c.close()
		return nil, err
	}
	if dn == "" {
		return c, nil
	}
	right, err := c.ask(bind(dn, password), expectation{op: bindResponse})
	if err == nil && !right {
		err = errors.New("refused")
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("binding as %s: %w", dn, err)
	}
	return c, nil
}

func (c *client) close() { syscall.Close(c.fd) }

// ask sends one request and waits for its answer.
func (c *client) ask(request []byte, want expectation) (right bool, err error) {
	if err := c.send(request); err != nil {
		return false, err
	}
	for {
		final, right, err := c.receive(want)
		if err != nil || final {
			return right, err
		}
	}
}

// send writes a request; the socket has room, since nothing is outstanding.
func (c *client) send(request []byte) error {
	c.busy, c.sent = true, time.Now()
	n, err := syscall.Write(c.fd, request)
	if err != nil {
		return err
	}
	if n < len(request) {
		return fmt.Errorf("the socket took %d of %d octets", n, len(request))
	}
	return nil
}

// receive reads once and reports whether that completed the answer.
func (c *client) receive(want expectation) (final, right bool, err error) {
	n, err := syscall.Read(c.fd, c.buf[c.held:])
	if err != nil {
		return false, false, err
	}
	if n == 0 {
		return false, false, errors.New("the server closed the connection")
	}
	c.held += n
	at := 0
	for {
		size, last, ok, err := c.answer.take(c.buf[at:c.held], want)
		if err != nil {
			return false, false, err
		}
		at += size
		if size == 0 || last {
			c.held = copy(c.buf, c.buf[at:c.held])
			c.busy = !last
			return last, ok, nil
		}
	}
}

// sample is what one or more rounds of a load measured.
type sample struct {
	right, wrong int
	inTime       int             // right answers within the rounds, which rates count
	elapsed      time.Duration   // of the rounds; later answers are outside
	latencies    []time.Duration // of all right answers
}

// run keeps one request outstanding on each client for d, or until the source
// is empty, and adds what it saw to s. All clients are served by the one
// calling goroutine with epoll, so that the generator costs the machine as
// little as it can.
func run(clients []*client, src source, want expectation, d time.Duration, s *sample) error {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer syscall.Close(epoll)

	start := time.Now()
	last := start // answer, or the end of the round
	outstanding := 0
	for i, c := range clients {
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)} // Fd is ours to choose
		if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, c.fd, &event); err != nil {
			return err
		}
		if request := src.next(); request != nil {
			if err := c.send(request); err != nil {
				return err
			}
			outstanding++
		}
	}
	const patience = 30 * time.Second // for one answer
	events := make([]syscall.EpollEvent, len(clients))
	for outstanding > 0 {
		n, err := syscall.EpollWait(epoll, events, int(patience/time.Millisecond))
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("no answer within %s", patience)
		}
		for _, e := range events[:n] {
			c := clients[e.Fd]
			if !c.busy {
				return errors.New("the server sent something nobody asked for")
			}
			final, right, err := c.receive(want)
			if err != nil {
				return err
			}
			if !final {
				continue
			}
			outstanding--
			now := time.Now()
			over := now.Sub(start) >= d
			if right {
				s.right++
				s.latencies = append(s.latencies, now.Sub(c.sent))
			} else {
				s.wrong++
			}
			if over {
				last = start.Add(d)
				continue
			}
			last = now
			if right {
				s.inTime++
			}
			if request := src.next(); request != nil {
				if err := c.send(request); err != nil {
					return err
				}
				outstanding++
			}
		}
	}
	s.elapsed += last.Sub(start)
	return nil
}
