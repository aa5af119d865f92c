package directory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestAdd(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann")
	for _, test := range []struct {
		rule  string
		entry string
		attrs []string
		code  ResultCode
	}{
		{"a new leaf", person("bob"), []string{"objectClass: account"}, Success},
		{"values of the RDN need not be repeated", "cn=x+sn=y,ou=people,dc=example,dc=com", []string{"objectClass: person"}, Success},
		{"the same name in another spelling exists", "UID = Ann , OU=People,dc=EXAMPLE,dc=com", []string{"objectClass: account"}, EntryAlreadyExists},
		{"no parent", "uid=x,ou=nowhere,dc=example,dc=com", []string{"objectClass: account"}, NoSuchObject},
		{"another tree", "dc=example,dc=org", []string{"objectClass: domain"}, NoSuchObject},
		{"malformed name", "uid", []string{"objectClass: account"}, InvalidDNSyntax},
		{"no object class", person("eve"), []string{"cn: eve"}, ObjectClassViolation},
		{"nothing that a class demands", person("eve"), []string{"objectClass: person"}, ObjectClassViolation},
		{"an attribute that no class allows", person("eve"), []string{"objectClass: account", "mail: eve@example.com"}, ObjectClassViolation},
		{"an attribute that the schema does not define", person("eve"), []string{"objectClass: account", "shoeSize: 7"}, UndefinedAttributeType},
		{"a value twice", person("eve"), []string{"objectClass: account", "description: a", "description: A"}, AttributeOrValueExists},
		{"two values where one may be", person("eve"), []string{"objectClass: posixAccount", "uidNumber: 1", "uidNumber: 2"}, ConstraintViolation},
		{"a value of the wrong syntax", person("eve"), []string{"objectClass: posixAccount", "uidNumber: one"}, InvalidAttributeSyntax},
		{"an attribute the server keeps", person("eve"), []string{"objectClass: account", "entryUUID: 1b4db7eb-4057-5ddf-91e0-36dec72071f5"}, ConstraintViolation},
		{"a TOTP secret past the extended operations", person("eve"), []string{"objectClass: account", "ds-auth-totp-shared-secret: ABCDEFGHIJKLMNOP"}, UnwillingToPerform},
		{"a value of the wrong syntax in the name", "c=Utopia,dc=example,dc=com", []string{"objectClass: country"}, NamingViolation},
		{"an empty value in the name", "uid=,ou=people,dc=example,dc=com", []string{"objectClass: account"}, NamingViolation},
		{"a name that the server keeps", "createTimestamp=20200101000000Z,dc=example,dc=com", []string{"objectClass: account"}, NamingViolation},
		{"a name that is secret", "userPassword=x,dc=example,dc=com", []string{"objectClass: account"}, NamingViolation},
		{"an attribute name without end", person("eve"), []string{"objectClass: account", strings.Repeat("x", 513) + ": x"}, InvalidAttributeSyntax},
		{"a malformed attribute name", person("eve"), []string{"objectClass: account", "a b: x"}, InvalidAttributeSyntax},
		{"the schema", "cn=schema", []string{"objectClass: top"}, EntryAlreadyExists},
		{"the root DSE", "", []string{"objectClass: top"}, EntryAlreadyExists},
	} {
		err := d.Add(ctx, root, &AddRequest{Entry: test.entry, Attributes: attributes(test.attrs...)})
		if Result(err).ResultCode != test.code {
			t.Errorf("%s: %v, want %v", test.rule, err, test.code)
		}
	}
	err := d.Add(ctx, root, &AddRequest{Entry: "uid=x,ou=a,ou=b,ou=people,dc=example,dc=com", Attributes: attributes("objectClass: account")})
	if got := Result(err).MatchedDN; got != "ou=people,dc=example,dc=com" {
		t.Errorf("matchedDN %q, want the deepest entry that exists", got)
	}
}

