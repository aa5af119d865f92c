package badger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/directory/store"
)

// The crash tests run this test binary again as a child that works on a store
// and is killed at a random moment. CRASH_ROUNDS makes them longer.

var children = map[string]func(dir string) error{
	"write": crashWriter,
	"load":  crashLoader,
	"draft": crashDraft,
}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv("CRASH_CHILD")]; ok {
		if err := child(os.Getenv("CRASH_DIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func crashRounds(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("CRASH_ROUNDS")); err == nil {
		return n
	}
	if testing.Short() {
		return 2
	}
	return 6
}

// runChild starts a child, kills it some time after its first line, and
// returns the lines that it wrote.
func runChild(t *testing.T, child, dir string, longest time.Duration) (lines []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // if there is no first line
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "CRASH_CHILD="+child, "CRASH_DIR="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	killed := false
	for {
		line, err := r.ReadString('\n')
		if err != nil { // a line without an end was not finished
			if err != io.EOF {
				t.Error(err)
			}
			break
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
		if len(lines) == 1 {
			killed = true
			time.AfterFunc(rand.N(longest), func() { _ = cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err != nil && (!killed || stderr.Len() > 0) {
		t.Fatalf("child: %v\n%s", err, stderr.String())
	}
	return lines
}

const (
	crashWorkers = 8
	crashRows    = 20 // each worker keeps its last so many rows
)

func rowKey(worker, n int) []byte { return fmt.Appendf(nil, "row/%d/%09d", worker, n) }
func headKey(worker int) []byte   { return fmt.Appendf(nil, "head/%d", worker) }

// rowValue is up to 20 kB, so that tables are written and compacted.
func rowValue(worker, n int) []byte {
	pattern := fmt.Appendf(nil, "%d/%d ", worker, n)
	return []byte(strings.Repeat(string(pattern), 1+(worker*7+n*13)%2000))
}

// readHead returns how many rows worker has written.
func readHead(r store.Reader, worker int) (int, error) {
	v, err := r.Get(headKey(worker))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(v))
}

// crashWriter has workers that add a row, remove their oldest, and count, in
// one update, and say so when it is acknowledged.
func crashWriter(dir string) error {
	s, err := Open(dir, Config{Small: true})
	if err != nil {
		return err
	}
	var stdout sync.Mutex
	say := func(worker, n int) {
		stdout.Lock()
		defer stdout.Unlock()
		fmt.Println(worker, n)
	}
	failed := make(chan error)
	for worker := range crashWorkers {
		go func() {
			for {
				var n int
				err := s.Update(context.Background(), func(w store.Writer) (err error) {
					if n, err = readHead(w, worker); err != nil {
						return err
					}
					n++
					w.Set(headKey(worker), []byte(strconv.Itoa(n)))
					w.Set(rowKey(worker, n), rowValue(worker, n))
					w.Delete(rowKey(worker, n-crashRows))
					return nil
				})
				if err != nil {
					failed <- err
					return
				}
				say(worker, n)
			}
		}()
	}
	return <-failed
}

// TestCrashWriting: nothing acknowledged is lost, nothing is torn, and what
// was deleted stays so. In every second round nobody looks at the store in
// between, so that a crash also follows the recovery from a crash.
func TestCrashWriting(t *testing.T) {
	dir := t.TempDir()
	var acknowledged [crashWorkers]int
	total := 0
	for round := range crashRounds(t) {
		lines := runChild(t, "write", dir, 400*time.Millisecond)
		total += len(lines)
		for _, line := range lines {
			var worker, n int
			if _, err := fmt.Sscan(line, &worker, &n); err != nil {
				t.Fatalf("child said %q", line)
			}
			acknowledged[worker] = max(acknowledged[worker], n)
		}
		if round%2 == 0 {
			continue
		}
		checkRows(t, dir, acknowledged)
	}
	t.Logf("%d acknowledged updates", total)
}

func checkRows(t *testing.T, dir string, acknowledged [crashWorkers]int) {
	t.Helper()
	s := open(t, dir)
	defer closeStore(t, s)
	want := map[string]string{}
	err := s.View(t.Context(), func(r store.Reader) error {
		for worker := range crashWorkers {
			head, err := readHead(r, worker)
			if err != nil {
				return err
			}
			if head < acknowledged[worker] {
				t.Errorf("worker %d: %d acknowledged, %d there", worker, acknowledged[worker], head)
			}
			if head == 0 {
				continue
			}
			want[string(headKey(worker))] = strconv.Itoa(head)
			for n := max(1, head-crashRows+1); n <= head; n++ {
				want[string(rowKey(worker, n))] = string(rowValue(worker, n))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	scanAll(t, s, func(key, value []byte) {
		if w, ok := want[string(key)]; !ok {
			t.Errorf("%s came back", key)
		} else if string(value) != w {
			t.Errorf("%s has a wrong value", key)
		}
		delete(want, string(key))
	})
	for key := range want {
		t.Errorf("%s is missing", key)
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

const crashLoadKeys = 60_000

func crashLoader(dir string) error {
	s, err := Open(dir, Config{Small: true, sortMemory: 128 << 10})
	if err != nil {
		return err
	}
	fmt.Println("begin")
	err = s.Load(context.Background(), func(put func(key, value []byte) error) error {
		for i := range crashLoadKeys {
			if err := put(fmt.Appendf(nil, "%06d", i*7919%crashLoadKeys), []byte("some value")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Println("loaded")
	return s.Close()
}

// TestCrashLoading: all is there or nothing, and no rubbish.
func TestCrashLoading(t *testing.T) {
	full := 0
	for range crashRounds(t) {
		dir := t.TempDir()
		lines := runChild(t, "load", dir, 800*time.Millisecond)
		s := open(t, dir)
		n := 0
		scanAll(t, s, func(_, _ []byte) { n++ })
		if n != crashLoadKeys && (n != 0 || len(lines) == 2) {
			t.Errorf("child said %q; %d keys are there", lines, n)
		}
		if n > 0 {
			full++
		}
		mustSet(t, s, "x", "y")
		closeStore(t, s)
		checkFolder(t, dir)
	}
	t.Logf("%d of %d were loaded", full, crashRounds(t))
}

// crashDraft makes every "a" a "b" or the other way round.
func crashDraft(dir string) error {
	fmt.Println("begin")
	d, err := NewDraft(dir, Config{Small: true})
	if err != nil {
		return err
	}
	s, err := Open(d.Dir(), Config{Small: true})
	if err != nil {
		return err
	}
	err = s.Update(context.Background(), func(w store.Writer) error {
		return w.Scan(store.Range{}, func(key, value []byte) bool {
			w.Set(key, []byte{value[0] ^ 'a' ^ 'b'})
			return true
		})
	})
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	if err := d.Commit(); err != nil {
		return err
	}
	fmt.Println("committed")
	return nil
}

func TestCrashDraft(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 100 {
		mustSet(t, s, fmt.Sprint(i), "a")
	}
	closeStore(t, s)
	was := "a"
	committed := 0
	for range 2 * crashRounds(t) {
		lines := runChild(t, "draft", dir, 400*time.Millisecond)
		s := open(t, dir)
		is, n := "", 0
		scanAll(t, s, func(_, value []byte) {
			if n++; is != "" && string(value) != is {
				t.Error("a mixture")
			}
			is = string(value)
		})
		if n != 100 || is == was && len(lines) == 2 {
			t.Errorf("child said %q; %d keys are there, %q, and were %q", lines, n, is, was)
		}
		if is != was {
			committed++
		}
		was = is
		closeStore(t, s)
		checkFolder(t, dir)
	}
	t.Logf("%d of %d were committed", committed, 2*crashRounds(t))
}
