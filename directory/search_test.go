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

func TestSearchScope(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob")
	base, people := "dc=example,dc=com", "ou=people,dc=example,dc=com"
	for _, test := range []struct {
		base   string
		scope  Scope
		filter string
		names  []string
		code   ResultCode
	}{
		{base, BaseObject, "(objectClass=*)", []string{base}, Success},
		{base, SingleLevel, "(objectClass=*)", []string{people}, Success},
		{base, WholeSubtree, "(objectClass=*)", []string{base, people, person("ann"), person("bob")}, Success},
		{base, SubordinateSubtree, "(objectClass=*)", []string{people, person("ann"), person("bob")}, Success},
		{people, WholeSubtree, "(objectClass=*)", []string{people, person("ann"), person("bob")}, Success},
		{person("ann"), WholeSubtree, "(objectClass=*)", []string{person("ann")}, Success},
		{person("ann"), SingleLevel, "(objectClass=*)", nil, Success},
		{"", WholeSubtree, "(uid=ann)", []string{person("ann")}, Success},
		{"", SingleLevel, "(objectClass=*)", []string{base}, Success},
		{person("ann"), WholeSubtree, "(uid=bob)", nil, Success},
		{people, BaseObject, "(uid=ann)", nil, Success},
		{base, SingleLevel, "(uid=ann)", nil, Success},
		{people, SingleLevel, "(uid=ann)", []string{person("ann")}, Success},
		{person("eve"), BaseObject, "(objectClass=*)", nil, NoSuchObject},
		{"dc=example,dc=org", WholeSubtree, "(objectClass=*)", nil, NoSuchObject},
		{"uid", WholeSubtree, "(objectClass=*)", nil, InvalidDNSyntax},
		{base, 7, "(objectClass=*)", nil, ProtocolError},
		{"cn=schema", BaseObject, "(objectClass=subschema)", []string{"cn=schema"}, Success},
		{"CN=Schema", WholeSubtree, "(objectClass=*)", []string{"cn=schema"}, Success},
		{"", BaseObject, "(objectClass=*)", []string{""}, Success},
	} {
		got, err := find(t, d, root, SearchRequest{BaseObject: test.base, Scope: test.scope}, test.filter)
		if Result(err).ResultCode != test.code || !slices.Equal(got.names(), test.names) && len(got)+len(test.names) > 0 {
			t.Errorf("%q scope %d %s: %v %q, want %v %q", test.base, test.scope, test.filter, err, got.names(), test.code, test.names)
		}
	}
}

func TestSearchSelection(t *testing.T) {
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	d := newDirectory(t, func(c *Config) { c.Now = func() time.Time { return now } })
	addPeople(t, d)
	mustAdd(t, d, person("ann"), "objectClass: person", "objectClass: extensibleObject", "objectClass: top", "cn: Ann", "cn;lang-de: Anne", "sn: Lee", "userPassword: secret")
	user := "cn: Ann\ncn;lang-de: Anne\nobjectClass: extensibleObject\nobjectClass: person\nobjectClass: top\nsn: Lee\nuid: ann"
	for _, test := range []struct {
		rule       string
		attributes []string
		typesOnly  bool
		want       string
	}{
		{"nothing asked for: user attributes", nil, false, user},
		{"*: user attributes", []string{"*"}, false, user},
		{"1.1: none", []string{"1.1"}, false, ""},
		{"1.1 among others is passed over", []string{"1.1", "sn"}, false, "sn: Lee"},
		{"a name, in any case, with its options", []string{"CN"}, false, "cn: Ann\ncn;lang-de: Anne"},
		{"an OID", []string{"2.5.4.4"}, false, "sn: Lee"},
		{"a supertype brings its subtypes", []string{"name"}, false, "cn: Ann\ncn;lang-de: Anne\nsn: Lee"},
		{"an option asks for just that", []string{"cn;lang-de"}, false, "cn;lang-de: Anne"},
		{"an unknown name", []string{"shoeSize"}, false, ""},
		{"a class brings its attributes", []string{"@person"}, false, user[:strings.Index(user, "\nuid")]},
		{"types only", []string{"sn", "uid"}, true, "sn\nuid"},
		{"a secret is never there", []string{"userPassword", "sn"}, false, "sn: Lee"},
		{"an operational attribute by name", []string{"createTimestamp", "creatorsName", "structuralObjectClass", "hasSubordinates", "subschemaSubentry"}, false,
			"createTimestamp: 20261122080000Z\ncreatorsName: cn=Directory Manager\nhasSubordinates: FALSE\nstructuralObjectClass: person\nsubschemaSubentry: cn=schema"},
	} {
		got, err := find(t, d, root, SearchRequest{BaseObject: person("ann"), Attributes: test.attributes, TypesOnly: test.typesOnly}, "(objectClass=*)")
		if err != nil || len(got) != 1 || got[0].text() != test.want {
			t.Errorf("%s: %v\n%v\nwant\n%s", test.rule, err, got, test.want)
		}
	}
	got, err := find(t, d, root, SearchRequest{BaseObject: person("ann"), Attributes: []string{"+"}}, "(&(entryDN=UID=ann,OU=people,dc=example,dc=com)(createTimestamp>=20261122000000Z)(hasSubordinates=FALSE))")
	if err != nil || len(got) != 1 {
		t.Fatalf("filter on operational attributes: %v, %d entries", err, len(got))
	}
	if strings.Contains(got[0].text(), "sn:") || !strings.Contains(got[0].text(), "entryUUID: ") {
		t.Errorf("+ brings\n%s", got[0].text())
	}
}

