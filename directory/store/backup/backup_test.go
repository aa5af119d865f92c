package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"tallystick/directory/store"
	"tallystick/directory/store/badger"
)

func open(t testing.TB, folder string) *badger.Store {
	t.Helper()
	s, err := badger.Open(folder, badger.Config{Small: true, MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func set(t testing.TB, s store.Store, pairs map[string]string, deleted ...string) {
	t.Helper()
	err := s.Update(context.Background(), func(w store.Writer) error {
		for k, v := range pairs {
			w.Set([]byte(k), []byte(v))
		}
		for _, k := range deleted {
			w.Delete([]byte(k))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func contents(t testing.TB, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := s.View(context.Background(), func(r store.Reader) error {
		return r.Scan(store.Range{}, func(key, value []byte) bool {
			all[string(key)] = string(value)
			return true
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func write(t testing.TB, s store.Store) []byte {
	t.Helper()
	var b bytes.Buffer
	octets := 0
	sum, err := Write(context.Background(), s, &b, now, func(n int) { octets += n })
	if err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != sum.Octets || octets > b.Len() {
		t.Errorf("%d octets written, %d counted, %d shown", b.Len(), sum.Octets, octets)
	}
	return b.Bytes()
}

// restore reads a backup into an empty store.
func restore(t testing.TB, file []byte, s store.Store) (sum Summary, err error) {
	t.Helper()
	err = s.Load(context.Background(), func(put func(key, value []byte) error) (err error) {
		sum, err = Read(context.Background(), bytes.NewReader(file), put)
		return err
	})
	return sum, err
}

func TestRoundTrip(t *testing.T) {
	for _, row := range []struct {
		name  string
		pairs map[string]string
	}{
		{"empty", map[string]string{}},
		{"one pair", map[string]string{"a": "1"}},
		{"an empty value", map[string]string{"a": ""}},
		{"octets of all kinds", map[string]string{"\x00\xff\n": "\x00\xff\r\n", "e": string(kindEnd), "\xfe": "x"}},
		{"long", map[string]string{strings.Repeat("k", 1024): strings.Repeat("v", 1_000_000)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, copied := open(t, t.TempDir()), open(t, t.TempDir())
			defer s.Close()
			defer copied.Close()
			set(t, s, row.pairs)
			sum, err := restore(t, write(t, s), copied)
			if err != nil || sum.Pairs != uint64(len(row.pairs)) || !sum.Made.Equal(now) {
				t.Fatalf("%+v, %v", sum, err)
			}
			if got := contents(t, copied); !maps.Equal(got, row.pairs) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// What was deleted stays deleted, though compaction has thrown away the marks
// that say so: Badger's own incremental backup brings it back.
func TestDeletedStaysDeleted(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	const n = 1000
	value := strings.Repeat("x", 2000)
	for i := range n {
		set(t, s, map[string]string{fmt.Sprintf("doomed %d", i): value, fmt.Sprintf("kept %d", i): "old"})
	}
	before := write(t, s)
	for i := range n {
		set(t, s, map[string]string{fmt.Sprintf("kept %d", i): "new"}, fmt.Sprintf("doomed %d", i))
	}
	for range 3 { // closing writes tables, opening compacts
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, folder)
	}
	defer s.Close()
	after := write(t, s)

	for _, row := range []struct {
		name  string
		file  []byte
		pairs int
		kept  string
	}{{"from before", before, 2 * n, "old"}, {"from after", after, n, "new"}} {
		copied := open(t, t.TempDir())
		if _, err := restore(t, row.file, copied); err != nil {
			t.Fatal(err)
		}
		got := contents(t, copied)
		if len(got) != row.pairs || got["kept 7"] != row.kept {
			t.Errorf("%s: %d pairs, kept is %q; want %d and %q", row.name, len(got), got["kept 7"], row.pairs, row.kept)
		}
		if err := copied.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The backup is of one moment, whatever is written meanwhile.
func TestOneMoment(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	want := map[string]string{}
	for i := range 500 {
		want[fmt.Sprint(i)] = "old"
	}
	set(t, s, want)
	var b bytes.Buffer
	frames := 0
	_, err := Write(context.Background(), s, &b, now, func(int) {
		if frames++; frames%100 == 0 {
			set(t, s, map[string]string{fmt.Sprint(frames): "new", "later " + fmt.Sprint(frames): "new"})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	if _, err := Read(context.Background(), &b, func(k, v []byte) error { got[string(k)] = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Error("the backup has what was written while it was made")
	}
}

// Whatever is wrong with a file is found, and nothing of it is loaded.
func TestDamage(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	set(t, s, map[string]string{"a": "first", "b": "second", "c": "third"})
	good := write(t, s)
	if _, err := Read(context.Background(), bytes.NewReader(good), func(_, _ []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	frame := bytes.Index(good, []byte("first")) - 1 - frameHeader
	next := bytes.Index(good, []byte("second")) - 1 - frameHeader
	end := bytes.LastIndexByte(good, kindEnd)
	for _, row := range []struct {
		name string
		file []byte
		want error
	}{
		{"empty", nil, ErrFormat},
		{"something else", []byte("dn: dc=example,dc=com\nobjectClass: domain\n"), ErrFormat},
		{"of a newer program", bytes.Replace(good, []byte(" 1\n"), []byte(" 2\n"), 1), ErrFormat},
		{"a frame missing", append(bytes.Clone(good[:frame]), good[next:]...), ErrDamaged},
		{"a frame twice", append(bytes.Clone(good[:next]), good[frame:]...), ErrDamaged},
		{"without its end", good[:end], ErrDamaged},
		{"something behind it", append(bytes.Clone(good), 0), ErrDamaged},
		{"twice", append(bytes.Clone(good), good...), ErrDamaged},
		{"a pair without a key", withPair(t, "", "value"), ErrDamaged},
	} {
		if _, err := Read(context.Background(), bytes.NewReader(row.file), func(_, _ []byte) error { return nil }); !errors.Is(err, row.want) {
			t.Errorf("%s: %v; want %v", row.name, err, row.want)
		}
	}
	for n := range good {
		if _, err := Read(context.Background(), bytes.NewReader(good[:n]), func(_, _ []byte) error { return nil }); err == nil {
			t.Errorf("cut to %d octets: no error", n)
		}
		bad := bytes.Clone(good)
		bad[n] ^= 1
		if _, err := Read(context.Background(), bytes.NewReader(bad), func(_, _ []byte) error { return nil }); err == nil {
			t.Errorf("octet %d changed: no error", n)
		}
	}

	empty := open(t, t.TempDir())
	defer empty.Close()
	if _, err := restore(t, good[:len(good)-1], empty); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
	if got := contents(t, empty); len(got) > 0 {
		t.Errorf("a damaged backup leaves %q", got)
	}
}

// withPair is a backup, with the right sums, of a pair that no store holds.
func withPair(t testing.TB, key, value string) []byte {
	t.Helper()
	var b bytes.Buffer
	out := &writer{w: &b, all: sha256.New()}
	err := out.put([]byte(magic))
	err = errors.Join(err, out.frame(kindHeader, nil, []byte(now.Format(time.RFC3339))), out.frame(kindPair, []byte(key), []byte(value)))
	err = errors.Join(err, out.frame(kindEnd, nil, out.all.Sum(binary.BigEndian.AppendUint64(nil, 1))))
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestErrorsPass(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	set(t, s, map[string]string{"a": "1"})
	file := write(t, s)
	mine := errors.New("mine")
	if _, err := Read(context.Background(), bytes.NewReader(file), func(_, _ []byte) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ended, bytes.NewReader(file), func(_, _ []byte) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := Write(context.Background(), s, full{}, now, nil); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func FuzzRead(f *testing.F) {
	s := open(f, f.TempDir())
	defer s.Close()
	f.Add([]byte{})
	f.Add(write(f, s))
	set(f, s, map[string]string{"a": "1", "b": ""})
	f.Add(write(f, s))
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := Read(context.Background(), bytes.NewReader(file), func(_, _ []byte) error { return nil })
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) {
			t.Errorf("%v", err)
		}
	})
}
