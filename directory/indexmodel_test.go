package directory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tallystick/directory/schema"
)

// Random filters find by the indexes, of which a Load has written blocks and
// changes single keys, what looking at every entry finds. Names come with
// options and subtypes, which share indexes.
func TestIndexesAgainstScan(t *testing.T) {
	ctx := context.Background()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	value := func() string {
		return fmt.Sprintf("%s %d%s", pick("ab", "abc", "Abcd", "x"), random.IntN(4), pick("", "z", " end"))
	}
	names := []string{"cn", "cn;lang-de", "sn", "givenName", "ou", "name", "mail", "uidNumber", "description"}
	someone := func() []string {
		lines := []string{"objectClass: inetOrgPerson", "objectClass: posixAccount", "cn: " + value(), "sn: " + value(),
			fmt.Sprint("uidNumber: ", random.IntN(30)-10), "gidNumber: 1", "homeDirectory: /"}
		for _, name := range []string{"cn;lang-de", "givenName", "ou", "mail", "description"} {
			if random.IntN(3) > 0 {
				lines = append(lines, name+": "+strings.Replace(value(), " ", "@", 1))
			}
		}
		return lines
	}
	d := newDirectory(t)
	addPeople(t, d)
	const people = 300
	for _, half := range [][2]int{{0, people / 2}, {people / 2, people}} {
		var entries []Entry
		for i := half[0]; i < half[1]; i++ {
			entries = append(entries, Entry{person(fmt.Sprint(i)), attributes(someone()...)})
		}
		mustLoad(t, d, entries...)
	}
	for _, x := range []index{{attribute: "name", kind: EqualityIndex}, {attribute: "name", kind: SubstringIndex}, {attribute: "name", kind: PresenceIndex}, {attribute: "description", kind: EqualityIndex}} {
		if err := d.AddIndex(ctx, root, x.attribute, x.kind); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.BuildIndexes(ctx); err != nil {
		t.Fatal(err)
	}
	var filterText func(depth int) string
	filterText = func(depth int) string {
		name := pick(names...)
		v := strings.Replace(value(), " ", pick(" ", "  ", "@"), 1)
		if name == "uidNumber" {
			v = fmt.Sprint(random.IntN(32) - 11)
		}
		switch kind := random.IntN(9); {
		case kind < 2:
			return "(" + name + "=" + v + ")"
		case kind == 2:
			return "(" + name + "=*)"
		case kind == 3:
			return "(" + name + pick(">=", "<=") + v + ")"
		case kind < 6 || depth == 0:
			cut := random.IntN(len(v))
			return "(" + name + "=" + pick("*"+v[cut:], v[:cut+1]+"*", "*"+v[cut:]+"*", v[:1]+"*"+v[cut:]) + ")"
		case kind == 6:
			return "(!" + filterText(depth-1) + ")"
		}
		return "(" + pick("&", "|") + filterText(depth-1) + filterText(depth-1) + ")"
	}
	used, found := 0, 0
	for range 600 {
		dn := person(fmt.Sprint(random.IntN(people)))
		switch random.IntN(8) {
		case 0:
			_ = operate(d, root, &DeleteRequest{Entry: dn})
		case 1:
			_ = operate(d, root, &AddRequest{Entry: dn, Attributes: attributes(someone()...)})
		default:
			name := pick(names...)
			change := Change{ReplaceValues, attributes(name + ": " + value())[0]}
			switch random.IntN(3) {
			case 0:
				change = Change{DeleteValues, Attribute{Name: name}}
			case 1:
				change.Operation = AddValues
			}
			_ = operate(d, root, &ModifyRequest{Object: dn, Changes: []Change{change}})
		}
		text := filterText(2)
		req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}
		by, err := find(t, d, root, req, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		plan := d.indexes.Load()
		none := *plan
		none.ready = map[IndexKind]map[*schema.AttributeType]bool{}
		d.indexes.Store(&none)
		all, err := find(t, d, root, req, text)
		d.indexes.Store(plan)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got, want := fmt.Sprint(by.names()), fmt.Sprint(all.names()); got != want {
			t.Fatalf("%s: by index %s, of all %s", text, got, want)
		}
		if n := looked(t, d, text); n >= 0 && n < people/2 {
			used++
		}
		if len(all) > 0 {
			found++
		}
	}
	if used < 100 || found < 100 {
		t.Errorf("%d searches used an index, %d found something", used, found)
	}
}
