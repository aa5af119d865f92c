package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pages takes a search to its end, page by page, and returns the names in each.
// between is called before each page but the first.
func pages(t *testing.T, d *Directory, who Requester, req SearchRequest, size int, between func(page int)) (all [][]string) {
	t.Helper()
	var cookie []byte
	for page := 0; ; page++ {
		if page > 0 && between != nil {
			between(page)
		}
		req.Paged = &Paged{Size: size, Cookie: cookie}
		if req.Sort != nil {
			req.Sort = &Sort{Keys: req.Sort.Keys}
		}
		var found collected
		if err := d.Search(context.Background(), who, &req, &found); err != nil {
			t.Fatalf("page %d: %v", page, err)
		}
		var names []string
		for _, e := range found {
			names = append(names, e.DN)
		}
		all = append(all, names)
		if cookie = req.Paged.Next; len(cookie) == 0 {
			return all
		}
		if page > 100 {
			t.Fatal("no end")
		}
	}
}

// TestPages: whatever way a search goes, its pages together are the whole.
func TestPages(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	mustAdd(t, d, "ou=more,dc=example,dc=com", "objectClass: organizationalUnit")
	for i := range 20 {
		dn := person(fmt.Sprintf("u%02d", (i*7)%20))
		if i%5 == 0 {
			dn = fmt.Sprintf("uid=m%02d,ou=more,dc=example,dc=com", i)
		}
		mustAdd(t, d, dn, "objectClass: inetOrgPerson", "cn: x", fmt.Sprintf("sn: %c", 'a'+i%3), fmt.Sprintf("employeeNumber: %d", i%4))
	}
	base := func(dn string, s Scope, f string) SearchRequest {
		return SearchRequest{BaseObject: dn, Scope: s, Filter: *filter(t, f)}
	}
	bySN := &Sort{Keys: []SortKey{{Attribute: "sn"}, {Attribute: "employeeNumber", Reverse: true}}}
	for _, row := range []struct {
		rule string
		req  SearchRequest
		sort *Sort
		want int
	}{
		{"all there is", base("", WholeSubtree, "(objectClass=*)"), nil, 23},
		{"a subtree, by looking at everything", base("dc=example,dc=com", WholeSubtree, "(!(cn=y))"), nil, 23},
		{"subordinates", base("dc=example,dc=com", SubordinateSubtree, "(objectClass=*)"), nil, 22},
		{"a level", base("ou=people,dc=example,dc=com", SingleLevel, "(objectClass=*)"), nil, 16},
		{"by an index", base("dc=example,dc=com", WholeSubtree, "(sn=a)"), nil, 7},
		{"one entry", base(person("u07"), BaseObject, "(objectClass=*)"), nil, 1},
		{"nothing", base("dc=example,dc=com", WholeSubtree, "(sn=z)"), nil, 0},
		{"the root DSE", base("", BaseObject, "(objectClass=*)"), nil, 1},
		{"sorted", base("dc=example,dc=com", WholeSubtree, "(sn=*)"), bySN, 20},
		{"sorted, a level", base("ou=people,dc=example,dc=com", SingleLevel, "(objectClass=*)"), bySN, 16},
	} {
		row.req.Sort = row.sort
		whole := pages(t, d, root, row.req, 1000, nil)[0]
		if len(whole) != row.want {
			t.Errorf("%s: %d entries, want %d", row.rule, len(whole), row.want)
		}
		for _, size := range []int{1, 3, row.want, row.want + 1} {
			if size == 0 {
				continue
			}
			got := pages(t, d, root, row.req, size, nil)
			joined := slices.Concat(got...)
			if row.sort == nil {
				slices.Sort(joined)
				slices.Sort(whole)
			}
			if !slices.Equal(joined, whole) {
				t.Errorf("%s, pages of %d: %v, want %v", row.rule, size, joined, whole)
			}
			for i, page := range got[:len(got)-1] {
				if len(page) != size {
					t.Errorf("%s, pages of %d: page %d has %d", row.rule, size, i, len(page))
				}
			}
		}
	}
}

