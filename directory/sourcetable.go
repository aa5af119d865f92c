package directory

import (
	"slices"
	"sync"
	"time"
)

// failures is a table of counters of a fixed size, however many there are to
// count. Where there is no room the one goes whose delay ended first, so those
// that delay somebody stay when a multitude of addresses comes by.
type failures struct {
	mu   sync.Mutex // guards rows
	rows *[tableRows][tableColumns]counter
}

const (
	tableRows    = 1 << 12
	tableColumns = 8
)

type counter struct {
	key   uint64 // 0: unused
	user  entryID
	n     float64
	last  time.Time
	until time.Time // until then it delays
}

// get returns the counter of a key; 0 if it has none.
func (f *failures) get(key uint64) (n float64, last time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rows == nil {
		return 0, last
	}
	for _, c := range f.rows[key%tableRows] {
		if c.key == key {
			return c.n, c.last
		}
	}
	return 0, last
}

// set changes the counter of a key, which is about a user or none, at the time
// now: next is given what it is and returns what it becomes, and until when it
// delays.
func (f *failures) set(key uint64, user entryID, now time.Time, next func(n float64, last time.Time) (float64, time.Time)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rows == nil {
		f.rows = new([tableRows][tableColumns]counter)
	}
	row := &f.rows[key%tableRows]
	at := slices.IndexFunc(row[:], func(c counter) bool { return c.key == key })
	if at < 0 {
		at = 0
		for i := range row {
			if row[i].until.Before(row[at].until) {
				at = i
			}
		}
		row[at] = counter{key: key, user: user}
	}
	c := &row[at]
	c.n, c.until = next(c.n, c.last)
	c.last = now
}

// forget drops the counter of a key.
func (f *failures) forget(key uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rows == nil {
		return
	}
	row := &f.rows[key%tableRows]
	if at := slices.IndexFunc(row[:], func(c counter) bool { return c.key == key }); at >= 0 {
		row[at] = counter{}
	}
}

// forgetUser drops the counters about a user.
func (f *failures) forgetUser(id entryID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rows == nil {
		return
	}
	for i := range f.rows {
		for j := range f.rows[i] {
			if f.rows[i][j].user == id {
				f.rows[i][j] = counter{}
			}
		}
	}
}
