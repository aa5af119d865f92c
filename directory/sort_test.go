package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/semaphore"
)

// TestSort is RFC 2891.
func TestSort(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	for _, lines := range []string{
		"a;sn: Zimmer;uidNumber: 9",
		"b;sn: adler;uidNumber: 10;telephoneNumber: +1 2",
		"c;sn: Öhm;sn: Brandt;uidNumber: -3",
		"d;sn: BRANDT;telephoneNumber: +1-1",
	} {
		l := strings.Split(lines, ";")
		mustAdd(t, d, person(l[0]), append([]string{"objectClass: inetOrgPerson", "objectClass: extensibleObject", "cn: " + l[0]}, l[1:]...)...)
	}
	for _, row := range []struct {
		rule     string
		keys     []SortKey
		critical bool
		want     string // of the names
		code     ResultCode
		result   ResultCode
		about    string
	}{
		{"least value, case ignored; ties by age", []SortKey{{Attribute: "sn"}}, true, "bcda", Success, Success, ""},
		{"reverse", []SortKey{{Attribute: "sn", Reverse: true}}, true, "acdb", Success, Success, ""},
		{"several keys", []SortKey{{Attribute: "sn"}, {Attribute: "cn", Reverse: true}}, true, "bdca", Success, Success, ""},
		{"numbers, and who has none last", []SortKey{{Attribute: "uidNumber"}}, true, "cabd", Success, Success, ""},
		{"numbers reversed, and who has none first", []SortKey{{Attribute: "uidNumber", Reverse: true}}, true, "dbac", Success, Success, ""},
		{"by a rule", []SortKey{{Attribute: "cn", Rule: "caseExactOrderingMatch"}}, true, "abcd", Success, Success, ""},
		{"by the rule's OID", []SortKey{{Attribute: "sn", Rule: "2.5.13.3"}}, true, "bcda", Success, Success, ""},
		{"spaces and hyphens of numbers are ignored", []SortKey{{Attribute: "telephoneNumber"}}, true, "dbac", Success, Success, ""},
		{"an operational attribute", []SortKey{{Attribute: "entryDN", Reverse: true}}, true, "dcba", Success, Success, ""},
		{"an attribute by another name", []SortKey{{Attribute: "surname"}}, true, "bcda", Success, Success, ""},
		{"a supertype", []SortKey{{Attribute: "name"}}, true, "abcd", Success, Success, ""}, // a, adler, brandt, brandt
		{"unknown attribute", []SortKey{{Attribute: "sn"}, {Attribute: "nonsense"}}, true, "", UnavailableCriticalExtension, NoSuchAttribute, "nonsense"},
		{"unknown attribute, not critical", []SortKey{{Attribute: "nonsense"}}, false, "abcd", Success, NoSuchAttribute, "nonsense"},
		{"unknown rule", []SortKey{{Attribute: "sn", Rule: "1.2.3"}}, true, "", UnavailableCriticalExtension, InappropriateMatching, "sn"},
		{"a rule for other values", []SortKey{{Attribute: "sn", Rule: "integerOrderingMatch"}}, true, "", UnavailableCriticalExtension, InappropriateMatching, "sn"},
		{"a rule that does not order", []SortKey{{Attribute: "sn", Rule: "caseIgnoreSubstringsMatch"}}, true, "", UnavailableCriticalExtension, InappropriateMatching, "sn"},
		{"values without rules", []SortKey{{Attribute: "jpegPhoto"}}, true, "", UnavailableCriticalExtension, InappropriateMatching, "jpegPhoto"},
		{"the same key twice", []SortKey{{Attribute: "sn"}, {Attribute: "surname"}}, true, "", UnavailableCriticalExtension, UnwillingToPerform, "surname"},
		{"no keys", nil, true, "", UnavailableCriticalExtension, UnwillingToPerform, ""},
		{"too many keys", make([]SortKey, maxSortKeys+1), true, "", UnavailableCriticalExtension, UnwillingToPerform, ""},
		{"secrets", []SortKey{{Attribute: "userPassword"}}, true, "abcd", Success, Success, ""},
	} {
		req := SearchRequest{BaseObject: "ou=people,dc=example,dc=com", Scope: SingleLevel, Filter: *filter(t, "(objectClass=*)"),
			Attributes: []string{"1.1"}, Sort: &Sort{Keys: row.keys, Critical: row.critical}}
		var found collected
		err := d.Search(context.Background(), root, &req, &found)
		var names strings.Builder
		for _, e := range found {
			names.WriteString(strings.TrimSuffix(strings.TrimPrefix(e.DN, "uid="), ",ou=people,dc=example,dc=com"))
		}
		if Result(err).ResultCode != row.code || names.String() != row.want || req.Sort.Result != row.result || req.Sort.Attribute != row.about {
			t.Errorf("%s: %v, %s, %v of %q", row.rule, err, &names, req.Sort.Result, req.Sort.Attribute)
		}
	}
}