func TestModify(t *testing.T) {
	ctx := context.Background()
	change := func(op ChangeOperation, name string, values ...string) Change {
		c := Change{op, Attribute{Name: name}}
		for _, v := range values {
			c.Attribute.Values = append(c.Attribute.Values, []byte(v))
		}
		return c
	}
	for _, test := range []struct {
		rule    string
		changes []Change
		code    ResultCode
		after   string // value lines of telephoneNumber and uidNumber
	}{
		{"add to what is there", []Change{change(AddValues, "telephoneNumber", "+1 1")}, Success, "telephoneNumber: +1 1\ntelephoneNumber: +1 2\nuidNumber: 7"},
		{"add what is there, in another spelling", []Change{change(AddValues, "telephoneNumber", "+12")}, AttributeOrValueExists, ""},
		{"delete one value", []Change{change(DeleteValues, "telephoneNumber", "+1-2")}, Success, "uidNumber: 7"},
		{"delete a value that is not there", []Change{change(DeleteValues, "telephoneNumber", "+1 3")}, NoSuchAttribute, ""},
		{"delete a value twice", []Change{change(DeleteValues, "telephoneNumber", "+1 2", "+12")}, NoSuchAttribute, ""},
		{"delete all", []Change{change(DeleteValues, "telephoneNumber")}, Success, "uidNumber: 7"},
		{"delete an attribute that is not there", []Change{change(DeleteValues, "mobile")}, NoSuchAttribute, ""},
		{"replace", []Change{change(ReplaceValues, "telephoneNumber", "+1 9")}, Success, "telephoneNumber: +1 9\nuidNumber: 7"},
		{"replace by nothing", []Change{change(ReplaceValues, "telephoneNumber")}, Success, "uidNumber: 7"},
		{"replace what is not there by nothing", []Change{change(ReplaceValues, "mobile")}, Success, "telephoneNumber: +1 2\nuidNumber: 7"},
		{"increment", []Change{change(IncrementValues, "uidNumber", "5")}, Success, "telephoneNumber: +1 2\nuidNumber: 12"},
		{"increment downwards", []Change{change(IncrementValues, "uidNumber", "-10")}, Success, "telephoneNumber: +1 2\nuidNumber: -3"},
		{"increment what is no number", []Change{change(IncrementValues, "telephoneNumber", "1")}, ConstraintViolation, ""},
		{"increment what is not there", []Change{change(IncrementValues, "shadowMax", "1")}, NoSuchAttribute, ""},
		{"changes are made in order", []Change{change(DeleteValues, "telephoneNumber"), change(AddValues, "telephoneNumber", "+1 2")}, Success, "telephoneNumber: +1 2\nuidNumber: 7"},
		{"all or none", []Change{change(DeleteValues, "telephoneNumber"), change(DeleteValues, "mobile")}, NoSuchAttribute, ""},
		{"the name's value stays", []Change{change(ReplaceValues, "uid", "other")}, NotAllowedOnRDN, ""},
		{"only one value", []Change{change(AddValues, "uidNumber", "8")}, ConstraintViolation, ""},
		{"something that is demanded", []Change{change(DeleteValues, "sn")}, ObjectClassViolation, ""},
		{"a class whose attributes are there", []Change{change(DeleteValues, "objectClass", "posixAccount")}, ObjectClassViolation, ""},
		{"a class without what it demands", []Change{change(AddValues, "objectClass", "oathTOTPUser")}, ObjectClassViolation, ""},
		{"another structural class", []Change{change(AddValues, "objectClass", "account")}, ObjectClassViolation, ""},
		{"no class left", []Change{change(DeleteValues, "objectClass")}, ObjectClassViolation, ""},
		{"what the server keeps", []Change{change(ReplaceValues, "modifyTimestamp", "20200101000000Z")}, ConstraintViolation, ""},
		{"add nothing", []Change{change(AddValues, "mobile")}, InvalidAttributeSyntax, ""},
		{"an operation there is not", []Change{change(9, "mobile", "+1 1")}, ProtocolError, ""},
	} {
		t.Run(test.rule, func(t *testing.T) {
			d := newDirectory(t)
			addPeople(t, d)
			mustAdd(t, d, person("ann"), "objectClass: inetOrgPerson", "objectClass: posixAccount", "cn: ann", "sn: x", "gidNumber: 1", "homeDirectory: /", "telephoneNumber: +1 2", "uidNumber: 7")
			err := d.Modify(ctx, root, &ModifyRequest{Object: person("ann"), Changes: test.changes})
			if Result(err).ResultCode != test.code {
				t.Fatalf("%v, want %v", err, test.code)
			}
			want := test.after
			if want == "" {
				want = "telephoneNumber: +1 2\nuidNumber: 7"
			}
			got, err := find(t, d, root, SearchRequest{BaseObject: person("ann"), Attributes: []string{"telephoneNumber", "uidNumber"}}, "(objectClass=*)")
			if err != nil || len(got) != 1 {
				t.Fatalf("search: %v, %d entries", err, len(got))
			}
			if got[0].text() != want {
				t.Errorf("the entry has\n%s\nwant\n%s", got[0].text(), want)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann")
	for _, test := range []struct {
		rule, entry string
		code        ResultCode
	}{
		{"an entry with others below it", "ou=people,dc=example,dc=com", NotAllowedOnNonLeaf},
		{"an entry that does not exist", person("bob"), NoSuchObject},
		{"a leaf", person("ann"), Success},
		{"the same again", person("ann"), NoSuchObject},
		{"a leaf now", "ou=people,dc=example,dc=com", Success},
		{"a naming context", "dc=example,dc=com", Success},
		{"the root DSE", "", UnwillingToPerform},
		{"the schema", "cn=schema", UnwillingToPerform},
	} {
		if err := d.Delete(ctx, root, &DeleteRequest{Entry: test.entry}); Result(err).ResultCode != test.code {
			t.Errorf("%s: %v, want %v", test.rule, err, test.code)
		}
	}
}

func TestModifyDN(t *testing.T) {
	people, staff, below := "ou=people,dc=example,dc=com", "ou=staff,dc=example,dc=com", "ou=below,ou=people,dc=example,dc=com"
	nowhere := "ou=nowhere,dc=example,dc=com"
	for _, test := range []struct {
		rule      string
		entry     string
		rdn       string
		deleteOld bool
		superior  *string
		code      ResultCode
		names     []string // all that is below the naming context afterwards; nil: as before
	}{
		{"rename, keeping the old value", person("ann"), "uid=eve", false, nil, Success,
			[]string{below, people, staff, "uid=bob," + below, "uid=eve," + people}},
		{"rename to another attribute", person("ann"), "cn=Eve", true, nil, Success,
			[]string{"cn=Eve," + people, below, people, staff, "uid=bob," + below}},
		{"a name that the server keeps", person("ann"), "entryUUID=1b4db7eb-4057-5ddf-91e0-36dec72071f5", false, nil, NamingViolation, nil},
		{"two attributes", person("ann"), "uid=ann+sn=Example", true, nil, Success,
			[]string{below, people, staff, "uid=ann+sn=Example," + people, "uid=bob," + below}},
		{"change the spelling of a name", person("ann"), "uid=ANN", true, nil, Success,
			[]string{below, people, staff, "uid=ANN," + people, "uid=bob," + below}},
		{"move", person("ann"), "uid=ann", false, &staff, Success,
			[]string{below, people, staff, "uid=ann," + staff, "uid=bob," + below}},
		{"move with all that is below", below, "ou=below", false, &staff, Success,
			[]string{"ou=below," + staff, people, staff, "uid=ann," + people, "uid=bob,ou=below," + staff}},
		{"onto an entry that exists", person("ann"), "ou=below", false, nil, EntryAlreadyExists, nil},
		{"below itself", people, "ou=people", false, &below, UnwillingToPerform, nil},
		{"to a parent that does not exist", person("ann"), "uid=ann", false, &nowhere, NoSuchObject, nil},
		{"an entry that does not exist", person("eve"), "uid=x", false, nil, NoSuchObject, nil},
		{"a naming context", "dc=example,dc=com", "dc=x", false, nil, UnwillingToPerform, nil},
		{"a malformed name", person("ann"), "uid", false, nil, InvalidDNSyntax, nil},
		{"more than one RDN", person("ann"), "uid=a,ou=b", false, nil, InvalidDNSyntax, nil},
	} {
		t.Run(test.rule, func(t *testing.T) {
			d := newDirectory(t)
			addPeople(t, d, "ann")
			mustAdd(t, d, staff, "objectClass: organizationalUnit")
			mustAdd(t, d, below, "objectClass: organizationalUnit")
			mustAdd(t, d, "uid=bob,"+below, "objectClass: account")
			err := d.ModifyDN(context.Background(), root, &ModifyDNRequest{Entry: test.entry, NewRDN: test.rdn, DeleteOldRDN: test.deleteOld, NewSuperior: test.superior})
			if Result(err).ResultCode != test.code {
				t.Fatalf("%v, want %v", err, test.code)
			}
			want := test.names
			if want == nil {
				want = []string{below, people, staff, "uid=ann," + people, "uid=bob," + below}
			}
			got, err := find(t, d, root, SearchRequest{BaseObject: "dc=example,dc=com", Scope: SubordinateSubtree}, "(objectClass=*)")
			slices.Sort(want)
			if err != nil || !slices.Equal(got.names(), want) {
				t.Errorf("%v %q, want %q", err, got.names(), want)
			}
			if test.rule == "rename to another attribute" {
				if got, err := find(t, d, root, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(uid=ann)"); err != nil || len(got) != 0 {
					t.Errorf("the old value is still found: %v %v", got.names(), err)
				}
			}
		})
	}
}

func TestAccess(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob")
	mustAdd(t, d, person("admin"), "objectClass: inetOrgPerson", "cn: x", "sn: x", "ds-privilege-name: bypass-acl", "ds-privilege-name: password-reset", "userPassword: secret")
	mustAdd(t, d, person("help"), "objectClass: account", "ds-privilege-name: password-reset")
	anonymous, ann, admin, help := Requester{}, Requester{DN: person("ann"), How: ByPassword}, Requester{DN: person("admin"), How: ByPassword}, Requester{DN: person("help"), How: ByPassword}
	setPassword := func(who Requester, dn string) error {
		return d.Modify(ctx, who, &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, attributes("userPassword: new password 1")[0]}}})
	}
	describe := func(who Requester, dn string) error {
		return d.Modify(ctx, who, &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, attributes("description: x")[0]}}})
	}
	look := func(who Requester, base string) error {
		_, err := find(t, d, who, SearchRequest{BaseObject: base}, "(objectClass=*)")
		return err
	}
	compare := func(who Requester, dn string) error {
		_, err := d.Compare(ctx, who, &CompareRequest{Entry: dn, Attribute: "cn", Value: []byte("x")})
		return err
	}
	stranger := Requester{DN: "gidNumber=7+uidNumber=7,cn=peercred,cn=external,cn=auth", How: ByTransport}
	for _, test := range []struct {
		rule string
		err  error
		code ResultCode
	}{
		{"anybody reads the root DSE", look(anonymous, ""), Success},
		{"anybody reads the schema", look(anonymous, "cn=schema"), Success},
		{"strangers read no entries", look(anonymous, person("ann")), InsufficientAccessRights},
		{"strangers do not learn what exists", look(anonymous, person("nobody")), InsufficientAccessRights},
		{"users read entries", look(ann, person("bob")), Success},
		{"so they do by the transport", look(Requester{DN: person("ann"), How: ByTransport}, person("bob")), Success},
		{"local users without entry read none", look(stranger, person("ann")), InsufficientAccessRights},
		{"local users without entry compare nothing", compare(stranger, person("ann")), InsufficientAccessRights},
		{"strangers compare nothing", compare(anonymous, person("ann")), InsufficientAccessRights},
		{"users change their own password", setPassword(ann, person("ann")), Success},
		{"users do not change others' passwords", setPassword(ann, person("bob")), InsufficientAccessRights},
		{"users change nothing else of themselves", describe(ann, person("ann")), InsufficientAccessRights},
		{"administrators change entries", describe(admin, person("ann")), Success},
		{"administrators change passwords", setPassword(admin, person("ann")), Success},
		{"password-reset changes passwords", setPassword(help, person("bob")), Success},
		{"password-reset does not take over administrators", setPassword(help, person("admin")), InsufficientAccessRights},
		{"password-reset changes nothing else", describe(help, person("bob")), InsufficientAccessRights},
		{"users add nothing", d.Add(ctx, ann, &AddRequest{Entry: person("x"), Attributes: attributes("objectClass: account")}), InsufficientAccessRights},
		{"users delete nothing", d.Delete(ctx, ann, &DeleteRequest{Entry: person("nobody")}), InsufficientAccessRights},
		{"users rename nothing", d.ModifyDN(ctx, ann, &ModifyDNRequest{Entry: person("ann"), NewRDN: "uid=x", DeleteOldRDN: true, NewSuperior: nil}), InsufficientAccessRights},
		{"strangers add nothing", d.Add(ctx, anonymous, &AddRequest{Entry: person("x"), Attributes: attributes("objectClass: account")}), InsufficientAccessRights},
	} {
		if Result(test.err).ResultCode != test.code {
			t.Errorf("%s: %v, want %v", test.rule, test.err, test.code)
		}
	}
	for _, who := range []Requester{ann, admin, root} {
		got, err := find(t, d, who, SearchRequest{BaseObject: person("admin"), Attributes: []string{"*", "+", "userPassword"}}, "(objectClass=*)")
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v, %d entries", who.DN, err, len(got))
		}
		if slices.ContainsFunc(got[0].Attributes, func(a Attribute) bool { return a.Name == "userPassword" }) {
			t.Errorf("%s reads a password", who.DN)
		}
		if got, _ := find(t, d, who, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(userPassword=*)"); len(got) != 0 {
			t.Errorf("%s finds entries by their password: %q", who.DN, got.names())
		}
		if _, err := d.Compare(ctx, who, &CompareRequest{Entry: person("admin"), Attribute: "userPassword", Value: []byte("secret")}); !errors.Is(err, InsufficientAccessRights) {
			t.Errorf("%s compares a password: %v", who.DN, err)
		}
	}
}

