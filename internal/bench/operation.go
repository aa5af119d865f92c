//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// identity is whom an operation's connections are bound as beforehand.
type identity int

const (
	anonymous identity = iota
	oneUser            // uid=user.0, who has no code
	rootUser
)

// operation is one row group of the table.
type operation struct {
	name string
	as   identity
	want expectation

	// One of the three is set. requests makes the requests of the load once
	// for the people who hold no secret, in an order that is random, and
	// they are sent over and over; fresh encodes the n-th request, none of
	// which is sent twice; withCode encodes the request of a holder, sent
	// once per code.
	requests func(order []int) [][]byte
	fresh    func(n int) []byte
	withCode func(dn, code string) []byte

	vendor bool // an operation slapd does not have
}

// levels are what the operation is measured with. While a bind is under way a
// connection has nothing else (RFC 4511, section 4.2.1).
func (op operation) levels() []level {
	if op.want.op == bindResponse {
		return levels
	}
	return slices.Concat(levels, pipelined)
}

var operations = []operation{
	{
		name: "search", as: oneUser, want: expectation{op: searchDone, entries: 1},
		requests: forEach(func(i int) []byte { return searchByUID(fmt.Sprintf("user.%d", i)) }),
	},
	{
		name: "base", as: oneUser, want: expectation{op: searchDone, entries: 1},
		requests: forEach(func(i int) []byte { return searchBase(userDN(i)) }),
	},
	{
		name: "bind", as: anonymous, want: expectation{op: bindResponse},
		requests: forEach(func(i int) []byte { return bind(userDN(i), password) }),
	},
	{
		name: "modify", as: rootUser, want: expectation{op: modifyResponse},
		requests: modifyTwice,
	},
	{
		name: "add", as: rootUser, want: expectation{op: addResponse},
		fresh: addPerson,
	},
	{
		name: "bindcode", as: anonymous, want: expectation{op: bindResponse},
		withCode: func(dn, code string) []byte { return bind(dn, password+code) },
	},
	{
		name: "validate", as: rootUser, want: expectation{op: extendedResponse}, vendor: true,
		withCode: validate,
	},
	{
		// Last, because what it adds stays with the people that bind uses.
		name: "generate", as: anonymous, want: expectation{op: extendedResponse}, vendor: true,
		requests: forEach(func(i int) []byte { return generate(userDN(i), password) }),
	},
}

// forEach makes one request for each person.
func forEach(encode func(i int) []byte) func(order []int) [][]byte {
	return func(order []int) [][]byte {
		requests := make([][]byte, 0, len(order))
		for _, i := range order {
			requests = append(requests, encode(i))
		}
		return requests
	}
}

// modifyTwice gives everybody one description and then another, so that no
// request finds its change made already.
func modifyTwice(order []int) [][]byte {
	var requests [][]byte
	for _, description := range []string{"once", "twice"} {
		for _, i := range order {
			requests = append(requests, modify(userDN(i), "description", fmt.Sprintf("number %d, modified %s", i, description)))
		}
	}
	return requests
}

// cycle gives its requests in order, for ever.
type cycle struct {
	requests [][]byte
	at       int
}

func (c *cycle) next() []byte {
	request := c.requests[c.at]
	c.at = (c.at + 1) % len(c.requests)
	return request
}

// series encodes one request after another.
type series struct {
	encode func(n int) []byte
	n      int
}

func (s *series) next() []byte {
	s.n++
	return s.encode(s.n)
}

// load is an operation made ready for one server.
type load struct {
	operation
	steady source // of an operation without codes
	deck   *deck  // of the server; used by an operation with codes
}

func (op operation) load(p population, d *deck) *load {
	l := &load{operation: op, deck: d}
	switch {
	case op.requests != nil:
		l.steady = &cycle{requests: op.requests(rand.New(rand.NewPCG(1, 2)).Perm(p.people))}
	case op.fresh != nil:
		l.steady = &series{encode: op.fresh}
	}
	return l
}

// round is the source of one round.
func (l *load) round(ctx context.Context) (source, error) {
	if l.steady != nil {
		return l.steady, nil
	}
	const enough = 5000 // codes for a round that is worth its name
	return l.deck.deal(ctx, enough, l.withCode)
}
