package directory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSyncLimited: what somebody is told who sees part of the content.
func TestSyncLimited(t *testing.T) {
	const seen = "ou=seen,dc=example,dc=com"
	replace := func(object, line string) any {
		return &ModifyRequest{Object: object, Changes: []Change{{ReplaceValues, attributes(line)[0]}}}
	}
	for _, tt := range []struct {
		name    string
		changes []any
		want    string // what is sent
		code    ResultCode
	}{
		{"an entry that he does not see changes", []any{replace(person("bob"), "description: x")}, "", Success},
		{"an entry that he does not see comes and goes", []any{&DeleteRequest{Entry: person("bob")},
			&AddRequest{Entry: person("eve"), Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x")}}, "", Success},
		{"an attribute that he does not see changes", []any{replace(person("pat"), "mail: x@example.com")}, "", Success},
		{"an attribute that he sees changes", []any{replace(person("pat"), "description: x")}, "modify pat", Success},
		{"its own change shows an entry", []any{replace(person("bob"), "title: shown")}, "add bob", Success},
		{"its own change hides an entry", []any{replace(person("pat"), "title: hidden")}, "delete pat", Success},
		{"a hidden entry is deleted", []any{replace(person("pat"), "title: hidden"), &DeleteRequest{Entry: person("pat")}}, "delete pat", Success},
		{"an entry is moved to where he sees it", []any{&ModifyDNRequest{Entry: person("bob"), NewRDN: "uid=bob", NewSuperior: id(seen)}}, "add bob", Success},
		{"an entry is moved to where he does not see it", []any{&ModifyDNRequest{Entry: "uid=sue," + seen, NewRDN: "uid=sue", NewSuperior: id(people)}}, "delete sue", Success},
		{"what is above entries that he sees has another name, and he does not see it", []any{&ModifyDNRequest{Entry: people, NewRDN: "ou=folk"}}, "modify long, modify pat", Success},
		{"an entry above shows entries", []any{replace(people, "seeAlso: "+person("ann"))}, "add ann, add bob", Success},
		{"an entry above hides entries", []any{replace(seen, "seeAlso: cn=nobody")}, "delete sue", Success},
		{"an entry above changes otherwise", []any{replace(seen, "description: x")}, "", Success},
		{"he comes into a group", []any{replace("cn=staff,dc=example,dc=com", "member: "+person("ann"))}, "", SyncRefreshRequired},
		{"a group comes that he is in", []any{&AddRequest{Entry: "cn=new,dc=example,dc=com", Attributes: attributes("objectClass: groupOfNames", "member: "+person("ann"))}}, "", SyncRefreshRequired},
		{"a group that he is in has another name", []any{&ModifyDNRequest{Entry: "cn=hers,dc=example,dc=com", NewRDN: "cn=his"}}, "", SyncRefreshRequired},
		{"others come into a group", []any{replace("cn=staff,dc=example,dc=com", "member: "+person("pat"))}, "", Success},
		{"his own entry changes", []any{replace(person("ann"), "description: x")}, "", SyncRefreshRequired},
		{"ACIs change", []any{replace(person("bob"), "aci: "+aciText(`(targetattr="mail") deny (read)`+anybody))}, "", SyncRefreshRequired},
		{"a long entry that he saw is hidden", []any{replace(person("long"), "title: hidden")}, "", SyncRefreshRequired},
		{"a long entry that he sees changes", []any{replace(person("long"), "description: x")}, "modify long", Success},
	} {
		for _, persist := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, %v", tt.name, persist), func(t *testing.T) {
				d := newDirectory(t, func(c *Config) { c.ACIs = []string{} })
				addPeople(t, d, "ann", "bob", "pat", "long")
				mustAdd(t, d, seen, "objectClass: organizationalUnit", "seeAlso: "+person("ann"))
				mustAdd(t, d, "uid=sue,"+seen, "objectClass: inetOrgPerson", "cn: x", "sn: x")
				for _, name := range []string{"staff", "hers"} {
					mustAdd(t, d, "cn="+name+",dc=example,dc=com", "objectClass: groupOfNames", "member: "+person(map[string]string{"hers": "ann", "staff": "bob"}[name]))
				}
				for _, change := range []any{replace(person("pat"), "title: shown"), replace(person("long"), "title: shown"),
					replace(person("long"), "jpegPhoto: "+strings.Repeat("x", maxLoggedEntry))} {
					if err := operate(d, root, change); err != nil {
						t.Fatal(err)
					}
				}
				setACIs(t, d, "dc=example,dc=com",
					`(targetattr="objectClass || description || uid")(targetfilter="(title=shown)") allow (read, search)`+everyone,
					`(targetattr="objectClass || description || uid") allow (read, search) userattr="parent[1].seeAlso#USERDN"`,
					`(targetattr="objectClass || description || uid") allow (read, search) userattr="seeAlso#GROUPDN"`)
				req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Sync: &Sync{Persist: persist}}
				who := as("ann")
				c := newCopied()
				if persist {
					c, _ = follow(t, d, who, req)
				} else if err := c.poll(d, who, req); err != nil {
					t.Fatal(err)
				}
				if got := c.sortedMessages(); got != "add long, add pat, add sue" {
					t.Fatalf("the first content is %s", got)
				}
				c.mu.Lock()
				c.messages = nil
				c.mu.Unlock()
				for _, change := range tt.changes {
					if err := operate(d, root, change); err != nil {
						t.Fatal(err)
					}
				}
				var err error
				switch {
				case !persist:
					err = c.poll(d, who, req)
				case tt.code != Success:
					select {
					case err = <-c.ended:
					case <-time.After(30 * time.Second):
						t.Fatalf("it goes on, after %s", c.sortedMessages())
					}
				default: // what comes last has come when this has
					if err := operate(d, root, &AddRequest{Entry: "uid=last,dc=example,dc=com", Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x", "title: shown")}); err != nil {
						t.Fatal(err)
					}
					if !comesTrue(t, func() bool { return strings.Contains(c.sortedMessages(), "add last") }) {
						t.Fatal("it is not told of the last change")
					}
				}
				if Result(err).ResultCode != tt.code {
					t.Errorf("%v, want %v", err, tt.code)
				}
				want := tt.want
				got := strings.Trim(strings.ReplaceAll(", "+c.sortedMessages(), ", add last", ""), ", ")
				if !persist {
					want = strings.ReplaceAll(want, "modify", "add")
				}
				if got != want {
					t.Errorf("sent: %s; want: %s", got, want)
				}
			})
		}
	}
}

