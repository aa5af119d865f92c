package badger

import (
	"bytes"
	"context"

	"tallystick/directory/store"
)

// cursor walks the keys of one layer of a range, in the order of the range.
type cursor interface {
	key() []byte            // nil at the end
	deleted() bool          // the layer says that the key is not there
	value() ([]byte, error) // only where deleted is false
	next()
}

// scan calls fn for the keys of the layers, newest layer first: a key in a
// newer layer hides the same key in those behind it.
func scan(ctx context.Context, rng store.Range, fn func(key, value []byte) bool, layers ...cursor) error {
	order := 1
	if rng.Reverse {
		order = -1
	}
	for n := 0; ; n++ {
		if n%256 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		var first cursor
		var key []byte
		for _, c := range layers {
			k := c.key()
			if k != nil && (first == nil || order*bytes.Compare(k, key) < 0) {
				first, key = c, k
			}
		}
		if first == nil {
			return nil
		}
		if !first.deleted() {
			var value []byte
			if !rng.KeysOnly {
				var err error
				if value, err = first.value(); err != nil {
					return err
				}
			}
			if !fn(key, value) {
				return nil
			}
		}
		for _, c := range layers {
			// The one that gave the key goes last: next may reuse its bytes.
			if c != first && bytes.Equal(c.key(), key) {
				c.next()
			}
		}
		first.next()
	}
}
