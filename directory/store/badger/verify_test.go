package badger

import (
	"context"
	"errors"
	"testing"

	"tallystick/directory/store"
)

func TestVerify(t *testing.T) {
	s := open(t, t.TempDir())
	load(t, s, 25_000, "v")
	var told []int64
	if err := s.Verify(t.Context(), func(keys int64) { told = append(told, keys) }); err != nil {
		t.Error(err)
	}
	if len(told) != 3 || told[2] != 25_000 {
		t.Errorf("progress %v, want 10000, 20000, 25000", told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Verify(ctx, func(int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %v, want context.Canceled", err)
	}
	closeStore(t, s)
	if err := s.Verify(t.Context(), nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Verify after Close = %v, want ErrClosed", err)
	}
}
