package totp

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The codes that are compared are those of the library, for every algorithm,
// number of digits and length of key, and whatever step came before.
func TestCodesAreTheLibrarys(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for a := SHA1; a <= SHA512; a++ {
		for digits := MinDigits; digits <= MaxDigits; digits++ {
			for n := range 2*MaxSecretSize + 2 { // longer than a block of each hash
				key := make([]byte, n)
				for i := range key {
					key[i] = byte(rnd.Uint32())
				}
				p := Parameters{Algorithm: a, Digits: digits}.WithDefaults()
				codes := newHOTP(p, key)
				for _, step := range []int64{0, 1, rnd.Int64N(1 << 40), 1<<63 - 1} {
					want, err := p.Code(key, step)
					if got := string(codes.at(step)); err != nil || got != want {
						t.Errorf("%v, %d digits, key of %d octets, step %d: %s; want %s, %v", a, digits, n, step, got, want, err)
					}
				}
			}
		}
	}
}

func FuzzCodesAreTheLibrarys(f *testing.F) {
	f.Add(byte(SHA256), byte(8), testSecret, int64(1))
	f.Fuzz(func(t *testing.T, algorithm, digits byte, key []byte, step int64) {
		p := Parameters{Algorithm: Algorithm(algorithm), Digits: int(digits), Period: DefaultPeriod}
		want, err := p.Code(key, step)
		if err != nil || digits == 0 {
			return
		}
		if got := string(newHOTP(p, key).at(step)); got != want {
			t.Errorf("%v, key %x, step %d: %s; want %s", p, key, step, got, want)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	code, err := Parameters{}.Code(testSecret, Parameters{}.Step(testNow))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if v, _, err := Verify(Parameters{}, testSecret, State{LastStep: NoStep}, DefaultLimits, testNow.Add(time.Second), []byte(code)); v != Accepted || err != nil {
			b.Fatal(v, err)
		}
	}
}
