package directory

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"tallystick/directory/store/badger"
)

// root is the identity most tests act as.
var root = Requester{DN: DefaultRootDN, How: ByPassword}

// newDirectory opens an empty directory for dc=example,dc=com in a folder that
// is gone after the test. What the test leaves behind is checked.
func newDirectory(t testing.TB, change ...func(*Config)) *Directory {
	t.Helper()
	return openDirectory(t, t.TempDir(), change...)
}

func openDirectory(t testing.TB, dir string, change ...func(*Config)) *Directory {
	t.Helper()
	s, err := badger.Open(dir, badger.Config{Small: true, MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t, dir)
	for _, c := range change {
		c(&cfg)
	}
	d, err := Open(context.Background(), s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.transactionTime = time.Hour // the machine may be busy
	d.maxPages = 1
	t.Cleanup(func() { closeDirectory(t, d) })
	return d
}

// closeDirectory checks a directory and closes its store, once.
func closeDirectory(t testing.TB, d *Directory) {
	t.Helper()
	if d.store == nil {
		return
	}
	_, err := d.Check(context.Background(), func(fault string) { t.Errorf("check: %s", fault) })
	if err != nil {
		t.Errorf("check: %v", err)
	}
	if err := d.store.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	d.store = nil
}

// attributes turns lines "name: value" into attributes.
func attributes(lines ...string) []Attribute {
	var attrs []Attribute
	for _, l := range lines {
		name, value, ok := strings.Cut(l, ": ")
		if !ok {
			panic("no value in " + l)
		}
		i := slices.IndexFunc(attrs, func(a Attribute) bool { return a.Name == name })
		if i < 0 {
			i = len(attrs)
			attrs = append(attrs, Attribute{Name: name})
		}
		attrs[i].Values = append(attrs[i].Values, []byte(value))
	}
	return attrs
}

// mustModify makes one change of an entry, as the root user.
func mustModify(t testing.TB, d *Directory, dn string, op ChangeOperation, attribute string, values ...string) {
	t.Helper()
	a := Attribute{Name: attribute}
	for _, v := range values {
		a.Values = append(a.Values, []byte(v))
	}
	req := &ModifyRequest{Object: dn, Changes: []Change{{Operation: op, Attribute: a}}}
	if err := d.Modify(context.Background(), root, req); err != nil {
		t.Fatalf("modify %s: %v", dn, err)
	}
}

func mustAdd(t testing.TB, d *Directory, dn string, lines ...string) {
	t.Helper()
	if err := d.Add(context.Background(), root, &AddRequest{Entry: dn, Attributes: attributes(lines...)}); err != nil {
		t.Fatalf("add %s: %v", dn, err)
	}
}

// addPeople adds dc=example,dc=com, ou=people and the named users.
func addPeople(t testing.TB, d *Directory, uids ...string) {
	t.Helper()
	mustAdd(t, d, "dc=example,dc=com", "objectClass: domain")
	mustAdd(t, d, "ou=people,dc=example,dc=com", "objectClass: organizationalUnit")
	for _, uid := range uids {
		mustAdd(t, d, person(uid), "objectClass: inetOrgPerson", "cn: "+uid+" Example", "sn: Example", "mail: "+uid+"@example.com")
	}
}

func person(uid string) string { return fmt.Sprintf("uid=%s,ou=people,dc=example,dc=com", uid) }

// collected keeps what a search sends.
type collected []Entry

func (c *collected) WriteEntry(e *Entry) error {
	kept := Entry{DN: e.DN}
	for _, a := range e.Attributes {
		k := Attribute{Name: a.Name}
		for _, v := range a.Values {
			k.Values = append(k.Values, slices.Clone(v))
		}
		kept.Attributes = append(kept.Attributes, k)
	}
	*c = append(*c, kept)
	return nil
}

func (c collected) names() []string {
	names := make([]string, len(c))
	for i, e := range c {
		names[i] = e.DN
	}
	sort.Strings(names)
	return names
}

// text is entries as "name: value" lines, sorted.
func (e Entry) text() string {
	var lines []string
	for _, a := range e.Attributes {
		if a.Values == nil {
			lines = append(lines, a.Name)
		}
		for _, v := range a.Values {
			lines = append(lines, a.Name+": "+string(v))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func find(t testing.TB, d *Directory, who Requester, req SearchRequest, filter string) (collected, error) {
	t.Helper()
	var err error
	if req.Filter, err = ParseFilter(filter); err != nil {
		t.Fatalf("filter %s: %v", filter, err)
	}
	var got collected
	err = d.Search(context.Background(), who, &req, &got)
	return got, err
}

// testConfig is the configuration of a directory whose folder is dir.
func testConfig(t testing.TB, dir string) Config {
	t.Helper()
	return Config{Suffixes: []string{"dc=example,dc=com"}, ACIs: openACIs}
}

// openACIs lets users read one another and use all operations, on top of
// DefaultACIs.
var openACIs = append(slices.Clone(DefaultACIs), usersReadACI,
	`(extop="*")(version 3.0; acl "operations"; allow (read) userdn="ldap:///all";)`,
	`(extop="1.3.6.1.4.1.30221.2.6.43")(version 3.0; acl "requirements"; allow (read) userdn="ldap:///anyone";)`)

const usersReadACI = `(targetattr="* || +")(version 3.0; acl "users read"; allow (read, search, compare) userdn="ldap:///all";)`