// More than can be sorted comes as it is found, or not at all.
func TestSortLimit(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "a", "b", "c", "d", "e", "f")
	d.maxSorted = 7
	for _, critical := range []bool{false, true} {
		req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Attributes: []string{"1.1"},
			Sort: &Sort{Keys: []SortKey{{Attribute: "cn"}}, Critical: critical}}
		n := 0
		err := d.Search(context.Background(), root, &req, entryFunc(func(*Entry) error { n++; return nil }))
		switch {
		case req.Sort.Result != AdminLimitExceeded:
			t.Errorf("critical %v: %v", critical, req.Sort.Result)
		case critical && (n > 0 || !errors.Is(err, UnavailableCriticalExtension)), !critical && (n != 8 || err != nil):
			t.Errorf("critical %v: %d entries, %v", critical, n, err)
		}
	}
	// Pages of it neither.
	req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Attributes: []string{"1.1"},
		Sort: &Sort{Keys: []SortKey{{Attribute: "cn"}}}}
	seen := map[string]bool{}
	for _, page := range pages(t, d, root, req, 3, nil) {
		for _, dn := range page {
			if seen[dn] {
				t.Fatalf("%s came twice", dn)
			}
			seen[dn] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d entries in pages", len(seen))
	}
	// If there come to be too many, the pages of the state before have them not.
	// Where that is not held they end: in another order they would be those of
	// another search.
	d.maxSorted = 8
	for _, row := range []struct {
		rule   string
		change func()
		want   ResultCode
	}{
		{"one more", func() {}, Success},
		{"one more, and the state is not held", d.pagedStates.releaseAll, AdminLimitExceeded},
	} {
		req.Paged, req.Sort = &Paged{Size: 3}, &Sort{Keys: req.Sort.Keys}
		if err := operate(d, root, &req); err != nil || len(req.Paged.Next) == 0 {
			t.Fatal(err)
		}
		mustAdd(t, d, person("g"), "objectClass: inetOrgPerson", "cn: g", "sn: g")
		row.change()
		req.Paged = &Paged{Size: 3, Cookie: req.Paged.Next}
		if err := operate(d, root, &req); Result(err).ResultCode != row.want {
			t.Errorf("the page after %s: %v", row.rule, err)
		}
		if err := d.Delete(context.Background(), root, &DeleteRequest{Entry: person("g")}); err != nil {
			t.Fatal(err)
		}
	}
}

