package directory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"tallystick/directory/store"
)

func addRooms(t testing.TB, d *Directory, n int) {
	t.Helper()
	addPeople(t, d)
	for i := range n {
		mustAdd(t, d, person(fmt.Sprint("u", i)), "objectClass: inetOrgPerson", "cn: a", "sn: b",
			fmt.Sprintf("roomNumber: R%03d", i%10), fmt.Sprintf("departmentNumber: %d", i))
	}
}

// looked is how many entries a search by the filter has looked at.
func looked(t *testing.T, d *Directory, filter string) int {
	t.Helper()
	f, err := ParseFilter(filter)
	if err != nil {
		t.Fatal(err)
	}
	n := -1
	err = d.view(context.Background(), func(r store.Reader) error {
		p := planner{d: d, r: r, plan: d.indexes.Load()}
		ids, ok, err := p.candidates(&f, maxCandidates)
		if ok {
			n = len(ids)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// An index that is added serves searches when it is ready and not before; what
// is changed meanwhile is in it; after it was removed nothing is left of it.
func TestAddIndex(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	d.indexBatch = 7
	addRooms(t, d, 100)

	for _, kind := range []IndexKind{EqualityIndex, PresenceIndex, SubstringIndex} {
		if err := d.AddIndex(ctx, root, "ROOMNUMBER", kind); err != nil {
			t.Fatal(err)
		}
	}
	for _, filter := range []string{"(roomNumber=R003)", "(roomNumber=*)", "(roomNumber=*003)"} {
		if n := looked(t, d, filter); n != -1 {
			t.Errorf("%s: an index that is not ready proposes %d entries", filter, n)
		}
	}
	// Half of it, then changes on both sides of where it came to.
	for range 8 {
		if _, err := d.tend(ctx, index{"roomNumber", EqualityIndex, indexBuilding, 0}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Check(ctx, func(fault string) { t.Error(fault) }); err != nil {
		t.Fatal(err)
	}
	for _, uid := range []string{"u1", "u99"} {
		modify(t, d, person(uid), ReplaceValues, "roomNumber: moved")
	}
	for _, uid := range []string{"u2", "u98"} {
		if err := d.Delete(ctx, root, &DeleteRequest{Entry: person(uid)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.BuildIndexes(ctx); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]int{
		"(roomNumber=R003)": 10, "(roomNumber=*)": 98, "(roomNumber=*003)": 10, "(roomNumber=moved)": 2,
		"(roomNumber=R001)": 9, "(roomNumber=R008)": 9,
	} {
		if n := looked(t, d, filter); n != want {
			t.Errorf("%s: %d candidates, want %d", filter, n, want)
		}
		if found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, filter); err != nil || len(found) != want {
			t.Errorf("%s: %d entries (%v), want %d", filter, len(found), err, want)
		}
	}

	for _, kind := range []IndexKind{EqualityIndex, PresenceIndex, SubstringIndex} {
		if err := d.RemoveIndex(ctx, root, "roomNumber", kind); err != nil {
			t.Fatal(err)
		}
		if err := d.AddIndex(ctx, root, "roomNumber", kind); !errors.Is(err, Busy) {
			t.Errorf("added while it is being removed: %v", err)
		}
	}
	if n := looked(t, d, "(roomNumber=R003)"); n != -1 {
		t.Errorf("a removed index proposes %d entries", n)
	}
	if err := d.BuildIndexes(ctx); err != nil {
		t.Fatal(err)
	}
	err := d.view(ctx, func(r store.Reader) error {
		for _, kind := range indexKinds {
			if err := r.Scan(store.Prefix(index{attribute: "roomNumber", kind: kind}.prefix()), func(key, _ []byte) bool {
				t.Errorf("left behind: %q", key)
				return false
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, "(roomNumber=R003)"); err != nil || len(found) != 10 {
		t.Errorf("without the index %d entries (%v)", len(found), err)
	}
}

func modify(t testing.TB, d *Directory, dn string, op ChangeOperation, line string) {
	t.Helper()
	if err := d.Modify(context.Background(), root, &ModifyRequest{Object: dn, Changes: []Change{{op, attributes(line)[0]}}}); err != nil {
		t.Fatal(err)
	}
}

// A build goes on where it was, whenever it was stopped.
func TestIndexBuildSurvives(t *testing.T) {
	ctx := context.Background()
	folder := t.TempDir()
	d := openDirectory(t, folder)
	addRooms(t, d, 50)
	if err := d.AddIndex(ctx, root, "departmentNumber", EqualityIndex); err != nil {
		t.Fatal(err)
	}
	last := entryID(0)
	for range 5 {
		d.indexBatch = 11
		if _, err := d.tend(ctx, index{"departmentNumber", EqualityIndex, indexBuilding, 0}); err != nil {
			t.Fatal(err)
		}
		closeDirectory(t, d) // with a check
		d = openDirectory(t, folder)
		var list []index
		if err := d.view(ctx, func(r store.Reader) (err error) {
			list, err = readIndexes(r)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if list[0].next <= last {
			t.Errorf("at %d, and was at %d", list[0].next, last)
		}
		last = list[0].next
	}
	if err := d.BuildIndexes(ctx); err != nil {
		t.Fatal(err)
	}
	if n := looked(t, d, "(departmentNumber=42)"); n != 1 {
		t.Errorf("%d candidates", n)
	}
}

// While indexes come and go and entries change, every search finds what is there.
func TestIndexesUnderLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	d := newDirectory(t)
	d.indexBatch = 5
	addRooms(t, d, 120)
	var work, stir sync.WaitGroup
	end := sync.OnceFunc(func() {
		stir.Wait()
		cancel()
		work.Wait()
	})
	defer end() // before the directory is closed
	work.Go(func() {
		if err := d.TendIndexes(ctx); err != nil {
			t.Error(err)
		}
	})
	stir.Go(func() {
		for i := range 150 {
			modify(t, d, person(fmt.Sprint("u", rand.IntN(120))), ReplaceValues, fmt.Sprint("departmentNumber: ", i))
		}
	})
	stir.Go(func() {
		for range 30 {
			err := d.AddIndex(ctx, root, "roomNumber", EqualityIndex)
			if err != nil && !errors.Is(err, Busy) && !errors.Is(err, AttributeOrValueExists) {
				t.Error(err)
			}
			err = d.RemoveIndex(ctx, root, "roomNumber", EqualityIndex)
			if err != nil && !errors.Is(err, NoSuchAttribute) {
				t.Error(err)
			}
		}
	})
	for range 300 {
		if found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, "(roomNumber=R004)"); err != nil || len(found) != 12 {
			t.Fatalf("%d entries, %v", len(found), err)
		}
	}
	end()
	if err := d.BuildIndexes(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestIndexRules(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t, func(c *Config) { c.Unique = []string{"uid"} })
	addPeople(t, d, "ann")
	ann := Requester{DN: person("ann"), How: ByPassword}
	add := func(who Requester, attribute string, kind IndexKind) error {
		return d.AddIndex(ctx, who, attribute, kind)
	}
	remove := func(who Requester, attribute string, kind IndexKind) error {
		return d.RemoveIndex(ctx, who, attribute, kind)
	}
	for _, row := range []struct {
		rule      string
		do        func(Requester, string, IndexKind) error
		who       Requester
		attribute string
		kind      IndexKind
		want      error
	}{
		{"it takes a privilege", add, ann, "roomNumber", EqualityIndex, InsufficientAccessRights},
		{"nobody in particular has none", add, Requester{}, "roomNumber", EqualityIndex, InsufficientAccessRights},
		{"the attribute must be defined", add, root, "nosuch", EqualityIndex, UndefinedAttributeType},
		{"there are three kinds", add, root, "roomNumber", "approximate", ConstraintViolation},
		{"a secret has none", add, root, "userPassword", EqualityIndex, UnwillingToPerform},
		{"what is computed has none", add, root, "entryDN", EqualityIndex, UnwillingToPerform},
		{"memberOf has none", add, root, "memberOf", EqualityIndex, UnwillingToPerform},
		{"without the matching rule there is none", add, root, "jpegPhoto", SubstringIndex, InappropriateMatching},
		{"one that is built in is there", add, root, "uid", EqualityIndex, AttributeOrValueExists},
		{"timestamps can be indexed", add, root, "modifyTimestamp", EqualityIndex, nil},
		{"once", add, root, "ModifyTimeStamp", EqualityIndex, AttributeOrValueExists},
		{"removing takes a privilege", remove, ann, "modifyTimestamp", EqualityIndex, InsufficientAccessRights},
		{"one that is not there cannot go", remove, root, "roomNumber", EqualityIndex, NoSuchAttribute},
		{"one that is built in stays", remove, root, "uid", EqualityIndex, UnwillingToPerform},
	} {
		err := row.do(row.who, row.attribute, row.kind)
		if row.want == nil && err != nil || row.want != nil && !errors.Is(err, row.want) {
			t.Errorf("%s: %v", row.rule, err)
		}
	}
	if _, err := d.Indexes(ctx, ann); !errors.Is(err, InsufficientAccessRights) {
		t.Errorf("the list is for those with the privilege: %v", err)
	}
	if list, err := d.Indexes(ctx, root); err != nil || list[len(list)-1].Attribute != "modifyTimestamp" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := d.BuildIndexes(ctx); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]int{"(modifyTimestamp>=20000101000000Z)": 3, "(modifyTimestamp<=20000101000000Z)": 0} {
		if n := looked(t, d, filter); n != want {
			t.Errorf("%s: %d candidates, want %d", filter, n, want)
		}
		if found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, filter); err != nil || len(found) != want {
			t.Errorf("%s: %d entries (%v), want %d", filter, len(found), err, want)
		}
	}
}

// A definition that has an index stays what it is, and what uses it finds it
// after other definitions came.
func TestIndexOfOwnAttribute(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d)
	badge := "( 1.3.6.1.4.1.55555.1 NAME 'badge' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
	modify(t, d, "cn=schema", AddValues, "attributeTypes: "+badge)
	if err := d.AddIndex(ctx, root, "badge", EqualityIndex); err != nil {
		t.Fatal(err)
	}
	if err := d.BuildIndexes(ctx); err != nil {
		t.Fatal(err)
	}
	modify(t, d, "cn=schema", AddValues, "objectClasses: ( 1.3.6.1.4.1.55555.2 NAME 'badged' AUXILIARY MAY badge )")
	mustAdd(t, d, person("ann"), "objectClass: inetOrgPerson", "objectClass: badged", "cn: a", "sn: b", "badge: 7")
	if n := looked(t, d, "(badge=7)"); n != 1 {
		t.Errorf("%d candidates", n)
	}
	if err := d.Delete(ctx, root, &DeleteRequest{Entry: person("ann")}); err != nil {
		t.Fatal(err)
	}
	modify(t, d, "cn=schema", DeleteValues, "objectClasses: ( 1.3.6.1.4.1.55555.2 NAME 'badged' AUXILIARY MAY badge )")
	err := d.Modify(ctx, root, &ModifyRequest{Object: "cn=schema", Changes: []Change{{DeleteValues, attributes("attributeTypes: " + badge)[0]}}})
	if !errors.Is(err, UnwillingToPerform) || !strings.Contains(inWords(err), "badge has an index") {
		t.Errorf("deleted a definition with an index: %v", err)
	}
}

// Ordering filters find by an equality index what they find without.
func TestOrderingByIndex(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d)
	for i, n := range []int{-70000, -1, 0, 1, 9, 10, 255, 256, 1 << 20} {
		mustAdd(t, d, person(fmt.Sprint("n", i)), "objectClass: inetOrgPerson", "objectClass: posixAccount", "cn: a", "sn: b",
			"homeDirectory: /", "gidNumber: 1", fmt.Sprint("uidNumber: ", n))
	}
	attribute := "( 1.3.6.1.4.1.55555.3 NAME 'rank' EQUALITY caseIgnoreMatch ORDERING caseIgnoreOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )"
	modify(t, d, "cn=schema", AddValues, "attributeTypes: "+attribute)
	modify(t, d, "cn=schema", AddValues, "objectClasses: ( 1.3.6.1.4.1.55555.4 NAME 'ranked' AUXILIARY MAY rank )")
	for i, v := range []string{"a", "ab", "abc", "b", strings.Repeat("b", 250), strings.Repeat("b", 251), "c c", "ç"} {
		mustAdd(t, d, person(fmt.Sprint("r", i)), "objectClass: inetOrgPerson", "objectClass: ranked", "cn: a", "sn: b", "rank: "+v)
	}
	var filters []string
	for _, op := range []string{">=", "<="} {
		for _, v := range []string{"-70001", "-70000", "-2", "0", "5", "255", "1048576", "9999999999"} {
			filters = append(filters, "(uidNumber"+op+v+")")
		}
		for _, v := range []string{"A", "aa", "ab", "b", strings.Repeat("b", 250), strings.Repeat("b", 199), "z", "ç"} {
			filters = append(filters, "(rank"+op+v+")")
		}
	}
	before := map[string][]string{}
	for _, f := range filters {
		found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, f)
		if err != nil {
			t.Fatal(err)
		}
		before[f] = found.names()
	}
	if err := d.AddIndex(ctx, root, "rank", EqualityIndex); err != nil {
		t.Fatal(err)
	}
	if err := d.BuildIndexes(ctx); err != nil {
		t.Fatal(err)
	}
	for _, f := range filters {
		found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, f)
		if err != nil || fmt.Sprint(found.names()) != fmt.Sprint(before[f]) {
			t.Errorf("%.40s: %v (%v), without an index %v", f, found.names(), err, before[f])
		}
		if strings.HasPrefix(f, "(rank") && looked(t, d, f) < len(before[f]) {
			t.Errorf("%.40s: %d candidates", f, looked(t, d, f))
		}
	}
}

// A search that no index helps takes a privilege where it would look at too
// many entries, and says which index is missing.
func TestUnindexedSearch(t *testing.T) {
	d := newDirectory(t, func(c *Config) { c.UnindexedLimit = 20 })
	addRooms(t, d, 30)
	mustAdd(t, d, "ou=few,dc=example,dc=com", "objectClass: organizationalUnit")
	mustAdd(t, d, "uid=one,ou=few,dc=example,dc=com", "objectClass: inetOrgPerson", "cn: a", "sn: b", "roomNumber: 1")
	mustAdd(t, d, person("reader"), "objectClass: inetOrgPerson", "cn: a", "sn: b", "ds-privilege-name: unindexed-search")
	ann := Requester{DN: person("u1"), How: ByPassword}
	reader := Requester{DN: person("reader"), How: ByPassword}
	for _, row := range []struct {
		rule, filter string
		who          Requester
		req          SearchRequest
		want         error
		says         string
	}{
		{"an index helps", "(uid=u3)", ann, SearchRequest{Scope: WholeSubtree}, nil, ""},
		{"one part that is indexed is enough", "(&(roomNumber=1)(uid=u3))", ann, SearchRequest{Scope: WholeSubtree}, nil, ""},
		{"equality", "(roomNumber=1)", ann, SearchRequest{Scope: WholeSubtree}, InsufficientAccessRights, "roomNumber (equality)"},
		{"ordering", "(modifyTimestamp>=20000101000000Z)", ann, SearchRequest{Scope: WholeSubtree}, InsufficientAccessRights, "modifyTimestamp (equality)"},
		{"presence", "(roomNumber=*)", ann, SearchRequest{Scope: WholeSubtree}, InsufficientAccessRights, "roomNumber (presence)"},
		{"substring", "(roomNumber=*123*)", ann, SearchRequest{Scope: WholeSubtree}, InsufficientAccessRights, "roomNumber (substring)"},
		{"each part of an Or", "(|(uid=u3)(roomNumber=1)(title=x*))", ann, SearchRequest{Scope: WholeSubtree}, InsufficientAccessRights, "roomNumber (equality), title (substring)"},
		{"nothing helps a Not", "(!(uid=u3))", ann, SearchRequest{Scope: WholeSubtree}, InsufficientAccessRights, "matches too much"},
		{"one level with many entries", "(roomNumber=1)", ann, SearchRequest{BaseObject: "ou=people,dc=example,dc=com", Scope: SingleLevel}, InsufficientAccessRights, "roomNumber"},
		{"one level with few", "(roomNumber=1)", ann, SearchRequest{BaseObject: "ou=few,dc=example,dc=com", Scope: SingleLevel}, nil, ""},
		{"the base alone", "(roomNumber=1)", ann, SearchRequest{BaseObject: "ou=people,dc=example,dc=com"}, nil, ""},
		{"by pages too", "(roomNumber=1)", ann, SearchRequest{Scope: WholeSubtree, Paged: &Paged{Size: 5}}, InsufficientAccessRights, "roomNumber"},
		{"sorted too", "(roomNumber=1)", ann, SearchRequest{Scope: WholeSubtree, Sort: &Sort{Keys: []SortKey{{Attribute: "uid"}}}}, InsufficientAccessRights, "roomNumber"},
		{"with the privilege", "(roomNumber=1)", reader, SearchRequest{Scope: WholeSubtree}, nil, ""},
		{"the root user has it", "(roomNumber=1)", root, SearchRequest{Scope: WholeSubtree}, nil, ""},
	} {
		_, err := find(t, d, row.who, row.req, row.filter)
		if row.want == nil && err != nil || row.want != nil && !errors.Is(err, row.want) || !strings.Contains(fmt.Sprint(err), row.says) {
			t.Errorf("%s: %v", row.rule, err)
		}
	}
}