func TestCompare(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann")
	for _, test := range []struct {
		rule, entry, attribute, value string
		equal                         bool
		code                          ResultCode
	}{
		{"equal by the matching rule", person("ann"), "CN", "ann  EXAMPLE", true, Success},
		{"not equal", person("ann"), "cn", "bob", false, Success},
		{"by a supertype", person("ann"), "name", "Ann Example", true, Success},
		{"an operational attribute", person("ann"), "entryDN", "UID=ANN,ou=people,dc=example,dc=com", true, Success},
		{"an attribute the entry has not", person("ann"), "mobile", "+1", false, NoSuchAttribute},
		{"an unknown attribute", person("ann"), "shoeSize", "44", false, UndefinedAttributeType},
		{"a value of the wrong syntax", person("ann"), "hasSubordinates", "maybe", false, InvalidAttributeSyntax},
		{"an entry that does not exist", person("bob"), "cn", "bob", false, NoSuchObject},
		{"the root DSE", "", "namingContexts", "DC=example, DC=com", true, Success},
	} {
		equal, err := d.Compare(context.Background(), root, &CompareRequest{Entry: test.entry, Attribute: test.attribute, Value: []byte(test.value)})
		if equal != test.equal || Result(err).ResultCode != test.code {
			t.Errorf("%s: %v %v, want %v %v", test.rule, equal, err, test.equal, test.code)
		}
	}
}

