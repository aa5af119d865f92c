package badger

import (
	"context"
	"errors"
)

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, fn func(put func(key, value []byte) error) error) error {
	return errors.ErrUnsupported
}
