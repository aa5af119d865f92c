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

// socket is a connection of the load generator.
type socket struct {
	fd   int
	in   []byte // what came and was not taken yet is in[:held]
	held int
	out  []byte // to be written
}

func connect(addr netip.AddrPort) (*socket, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: fd, in: make([]byte, maxReply+16)}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}); err != nil {
		s.close()
		return nil, fmt.Errorf("connecting to %s: %w", addr, err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) close() { syscall.Close(s.fd) }

func (s *socket) descriptor() int { return s.fd }

// flush writes what is in out; the socket has room, since little is outstanding.
func (s *socket) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	n, err := syscall.Write(s.fd, s.out)
	if err != nil {
		return err
	}
	if n < len(s.out) {
		return fmt.Errorf("the socket took %d of %d octets", n, len(s.out))
	}
	s.out = s.out[:0]
	return nil
}

// read reads once and has take look at what came, until it takes no more of it.
func (s *socket) read(take func(b []byte) (size int, err error)) error {
	n, err := syscall.Read(s.fd, s.in[s.held:])
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("the server closed the connection")
	}
	s.held += n
	for at := 0; ; {
		size, err := take(s.in[at:s.held])
		if err != nil {
			return err
		}
		if size == 0 {
			s.held = copy(s.in, s.in[at:s.held])
			return nil
		}
		at += size
	}
}

// client is one connection with so many requests outstanding at most.
type client struct {
	*socket
	want    expectation
	answers answers
	sent    []time.Time // of what is outstanding, by messageID-1; zero: free
}

// dial connects and, unless dn is "", binds.
func dial(addr netip.AddrPort, outstanding int, dn, password string) (*client, error) {
	s, err := connect(addr)
	if err != nil {
		return nil, err
	}
	c := &client{socket: s, want: expectation{op: bindResponse}, answers: make(answers, outstanding), sent: make([]time.Time, outstanding)}
	if dn == "" {
		return c, nil
	}
	right, err := c.ask(bind(dn, password))
	if err == nil && !right {
		err = errors.New("refused")
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("binding as %s: %w", dn, err)
	}
	return c, nil
}

// ask sends one request and waits for its answer.
func (c *client) ask(request []byte) (right bool, err error) {
	c.add(request, 0, time.Now())
	if err := c.flush(); err != nil {
		return false, err
	}
	for final := false; !final; {
		if err := c.receive(func(ok bool, _ time.Time) { final, right = true, ok }); err != nil {
			return false, err
		}
	}
	return right, nil
}

func (c *client) fill(src source, now time.Time) (added int) {
	for i, sent := range c.sent {
		if !sent.IsZero() {
			continue
		}
		request := src.next()
		if request == nil {
			break
		}
		c.add(request, i, now)
		added++
	}
	return added
}

// add takes a request to be sent in a free place.
func (c *client) add(request []byte, place int, now time.Time) {
	c.sent[place] = now
	c.out = appendRequest(c.out, request, place+1)
}

func (c *client) receive(done func(right bool, sent time.Time)) error {
	return c.read(func(b []byte) (int, error) {
		size, place, final, right, err := c.answers.take(b, c.want)
		if err != nil || size == 0 {
			return 0, err
		}
		sent := c.sent[place]
		if sent.IsZero() {
			return 0, errors.New("the server sent something nobody asked for")
		}
		if final {
			c.sent[place] = time.Time{}
			done(right, sent)
		}
		return size, nil
	})
}

// sample is what one or more rounds of a load measured.
type sample struct {
	right, wrong int
	inTime       int             // right answers within the rounds, which rates count
	elapsed      time.Duration   // of the rounds; later answers are outside
	latencies    []time.Duration // of all right answers
}

// asker is a connection that requests are sent on.
type asker interface {
	descriptor() int
	// fill adds requests until as many are outstanding as may be, or the source is
	// empty, and returns how many it added.
	fill(src source, now time.Time) (added int)
	// receive reads once, and calls done for each answer that this completed.
	receive(done func(right bool, sent time.Time)) error
	flush() error
}

// run keeps the clients' requests outstanding for d, or until the source is
// empty, and adds what it saw to s. All clients are served by the one calling
// goroutine with epoll, so that the generator costs the machine as little as it
// can: what one reading brings is answered by one writing.
func run[C asker](clients []C, src source, d time.Duration, s *sample) error {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer syscall.Close(epoll)

	start := time.Now()
	now, last := start, start // last: answer, or the end of the round
	outstanding := 0
	for i, c := range clients {
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)} // Fd is ours to choose
		if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, c.descriptor(), &event); err != nil {
			return err
		}
		outstanding += c.fill(src, time.Now())
		if err := c.flush(); err != nil {
			return err
		}
	}
	answered := func(right bool, sent time.Time) {
		outstanding--
		over := now.Sub(start) >= d
		last = now
		if over {
			last = start.Add(d)
		}
		if !right {
			s.wrong++
			return
		}
		s.right++
		s.latencies = append(s.latencies, now.Sub(sent))
		if !over {
			s.inTime++
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
			now = time.Now()
			if err := c.receive(answered); err != nil {
				return err
			}
			if now.Sub(start) < d {
				outstanding += c.fill(src, now)
			}
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	s.elapsed += last.Sub(start)
	return nil
}
