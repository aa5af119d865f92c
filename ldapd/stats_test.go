package ldapd

import (
	"maps"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"tallystick/directory"
)

// Each operation counts once, under its kind and what it came to.
func TestStats(t *testing.T) {
	s := start(t, Config{MaxConnections: 2})
	c := s.dial(t)
	if err := c.Bind(person(1), "password"); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{suffix, suffix, "ou=nowhere," + suffix} {
		_, err := c.Search(ldap.NewSearchRequest(base, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", nil, nil))
		if (err == nil) != (base == suffix) {
			t.Fatalf("search of %s: %v", base, err)
		}
	}
	if err := c.Bind(person(1), "wrong"); err == nil {
		t.Fatal("bound with a wrong password")
	}
	if err := s.dial(t).UnauthenticatedBind(""); err != nil {
		t.Fatal(err)
	}
	if err := s.dial(t).UnauthenticatedBind(""); err == nil {
		t.Fatal("three connections, and two are allowed")
	}

	stats := s.Stats()
	if stats.Connections != 2 || stats.Accepted != 2 || stats.Refused != 1 {
		t.Errorf("%d connections, %d accepted, %d refused; want 2, 2, 1", stats.Connections, stats.Accepted, stats.Refused)
	}
	want := map[string]map[directory.ResultCode]uint64{
		"bind":   {directory.Success: 2, directory.InvalidCredentials: 1},
		"search": {directory.Success: 2, directory.NoSuchObject: 1},
	}
	for _, o := range stats.Operations {
		if !maps.Equal(o.Results, want[o.Kind]) {
			t.Errorf("%s: %v; want %v", o.Kind, o.Results, want[o.Kind])
		}
		var n uint64
		for _, results := range o.Results {
			n += results
		}
		if o.Count() != n || (o.Total > 0) != (n > 0) || (o.Within(50) > 0) != (n > 0) {
			t.Errorf("%s: times of %d operations, %v together, half of them within %v; want %d", o.Kind, o.Count(), o.Total, o.Within(50), n)
		}
	}
}

func TestOperationTimes(t *testing.T) {
	type took struct {
		n    int
		time time.Duration
	}
	for _, row := range []struct {
		name          string
		took          []took
		p50, p95, p99 time.Duration
	}{
		{"none", nil, 0, 0, 0},
		{"one", []took{{1, 70 * time.Microsecond}}, 100 * time.Microsecond, 100 * time.Microsecond, 100 * time.Microsecond},
		{"exactly a bound", []took{{1, time.Millisecond}}, time.Millisecond, time.Millisecond, time.Millisecond},
		{"a few slow ones", []took{{50, 0}, {45, 2 * time.Millisecond}, {4, 20 * time.Millisecond}, {1, 20 * time.Second}},
			50 * time.Microsecond, 2500 * time.Microsecond, 25 * time.Millisecond},
		{"longer than all bounds", []took{{1, time.Hour}}, 30 * time.Second, 30 * time.Second, 30 * time.Second},
	} {
		s := &Server{}
		for _, took := range row.took {
			for range took.n {
				s.counters.ended(&directory.CompareRequest{}, directory.CompareTrue, took.time)
			}
		}
		o := s.Stats().Operations[kindCompare]
		if p50, p95, p99 := o.Within(50), o.Within(95), o.Within(99); p50 != row.p50 || p95 != row.p95 || p99 != row.p99 {
			t.Errorf("%s: %v, %v, %v; want %v, %v, %v", row.name, p50, p95, p99, row.p50, row.p95, row.p99)
		}
	}
}

func TestSlot(t *testing.T) {
	for code, want := range map[directory.ResultCode]directory.ResultCode{
		directory.Success: directory.Success, directory.AuthorizationDenied: directory.AuthorizationDenied,
		directory.NoOperation: directory.NoOperation, 127: directory.Other, 4097: directory.Other, -1: directory.Other,
	} {
		s := &Server{}
		s.counters.ended(&directory.AddRequest{}, code, 0)
		if got := s.Stats().Operations[kindAdd].Results; !maps.Equal(got, map[directory.ResultCode]uint64{want: 1}) {
			t.Errorf("%d is counted as %v; want %v", int(code), got, want)
		}
	}
}
