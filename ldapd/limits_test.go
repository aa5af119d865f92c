package ldapd

import (
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"tallystick/directory"
)

// addLimited adds a user with limits of its own; whoever asks next has it.
func addLimited(t *testing.T, s *server, uid string, attributes map[string]string) string {
	t.Helper()
	dn := "uid=" + uid + "," + suffix
	add := ldap.NewAddRequest(dn, nil)
	for name, value := range map[string]string{"objectClass": "inetOrgPerson", "cn": uid, "sn": uid, "userPassword": "password"} {
		add.Attribute(name, []string{value})
	}
	for name, value := range attributes {
		add.Attribute(name, []string{value})
	}
	asRoot := func() *ldap.Conn {
		c := s.dial(t)
		if err := c.Bind(rootDN, rootPassword); err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := asRoot().Add(add); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // while the server still serves
		if err := asRoot().Del(ldap.NewDelRequest(dn, nil)); err != nil {
			t.Error(err)
		}
	})
	return dn
}

// A user has so many connections, however he writes his name; another bind, the
// end of one and an anonymous one give it back.
func TestConnectionsPerUser(t *testing.T) {
	s := start(t, Config{MaxConnectionsPerUser: 2})
	dn := addLimited(t, s, "twice", nil)
	bind := func(c *ldap.Conn, name string, want directory.ResultCode) {
		t.Helper()
		err := c.Bind(name, "password")
		if want == directory.Success && err != nil || want != directory.Success && !ldap.IsErrorWithCode(err, uint16(want)) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	a, b, c := s.dial(t), s.dial(t), s.dial(t)
	bind(a, dn, directory.Success)
	bind(a, dn, directory.Success) // again on the same
	bind(b, "UID=Twice, "+suffix, directory.Success)
	bind(c, dn, directory.AdminLimitExceeded)
	if who, err := c.WhoAmI(nil); err != nil || who.AuthzID != "" {
		t.Errorf("%+v, %v", who, err)
	}
	if err := a.UnauthenticatedBind(""); err != nil {
		t.Fatal(err)
	}
	bind(c, dn, directory.Success)
	bind(a, dn, directory.AdminLimitExceeded)
	b.Close()
	waitFor(t, "the place of a closed connection", func() bool { return a.Bind(dn, "password") == nil })
	for range 3 {
		if err := s.dial(t).Bind(rootDN, rootPassword); err != nil {
			t.Errorf("the root user: %v", err)
		}
	}
}

// An identity's own idle time counts from its bind to the next one.
func TestIdleOfIdentity(t *testing.T) {
	s := start(t, idles)
	patient := addLimited(t, s, "patient", map[string]string{"ds-rlim-idle-time-limit": "0"})
	c := s.dial(t)
	if err := c.Bind(patient, "password"); err != nil {
		t.Fatal(err)
	}
	other := s.raw(t)
	other.works(1)
	waitFor(t, "all others to be idle for too long", func() bool {
		s.later(2 * time.Hour)
		return s.Stats().Connections == 1
	})
	other.expectNotice(directory.AdminLimitExceeded)
	if _, err := c.WhoAmI(nil); err != nil {
		t.Errorf("cut off in spite of ds-rlim-idle-time-limit: %v", err)
	}
	if err := c.UnauthenticatedBind(""); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of an anonymous session", func() bool { s.later(2 * time.Hour); return c.IsClosing() })

	hasty := addLimited(t, start(t, Config{}), "hasty", map[string]string{"ds-rlim-idle-time-limit": "1"})
	patiently := start(t, idles)
	c = patiently.dial(t)
	if err := c.Bind(hasty, "password"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of an impatient session", c.IsClosing)
}
