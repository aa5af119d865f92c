package directory

import (
	"errors"
	"testing"
)

// monitor-read, and no other privilege for the server itself, shows what is
// below cn=monitor.
func TestMonitorRead(t *testing.T) {
	d := newDirectory(t)
	d.ServeMonitor(func() []Entry {
		return []Entry{
			{DN: "cn=monitor", Attributes: attributes("cn: monitor")},
			{DN: "cn=database,cn=monitor", Attributes: attributes("cn: database")},
		}
	})
	addPeople(t, d)
	for _, privilege := range []string{"monitor-read", "config-read", "config-write", "backend-backup", "unindexed-search", "password-reset", "proxied-auth"} {
		mustAdd(t, d, person(privilege), "objectClass: inetOrgPerson", "cn: a", "sn: b", "ds-privilege-name: "+privilege)
		who := Requester{DN: person(privilege), How: ByPassword}
		_, err := find(t, d, who, SearchRequest{BaseObject: "cn=database,cn=monitor"}, "(cn=*)")
		if may := privilege == "monitor-read"; may && err != nil || !may && !errors.Is(err, InsufficientAccessRights) {
			t.Errorf("%s: %v", privilege, err)
		}
	}
}
