package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"tallystick/directory/store"
)

// testModel does random things to the store and to a plain map, which must
// agree. STORETEST_SEED repeats a run, STORETEST_STEPS makes it longer.
func testModel(t *testing.T, open Open) {
	seed := rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv("STORETEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	steps := 600
	if n, err := strconv.Atoi(os.Getenv("STORETEST_STEPS")); err == nil {
		steps = n
	}
	t.Logf("STORETEST_SEED=%d", seed)
	m := &model{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), open: open, dir: t.TempDir(), truth: map[string]string{}}
	m.s = open(t, m.dir)
	for range steps {
		m.step()
	}
	m.restart()
	m.compareAll()
	if err := m.s.Close(); err != nil {
		t.Fatal(err)
	}
}

type model struct {
	t     *testing.T
	rnd   *rand.Rand
	open  Open
	dir   string
	s     store.Store
	truth map[string]string
}

func (m *model) step() {
	switch n := m.rnd.IntN(100); {
	case n < 2:
		m.restart()
	case n < 20:
		m.compareAll()
	case n < 25:
		m.hold()
	default:
		m.update()
	}
}

func (m *model) restart() {
	m.t.Helper()
	if err := m.s.Close(); err != nil {
		m.t.Fatalf("Close: %v", err)
	}
	m.s = m.open(m.t, m.dir)
}

// update does a few changes and looks at them at once; one in eight fails.
func (m *model) update() {
	m.t.Helper()
	failure := errors.New("as planned")
	var after map[string]string
	seed := m.rnd.Uint64() // fn may run again and must do the same then
	err := m.s.Update(context.Background(), func(w store.Writer) error {
		rnd := rand.New(rand.NewPCG(seed, 1))
		after = maps.Clone(m.truth)
		for range 1 + rnd.IntN(8) {
			key := randomKey(rnd)
			switch rnd.IntN(5) {
			case 0, 1:
				value := fmt.Sprint(rnd.Uint32())[:rnd.IntN(5)]
				w.Set([]byte(key), []byte(value))
				after[key] = value
			case 2, 3:
				w.Delete([]byte(key))
				delete(after, key)
			case 4:
				if err := compare(w, after, rnd); err != nil {
					return err
				}
			}
		}
		if rnd.IntN(8) == 0 {
			return failure
		}
		return nil
	})
	switch {
	case err == nil:
		m.truth = after
	case !errors.Is(err, failure):
		m.t.Fatalf("Update: %v", err)
	}
}

// hold keeps a snapshot while updates go on.
func (m *model) hold() {
	m.t.Helper()
	before := maps.Clone(m.truth)
	view(m.t, m.s, func(r store.Reader) error {
		for range 5 {
			m.update()
		}
		return compare(r, before, m.rnd)
	})
}

func (m *model) compareAll() {
	m.t.Helper()
	view(m.t, m.s, func(r store.Reader) error { return compare(r, m.truth, m.rnd) })
}

// randomKey draws from few and awkward keys: prefixes of each other, 0x00, 0xff.
func randomKey(rnd *rand.Rand) string {
	key := make([]byte, 1+rnd.IntN(4))
	for i := range key {
		key[i] = "\x00ab\xff"[rnd.IntN(4)]
	}
	return string(key)
}

// compare tells where r and truth differ, in some Gets and a random scan.
func compare(r store.Reader, truth map[string]string, rnd *rand.Rand) error {
	for range 5 {
		key := randomKey(rnd)
		want, there := truth[key]
		got, err := r.Get([]byte(key))
		if there && (err != nil || string(got) != want) || !there && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("Get(%q) = %q, %v; the model has %q, %v", key, got, err, want, there)
		}
	}
	rng := store.Range{KeysOnly: rnd.IntN(2) == 0, Reverse: rnd.IntN(2) == 0}
	if rnd.IntN(2) == 0 {
		rng.Start = []byte(randomKey(rnd))
	}
	if rnd.IntN(2) == 0 {
		rng.End = []byte(randomKey(rnd))
	}
	if rnd.IntN(4) == 0 {
		p := store.Prefix([]byte(randomKey(rnd)))
		rng.Start, rng.End = p.Start, p.End
	}
	var want []string
	for _, key := range slices.Sorted(maps.Keys(truth)) {
		if key < string(rng.Start) || len(rng.End) > 0 && key >= string(rng.End) {
			continue
		}
		if !rng.KeysOnly {
			key += "=" + truth[key]
		}
		want = append(want, key)
	}
	if rng.Reverse {
		slices.Reverse(want)
	}
	got, err := list(r, rng)
	if err != nil || !slices.Equal(got, want) {
		return fmt.Errorf("Scan(%+v) = %q, %v; the model has %q", rng, got, err, want)
	}
	return nil
}