// ACIs that look at what is not synchronized make no content, and neither do
// names that somebody must not know of.
func TestSyncLimitedRefused(t *testing.T) {
	d := closed(t, "ann")
	setACIs(t, d, people, `(targetattr="*")(targetfilter="(memberOf=cn=staff,dc=example,dc=com)") allow (read, search)`+everyone)
	for _, tt := range []struct {
		base string
		want error
	}{
		{people, NoSuchObject},
		{"ou=nobody,dc=example,dc=com", NoSuchObject},
	} {
		req := SearchRequest{BaseObject: tt.base, Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Sync: &Sync{}}
		if err := newCopied().poll(d, as("ann"), req); !errors.Is(err, tt.want) || Result(err).MatchedDN != "" {
			t.Errorf("%s: %v", tt.base, err)
		}
	}
	mustAdd(t, d, "cn=staff,dc=example,dc=com", "objectClass: groupOfNames", "member: "+person("ann"))
	req := SearchRequest{BaseObject: people, Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Sync: &Sync{}}
	if err := newCopied().poll(d, as("ann"), req); !errors.Is(err, errSyncLimited) {
		t.Errorf("what depends on groups: %v", err)
	}
}

func (c *copied) sortedMessages() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Clone(c.messages)
	slices.Sort(list)
	return short(list)
}

// partWorld is a world with users who see part of it, and what decides on that.
type partWorld struct{ world }