// A transaction may run again: it must not change the request.
func TestModifyTwiceInOneRequest(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann")
	req := ModifyRequest{Object: person("ann"), Changes: []Change{
		{AddValues, attributes("description: a", "description: b")[0]},
		{DeleteValues, attributes("description: a")[0]},
		{AddValues, attributes("objectClass: extensibleObject")[0]},
		{ReplaceValues, attributes("uidNumber: 1")[0]},
		{IncrementValues, attributes("uidNumber: 1")[0]},
	}}

	if err := d.Modify(context.Background(), root, &req); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s %s", req.Changes[0].Attribute.Values, req.Changes[3].Attribute.Values); got != "[a b] [1]" {
		t.Errorf("the request became %s", got)
	}
}

// What the store does not take is too much, not a fault of the server.
func TestEntryTooLarge(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	var many []Attribute
	for i := range maxAttributes + 1 {
		many = append(many, Attribute{fmt.Sprint("a", i), [][]byte{[]byte("x")}})
	}
	for rule, req := range map[string]*AddRequest{
		"attributes": {Entry: person("c"), Attributes: many},
		"a value":    {Entry: person("a"), Attributes: append(attributes("objectClass: inetOrgPerson", "cn: x", "sn: x"), Attribute{"jpegPhoto", [][]byte{make([]byte, 2<<20)}})},
		"the index":  {Entry: person("b"), Attributes: append(attributes("objectClass: inetOrgPerson", "sn: x"), Attribute{"cn", [][]byte{[]byte(randomText(900_000))}})},
	} {
		if err := d.Add(context.Background(), root, req); !errors.Is(err, AdminLimitExceeded) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func randomText(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(rand.IntN(26))
	}
	return string(b)
}
