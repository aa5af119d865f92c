package ldapd

import (
	"strings"
	"testing"

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