// partRules is what may be an ACI.
var partRules = []string{
	`(targetattr="*")(targetfilter="(description=1)") allow (read, search) userdn="ldap:///all"`,
	`(targetattr="*") allow (read, search) userattr="seeAlso#USERDN"`,
	`(targetattr="* || +") allow (read, search) userattr="parent[0,1,2].seeAlso#USERDN"`,
	`(targetattr="cn || description") allow (read, search) groupdn="ldap:///cn=g,dc=example,dc=com"`,
	`(targetattr="*") allow (read, search) userattr="seeAlso#GROUPDN"`,
	`(targetattr="*")(target="ldap:///cn=a,**,dc=com") allow (read, search) userdn="ldap:///all"`,
	`(targetattr="ou || objectClass") allow (read, search) userdn="ldap:///all"`,
	`(targetattr="*")(targetscope="onelevel") allow (read, search) userdn="ldap:///dc=example,dc=com??sub?(description=2)"`,
	`(targetattr="description") deny (read, search) userattr="seeAlso#USERDN"`,
	`(targetattr="*")(targetfilter="(description=3)") deny (read, search) userdn="ldap:///all"`,
	`(targetattr="*") allow (read, search) (userdn="ldap:///self" or (userattr="seeAlso#USERDN" and groupdn="ldap:///cn=g,dc=example,dc=com"))`,
}

func (w *partWorld) pick(list ...string) string { return list[w.random.IntN(len(list))] }

func (w *partWorld) user() string {
	return "uid=" + w.pick("u1", "u2") + ",ou=users,dc=example,dc=com"
}

func (w *partWorld) group() string { return "cn=" + w.pick("g", "h") + ",dc=example,dc=com" }

func (w *partWorld) request() any {
	replace := func(object, name string, values ...string) any {
		c := Change{ReplaceValues, Attribute{Name: name}}
		for _, v := range values {
			c.Attribute.Values = append(c.Attribute.Values, []byte(v))
		}
		return &ModifyRequest{Object: object, Changes: []Change{c}}
	}
	switch w.random.IntN(24) {
	case 0:
		return replace(w.container(), "aci", aciText(w.pick(partRules...)))
	case 1:
		return replace(w.user(), "description", w.pick("1", "2"))
	case 2:
		return replace(w.group(), "member", w.pick("uid=u1,ou=users,dc=example,dc=com", "cn=nobody"))
	case 3:
		return &ModifyDNRequest{Entry: w.group(), NewRDN: w.pick("cn=g", "cn=h")}
	case 4, 5, 6, 7:
		return replace(w.pick(w.name(), w.container()), "seeAlso", w.pick(w.user(), w.group()))
	case 8:
		return &ModifyDNRequest{Entry: "ou=users,dc=example,dc=com", NewRDN: "ou=users+cn=x", DeleteOldRDN: false}
	}
	return w.world.request()
}

// TestSyncLimitedModel: whoever sees part of the content has a copy of that
// part, whatever is changed, ACIs, groups and names among it, and is told
// nothing else: each message changes his copy.
func TestSyncLimitedModel(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(6) {
		d := newDirectory(t, func(c *Config) {
			c.ACIs = []string{}
			if seed%3 > 0 { // where the tree is seen
				c.ACIs = []string{aciText(`(targetattr="ou || dc || objectClass")(targetfilter="(|(dc=*)(ou=*))") allow (read, search) userdn="ldap:///all"`)}
			}
		})
		mustAdd(t, d, "dc=example,dc=com", "objectClass: domain")
		mustAdd(t, d, "ou=users,dc=example,dc=com", "objectClass: organizationalUnit")
		var users []Requester
		for _, uid := range []string{"u1", "u2"} {
			dn := "uid=" + uid + ",ou=users,dc=example,dc=com"
			mustAdd(t, d, dn, "objectClass: inetOrgPerson", "cn: x", "sn: x")
			users = append(users, Requester{DN: dn, How: ByPassword})
		}
		mustAdd(t, d, "cn=g,dc=example,dc=com", "objectClass: groupOfNames", "member: "+users[0].DN)
		w := &partWorld{world: world{t: t, d: d, random: rand.New(rand.NewPCG(seed, 4533))}}
		w.next = w.request
		setACIs(t, d, "dc=example,dc=com", partRules[w.random.IntN(5)], partRules[5+w.random.IntN(5)])
		var copies []*partCopy
		for _, c := range contents {
			for _, who := range users {
				req := SearchRequest{BaseObject: c.base, Scope: c.scope, Filter: *filter(t, c.filter), Attributes: []string{"*", "modifyTimestamp"}}
				copies = append(copies, &partCopy{copied: newCopied(), who: who, req: req})
			}
		}
		for range 60 {
			w.change(1 + w.random.IntN(6))
			for _, c := range copies {
				c.compare(t, d, kinds)
			}
		}
		closeDirectory(t, d)
	}
	t.Log(kinds)
	for _, kind := range []string{"delete", "add", "began again", "nothing", "noSuchObject"} {
		if kinds[kind] < 30 {
			t.Errorf("%v: too few of %s", kinds, kind)
		}
	}
}

