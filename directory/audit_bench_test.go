package directory

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"tallystick/directory/password"
	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// BenchmarkValidate is codes that are accepted, of 32 users at a time: each is
// written down, with its event, before the next of the same user.
func BenchmarkValidate(b *testing.B) {
	keyset, err := seal.Generate()
	if err != nil {
		b.Fatal(err)
	}
	var steps atomic.Int64 // every look at the clock is a step later
	start := time.Unix(1_700_000_000, 0)
	d := newDirectory(b, func(c *Config) {
		c.Credentials = CredentialsConfig{Keyset: keyset, Scheme: password.SSHA512}
		c.Now = func() time.Time { return start.Add(time.Duration(steps.Load()) * totp.DefaultPeriod) }
	})
	const users = 32
	var uids []string
	for i := range users {
		uids = append(uids, fmt.Sprint("u", i))
	}
	addPeople(b, d, uids...)
	ctx := context.Background()
	keys := make([][]byte, users)
	for i, uid := range uids {
		secret, err := d.GenerateTOTPSharedSecret(ctx, root, id("dn:"+person(uid)), nil)
		if err != nil {
			b.Fatal(err)
		}
		if keys[i], err = totp.DecodeSecret(secret); err != nil {
			b.Fatal(err)
		}
	}
	var next, done atomic.Int64
	var p totp.Parameters
	b.ReportAllocs()
	b.SetParallelism(users / 2)
	b.RunParallel(func(pb *testing.PB) {
		i := next.Add(1) % users
		mine := int64(0)
		for pb.Next() {
			if at := steps.Load(); at == mine { // one step for all, and one more for who is ahead
				steps.CompareAndSwap(at, at+1)
			}
			mine = steps.Load()
			code, err := p.Code(keys[i], p.Step(start)+mine)
			if err != nil {
				b.Error(err)
				return
			}
			if d.ValidateTOTPPassword(ctx, root, person(uids[i]), code) == nil {
				done.Add(1)
			}
		}
	})
	b.ReportMetric(float64(done.Load())/float64(b.N), "accepted/op")
}
