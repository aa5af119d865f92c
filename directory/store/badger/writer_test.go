package badger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"tallystick/directory/store"
)

// TestUpdatesInARow: updates from many goroutines are as if one had made them
// all, whichever group they fall into: each sees what those before it have left,
// by Get and by Scan, and nothing of those that failed. Some are too large to
// share a commit.
func TestUpdatesInARow(t *testing.T) {
	s := open(t, t.TempDir())
	defer closeStore(t, s)
	const workers, each = 16, 30
	large := make([]byte, 300_000)
	errNo := errors.New("no")
	one := func(rnd *rand.Rand) error {
		return s.Update(t.Context(), func(w store.Writer) error {
			var last string
			n := 0
			row := store.Prefix([]byte("row "))
			row.KeysOnly = true
			if err := w.Scan(row, func(key, _ []byte) bool {
				n, last = n+1, string(key)
				return true
			}); err != nil {
				return err
			}
			counted, err := w.Get([]byte("count"))
			if n > 0 && (err != nil || string(counted) != strconv.Itoa(n) || last != fmt.Sprintf("row %06d", n)) {
				t.Errorf("%d in the row up to %q, counted %q, %v", n, last, counted, err)
			}
			if _, err := w.Get([]byte("junk")); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("junk: %v", err)
			}
			w.Set(fmt.Appendf(nil, "row %06d", n+1), large[:rnd.IntN(2)*rnd.IntN(len(large))])
			w.Set([]byte("count"), strconv.AppendInt(nil, int64(n+1), 10))
			if rnd.IntN(4) == 0 {
				w.Set([]byte("junk"), nil)
				return errNo
			}
			return nil
		})
	}
	var made sync.Map
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(worker)))
			n := 0
			for range each {
				switch err := one(rnd); {
				case err == nil:
					n++
				case !errors.Is(err, errNo):
					t.Error(err)
				}
			}
			made.Store(worker, n)
		})
	}
	all.Wait()
	want := 0
	made.Range(func(_, n any) bool { want += n.(int); return true })
	if got, err := get(t, s, "count"); got != strconv.Itoa(want) || err != nil {
		t.Errorf("counted %q, %v; %d updates succeeded", got, err, want)
	}
	if st := s.Stats(); st.Updates != uint64(want) || st.Commits >= st.Updates {
		t.Errorf("%+v: no commit was shared, or not all were counted", st)
	}
}