func TestSearchLimits(t *testing.T) {
	d := newDirectory(t, func(c *Config) { c.SizeLimit = 3 })
	addPeople(t, d, "a", "b", "c", "d", "e")
	user := Requester{DN: person("a"), How: ByPassword}
	for _, test := range []struct {
		rule string
		who  Requester
		size int
		sent int
		code ResultCode
	}{
		{"the request's limit", root, 2, 2, SizeLimitExceeded},
		{"no limit", root, 0, 5, Success},
		{"a limit that is not reached", root, 5, 5, Success},
		{"the server's limit", user, 0, 3, SizeLimitExceeded},
		{"the server's limit is the lower one", user, 4, 3, SizeLimitExceeded},
		{"the request's limit is the lower one", user, 1, 1, SizeLimitExceeded},
	} {
		got, err := find(t, d, test.who, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, SizeLimit: test.size}, "(uid=*)")
		if len(got) != test.sent || Result(err).ResultCode != test.code {
			t.Errorf("%s: %d entries, %v; want %d, %v", test.rule, len(got), err, test.sent, test.code)
		}
	}
}

// slowWriter takes its time with each entry.
type slowWriter struct{ sent int }

func (w *slowWriter) WriteEntry(*Entry) error {
	w.sent++
	time.Sleep(5 * time.Millisecond)
	return nil
}

func TestSearchEnds(t *testing.T) {
	d := newDirectory(t)
	loadPeople(t, d, 500)
	req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, TimeLimit: 1}
	w := new(slowWriter)
	if err := d.Search(context.Background(), root, &req, w); !errors.Is(err, TimeLimitExceeded) || w.sent == 0 || w.sent > 400 {
		t.Errorf("time limit of a second: %v after %d entries", err, w.sent)
	}
	ctx, cancel := context.WithCancel(context.Background())
	slow := 0
	ctx = WithSlow(ctx, func() { slow++; cancel() })
	req.TimeLimit = 0
	w = new(slowWriter)
	if err := d.Search(ctx, root, &req, w); !errors.Is(err, context.Canceled) || w.sent > 200 {
		t.Errorf("a search that is given up: %v after %d entries", err, w.sent)
	}
	if slow == 0 {
		t.Error("a search of everything did not say that it is slow")
	}
}

