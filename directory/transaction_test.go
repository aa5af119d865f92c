package directory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestTransact: all of the changes, each on what those before it have made of
// the entries, or none.
func TestTransact(t *testing.T) {
	set := func(dn, name string, values ...string) *ModifyRequest {
		a := Attribute{Name: name}
		for _, v := range values {
			a.Values = append(a.Values, []byte(v))
		}
		return &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, a}}}
	}
	add := func(uid string, lines ...string) *AddRequest {
		return &AddRequest{Entry: person(uid), Attributes: attributes(append([]string{"objectClass: inetOrgPerson", "cn: x", "sn: x"}, lines...)...)}
	}
	long := make([]any, 300)
	for i := range long {
		long[i] = set(person("ann"), "description", strings.Repeat("x", 100_000))
	}
	for _, tt := range []struct {
		name   string
		who    Requester
		do     []any
		failed int
		want   ResultCode
	}{
		{"nothing", root, nil, -1, Success},
		{"one on the other", root, []any{add("zoe"), set(person("zoe"), "sn", "y"),
			&ModifyDNRequest{Entry: person("zoe"), NewRDN: "uid=zoe2", DeleteOldRDN: true}, &DeleteRequest{Entry: person("zoe2")}}, -1, Success},
		{"a password of an entry that is added", root, []any{add("pat"), set(person("pat"), "userPassword", "sesame")}, -1, Success},
		{"a password of no entry", root, []any{set(person("nobody"), "userPassword", "sesame")}, 0, NoSuchObject},
		{"the second fails", root, []any{set(person("ann"), "sn", "changed"), add("ann")}, 1, EntryAlreadyExists},
		{"malformed", root, []any{set(person("ann"), "sn", "changed"), &DeleteRequest{Entry: "?"}}, 1, InvalidDNSyntax},
		{"not allowed", Requester{DN: person("ann"), How: ByPassword}, []any{set(person("ann"), "sn", "changed")}, 0, InsufficientAccessRights},
		{"anonymous", Requester{}, []any{set(person("ann"), "sn", "changed")}, 0, InsufficientAccessRights},
		{"the schema", root, []any{set("cn=schema", "attributeTypes", "( 1.2.3 NAME 'x' )")}, 0, UnwillingToPerform},
		{"an entry of the server's own", root, []any{&DeleteRequest{Entry: "cn=monitor"}}, 0, UnwillingToPerform},
		{"an assertion on what the one before has made", root, []any{set(person("ann"), "sn", "changed"),
			&DeleteRequest{Entry: person("ann"), ChangeControls: ChangeControls{Assertion: filter(t, "(!(sn=changed))")}}}, 1, AssertionFailed},
		{"a value too long for the store", root, []any{add("ann2"), set(person("ann"), "description", strings.Repeat("x", 2_000_000))}, -1, AdminLimitExceeded},
		{"much, but of one entry", root, long, -1, Success},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDirectory(t)
			addPeople(t, d, "ann", "bob")
			before := dump(t, d)
			failed, err := d.Transact(context.Background(), tt.who, tt.do)
			if failed != tt.failed || Result(err).ResultCode != tt.want {
				t.Fatalf("change %d: %v, want change %d: %v", failed, err, tt.failed, tt.want)
			}
			if after := dump(t, d); err != nil && after != before {
				t.Errorf("something was changed:\n%s", after)
			}
		})
	}
	t.Run("too long", func(t *testing.T) {
		d := newDirectory(t)
		addPeople(t, d, "ann")
		before := dump(t, d)
		d.transactionTime = -1
		failed, err := d.Transact(context.Background(), root, []any{set(person("ann"), "sn", "changed")})
		if failed != 0 || !errors.Is(err, AdminLimitExceeded) || dump(t, d) != before {
			t.Errorf("change %d: %v", failed, err)
		}
	})
	t.Run("what was read", func(t *testing.T) {
		d := newDirectory(t)
		addPeople(t, d, "ann")
		first, second := set(person("ann"), "sn", "one"), set(person("ann"), "sn", "two")
		first.PostRead, second.PreRead = &ReadEntry{Attributes: []string{"sn"}}, &ReadEntry{Attributes: []string{"sn"}}
		if _, err := d.Transact(context.Background(), root, []any{first, second}); err != nil {
			t.Fatal(err)
		}
		if first.PostRead.Entry.text() != "sn: one" || second.PreRead.Entry.text() != "sn: one" {
			t.Errorf("%v, %v", first.PostRead.Entry, second.PreRead.Entry)
		}
	})
	t.Run("a naming context", func(t *testing.T) {
		d := newDirectory(t, func(c *Config) { c.Suffixes = nil })
		if _, err := d.Transact(context.Background(), root, []any{&AddRequest{Entry: "o=new", Attributes: attributes("objectClass: organization")}}); err != nil {
			t.Fatal(err)
		}
		mustAdd(t, d, "ou=below,o=new", "objectClass: organizationalUnit")
	})
}

// TestTransactModel compares random transactions with the same changes made
// one by one.
func TestTransactModel(t *testing.T) {
	together, apart := newDirectory(t), newDirectory(t)
	for _, d := range []*Directory{together, apart} {
		addPeople(t, d, "a", "b")
	}
	text := func(d *Directory) string {
		found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, "(objectClass=*)")
		if err != nil {
			t.Fatal(err)
		}
		lines := map[string]string{}
		for _, e := range found {
			lines[e.DN] = e.text()
		}
		return fmt.Sprint(lines)
	}
	random := rand.New(rand.NewPCG(5, 8))
	name := func() string { return person(string(rune('a' + random.IntN(6)))) }
	made, undone := 0, 0
	for range 150 {
		var requests []any
		for range 1 + random.IntN(3) {
			switch dn := name(); random.IntN(4) {
			case 0:
				requests = append(requests, &AddRequest{Entry: dn, Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x")})
			case 1:
				requests = append(requests, &DeleteRequest{Entry: dn})
			case 2:
				requests = append(requests, &ModifyDNRequest{Entry: dn, NewRDN: strings.SplitN(name(), ",", 2)[0], DeleteOldRDN: true})
			case 3:
				requests = append(requests, &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, attributes(fmt.Sprintf("sn: %d", random.IntN(10)))[0]}}})
			}
		}
		failed, err := together.Transact(context.Background(), root, requests)
		if err != nil {
			if failed < 0 || failed >= len(requests) || errors.Is(err, Other) {
				t.Fatalf("change %d: %v", failed, err)
			}
			undone++
		} else {
			made++
			for _, r := range requests {
				if err := operate(apart, root, r); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got, want := text(together), text(apart); got != want {
			t.Fatalf("together:\n%s\napart:\n%s", got, want)
		}
	}
	if made == 0 || undone == 0 {
		t.Errorf("%d were made and %d failed", made, undone)
	}
}
