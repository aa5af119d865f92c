package totp

import (
	"testing"
	"time"
)

var (
	testSecret = []byte("12345678901234567890")
	testNow    = time.Unix(1_700_000_010, 0)
)

func codeAt(t *testing.T, p Parameters, offset int64) string {
	t.Helper()
	code, err := p.Code(testSecret, p.Step(testNow)+offset)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestVerify(t *testing.T) {
	var p Parameters
	now := p.Step(testNow)
	fresh := State{LastStep: NoStep}
	for _, row := range []struct {
		rule    string
		code    string
		state   State
		limits  Limits
		verdict Verdict
		after   State
	}{
		{"the current step", codeAt(t, p, 0), fresh, DefaultLimits, Accepted, State{now, 0, 0}},
		{"one behind", codeAt(t, p, -1), fresh, DefaultLimits, Accepted, State{now - 1, -1, 0}},
		{"one ahead", codeAt(t, p, 1), fresh, DefaultLimits, Accepted, State{now + 1, 1, 0}},
		{"two behind is outside", codeAt(t, p, -2), fresh, DefaultLimits, Wrong, fresh},
		{"two ahead is outside", codeAt(t, p, 2), fresh, DefaultLimits, Wrong, fresh},
		{"a window of zero is the current step", codeAt(t, p, 1), fresh, Limits{}, Wrong, fresh},
		{"the same step twice", codeAt(t, p, 0), State{now, 0, 0}, DefaultLimits, Replayed, State{now, 0, 0}},
		{"a lower step than the last", codeAt(t, p, -1), State{now, 0, 0}, DefaultLimits, Replayed, State{now, 0, 0}},
		{"a step just above the last", codeAt(t, p, 1), State{now, 0, 0}, DefaultLimits, Accepted, State{now + 1, 1, 0}},
		{"a last step in the future kills all", codeAt(t, p, 1), State{now + 100, 0, 0}, DefaultLimits, Replayed, State{now + 100, 0, 0}},
		{"the window follows the drift", codeAt(t, p, -3), State{now - 9, -2, 0}, DefaultLimits, Accepted, State{now - 3, -3, 0}},
		{"a clock set right again", codeAt(t, p, 1), State{now - 9, -6, 0}, DefaultLimits, Accepted, State{now + 1, 1, 0}},
		{"a clock set right again, from ahead", codeAt(t, p, 0), State{now - 9, 6, 0}, DefaultLimits, Accepted, State{now, 0, 0}},
		{"between drift and centre is outside", codeAt(t, p, -3), State{now - 9, -6, 0}, DefaultLimits, Wrong, State{now - 9, -6, 0}},
		{"right again, after a resync far away", codeAt(t, p, -41), State{now - 99, -46, -40}, DefaultLimits, Accepted, State{now - 41, -41, -40}},
		{"a drift lessens too", codeAt(t, p, -1), State{now - 9, -2, 0}, DefaultLimits, Accepted, State{now - 1, -1, 0}},
		{"drift has a limit", codeAt(t, p, -11), State{now - 19, -10, 0}, DefaultLimits, Accepted, State{now - 11, -10, 0}},
		{"drift ahead has a limit", codeAt(t, p, 11), State{now - 9, 10, 0}, DefaultLimits, Accepted, State{now + 11, 10, 0}},
		{"no drift is learned at limit zero", codeAt(t, p, 1), fresh, Limits{Window: 1}, Accepted, State{now + 1, 0, 0}},
		{"a digit short", codeAt(t, p, 0)[1:], fresh, DefaultLimits, Wrong, fresh},
		{"a digit too long", codeAt(t, p, 0) + "0", fresh, DefaultLimits, Wrong, fresh},
		{"empty", "", fresh, DefaultLimits, Wrong, fresh},
		{"not digits", "12345x", fresh, DefaultLimits, Wrong, fresh},
		{"other digits of Unicode", "\u0661\u0662\u0663", fresh, DefaultLimits, Wrong, fresh},
	} {
		verdict, after, err := Verify(p, testSecret, row.state, row.limits, testNow, []byte(row.code))
		if err != nil || verdict != row.verdict || after != row.after {
			t.Errorf("%s: %v %+v, %v; want %v %+v", row.rule, verdict, after, err, row.verdict, row.after)
		}
	}
}

func TestVerifyDigits(t *testing.T) {
	for digits := MinDigits; digits <= MaxDigits; digits++ {
		p := Parameters{Digits: digits, Algorithm: SHA256, Period: time.Minute}
		verdict, _, err := Verify(p, testSecret, State{LastStep: NoStep}, DefaultLimits, testNow, []byte(codeAt(t, p, 0)))
		if err != nil || verdict != Accepted {
			t.Errorf("%d digits: %v, %v", digits, verdict, err)
		}
	}
}

func TestVerifyNearTheEpoch(t *testing.T) {
	code, err := Parameters{}.Code(testSecret, 0)
	if err != nil {
		t.Fatal(err)
	}
	verdict, _, err := Verify(Parameters{}, testSecret, State{LastStep: NoStep}, DefaultLimits, time.Unix(1, 0), []byte(code))
	if err != nil || verdict != Accepted {
		t.Errorf("%v, %v", verdict, err)
	}
}

func TestVerifyRefusesBadParameters(t *testing.T) {
	if _, _, err := Verify(Parameters{Digits: 9}, testSecret, State{}, DefaultLimits, testNow, []byte("123456789")); err == nil {
		t.Error("nine digits are taken")
	}
}

// A token whose clock runs away by a step at a time is followed up to the limit.
func TestDriftIsFollowed(t *testing.T) {
	var p Parameters
	s := State{LastStep: NoStep}
	for day := 1; day <= DefaultLimits.MaxDrift+2; day++ {
		at := testNow.Add(time.Duration(day) * 24 * time.Hour)
		code, err := p.Code(testSecret, p.Step(at)-int64(day))
		if err != nil {
			t.Fatal(err)
		}
		verdict, after, err := Verify(p, testSecret, s, DefaultLimits, at, []byte(code))
		if err != nil {
			t.Fatal(err)
		}
		want := Accepted
		if day > DefaultLimits.MaxDrift+DefaultLimits.Window {
			want = Wrong
		}
		if verdict != want {
			t.Errorf("%d steps behind: %v; want %v", day, verdict, want)
		}
		s = after
	}
}

// A token that loses a second a day, or gains one, never locks out an owner
// who logs in once a day, at a time that differs, though the window is no more
// than a step either way.
func TestSecondADay(t *testing.T) {
	var p Parameters
	for _, perDay := range []time.Duration{-time.Second, time.Second} {
		s := State{LastStep: NoStep}
		for day := range 180 {
			at := testNow.Add(time.Duration(day)*24*time.Hour + time.Duration(day*7919%28800)*time.Second)
			shown := at.Add(perDay * time.Duration(day))
			typed := at.Add(time.Duration(day%6) * time.Second) // reading and typing take time
			code, err := p.Code(testSecret, p.Step(shown))
			if err != nil {
				t.Fatal(err)
			}
			verdict, after, err := Verify(p, testSecret, s, DefaultLimits, typed, []byte(code))
			if err != nil || verdict != Accepted {
				t.Fatalf("%v a day, day %d, drift %d: %v, %v", perDay, day, s.Drift, verdict, err)
			}
			s = after
		}
		if s.Drift == 0 {
			t.Error("no drift was learned")
		}
	}
}
