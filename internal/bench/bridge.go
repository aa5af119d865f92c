//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"tallystick/internal/ber"
)

// bridgeConnections is how many connections ask at the same time.
const bridgeConnections = 16

// pair is a call of the bridge, and the LDAP operations that it stands for, one
// behind the other, with the bind that the call's header asks for.
type pair struct {
	name         string
	direct, http operation
}

var pairs = []pair{
	{
		name: "entry GET",
		direct: operation{requests: forEach(func(i int) []byte {
			return append(bind(userDN(0), password), searchBase(userDN(i))...)
		})},
		http: operation{requests: forEach(func(i int) []byte {
			return call("GET", userDN(i), "", userDN(0), password, "")
		})},
	},
	{
		name: "validate",
		direct: operation{withCode: func(dn, code string) []byte {
			return append(bind(rootDN, rootPassword), validate(dn, code)...)
		}},
		http: operation{withCode: func(dn, code string) []byte {
			return call("POST", dn, "/validateTOTPPassword", rootDN, rootPassword, `{"totpPassword":"`+code+`"}`)
		}},
	},
	{
		name:   "generate",
		direct: operation{requests: forEach(func(i int) []byte { return generate(userDN(i), password) })},
		http: operation{requests: forEach(func(i int) []byte {
			return call("POST", userDN(i), "/generateTOTPSharedSecret", "", "", `{"staticPassword":"`+password+`"}`)
		})},
	},
}

