//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// bench is one run: servers[0] is the one the others are compared with.
type bench struct {
	servers  []*server
	people   population
	duration time.Duration // per cell and server
	rounds   int
}

// cell is what one server did with one operation at one number of connections.
type cell struct {
	sample
	cpu time.Duration
}

// run measures the operations and prints the table, a row as soon as it is
// known. It is an error if a server gave wrong answers.
func (b *bench) run(ctx context.Context, chosen []operation) error {
	decks := make(map[*server]*deck)
	for _, s := range b.servers {
		decks[s] = newDeck(b.people, stepAt(time.Now()))
	}
	wrong := 0
	if len(chosen) > 0 {
		printHead(os.Stdout, b.servers)
	}
	for _, op := range chosen {
		var able []*server
		loads := make(map[*server]*load)
		for _, s := range b.servers {
			if s.vendor || !op.vendor {
				able = append(able, s)
				loads[s] = op.load(b.people, decks[s])
			}
		}
		for _, at := range op.levels() {
			progress("%s, %s connections", op.name, at)
			cells, err := b.measure(ctx, able, loads, at)
			if err != nil {
				return fmt.Errorf("%s, %s connections: %w", op.name, at, err)
			}
			printRow(os.Stdout, op.name, at, b.servers, cells)
			for s, c := range cells {
				if c.wrong > 0 {
					progress("%s gave %d wrong answers to %s", s.name, c.wrong, op.name)
					wrong += c.wrong
				}
			}
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d wrong answers, which the table leaves out", wrong)
	}
	return nil
}

// measure lets the servers take turns. A server's processor time is counted
// from its first round to the end of the last one's, so that what it does
// behind its clients' backs counts too.
func (b *bench) measure(ctx context.Context, able []*server, loads map[*server]*load, at level) (map[*server]*cell, error) {
	const warmUp = 200 * time.Millisecond
	cells := make(map[*server]*cell)
	clients := make(map[*server][]*client)
	defer func() {
		for _, c := range clients {
			disconnect(c)
		}
	}()
	turn := func(s *server, d time.Duration, into *sample) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		source, err := loads[s].round(ctx)
		if err != nil {
			return err
		}
		if err := run(clients[s], source, d, into); err != nil {
			return s.failed(err)
		}
		return nil
	}
	for _, s := range able {
		c, err := s.connect(at, loads[s].as, loads[s].want)
		if err != nil {
			return nil, err
		}
		clients[s] = c
		if err := turn(s, warmUp, new(sample)); err != nil {
			return nil, err
		}
		before, err := s.cpu()
		if err != nil {
			return nil, err
		}
		cells[s] = &cell{cpu: -before}
	}
	for range b.rounds {
		for _, s := range able {
			if err := turn(s, b.duration/time.Duration(b.rounds), &cells[s].sample); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range able {
		after, err := s.cpu()
		if err != nil {
			return nil, err
		}
		cells[s].cpu += after
	}
	return cells, nil
}
