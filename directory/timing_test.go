package directory

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tallystick/directory/password"
	"tallystick/directory/store"
)

// How long refusals take that must look the same, beside that of a wrong
// password: medians, and what a Mann-Whitney test says of the two samples. It
// reports and asserts nothing: on a busy machine anything may be found. With a
// scheme that takes next to nothing, and without a disk to wait for, it finds
// what no client would.
func TestTimeOfRefusals(t *testing.T) {
	t.Run("the default scheme", func(t *testing.T) { timeRefusals(t, password.Default, 60) })
	t.Run("SSHA, in memory", func(t *testing.T) {
		inMemory(t)
		timeRefusals(t, password.SSHA, 400)
	})
}

func timeRefusals(t *testing.T, scheme password.Scheme, rounds int) {
	if testing.Short() || raceDetector {
		rounds = 20
	}
	h := newHouse(t, unlimited, func(c *CredentialsConfig) { c.Scheme = scheme })
	secrets := map[string]string{}
	for _, uid := range []string{"ann", "bob", "proxy"} {
		secrets[uid] = h.enrol(uid)
		h.activate(uid, secrets[uid])
	}
	spent := h.code(secrets["bob"], 0)
	if _, err := h.bind(person("bob"), secretWord+spent); err != nil {
		t.Fatal(err)
	}
	h.lock("proxy")
	kinds := []struct{ name, dn, password string }{
		{"wrong password", person("ann"), "wrong!" + h.code(secrets["ann"], 100)},
		{"wrong code", person("ann"), secretWord + h.code(secrets["ann"], 100)},
		{"replayed code", person("bob"), secretWord + spent},
		{"no credential", person("help"), "wrong!123456"},
		{"unknown user", person("nobody"), "wrong!123456"},
		{"locked", person("proxy"), secretWord + h.code(secrets["proxy"], 0)},
	}
	took := make([][]float64, len(kinds)) // seconds
	for range rounds {
		for _, i := range rand.Perm(len(kinds)) { // what runs before one has its cost for it
			k := kinds[i]
			start := time.Now()
			_, err := h.bind(k.dn, k.password)
			took[i] = append(took[i], time.Since(start).Seconds())
			h.want(k.name, err, InvalidCredentials)
		}
	}
	for i, k := range kinds {
		slices.Sort(took[i])
		t.Logf("%-15s median %.3f ms, p = %.3f", k.name, took[i][rounds/2]*1000, mannWhitney(took[0], took[i]))
	}
}

// lock locks a user for good.
func (h *house) lock(uid string) {
	h.t.Helper()
	var a attempts
	var id entryID
	if err := h.view(uid, func(u *user) { a, id = u.attempts, u.id }); err != nil {
		h.t.Fatal(err)
	}
	a.failures, a.last = maxFailures, h.Directory.now()
	if err := h.store.Update(h.t.Context(), func(w store.Writer) error {
		w.Set(attemptKey(id), a.encode())
		return nil
	}); err != nil {
		h.t.Fatal(err)
	}
}

// mannWhitney is the two-sided p-value of two samples being of one
// distribution, by the normal approximation, for samples of twenty and more.
func mannWhitney(a, b []float64) float64 {
	u := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				u++
			case x == y:
				u += 0.5
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	z := (u - n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
	return math.Erfc(math.Abs(z) / math.Sqrt2)
}

func TestMannWhitney(t *testing.T) {
	var low, high []float64
	for i := range 30 {
		low, high = append(low, float64(i)), append(high, float64(i+20))
	}
	if p := mannWhitney(low, low); p != 1 {
		t.Errorf("the same sample: p = %g", p)
	}
	if p, q := mannWhitney(low, high), mannWhitney(high, low); p > 1e-6 || math.Abs(p-q) > 1e-12 {
		t.Errorf("samples that differ: p = %g, the other way round %g", p, q)
	}
}
