package seeds_test

import (
	"strings"
	"testing"

	"tallystick/internal/seeds"
)

// What would let a code of a counter-based token count once more is not taken.
func TestOpenLDAPCounters(t *testing.T) {
	const params = "dn: ou=hotp\nobjectClass: oathHOTPParams\noathOTPLength: 6\noathHMACAlgorithm: 1.2.840.113549.2.7\n\n"
	user := func(name string) string {
		return "dn: uid=" + name + "\nobjectClass: oathHOTPUser\noathHOTPToken: cn=token\n\n"
	}
	token := func(class string) string {
		return "dn: cn=token\nobjectClass: oathHOTPToken\n" + class + "oathHOTPParams: ou=hotp\noathHOTPCounter: 3\noathSecret: 12345678901234567890\n\n"
	}
	for _, row := range []struct {
		name, ldif, refused string
	}{
		{"one user's", token("") + user("ann"), ""},
		{"of several users", token("") + user("ann") + user("bob"), "several users have it"},
		{"a TOTP token, too", token("objectClass: oathTOTPToken\n") + user("ann"), "taken as a TOTP token"},
	} {
		found, err := seeds.Read(seeds.OpenLDAP, seeds.File{Name: "x.ldif", Data: []byte(params + row.ldif)})
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		counted := 0
		for _, s := range found {
			if !s.Parameters.Counter {
				continue
			}
			counted++
			if (s.Refused == "") != (row.refused == "") || !strings.Contains(s.Refused, row.refused) || s.Counter != 4 {
				t.Errorf("%s: counter %d, refused: %q", row.name, s.Counter, s.Refused)
			}
		}
		if counted == 0 {
			t.Errorf("%s: nothing was read", row.name)
		}
	}
}
