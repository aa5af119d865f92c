package totp

import "testing"

func TestResync(t *testing.T) {
	var p Parameters
	now := p.Step(testNow)
	fresh := State{LastStep: NoStep}
	const day = 2880
	for _, row := range []struct {
		rule          string
		first, second string
		state         State
		search        int
		found         bool
		after         State
	}{
		{"hours behind", codeAt(t, p, -400), codeAt(t, p, -399), fresh, day, true, State{now - 399, -399, -399}},
		{"hours ahead", codeAt(t, p, 400), codeAt(t, p, 401), fresh, day, true, State{now + 401, 401, 401}},
		{"in step", codeAt(t, p, 0), codeAt(t, p, 1), fresh, day, true, State{now + 1, 1, 1}},
		{"the edge behind", codeAt(t, p, -day), codeAt(t, p, 1-day), fresh, day, true, State{now - day + 1, 1 - day, 1 - day}},
		{"the edge ahead", codeAt(t, p, day), codeAt(t, p, day+1), fresh, day, true, State{now + day + 1, day + 1, day + 1}},
		{"beyond the edge", codeAt(t, p, -day-1), codeAt(t, p, -day), fresh, day, false, fresh},
		{"swapped", codeAt(t, p, -399), codeAt(t, p, -400), fresh, day, false, fresh},
		{"the same twice", codeAt(t, p, -400), codeAt(t, p, -400), fresh, day, false, fresh},
		{"one left out", codeAt(t, p, -400), codeAt(t, p, -398), fresh, day, false, fresh},
		{"the first is spent", codeAt(t, p, -400), codeAt(t, p, -399), State{now - 400, 0, 0}, day, false, State{now - 400, 0, 0}},
		{"just above the last", codeAt(t, p, -400), codeAt(t, p, -399), State{now - 401, 0, 0}, day, true, State{now - 399, -399, -399}},
		{"a digit short", codeAt(t, p, 0)[1:], codeAt(t, p, 1), fresh, day, false, fresh},
		{"the second empty", codeAt(t, p, 0), "", fresh, day, false, fresh},
		{"no search", codeAt(t, p, 0), codeAt(t, p, 1), fresh, 0, true, State{now + 1, 1, 1}},
	} {
		after, found, err := Resync(p, testSecret, row.state, row.search, now, []byte(row.first), []byte(row.second))
		if err != nil || found != row.found || after != row.after {
			t.Errorf("%s: %v %+v, %v; want %v %+v", row.rule, found, after, err, row.found, row.after)
		}
	}
	if _, _, err := Resync(Parameters{Digits: 9}, testSecret, fresh, day, now, nil, nil); err == nil {
		t.Error("nine digits are taken")
	}
}

// After a resync the window stands about the drift that was found, and follows
// as it does about none.
func TestDriftIsLearnedAboutTheCentre(t *testing.T) {
	var p Parameters
	now := p.Step(testNow)
	s := State{LastStep: now - 399, Drift: -399, Centre: -399}
	for _, row := range []struct {
		offset  int64
		verdict Verdict
		drift   int
	}{{-398, Accepted, -398}, {-397, Accepted, -397}, {-395, Wrong, -397}, {-396, Accepted, -396}, {-395, Accepted, -396}, {0, Wrong, -396}} {
		s.LastStep = now - 500
		verdict, after, err := Verify(p, testSecret, s, Limits{Window: 1, MaxDrift: 3}, testNow, []byte(codeAt(t, p, row.offset)))
		if err != nil || verdict != row.verdict || after.Drift != row.drift || after.Centre != -399 {
			t.Errorf("offset %d: %v %+v, %v", row.offset, verdict, after, err)
		}
		s = after
	}
}