// partCopy is the copy of somebody who sees a part.
type partCopy struct {
	*copied
	who Requester
	req SearchRequest
}

func (c *partCopy) compare(t *testing.T, d *Directory, kinds map[string]int) {
	t.Helper()
	what := fmt.Sprintf("%s, %s %d %v", c.who.DN, c.req.BaseObject, c.req.Scope, c.req.Filter)
	plain := c.req
	var found collected
	wanted := d.Search(context.Background(), c.who, &plain, &found)
	before := c.text(true)
	c.req.Sync = &Sync{}
	err := c.poll(d, c.who, c.req)
	switch {
	case errors.Is(err, SyncRefreshRequired):
		kinds["began again"]++
		if len(c.messages) > 0 {
			t.Fatalf("%s: to begin again after %q", what, c.messages)
		}
		c.copied = newCopied()
		before = ""
		err = c.poll(d, c.who, c.req)
	case err == nil && len(c.messages) == 0:
		kinds["nothing"]++
	}
	c.req.Sync = nil
	if Result(err).ResultCode != Result(wanted).ResultCode || Result(err).MatchedDN != Result(wanted).MatchedDN {
		t.Fatalf("%s: %v, an ordinary search: %v", what, err, wanted)
	}
	if err != nil {
		kinds[Result(err).ResultCode.String()]++
		c.copied = newCopied()
		return
	}
	var got []string
	for _, e := range c.entries {
		got = append(got, strings.ToLower(e.DN+"\n"+e.text()))
	}
	var want []string
	for _, e := range found {
		want = append(want, strings.ToLower(e.DN+"\n"+e.text()))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s: the copy is\n%s\nwant\n%s\nafter %q", what, strings.Join(got, "\n"), strings.Join(want, "\n"), c.messages)
	}
	if len(c.messages) > 0 && c.text(true) == before && before != "" {
		t.Fatalf("%s: %q changed nothing", what, c.messages)
	}
	for _, m := range c.messages {
		kind, _, _ := strings.Cut(m, " ")
		kinds[kind]++
	}
}

// A cookie that the server did not give is of nothing: from an earlier change on
// somebody would be told of what went before he might see it.
func TestSyncForgedCookie(t *testing.T) {
	d := closed(t, "ann", "bob", "pat")
	setACIs(t, d, "dc=example,dc=com", `(targetattr="*")(targetfilter="(uid=pat)") allow (read, search)`+everyone)
	req := SearchRequest{BaseObject: people, Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Sync: &Sync{}}
	c := newCopied()
	if err := c.poll(d, as("ann"), req); err != nil {
		t.Fatal(err)
	}
	earlier := c.cookie
	if err := operate(d, root, &DeleteRequest{Entry: person("bob")}); err != nil {
		t.Fatal(err)
	}
	setACIs(t, d, "dc=example,dc=com", `(targetattr="*") allow (read, search)`+everyone)
	c = newCopied()
	if err := c.poll(d, as("ann"), req); err != nil {
		t.Fatal(err)
	}
	csn := func(cookie []byte) []string { return strings.Split(string(cookie), "#") }
	forged := csn(c.cookie)
	forged[1] = csn(earlier)[1]
	c.cookie = []byte(strings.Join(forged, "#"))
	if err := c.poll(d, as("ann"), req); !errors.Is(err, SyncRefreshRequired) || len(c.messages) > 0 {
		t.Errorf("%v, after %q", err, c.messages)
	}
}
