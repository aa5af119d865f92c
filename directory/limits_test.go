package directory

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// What the attributes of an entry make of its owner's limits, beside the
// server's: 2 entries returned, 4 looked at, an hour.
func TestLimitsOfIdentity(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t, func(c *Config) { c.SizeLimit, c.LookThroughLimit, c.TimeLimit = 2, 4, time.Hour })
	addPeople(t, d)
	for i := range 5 {
		mustAdd(t, d, person(fmt.Sprint("u", i)), "objectClass: inetOrgPerson", "cn: a", "sn: b", "title: x", fmt.Sprint("roomNumber: ", i))
	}
	for _, row := range []struct {
		rule       string
		attributes []string
		filter     string
		paged      int
		want       error
		sent       int
	}{
		{"the server's own", nil, "(cn=a)", 0, SizeLimitExceeded, 2},
		{"more", []string{"ds-rlim-size-limit: 4", "ds-rlim-lookthrough-limit: 9"}, "(cn=a)", 0, SizeLimitExceeded, 4},
		{"fewer", []string{"ds-rlim-size-limit: 1"}, "(cn=a)", 0, SizeLimitExceeded, 1},
		{"0 is no limit", []string{"ds-rlim-size-limit: 0", "ds-rlim-lookthrough-limit: 0"}, "(cn=a)", 0, nil, 6},
		{"of a page", []string{"ds-rlim-size-limit: 3"}, "(cn=a)", 100, nil, 3},
		{"a negative one is not there", []string{"ds-rlim-size-limit: -1"}, "(cn=a)", 0, SizeLimitExceeded, 2},
		{"one that is too large is not there", []string{"ds-rlim-size-limit: 99999999999999999999"}, "(cn=a)", 0, SizeLimitExceeded, 2},
		{"looked at: the server's own", nil, "(roomNumber=none)", 0, AdminLimitExceeded, 0},
		{"looked at: more", []string{"ds-rlim-lookthrough-limit: 100"}, "(roomNumber=none)", 0, nil, 0},
		{"looked at: fewer", []string{"ds-rlim-lookthrough-limit: 1", "ds-rlim-size-limit: 0"}, "(cn=a)", 0, AdminLimitExceeded, 1},
		{"a time of its own", []string{"ds-rlim-time-limit: 1"}, "(roomNumber=0)", 0, AdminLimitExceeded, 1},
	} {
		mustAdd(t, d, person("who"), append([]string{"objectClass: inetOrgPerson", "cn: a", "sn: b", "userPassword: password"}, row.attributes...)...)
		who, err := d.Bind(ctx, Requester{}, &BindRequest{Version: 3, Name: "UID=who, ou=people,dc=example,dc=com", Password: []byte("password")})
		if err != nil {
			t.Fatal(err)
		}
		req := SearchRequest{Scope: WholeSubtree}
		if row.paged > 0 {
			req.Paged = &Paged{Size: row.paged}
		}
		got, err := find(t, d, who, req, row.filter)
		if row.want == nil && err != nil || row.want != nil && !errors.Is(err, row.want) || len(got) != row.sent {
			t.Errorf("%s: %d entries, %v", row.rule, len(got), err)
		}
		if err := d.Delete(ctx, root, &DeleteRequest{Entry: person("who")}); err != nil {
			t.Fatal(err)
		}
	}

	mustAdd(t, d, person("who"), "objectClass: inetOrgPerson", "cn: a", "sn: b", "ds-rlim-time-limit: 7", "ds-rlim-idle-time-limit: 0", "ds-rlim-lookthrough-limit: 3")
	who, err := d.ProxiedAs(ctx, root, "dn:"+person("who"))
	want := Limits{Time: 7 * time.Second, Idle: -time.Second, LookThrough: 3, Identity: "uid=who,ou=people,dc=example,dc=com"}
	if err != nil || who.Limits != want {
		t.Errorf("%+v, %v", who.Limits, err)
	}
	if got, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, "(cn=a)"); err != nil || len(got) != 6 {
		t.Errorf("the root user has no limits: %d, %v", len(got), err)
	}
}

func BenchmarkBindLimits(b *testing.B) {
	d := newDirectory(b)
	addPeople(b, d, "ann")
	who := Requester{DN: person("ann"), How: ByPassword}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.withLimits(b.Context(), who); err != nil {
			b.Fatal(err)
		}
	}
}
