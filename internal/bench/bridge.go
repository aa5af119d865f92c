//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
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
	ask    func(net.Conn, *bufio.Reader, []byte) error
	cell

	clients []bridgeClient // once it is driven
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
		direct := &side{server: s, addr: s.addr, load: p.direct.load(b.people, d), ask: askLDAP}
		http := &side{server: s, addr: s.http, load: p.http.load(b.people, d), ask: askHTTP}
		floor := &side{server: nothing, addr: nothing.http, load: same.load(b.people, nil), ask: askHTTP}
		if err := b.takeTurns(ctx, direct, http, floor); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		row := "| " + p.name + " |"
		for _, side := range []*side{direct, http} {
			row += fmt.Sprintf(" %.0f | %s | %.0f |", side.rate(), ms(percentile(side.latencies, 99)), side.cpuPerOperation())
		}
		fmt.Printf("%s %.0f | %.2f | %.0f | %.0f |\n", row, http.cpuPerOperation()-direct.cpuPerOperation(),
			float64(percentile(http.latencies, 99))/float64(percentile(direct.latencies, 99)), floor.rate(), floor.cpuPerOperation())
	}
	return nil
}

// takeTurns drives the sides for a round to get warm and then for the rounds of
// b, forth and back: what a side leaves to be done later, and what people have
// more and more of, is nobody's alone.
func (b *bench) takeTurns(ctx context.Context, sides ...*side) error {
	defer func() {
		for _, side := range sides {
			side.disconnect()
		}
	}()
	for round := range b.rounds + 1 {
		for _, side := range sides {
			source, err := side.load.round(ctx)
			if err != nil {
				return err
			}
			before, err := side.server.cpu()
			if err != nil {
				return err
			}
			if err := side.drive(source, b.duration/time.Duration(b.rounds)); err != nil {
				return side.server.failed(err)
			}
			after, err := side.server.cpu()
			if err != nil {
				return err
			}
			side.cpu += after - before
			if round == 0 {
				side.cell = cell{} // warm now
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

// bridgeClient is a connection that is kept from round to round.
type bridgeClient struct {
	net.Conn
	in *bufio.Reader
}

func (s *side) connect() error {
	for len(s.clients) < bridgeConnections {
		nc, err := net.Dial("tcp", s.addr.String())
		if err != nil {
			return err
		}
		s.clients = append(s.clients, bridgeClient{nc, bufio.NewReader(nc)})
	}
	return nil
}

func (s *side) disconnect() {
	for _, c := range s.clients {
		c.Close()
	}
}

// drive has all connections ask one request after the other for d, or until the
// source is empty.
func (s *side) drive(src source, d time.Duration) error {
	if err := s.connect(); err != nil {
		return err
	}
	var mu sync.Mutex // guards src, s.sample and failed
	var running sync.WaitGroup
	var failed error
	start := time.Now()
	for _, c := range s.clients {
		running.Go(func() {
			for time.Since(start) < d {
				mu.Lock()
				request := src.next()
				mu.Unlock()
				if request == nil {
					return
				}
				sent := time.Now()
				err := s.ask(c, c.in, request)
				took := time.Since(sent)
				mu.Lock()
				if err != nil {
					failed = err
				} else {
					s.right++
					s.inTime++
					s.latencies = append(s.latencies, took)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	running.Wait()
	s.elapsed += time.Since(start)
	return failed
}

// askLDAP sends the messages of request, each when the one before is answered.
func askLDAP(nc net.Conn, r *bufio.Reader, request []byte) error {
	for len(request) > 0 {
		_, header, length, err := ber.Header(request)
		if err != nil {
			return err
		}
		if _, err := nc.Write(request[:header+length]); err != nil {
			return err
		}
		request = request[header+length:]
		for final := false; !final; {
			head, err := r.Peek(6)
			if err != nil {
				return err
			}
			_, header, length, err := ber.Header(head)
			if err != nil {
				return err
			}
			message := make([]byte, header+length)
			if _, err := io.ReadFull(r, message); err != nil {
				return err
			}
			in := ber.NewReader(message[header:])
			if _, err := in.Int(ber.Integer); err != nil {
				return err
			}
			op, contents, err := in.Next()
			if err != nil {
				return err
			}
			if final = op != searchEntry; final {
				result := ber.NewReader(contents)
				if code, err := result.Int(ber.Enumerated); err != nil || code != 0 {
					return fmt.Errorf("result %d, %v", code, err)
				}
			}
		}
	}
	return nil
}

// askHTTP sends a request and reads its answer, which must be 200.
func askHTTP(nc net.Conn, r *bufio.Reader, request []byte) error {
	if _, err := nc.Write(request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return err
}

// measureIdle prints what n keep-alive connections take that wait for their
// next request. Before them one connection asks as much as they do, so that what
// requests leave in the heap is not theirs.
func measureIdle(s *server, n int) error {
	progress("%d idle HTTP connections", n)
	var open []net.Conn
	defer func() {
		for _, nc := range open {
			nc.Close()
		}
	}()
	request := call("GET", userDN(0), "", userDN(0), password, "")
	dialAndAsk := func(times int) error {
		nc, err := net.Dial("tcp", s.http.String())
		if err != nil {
			return err
		}
		open = append(open, nc)
		r := bufio.NewReaderSize(nc, 16)
		for range times {
			if err := askHTTP(nc, r, request); err != nil {
				return s.failed(err)
			}
		}
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