// TestIndexAgrees compares what the indexes find with what looking at every
// entry finds, for random entries, changes and filters.
func TestIndexAgrees(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	d := newDirectory(t)
	addPeople(t, d)
	words := []string{"Ann", "ann  lee", "Bob", "bö", "Straße", "anna", "an", "x", "Lee Ann", "ba", "aaa", "aaaa"}
	word := func() string { return words[rnd.IntN(len(words))] }
	ctx := context.Background()
	var loaded []Entry
	for i := range 120 { // some added, some loaded
		lines := []string{"objectClass: inetOrgPerson", "cn: " + word(), "sn: " + word(), "mail: " + strings.NewReplacer(" ", "", "ö", "oe", "ß", "ss").Replace(word()) + "@x.org"}
		if dn := person(fmt.Sprint("u", i)); i%3 == 0 {
			mustAdd(t, d, dn, lines...)
		} else {
			loaded = append(loaded, Entry{dn, attributes(lines...)})
		}
	}
	mustLoad(t, d, loaded[:40]...)
	mustLoad(t, d, loaded[40:]...)
	for range 60 {
		dn := person(fmt.Sprint("u", rnd.IntN(120)))
		var err error
		switch rnd.IntN(4) {
		case 0:
			err = d.Delete(ctx, root, &DeleteRequest{Entry: dn})
		case 1:
			err = d.ModifyDN(ctx, root, &ModifyDNRequest{Entry: dn, NewRDN: fmt.Sprint("uid=v", rnd.IntN(1e6)), DeleteOldRDN: rnd.IntN(2) == 0})
		default:
			err = d.Modify(ctx, root, &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, attributes("cn: " + word())[0]}, {ReplaceValues, attributes("description;lang-en: " + word())[0]}}})
		}
		if err != nil && !errors.Is(err, NoSuchObject) {
			t.Fatal(err)
		}
	}
	pieces := []string{"a", "an", "ann", "Ann", " ", "lee", "le", "ö", "ß", "straße", "aa", "b", "@x", "org"}
	piece := func() string { return pieces[rnd.IntN(len(pieces))] }
	attribute := func() string {
		return []string{"cn", "sn", "mail", "uid", "name", "objectClass", "description"}[rnd.IntN(7)]
	}
	var filter func(depth int) string
	filter = func(depth int) string {
		a := attribute()
		switch n := rnd.IntN(9); {
		case n == 0 && depth > 0:
			return "(&" + filter(depth-1) + filter(depth-1) + ")"
		case n == 1 && depth > 0:
			return "(|" + filter(depth-1) + filter(depth-1) + ")"
		case n == 2 && depth > 0:
			return "(!" + filter(depth-1) + ")"
		case n == 3:
			return "(" + a + "=" + piece() + "*)"
		case n == 4:
			return "(" + a + "=*" + piece() + ")"
		case n == 5:
			return "(" + a + "=*" + piece() + "*" + piece() + "*)"
		case n == 6:
			return "(" + a + "=*)"
		case n == 7:
			return "(uid=u" + fmt.Sprint(rnd.IntN(120)) + ")"
		default:
			return "(" + a + "=" + word() + ")"
		}
	}
	for range 400 {
		text := filter(2)
		req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}
		byIndex, err := find(t, d, root, req, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		// What a Not holds is not planned for, so this looks at every entry.
		byScan, err := find(t, d, root, req, "(!(!"+text+"))")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !slices.Equal(byIndex.names(), byScan.names()) {
			t.Fatalf("%s: the index finds %q, a scan %q", text, byIndex.names(), byScan.names())
		}
	}
}

// RFC 4522 and RFC 4523, section 2: certificates are sent with the option binary,
// whoever wrote or asks for them with or without it.
func TestBinaryOption(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	for i, name := range []string{"userCertificate", "userCertificate;binary", "usercertificate;BINARY;x-new"} {
		who := person(fmt.Sprint(i))
		mustAdd(t, d, who, "objectClass: inetOrgPerson", "cn: x", "sn: x", name+": \x30\x00")
		for _, asked := range []string{"userCertificate", "userCertificate;binary", "*"} {
			found, err := find(t, d, root, SearchRequest{BaseObject: who, Attributes: []string{asked}}, "(userCertificate;binary=*)")
			if err != nil || len(found) != 1 {
				t.Fatalf("%s: %d entries, %v", name, len(found), err)
			}
			got := ""
			for _, a := range found[0].Attributes {
				if strings.HasPrefix(strings.ToLower(a.Name), "usercertificate") {
					got += a.Name
				}
			}
			want := name
			if i == 0 {
				want += ";binary"
			}
			if got != want {
				t.Errorf("%s, asked for as %s: %q", name, asked, got)
			}
		}
	}
	change := func(op ChangeOperation, name, value string) error {
		return d.Modify(t.Context(), root, &ModifyRequest{Object: person("0"), Changes: []Change{{op, Attribute{Name: name, Values: [][]byte{[]byte(value)}}}}})
	}
	if err := change(AddValues, "userCertificate", "\x30\x00"); Result(err).ResultCode != AttributeOrValueExists {
		t.Errorf("the same value without the option: %v", err)
	}
	if err := change(AddValues, "userCertificate", "\x30\x01\x00"); err != nil {
		t.Error(err)
	}
	if err := change(DeleteValues, "userCertificate;binary", "\x30\x01\x00"); err != nil {
		t.Error(err)
	}
}
