package directory

import (
	"slices"
	"testing"
)

// monitoredHouse has three entries, one below the other, and one beside.
func monitoredHouse(t *testing.T) *house {
	h := newHouse(t)
	entry := func(dn string, lines ...string) Entry {
		return Entry{dn, attributes(append([]string{"objectClass: tallystickMonitorEntry"}, lines...)...)}
	}
	h.ServeMonitor(func() []Entry {
		return []Entry{
			entry("cn=monitor", "cn: monitor", "tallystickMonitorState: available"),
			entry("cn=operations,cn=monitor", "cn: operations"),
			entry("cn=bind,cn=operations,cn=monitor", "cn: bind", "tallystickMonitorCount: 7"),
			entry("cn=database,cn=monitor", "cn: database", "tallystickMonitorBytes: 1024"),
		}
	})
	return h
}

// Whoever may read sees the health entry, administrators see all.
func TestMonitor(t *testing.T) {
	h := monitoredHouse(t)
	const (
		top        = "cn=monitor"
		operations = "cn=operations,cn=monitor"
		bind       = "cn=bind,cn=operations,cn=monitor"
		database   = "cn=database,cn=monitor"
	)
	for _, row := range []struct {
		name   string
		who    Requester
		base   string
		scope  Scope
		filter string
		want   ResultCode
		found  []string
	}{
		{"anonymous", nobodyAsks, top, BaseObject, "(objectClass=*)", InsufficientAccessRights, nil},
		{"in the grace of a policy", Requester{DN: person("ann"), How: InGrace}, top, BaseObject, "(objectClass=*)", UnwillingToPerform, nil},
		{"a user, the top", annAsks, "CN=Monitor", BaseObject, "(tallystickMonitorState=AVAILABLE)", Success, []string{top}},
		{"a user, everything", annAsks, top, WholeSubtree, "(objectClass=*)", Success, []string{top}},
		{"a user, below the top", annAsks, top, SingleLevel, "(objectClass=*)", Success, nil},
		{"a user, an entry below", annAsks, database, BaseObject, "(objectClass=*)", InsufficientAccessRights, nil},
		{"a user, an entry that is not there", annAsks, "cn=x,cn=monitor", BaseObject, "(objectClass=*)", InsufficientAccessRights, nil},
		{"help desk", helpAsks, database, BaseObject, "(objectClass=*)", InsufficientAccessRights, nil},
		{"everything", adminAsks, top, WholeSubtree, "(objectClass=*)", Success, []string{bind, database, top, operations}},
		{"one level", root, top, SingleLevel, "(objectClass=*)", Success, []string{database, operations}},
		{"subordinates", adminAsks, operations, SubordinateSubtree, "(objectClass=*)", Success, []string{bind}},
		{"above a figure", adminAsks, top, WholeSubtree, "(tallystickMonitorCount>=7)", Success, []string{bind}},
		{"not above it", adminAsks, top, WholeSubtree, "(tallystickMonitorCount>=8)", Success, nil},
		{"an entry that is not there", adminAsks, "cn=x,cn=monitor", BaseObject, "(objectClass=*)", NoSuchObject, nil},
	} {
		got, err := find(t, h.Directory, row.who, SearchRequest{BaseObject: row.base, Scope: row.scope}, row.filter)
		h.want(row.name, err, row.want)
		if names := got.names(); !slices.Equal(names, row.found) {
			t.Errorf("%s: %v; want %v", row.name, names, row.found)
		}
	}

	paged := pages(t, h.Directory, adminAsks, SearchRequest{BaseObject: top, Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)")}, 3, nil)
	if len(paged) != 2 || !slices.Equal(slices.Concat(paged...), []string{top, operations, bind, database}) {
		t.Errorf("pages: %v", paged)
	}

	ctx := t.Context()
	equal, err := h.Compare(ctx, adminAsks, &CompareRequest{Entry: bind, Attribute: "tallystickMonitorCount", Value: []byte("7")})
	if err != nil || !equal {
		t.Errorf("compare: %v, %v", equal, err)
	}
	_, err = h.Compare(ctx, annAsks, &CompareRequest{Entry: bind, Attribute: "tallystickMonitorCount", Value: []byte("7")})
	h.want("compare by a user", err, InsufficientAccessRights)
	h.want("add", h.Add(ctx, root, &AddRequest{Entry: "cn=x,cn=monitor", Attributes: attributes("objectClass: device", "cn: x")}), EntryAlreadyExists)
	h.want("modify", h.Modify(ctx, root, &ModifyRequest{Object: bind}), UnwillingToPerform)
	h.want("delete", h.Delete(ctx, root, &DeleteRequest{Entry: bind}), UnwillingToPerform)
	h.want("rename", h.ModifyDN(ctx, root, &ModifyDNRequest{Entry: bind, NewRDN: "cn=x"}), UnwillingToPerform)
}

// Each attempt counts once, as what it came to.
func TestOutcomes(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	for _, row := range []struct {
		name    string
		user    string
		shows   func() string
		outcome string
	}{
		{"password and code", "ann", func() string { return secretWord + h.code(secret, 0) }, outcomeCode},
		{"the code again", "ann", func() string { return secretWord + h.code(secret, 0) }, causeReplayed},
		{"no code", "ann", func() string { return secretWord }, causeMissing},
		{"a password where that is enough", "bob", func() string { return secretWord }, outcomePassword},
		{"a wrong one", "bob", func() string { return "wrong" }, causePassword},
		{"somebody who is not there", "nobody", func() string { return secretWord }, causeNobody},
	} {
		before := h.Outcomes()
		_, _ = h.bind(person(row.user), row.shows())
		for name, n := range h.Outcomes() {
			want := before[name]
			if name == row.outcome {
				want++
			}
			if n != want {
				t.Errorf("%s: %q went from %d to %d; want %d", row.name, name, before[name], n, want)
			}
		}
	}
}
