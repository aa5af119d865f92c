package directory

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// Attributes that are given in parts are one, however many others there are,
// and however their options are spelt and ordered.
func TestManyAttributesInParts(t *testing.T) {
	for _, others := range []int{0, 200} {
		d := newDirectory(t)
		addPeople(t, d)
		lines := []string{"objectClass: inetOrgPerson", "cn: eve", "sn: eve", "description;x-a;x-b: 1", "description: 2", "Description;X-B;x-a;x-a: 3", "2.5.4.13: 4",
			"userCertificate;binary: 5", "userCertificate: 6"}
		for i := range others {
			lines = append(lines, fmt.Sprintf("description;x-%d: x", i))
		}
		req := &AddRequest{Entry: person("eve")}
		for _, l := range lines {
			req.Attributes = append(req.Attributes, attributes(l)...)
		}
		first := req.Attributes[4].Values
		if err := d.Add(context.Background(), root, req); err != nil {
			t.Fatal(err)
		}
		if got := first[:cap(first)]; len(got) > 1 && got[1] != nil {
			t.Errorf("the request was changed: %q", got)
		}
		got, err := find(t, d, root, SearchRequest{BaseObject: person("eve")}, "(objectClass=*)")
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]int{}
		for _, a := range got[0].Attributes {
			have[a.Name] += len(a.Values)
		}
		for name, want := range map[string]int{"description;x-a;x-b": 2, "description": 2, "userCertificate;binary": 2} {
			if have[name] != want {
				t.Errorf("%d others: %d values of %s, want %d: %v", others, have[name], name, want, have)
			}
		}
		if want := 4 + 3 + others; len(have) != want { // the classes, uid, cn, sn
			t.Errorf("%d attributes, want %d", len(have), want)
		}
		if err := d.Add(context.Background(), root, &AddRequest{Entry: person("bob"), Attributes: append(req.Attributes[:len(req.Attributes):len(req.Attributes)], attributes("DESCRIPTION: 2")...)}); !errors.Is(err, AttributeOrValueExists) {
			t.Errorf("%d others: a value in two of the parts: %v", others, err)
		}
	}
}

// Many changes of a large entry are refused, since nobody else writes
// meanwhile; one that gives as many values is not, nor are many of a small one.
func TestManyChanges(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "eve")
	ask := func(changes ...Change) error {
		return d.Modify(context.Background(), root, &ModifyRequest{Object: person("eve"), Changes: changes})
	}
	values := func(from, n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprint(from+i))
		}
		return list
	}
	var single []Change
	for _, v := range values(100_000, 2_000) {
		single = append(single, changing(AddValues, "description", v))
	}
	for _, row := range []struct {
		rule    string
		changes []Change
		want    ResultCode
	}{
		{"2,000 changes of a small entry", single, Success},
		{"back to nothing", []Change{changing(ReplaceValues, "description")}, Success},
		{"20,000 values in one", []Change{changing(AddValues, "description", values(0, 20_000)...)}, Success},
		{"2,000 changes of that", single, AdminLimitExceeded},
		{"the same values in one", []Change{changing(AddValues, "description", values(100_000, 2_000)...)}, Success},
		{"two changes, of which each deletes many", []Change{changing(DeleteValues, "description", values(0, 9_000)...), changing(DeleteValues, "description", values(9_000, 9_000)...)}, Success},
		{"others that replace", []Change{changing(ReplaceValues, "description", "x"), changing(ReplaceValues, "title", "x")}, Success},
	} {
		if err := ask(row.changes...); Result(err).ResultCode != row.want {
			t.Errorf("%s: %v", row.rule, err)
		}
	}
}

// Every name is shared sooner or later, and the table holds no more than it may.
func TestInternedNames(t *testing.T) {
	for round := range 3 {
		for i := range maxNames + 100 {
			name := fmt.Sprintf("x-interned-%d", i)
			if got := internName([]byte(name)); got != name {
				t.Fatalf("round %d: %s for %s", round, got, name)
			}
		}
	}
	if n := len(*names.Load()); n > maxNames || n < maxNames/2 {
		t.Errorf("%d names, at most %d", n, maxNames)
	}
}
