package directory

import (
	"context"
	"sync"
)

// maxWaiting is how many attempts may wait for their turn at one counter.
const maxWaiting = 1024

// turnstile lets the attempts on one counter pass one at a time, so that
// parallel guesses see each other's failures. The zero value is ready.
type turnstile struct {
	mu    sync.Mutex // guards turns, and users of each turn
	turns map[entryID]*turn
}

type turn struct {
	free  chan struct{} // holds one token while nobody is inside
	users int           // inside or waiting
}

// enter waits for the turn at the counter. Call leave when done. It fails with
// busy if too many wait already, and when ctx ends.
func (t *turnstile) enter(ctx context.Context, counter entryID) (leave func(), err error) {
	t.mu.Lock()
	if t.turns == nil {
		t.turns = map[entryID]*turn{}
	}
	mine := t.turns[counter]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.turns[counter] = mine
	}
	if mine.users > maxWaiting {
		t.mu.Unlock()
		return nil, Errorf(Busy, "too many attempts at one time")
	}
	mine.users++
	t.mu.Unlock()

	done := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.turns, counter)
		}
	}
	leave = func() { mine.free <- struct{}{}; done() }
	select {
	case <-mine.free:
		return leave, nil
	default:
		Slow(ctx)
	}
	select {
	case <-mine.free:
		return leave, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}