// Entries that are there all the time come once, whatever is added, deleted
// and renamed between the pages.
func TestPagesAreStable(t *testing.T) {
	for rule, keys := range map[string][]SortKey{"unsorted": nil, "sorted": {{Attribute: "sn"}}} {
		for _, scope := range []Scope{SingleLevel, WholeSubtree} {
			d := newDirectory(t)
			addPeople(t, d)
			for i := range 30 {
				mustAdd(t, d, person(fmt.Sprintf("k%02d", i)), "objectClass: inetOrgPerson", "cn: keep", fmt.Sprintf("sn: %02d", (i*11)%30))
				mustAdd(t, d, person(fmt.Sprintf("z%02d", i)), "objectClass: inetOrgPerson", "cn: go", fmt.Sprintf("sn: %02d", (i*7)%30))
			}
			req := SearchRequest{BaseObject: "ou=people,dc=example,dc=com", Scope: scope, Filter: *filter(t, "(cn=*)"), Attributes: []string{"sn"}}
			if keys != nil {
				req.Sort = &Sort{Keys: keys}
			}
			seen := map[string]int{}
			for _, page := range pages(t, d, root, req, 4, func(page int) {
				for _, request := range []any{
					&AddRequest{Entry: person(fmt.Sprintf("new%02d", page)), Attributes: attributes("objectClass: inetOrgPerson", "cn: new", fmt.Sprintf("sn: %02d", page))},
					&DeleteRequest{Entry: person(fmt.Sprintf("z%02d", page))},
					&DeleteRequest{Entry: person(fmt.Sprintf("z%02d", 29-page))},
					&ModifyDNRequest{Entry: person(fmt.Sprintf("k%02d", 2*page%30)), NewRDN: fmt.Sprintf("uid=r%02d", 2*page%30), DeleteOldRDN: true},
				} {
					if err := operate(d, root, request); err != nil && !errors.Is(err, NoSuchObject) {
						t.Fatal(err)
					}
				}
			}) {
				for _, dn := range page {
					name, _, _ := strings.Cut(dn, ",")
					seen[strings.NewReplacer("=r", "=k").Replace(name)]++
				}
			}
			for i := range 30 {
				if n := seen[fmt.Sprintf("uid=k%02d", i)]; n != 1 {
					t.Errorf("%s, scope %d: k%02d came %d times", rule, scope, i, n)
				}
			}
		}
	}
}

// A cookie is for one search of one identity.
func TestCookies(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob", "eve")
	ann := Requester{DN: person("ann"), How: ByPassword}
	req := func() SearchRequest {
		return SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Paged: &Paged{Size: 2}}
	}
	search := func(who Requester, r SearchRequest) (int, error) {
		var found collected
		err := d.Search(context.Background(), who, &r, &found)
		return len(found), err
	}
	first := req()
	if n, err := search(ann, first); n != 2 || err != nil || len(first.Paged.Next) == 0 {
		t.Fatalf("%d, %v", n, err)
	}
	cookie := first.Paged.Next
	damaged := slices.Clone(cookie)
	damaged[len(damaged)/2] ^= 1
	again := ann
	again.DN = "UID=Ann, ou=People,dc=example,dc=com"
	for _, row := range []struct {
		rule   string
		who    Requester
		cookie []byte
		change func(*SearchRequest)
		want   ResultCode
		n      int
	}{
		{"the next page", ann, cookie, func(*SearchRequest) {}, Success, 2},
		{"once more", ann, cookie, func(*SearchRequest) {}, Success, 2},
		{"of another size", ann, cookie, func(r *SearchRequest) { r.Paged.Size = 100 }, Success, 3},
		{"the same user, otherwise written", again, cookie, func(*SearchRequest) {}, Success, 2},
		{"the end of it", ann, cookie, func(r *SearchRequest) { r.Paged.Size = 0 }, Success, 0},
		{"no page at all", ann, nil, func(r *SearchRequest) { r.Paged.Size = 0 }, Success, 0},
		{"another user", root, cookie, func(*SearchRequest) {}, UnwillingToPerform, 0},
		{"another base", ann, cookie, func(r *SearchRequest) { r.BaseObject = "ou=people,dc=example,dc=com" }, UnwillingToPerform, 0},
		{"another scope", ann, cookie, func(r *SearchRequest) { r.Scope = SingleLevel }, UnwillingToPerform, 0},
		{"another filter", ann, cookie, func(r *SearchRequest) { r.Filter = *filter(t, "(cn=*)") }, UnwillingToPerform, 0},
		{"another order", ann, cookie, func(r *SearchRequest) { r.Sort = &Sort{Keys: []SortKey{{Attribute: "cn"}}} }, UnwillingToPerform, 0},
		{"damaged", ann, damaged, func(*SearchRequest) {}, UnwillingToPerform, 0},
		{"made up", ann, []byte("x"), func(*SearchRequest) {}, UnwillingToPerform, 0},
		{"the client's limit is for all pages", ann, cookie, func(r *SearchRequest) { r.SizeLimit = 3 }, SizeLimitExceeded, 1},
	} {
		r := req()
		r.Paged.Cookie = row.cookie
		row.change(&r)
		if n, err := search(row.who, r); Result(err).ResultCode != row.want || n != row.n {
			t.Errorf("%s: %d entries, %v", row.rule, n, err)
		}
	}
	if strings.Contains(string(cookie), "ann") {
		t.Error("the cookie can be read")
	}
}

