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

// quickDirectory is a directory whose passwords cost little, at a time that
// can be moved.
func quickDirectory(b *testing.B) (d *Directory, clock *atomic.Int64) {
	keyset, err := seal.Generate()
	if err != nil {
		b.Fatal(err)
	}
	clock = new(atomic.Int64)
	clock.Store(1_700_000_010)
	d = newDirectory(b, func(c *Config) {
		c.Credentials = CredentialsConfig{Keyset: keyset, Scheme: password.SSHA512}
		c.Now = func() time.Time { return time.Unix(clock.Load(), 0) }
	})
	addPeople(b, d)
	return d, clock
}

func addWithPassword(b *testing.B, d *Directory, uid string) {
	mustAdd(b, d, person(uid), "objectClass: inetOrgPerson", "cn: "+uid, "sn: x", "userPassword: secret")
}

// BenchmarkBind is a simple bind with the right password, which writes
// nothing.
func BenchmarkBind(b *testing.B) {
	d, _ := quickDirectory(b)
	addWithPassword(b, d, "ann")
	req := &BindRequest{Version: 3, Name: person("ann"), Password: []byte("secret")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Bind(context.Background(), Requester{}, req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBindWithCode is a simple bind with password and code, which makes
// the code's end durable.
func BenchmarkBindWithCode(b *testing.B) {
	d, clock := quickDirectory(b)
	const users = 16
	var secrets [users][]byte
	p := totp.Parameters{Algorithm: totp.SHA1, Digits: 6, Period: 30 * time.Second}
	for i := range secrets {
		uid := fmt.Sprint("user", i)
		addWithPassword(b, d, uid)
		text, err := d.GenerateTOTPSharedSecret(context.Background(), root, new("dn:"+person(uid)), nil)
		if err != nil {
			b.Fatal(err)
		}
		if secrets[i], err = totp.DecodeSecret(text); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now := time.Unix(clock.Add(30), 0)
		code, err := p.Code(secrets[i%users], p.Step(now))
		if err != nil {
			b.Fatal(err)
		}
		req := &BindRequest{Version: 3, Name: person(fmt.Sprint("user", i%users)), Password: []byte("secret" + code)}
		if _, err := d.Bind(context.Background(), Requester{}, req); err != nil {
			b.Fatal(err)
		}
	}
}
