package badger

import (
	"testing"

	"tallystick/directory/store"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	ctx := t.Context()
	for range 3 {
		s, err := Open(dir, Config{Small: true})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Update(ctx, func(w store.Writer) error {
			v, err := w.Get([]byte("a"))
			if err != nil && err != store.ErrNotFound {
				return err
			}
			w.Set([]byte("a"), append([]byte("x"), v...))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.View(ctx, func(r store.Reader) error {
			v, err := r.Get([]byte("a"))
			t.Log(string(v))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
