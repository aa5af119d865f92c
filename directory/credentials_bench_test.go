package directory

import (
	"context"
	"testing"

	"tallystick/directory/password"
	"tallystick/directory/seal"
)

// BenchmarkBind is a simple bind with the right password, which writes
// nothing.
func BenchmarkBind(b *testing.B) {
	keyset, err := seal.Generate()
	if err != nil {
		b.Fatal(err)
	}
	d := newDirectory(b, func(c *Config) {
		c.Credentials = CredentialsConfig{Keyset: keyset, Scheme: password.SSHA512}
	})
	addPeople(b, d)
	mustAdd(b, d, person("ann"), "objectClass: inetOrgPerson", "cn: ann", "sn: x", "userPassword: secret")
	req := &BindRequest{Version: 3, Name: person("ann"), Password: []byte("secret")}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Bind(context.Background(), Requester{}, req); err != nil {
			b.Fatal(err)
		}
	}
}