// call is a request to the bridge, by user unless that is "".
func call(method, dn, operation, user, secret, body string) []byte {
	b := fmt.Appendf(nil, "%s /directory/v1/%s%s HTTP/1.1\r\nHost: bridge\r\n", method, dn, operation)
	if user != "" {
		b = fmt.Appendf(b, "Authorization: Basic %s\r\n", base64.StdEncoding.EncodeToString([]byte(user+":"+secret)))
	}
	if body != "" {
		b = fmt.Appendf(b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return append(b, "\r\n"+body...)
}

// side is one way of asking for a call of a pair.
type side struct {
	server *server
	addr   netip.AddrPort
	load   *load
	speaks protocol
	cell

	turns   []float64       // µs of CPU per operation in each; infinite: no answers
	clients []*bridgeClient // once it is driven
}

// measureBridge prints what the calls of s cost beside the direct operations,
// and beside nothing, a server that answers the same octets at once.
func (b *bench) measureBridge(ctx context.Context, s, nothing *server, dead int64) error {
	fmt.Printf("\n| %d connections | direct op/s | p99 ms | CPU µs/op | by HTTP op/s | p99 ms | CPU µs/op | CPU on top µs | p99 × | net/http alone op/s | CPU µs/op |\n"+
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n", bridgeConnections)
	d := newDeck(b.people, dead)
	for _, p := range pairs {
		progress("%s, by HTTP and directly", p.name)
		same := p.http
		if encode := p.http.withCode; encode != nil {
			same = operation{requests: forEach(func(i int) []byte { return encode(userDN(i), "000000") })}
		}
		direct := &side{server: s, addr: s.addr, load: p.direct.load(b.people, d), speaks: ldapProtocol{}}
		http := &side{server: s, addr: s.http, load: p.http.load(b.people, d), speaks: httpProtocol{}}
		floor := &side{server: nothing, addr: nothing.http, load: same.load(b.people, nil), speaks: httpProtocol{}}
		err := b.takeTurns(ctx, direct, http)
		if err == nil {
			err = b.takeTurns(ctx, floor) // by itself: of three, only the first and the last would be alike
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		row := "| " + p.name + " |"
		for _, side := range []*side{direct, http} {
			row += fmt.Sprintf(" %.0f | %s | %.0f |", side.rate(), ms(percentile(side.latencies, 99)), side.cpuPerOperation())
		}
		fmt.Printf("%s %.0f | %.2f | %.0f | %.0f |\n", row, onTop(http.turns, direct.turns),
			float64(percentile(http.latencies, 99))/float64(percentile(direct.latencies, 99)), floor.rate(), floor.cpuPerOperation())
	}
	return nil
}

// takeTurns drives the sides for a round to get warm and then for the rounds of
// b, each many times for a part of it and forth and back: what a side leaves to
// be done later, what people have more and more of, and a machine that is slower
// for a while, is nobody's alone.
func (b *bench) takeTurns(ctx context.Context, sides ...*side) error {
	defer func() {
		for _, side := range sides {
			side.disconnect()
		}
	}()
	const parts = 20 // of 25 ms each, as main's defaults have it
	for turn := range (b.rounds + 1) * parts {
		for _, side := range sides {
			source, err := side.load.round(ctx)
			if err != nil {
				return err
			}
			rightBefore := side.right
			before, err := side.server.cpu()
			if err != nil {
				return err
			}
			if err := side.drive(source, b.duration/time.Duration(b.rounds*parts)); err != nil {
				return side.server.failed(err)
			}
			after, err := side.server.cpu()
			if err != nil {
				return err
			}
			side.cpu += after - before
			each := (after - before).Seconds() * 1e6 / float64(side.right-rightBefore)
			side.turns = append(side.turns, each)
			if turn < parts { // warm now
				side.cell, side.turns = cell{}, nil
			}
		}
		slices.Reverse(sides)
	}
	for _, side := range sides {
		if side.right == 0 {
			return fmt.Errorf("no answers from %s", side.server.name)
		}
		slices.Sort(side.latencies)
	}
	return nil
}

// onTop is the median of what an operation took more in the turns of one side
// than in those of the other next to them. For a second now and then a server
// merges what it has written, in whoever's turn that is. NaN: no two turns next to
// each other had answers.
func onTop(more, less []float64) float64 {
	var differences []float64
	for i := range more {
		if d := more[i] - less[i]; !math.IsInf(d, 0) && !math.IsNaN(d) {
			differences = append(differences, d)
		}
	}
	if len(differences) == 0 {
		return math.NaN()
	}
	slices.Sort(differences)
	return differences[len(differences)/2]
}

// drive has all connections ask one request after the other for d, or until the
// source is empty. It is an error if one is answered wrongly.
func (s *side) drive(src source, d time.Duration) error {
	for len(s.clients) < bridgeConnections { // kept from round to round
		c, err := connect(s.addr)
		if err != nil {
			return err
		}
		s.clients = append(s.clients, &bridgeClient{socket: c, speaks: s.speaks})
	}
	err := run(s.clients, src, d, &s.sample)
	if err == nil && s.wrong > 0 {
		err = fmt.Errorf("%d wrong answers", s.wrong)
	}
	return err
}

func (s *side) disconnect() {
	for _, c := range s.clients {
		c.close()
	}
}

// bridgeClient is a connection that sends one request after the other, and of
// each one message after the other.
type bridgeClient struct {
	*socket
	speaks protocol
	rest   []byte    // of the request, to be sent behind the next answer
	sent   time.Time // zero: nothing is outstanding
	wrong  bool      // some of the answers so far
}

func (c *bridgeClient) fill(src source, now time.Time) int {
	if !c.sent.IsZero() {
		return 0
	}
	request := src.next()
	if request == nil {
		return 0
	}
	c.send(request)
	c.sent, c.wrong = now, false
	return 1
}

func (c *bridgeClient) send(messages []byte) {
	n := c.speaks.length(messages)
	c.out, c.rest = append(c.out, messages[:n]...), messages[n:]
}

func (c *bridgeClient) receive(done func(right bool, sent time.Time)) error {
	return c.read(func(b []byte) (int, error) {
		size, final, right, err := c.speaks.take(b)
		if err != nil || size == 0 {
			return 0, err
		}
		c.wrong = c.wrong || !right
		switch {
		case !final:
		case len(c.rest) > 0:
			c.send(c.rest)
		default:
			sent := c.sent
			c.sent = time.Time{}
			done(!c.wrong, sent)
		}
		return size, nil
	})
}

// protocol is LDAP or HTTP, as far as the load generator needs it.
type protocol interface {
	// length is that of the first message of a request.
	length(request []byte) int
	// take returns how long the message is that an answer begins with, 0 if it is
	// not all there; whether the answer ends with it; and whether it is right.
	take(answer []byte) (size int, final, right bool, err error)
}

type ldapProtocol struct{}

func (ldapProtocol) length(request []byte) int {
	_, header, length, err := ber.Header(request)
	if err != nil {
		panic("bench: not a request of ours") // message made it
	}
	return header + length
}

func (ldapProtocol) take(b []byte) (size int, final, right bool, err error) {
	r, err := readReply(b)
	return r.size, r.op != searchEntry, r.code == 0, err
}

type httpProtocol struct{}

func (httpProtocol) length(request []byte) int { return len(request) }

// take wants an answer that says how long it is.
func (httpProtocol) take(b []byte) (size int, final, right bool, err error) {
	header, _, all := bytes.Cut(b, []byte("\r\n\r\n"))
	if !all {
		return 0, false, false, nil
	}
	_, length, _ := bytes.Cut(header, []byte("\r\nContent-Length: "))
	length, _, _ = bytes.Cut(length, []byte("\r\n"))
	n, err := strconv.Atoi(string(length))
	if err != nil {
		return 0, false, false, fmt.Errorf("no length in the header %q", header)
	}
	if size = len(header) + len("\r\n\r\n") + n; len(b) < size {
		return 0, false, false, nil
	}
	return size, true, bytes.HasPrefix(header, []byte("HTTP/1.1 200 ")), nil
}

// measureIdle prints what n keep-alive connections take that wait for their
// next request. Before them one connection asks as much as they do, so that what
// requests leave in the heap is not theirs.
func measureIdle(s *server, n int) error {
	progress("%d idle HTTP connections", n)
	var open []*socket
	defer func() {
		for _, c := range open {
			c.close()
		}
	}()
	request := call("GET", userDN(0), "", userDN(0), password, "")
	dialAndAsk := func(times int) error {
		c, err := connect(s.http)
		if err != nil {
			return err
		}
		open = append(open, c)
		for range times {
			if err := askOnce(c, request); err != nil {
				return s.failed(err)
			}
		}
		c.in = nil // thousands of them
		return nil
	}
	if err := dialAndAsk(5 * n); err != nil {
		return err
	}
	_, before, err := s.memory()
	if err != nil {
		return err
	}
	for len(open) < n {
		if err := dialAndAsk(1); err != nil {
			return err
		}
	}
	_, after, err := s.memory()
	if err != nil {
		return err
	}
	fmt.Printf("\n%d idle keep-alive connections take %d MiB, and all that the server has is %d MiB then.\n", n, (after-before)>>10, after>>10)
	return nil
}

// askOnce sends a request by HTTP and waits for its answer, which must be right.
func askOnce(c *socket, request []byte) error {
	c.out = append(c.out, request...)
	if err := c.flush(); err != nil {
		return err
	}
	for answered := false; !answered; {
		err := c.read(func(b []byte) (int, error) {
			size, final, right, err := httpProtocol{}.take(b)
			if final && !right {
				err = fmt.Errorf("%s", b)
			}
			answered = answered || final
			return size, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