// The server's limit is for each page: it makes them smaller.
func TestPagesUnderALimit(t *testing.T) {
	d := newDirectory(t, func(c *Config) { c.SizeLimit = 3 })
	addPeople(t, d, "ann", "bob", "eve")
	req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)")}
	ann := Requester{DN: person("ann"), How: ByPassword}
	if got := pages(t, d, ann, req, 100, nil); len(got) != 2 || len(got[0]) != 3 || len(got[1]) != 2 {
		t.Errorf("%v", got)
	}
	if got := pages(t, d, root, req, 100, nil); len(got) != 1 {
		t.Errorf("root: %v", got)
	}
}

// The audit log comes in pages too, newest first, also while it grows.
func TestPagesOfTheAuditLog(t *testing.T) {
	h := newHouse(t)
	for range 7 {
		_, err := h.bind(person("ann"), "wrong")
		h.want("bind", err, InvalidCredentials)
		_, err = h.bind(person("ann"), secretWord)
		h.want("bind", err, Success)
	}
	last := h.auditNext() - 1
	for scope, extra := range map[Scope]int{SingleLevel: 0, WholeSubtree: 1} {
		got := pages(t, h.Directory, root, SearchRequest{BaseObject: "cn=audit", Scope: scope, Filter: *filter(t, "(objectClass=*)")}, 3, func(int) {
			_, err := h.bind(person("bob"), "wrong")
			h.want("bind", err, InvalidCredentials)
			_, err = h.bind(person("bob"), secretWord)
			h.want("bind", err, Success)
		})
		all := slices.Concat(got...)
		var want []string
		if extra == 1 {
			want = append(want, "cn=audit")
		}
		for n := last; n > 0; n-- {
			want = append(want, fmt.Sprintf("tallystickAuditSequence=%d,cn=audit", n))
		}
		if !slices.Equal(all, want) {
			t.Errorf("scope %d: %v, want %v", scope, all, want)
		}
		last = h.auditNext() - 1
	}
}

