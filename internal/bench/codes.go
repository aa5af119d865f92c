//go:build linux

package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

const period = 30 * time.Second

// code is the six-digit TOTP code of key in a time step (RFC 6238). It is
// written out here so that the load is a witness of its own.
func code(key []byte, step int64) string {
	mac := hmac.New(sha1.New, key)
	binary.Write(mac, binary.BigEndian, step)
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[offset:])&0x7fffffff)%1_000_000)
}

func stepAt(t time.Time) int64 { return t.Unix() / int64(period/time.Second) }

// deck deals each code holder of one server at most once per time step, since
// a code is accepted once, whichever operation carries it.
type deck struct {
	people population
	spent  []int64 // by holder: the last step dealt
	now    func() time.Time
}

// newDeck returns a deck whose codes up to the step dead do not count: an import
// may take them for used, as tallystick's does.
func newDeck(p population, dead int64) *deck {
	return &deck{people: p, spent: slices.Repeat([]int64{dead}, p.holders), now: time.Now}
}

// deal encodes a request for every holder whose code of the current step is
// fresh. If fewer than least are left, it waits for the next step first.
func (d *deck) deal(ctx context.Context, least int, encode func(dn, code string) []byte) (source, error) {
	step := stepAt(d.now())
	if d.fresh(step) < min(least, len(d.spent)) {
		wait := time.Unix((step+1)*int64(period/time.Second), 0).Sub(d.now())
		progress("waiting %s for fresh codes", wait.Round(time.Second))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		step = stepAt(d.now())
	}
	h := &hand{deck: d, step: step}
	for holder, last := range d.spent {
		if last < step {
			i := d.people.people + holder
			h.holders = append(h.holders, holder)
			h.requests = append(h.requests, encode(userDN(i), code(secret(i), step)))
		}
	}
	return h, nil
}

func (d *deck) fresh(step int64) int {
	n := 0
	for _, s := range d.spent {
		if s < step {
			n++
		}
	}
	return n
}

// hand is the requests of one round.
type hand struct {
	deck     *deck
	step     int64
	holders  []int
	requests [][]byte
}

func (h *hand) next() []byte {
	if len(h.requests) == 0 {
		return nil
	}
	request, holder := h.requests[0], h.holders[0]
	h.requests, h.holders = h.requests[1:], h.holders[1:]
	h.deck.spent[holder] = h.step
	return request
}
