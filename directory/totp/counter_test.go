package totp

import "testing"

// rfc4226 are the codes of RFC 4226, appendix D, from counter 0 on; its key is
// testSecret.
var rfc4226 = []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"}

func counterCode(t *testing.T, counter int64) string {
	t.Helper()
	code, err := Parameters{}.Code(testSecret, counter)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestRFC4226(t *testing.T) {
	s := State{LastStep: NoStep}
	for n, code := range rfc4226 {
		verdict, after, err := Verify(Parameters{Counter: true}, testSecret, s, DefaultLimits, testNow, []byte(code))
		if err != nil || verdict != Accepted || after != (State{LastStep: int64(n)}) {
			t.Fatalf("code %d: %v %+v, %v", n, verdict, after, err)
		}
		s = after
		for _, used := range rfc4226[:n+1] {
			if verdict, _, _ := Verify(Parameters{Counter: true}, testSecret, s, DefaultLimits, testNow, []byte(used)); verdict != Replayed {
				t.Errorf("%s after code %d: %v", used, n, verdict)
			}
		}
	}
}

func TestVerifyCounter(t *testing.T) {
	p := Parameters{Counter: true}
	last := State{LastStep: 100}
	for _, row := range []struct {
		rule    string
		counter int64
		state   State
		verdict Verdict
	}{
		{"the next", 101, last, Accepted},
		{"the last one of those ahead", 110, last, Accepted},
		{"too far ahead", 111, last, Wrong},
		{"the last one used", 100, last, Replayed},
		{"one skipped", 99, last, Replayed},
		{"the first one that is told to be used", 91, last, Replayed},
		{"long ago", 90, last, Wrong},
		{"the very first", 0, State{LastStep: NoStep}, Accepted},
		{"the first ones, too far ahead", 10, State{LastStep: NoStep}, Wrong},
		{"a drift says nothing", 101, State{LastStep: 100, Drift: 50, Centre: 50}, Accepted},
		{"where numbers end", 1<<63 - 1, State{LastStep: 1<<63 - 1}, Replayed},
	} {
		want := row.state
		if row.verdict == Accepted {
			want = State{LastStep: row.counter}
		}
		verdict, after, err := Verify(p, testSecret, row.state, DefaultLimits, testNow, []byte(counterCode(t, row.counter)))
		if err != nil || verdict != row.verdict || after != want {
			t.Errorf("%s: %v %+v, %v; want %v %+v", row.rule, verdict, after, err, row.verdict, want)
		}
	}
}

func TestResyncCounter(t *testing.T) {
	p := Parameters{Counter: true}
	for _, row := range []struct {
		rule                string
		last, first, second int64
		found               bool
	}{
		{"the next two", 100, 101, 102, true},
		{"far ahead", 100, 700, 701, true},
		{"the edge", 100, 99 + ResyncAhead, 100 + ResyncAhead, true},
		{"beyond the edge", 100, 100 + ResyncAhead, 101 + ResyncAhead, false},
		{"a new token", NoStep, 0, 1, true},
		{"the first is spent", 100, 100, 101, false},
		{"both are", 100, 98, 99, false},
		{"swapped", 100, 702, 701, false},
		{"one left out", 100, 700, 702, false},
	} {
		s := State{LastStep: row.last}
		want := s
		if row.found {
			want = State{LastStep: row.second}
		}
		after, found, err := Resync(p, testSecret, s, 0, p.Step(testNow), []byte(counterCode(t, row.first)), []byte(counterCode(t, row.second)))
		if err != nil || found != row.found || after != want {
			t.Errorf("%s: %v %+v, %v; want %v %+v", row.rule, found, after, err, row.found, want)
		}
	}
}