// All pages show what the first one did, whatever changes meanwhile, for whom
// nothing changes in what he may see.
func TestPagesAreOneSnapshot(t *testing.T) {
	const count = 12
	ann := Requester{DN: person("ann"), How: ByPassword}
	for _, row := range []struct {
		rule   string
		change func(d *Directory) // between the first page and the second
		who    Requester
		past   bool
	}{
		{"what others change", func(*Directory) {}, ann, true},
		{"the root user", func(*Directory) {}, root, true},
		{"an ACI", func(d *Directory) {
			mustModify(t, d, "dc=example,dc=com", ReplaceValues, "aci", `(targetattr="sn")(version 3.0; acl "x"; deny (read) userdn="ldap:///anyone";)`)
		}, ann, false},
		{"his own entry", func(d *Directory) { mustModify(t, d, person("ann"), ReplaceValues, "description", "other") }, ann, false},
		{"his groups", func(d *Directory) {
			mustAdd(t, d, "cn=g,dc=example,dc=com", "objectClass: groupOfNames", "cn: g", "member: "+person("ann"))
		}, ann, false},
		{"he is gone", func(d *Directory) {
			if err := d.Delete(t.Context(), root, &DeleteRequest{Entry: person("ann")}); err != nil {
				t.Fatal(err)
			}
		}, ann, false},
		{"the schema", func(d *Directory) {
			mustModify(t, d, "cn=schema", AddValues, "attributeTypes", `( 1.3.6.1.4.1.4203.666.1.9 NAME 'colour' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )`)
		}, ann, false},
		{"it was held too long", func(d *Directory) { d.pagedStates.releaseAll() }, ann, false},
		{"too many others", func(d *Directory) {
			for range maxPagedStates {
				req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Paged: &Paged{Size: 1}}
				if err := d.Search(t.Context(), root, &req, new(collected)); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(d.pagedStates.list); n != maxPagedStates {
				t.Errorf("%d states are held", n)
			}
		}, ann, false},
	} {
		for sorted, keys := range map[string]*Sort{"": nil, ", sorted": {Keys: []SortKey{{Attribute: "sn"}}}} {
			d := newDirectory(t)
			addPeople(t, d, "ann")
			for i := range count {
				mustAdd(t, d, person(fmt.Sprintf("u%02d", i)), "objectClass: inetOrgPerson", "cn: one", fmt.Sprintf("sn: %02d", i))
			}
			req := SearchRequest{BaseObject: "ou=people,dc=example,dc=com", Scope: SingleLevel, Filter: *filter(t, "(cn=one)"), Attributes: []string{"cn", "sn"}, Sort: keys}
			past := true
			for _, page := range pages(t, d, row.who, req, 4, func(page int) {
				if page != 1 {
					return
				}
				row.change(d)
				mustModify(t, d, person("u05"), ReplaceValues, "cn", "two")
				mustModify(t, d, person("u06"), ReplaceValues, "sn", "99")
				mustAdd(t, d, person("v"), "objectClass: inetOrgPerson", "cn: one", "sn: 50")
				for _, request := range []any{
					&DeleteRequest{Entry: person("u07")},
					&ModifyDNRequest{Entry: person("u08"), NewRDN: "uid=w08", DeleteOldRDN: true},
				} {
					if err := operate(d, root, request); err != nil {
						t.Fatal(err)
					}
				}
			})[1:] {
				for i, dn := range page {
					past = past && len(page) == 4 && strings.HasPrefix(dn, "uid=u") && (i == 0 || dn > page[i-1])
				}
			}
			if past != row.past {
				t.Errorf("%s%s: the pages are of the past: %t, want %t", row.rule, sorted, past, row.past)
			}
			if n := len(d.pagedStates.list); row.past && n != 0 {
				t.Errorf("%s%s: %d states are held after the last page", row.rule, sorted, n)
			}
		}
	}
}

// A client that has enough says so with a page of no entries.
func TestAbandonedPages(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob")
	req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Paged: &Paged{Size: 1}}
	if err := d.Search(t.Context(), root, &req, new(collected)); err != nil || len(d.pagedStates.list) != 1 {
		t.Fatalf("%v, %d states", err, len(d.pagedStates.list))
	}
	req.Paged = &Paged{Cookie: req.Paged.Next}
	if err := d.Search(t.Context(), root, &req, new(collected)); err != nil || len(d.pagedStates.list) != 0 {
		t.Fatalf("%v, %d states", err, len(d.pagedStates.list))
	}
}

// Whoever shares a cookie, and whatever is released meanwhile, gets every page.
func TestPagesAtOnce(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	for i := range 40 {
		mustAdd(t, d, person(fmt.Sprintf("u%02d", i)), "objectClass: inetOrgPerson", "cn: one", "sn: x")
	}
	request := func(cookie []byte) SearchRequest {
		return SearchRequest{
			BaseObject: "ou=people,dc=example,dc=com", Scope: SingleLevel, Filter: *filter(t, "(objectClass=person)"),
			Paged: &Paged{Size: 7, Cookie: cookie},
		}
	}
	first := request(nil)
	if err := d.Search(t.Context(), root, &first, new(collected)); err != nil {
		t.Fatal(err)
	}
	var readers, others sync.WaitGroup
	for range 6 {
		readers.Go(func() {
			for range 10 {
				count := 7
				for cookie := first.Paged.Next; len(cookie) > 0; {
					req, found := request(cookie), collected{}
					if err := d.Search(t.Context(), root, &req, &found); err != nil {
						t.Error(err)
						return
					}
					count += len(found)
					cookie = req.Paged.Next
				}
				if count != 40 {
					t.Errorf("%d entries", count)
				}
				req := request(nil) // and one that nobody goes on with
				if err := d.Search(t.Context(), root, &req, new(collected)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			mustModify(t, d, person("u05"), ReplaceValues, "cn", fmt.Sprint(i))
			if i%5 == 0 {
				d.pagedStates.releaseAll()
			}
		}
	})
	readers.Wait()
	close(done)
	others.Wait()
}
