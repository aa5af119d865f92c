package ldapd

import (
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"tallystick/internal/inprocess"
)

// The bridge beside the server has what the local socket gave it, and no more:
// nobody's rights until it binds, and EXTERNAL for the server's own user.
func TestInProcess(t *testing.T) {
	s := start(t, Config{})
	l := inprocess.Listen()
	go s.Serve(l)
	nc, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := ldap.NewConn(nc, false)
	c.SetTimeout(time.Minute)
	c.Start()
	defer c.Close()
	if who, err := c.WhoAmI(nil); err != nil || who.AuthzID != "" {
		t.Errorf("before a bind: %+v, %v", who, err)
	}
	if err := c.ExternalBind(); err != nil {
		t.Fatal(err)
	}
	if who, err := c.WhoAmI(nil); err != nil || !strings.EqualFold(who.AuthzID, "dn:"+rootDN) {
		t.Errorf("after EXTERNAL: %+v, %v", who, err)
	}
	if err := c.Bind(person(1), "password"); err != nil {
		t.Fatal(err)
	}
	if who, err := c.WhoAmI(nil); err != nil || !strings.EqualFold(who.AuthzID, "dn:"+person(1)) {
		t.Errorf("after a bind as somebody else: %+v, %v", who, err)
	}
}

// What comes from within the process takes nothing from what clients may have,
// and is there when they have it all.
func TestInProcessLimit(t *testing.T) {
	s := start(t, Config{MaxConnections: 1})
	l := inprocess.Listen()
	go s.Serve(l)
	within := func() *ldap.Conn {
		nc, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := ldap.NewConn(nc, false)
		c.SetTimeout(time.Minute)
		c.Start()
		t.Cleanup(func() { c.Close() })
		if _, err := c.WhoAmI(nil); err != nil {
			t.Error(err)
		}
		return c
	}
	within()
	client := s.dial(t)
	if _, err := client.WhoAmI(nil); err != nil {
		t.Error(err)
	}
	within()
	if got := s.Stats(); got.Connections != 1 || got.Within != 2 || got.Refused != 0 {
		t.Errorf("%d of clients, %d within, %d refused", got.Connections, got.Within, got.Refused)
	}
	other, err := ldap.DialURL("ldap://" + s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.WhoAmI(nil); err == nil {
		t.Error("a second client")
	}
}