// So many searches sort at one time, and not one more, however slowly their
// clients read.
func TestSortsAreBounded(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "a", "b")
	d.sorts = semaphore.NewWeighted(1)
	search := func(ctx context.Context, w EntryWriter) error {
		return d.Search(ctx, root, &SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"),
			Sort: &Sort{Keys: []SortKey{{Attribute: "cn"}}}}, w)
	}
	free := func(what string) {
		t.Helper()
		if !d.sorts.TryAcquire(1) {
			t.Fatalf("%s: it is taken", what)
		}
		d.sorts.Release(1)
	}
	n := 0
	err := search(t.Context(), entryFunc(func(*Entry) error { n++; free("while entries are sent"); return nil }))
	if n != 4 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
	d.maxSorted = 1
	err = search(t.Context(), &collected{})
	free("too many to sort")
	if err != nil {
		t.Error(err)
	}
	if !d.sorts.TryAcquire(1) {
		t.Fatal("it is taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- search(ctx, entryFunc(func(*Entry) error { return errors.New("sent") })) }()
	cancel()
	if err := endOf(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

type entryFunc func(*Entry) error

func (f entryFunc) WriteEntry(e *Entry) error { return f(e) }

// TestMatchedValues is RFC 3876.
func TestMatchedValues(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	mustAdd(t, d, person("sean"), "objectClass: inetOrgPerson", "cn: Sean Mullan", "sn: Mullan",
		"mail: sean.mullan@hotmail.com", "mail: mullan@east.sun.com", "telephoneNumber: + 781 442 0926", "telephoneNumber: 555-9999", "description;lang-de: acht")
	for _, row := range []struct {
		rule     string
		elements string // separated by spaces
		names    string
		want     string
	}{
		{"the RFC's first example", "(mail=*hotmail.com) (telephoneNumber=*)", "mail telephoneNumber",
			"mail: sean.mullan@hotmail.com\ntelephoneNumber: + 781 442 0926\ntelephoneNumber: 555-9999"},
		{"an attribute of which no value is left", "(mail=nobody)", "mail sn", "mail\nsn"},
		{"equal under the rule", "(sn=MULLAN) (objectClass=INETorgPerson)", "sn objectClass", "objectClass: inetOrgPerson\nsn: Mullan"},
		{"supertypes and options", "(name=sean*) (description=acht)", "cn description", "cn: Sean Mullan\ndescription;lang-de: acht"},
		{"an option it has not", "(description;lang-en=acht)", "description", "description;lang-de"},
		{"extensible", "(cn:caseExactMatch:=Sean~Mullan) (:2.5.13.5:=Mullan)", "cn sn", "cn: Sean Mullan\nsn: Mullan"},
		{"extensible, in another case", "(cn:caseExactMatch:=sean~mullan)", "cn", "cn"},
		{"undefined is not true", "(nonsense=x) (sn>=a)", "sn", "sn"},
		{"operational attributes", "(entryDN=*)", "entryDN hasSubordinates", "entryDN: " + person("sean") + "\nhasSubordinates"},
		{"no element at all", "", "sn", "sn"},
		{"no attributes", "(sn=x)", "1.1", ""},
	} {
		elements := []Filter{}
		for _, f := range strings.Fields(row.elements) {
			elements = append(elements, *filter(t, strings.ReplaceAll(f, "~", " ")))
		}
		found, err := find(t, d, root, SearchRequest{BaseObject: person("sean"), Attributes: strings.Fields(row.names), MatchedValues: elements}, "(mail=mullan@*)")
		if err != nil || len(found) != 1 || found[0].text() != row.want {
			t.Errorf("%s: %v\n%s", row.rule, err, fmt.Sprint(found))
		}
	}
	types, err := find(t, d, root, SearchRequest{BaseObject: person("sean"), Attributes: []string{"mail"}, TypesOnly: true, MatchedValues: []Filter{*filter(t, "(sn=x)")}}, "(objectClass=*)")
	if err != nil || types[0].text() != "mail" {
		t.Errorf("types only: %v, %v", types, err)
	}
	for _, bad := range []string{"(&(sn=x))", "(!(sn=x))", "(sn:dn:=x)"} {
		if _, err := find(t, d, root, SearchRequest{MatchedValues: []Filter{*filter(t, bad)}}, "(objectClass=*)"); !errors.Is(err, ProtocolError) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
