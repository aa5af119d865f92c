package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func filter(t *testing.T, text string) *Filter {
	t.Helper()
	f, err := ParseFilter(text)
	if err != nil {
		t.Fatal(err)
	}
	return &f
}

// operate runs one operation of any kind.
func operate(d *Directory, who Requester, request any) (err error) {
	ctx := context.Background()
	switch req := request.(type) {
	case *SearchRequest:
		err = d.Search(ctx, who, req, new(collected))
	case *CompareRequest:
		_, err = d.Compare(ctx, who, req)
	case *AddRequest:
		err = d.Add(ctx, who, req)
	case *ModifyRequest:
		err = d.Modify(ctx, who, req)
	case *DeleteRequest:
		err = d.Delete(ctx, who, req)
	case *ModifyDNRequest:
		err = d.ModifyDN(ctx, who, req)
	}
	return err
}

// dump is all entries as text, timestamps apart.
func dump(t *testing.T, d *Directory) string {
	t.Helper()
	found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree, Attributes: []string{"*", "entryUUID", "modifiersName"}}, "(objectClass=*)")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range found {
		texts = append(texts, fmt.Sprintf("%s\n%s\n\n", e.DN, e.text()))
	}
	slices.Sort(texts) // entries come in the order in which they were made
	return strings.Join(texts, "")
}

// TestAssertion is RFC 4528, section 3: nothing is done unless the assertion
// is true of the entry.
func TestAssertion(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob")
	mustAdd(t, d, person("eve"), "objectClass: inetOrgPerson", "cn: Eve", "sn: x", "userPassword: secret")
	ann := person("ann")
	for _, row := range []struct {
		rule    string
		request func(*Filter) any
		yes, no string // assertions
	}{
		{"search: of the base object, not of what is found", func(f *Filter) any {
			return &SearchRequest{BaseObject: "ou=people,dc=example,dc=com", Scope: SingleLevel, Assertion: f}
		}, "(ou=people)", "(uid=ann)"},
		{"search of the root DSE", func(f *Filter) any { return &SearchRequest{Assertion: f} }, "(vendorName=tallystick)", "(vendorName=x)"},
		{"search above the naming contexts", func(f *Filter) any {
			return &SearchRequest{Scope: WholeSubtree, Assertion: f}
		}, "(vendorName=tallystick)", "(vendorName=x)"},
		{"search of the schema", func(f *Filter) any { return &SearchRequest{BaseObject: "cn=schema", Assertion: f} }, "(cn=schema)", "(cn=x)"},
		{"search of the audit log", func(f *Filter) any { return &SearchRequest{BaseObject: "cn=audit", Scope: SingleLevel, Assertion: f} }, "(cn=audit)", "(cn=x)"},
		{"compare", func(f *Filter) any {
			return &CompareRequest{Entry: ann, Attribute: "cn", Value: []byte("x"), Assertion: f}
		}, "(uid=ann)", "(uid=bob)"},
		{"compare in the root DSE", func(f *Filter) any { return &CompareRequest{Attribute: "vendorName", Value: []byte("x"), Assertion: f} }, "(vendorName=tallystick)", "(vendorName=x)"},
		{"compare in the audit log", func(f *Filter) any {
			return &CompareRequest{Entry: "cn=audit", Attribute: "cn", Value: []byte("x"), Assertion: f}
		}, "(cn=audit)", "(cn=x)"},
		{"add: of the entry as it shall be", func(f *Filter) any {
			return &AddRequest{Entry: person("new"), Attributes: attributes("objectClass: account"), ChangeControls: ChangeControls{Assertion: f}}
		}, "(uid=new)", "(uid=*x)"},
		{"modify: of the entry as it is", func(f *Filter) any {
			return &ModifyRequest{Object: ann, Changes: []Change{{ReplaceValues, attributes("sn: new")[0]}}, ChangeControls: ChangeControls{Assertion: f}}
		}, "(sn=example)", "(sn=new)"},
		{"rename: of the entry as it is", func(f *Filter) any {
			return &ModifyDNRequest{Entry: person("bob"), NewRDN: "uid=rob", ChangeControls: ChangeControls{Assertion: f}}
		}, "(uid=bob)", "(uid=rob)"},
		{"delete", func(f *Filter) any {
			return &DeleteRequest{Entry: person("rob"), ChangeControls: ChangeControls{Assertion: f}}
		}, "(hasSubordinates=FALSE)", "(hasSubordinates=TRUE)"},
		{"undefined is not true", func(f *Filter) any {
			return &CompareRequest{Entry: ann, Attribute: "cn", Value: []byte("x"), Assertion: f}
		}, "(!(uid=bob))", "(!(nonsense=x))"},
		{"secrets cannot be asked for", func(f *Filter) any {
			return &CompareRequest{Entry: person("eve"), Attribute: "cn", Value: []byte("x"), Assertion: f}
		}, "(!(userPassword=*))", "(userPassword=*)"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			before := dump(t, d)
			err := operate(d, root, row.request(filter(t, row.no)))
			if !errors.Is(err, AssertionFailed) || dump(t, d) != before {
				t.Errorf("%s: %v", row.no, err)
			}
			if err := operate(d, root, row.request(filter(t, row.yes))); err != nil {
				t.Errorf("%s: %v", row.yes, err)
			}
		})
	}
	if err := operate(d, root, &DeleteRequest{Entry: ann, ChangeControls: ChangeControls{Assertion: &Filter{Kind: FilterNot}}}); !errors.Is(err, ProtocolError) {
		t.Errorf("malformed: %v", err)
	}
}

// An assertion and the change it guards are one: of many that add one to a
// number that they have read, none is lost.
func TestAssertionIsAtomic(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	mustAdd(t, d, person("n"), "objectClass: inetOrgPerson", "cn: n", "sn: n", "employeeNumber: 0")
	const writers, each = 8, 5
	failed := make(chan error, writers)
	for range writers {
		go func() {
			for done := 0; done < each; {
				found, err := find(t, d, root, SearchRequest{BaseObject: person("n"), Attributes: []string{"employeeNumber"}}, "(objectClass=*)")
				if err != nil {
					failed <- err
					return
				}
				var n int
				fmt.Sscan(string(found[0].Attributes[0].Values[0]), &n)
				f, _ := ParseFilter(fmt.Sprintf("(employeeNumber=%d)", n))
				err = operate(d, root, &ModifyRequest{Object: person("n"), ChangeControls: ChangeControls{Assertion: &f},
					Changes: []Change{{ReplaceValues, attributes(fmt.Sprintf("employeeNumber: %d", n+1))[0]}}})
				switch {
				case err == nil:
					done++
				case !errors.Is(err, AssertionFailed):
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range writers {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	equal, err := d.Compare(context.Background(), root, &CompareRequest{Entry: person("n"), Attribute: "employeeNumber", Value: fmt.Append(nil, writers*each)})
	if err != nil || !equal {
		t.Errorf("increments were lost: %v", err)
	}
}

// TestReadEntry is RFC 4527: what an entry is before and after a change.
func TestReadEntry(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	read := func(names ...string) *ReadEntry { return &ReadEntry{Attributes: names} }
	text := func(r *ReadEntry) string {
		if r == nil {
			return ""
		}
		if r.Entry == nil {
			return "-"
		}
		return r.Entry.DN + "\n" + r.Entry.text()
	}
	ann, dept := person("ann"), "ou=dept,dc=example,dc=com"
	mustAdd(t, d, dept, "objectClass: organizationalUnit")
	for _, row := range []struct {
		rule      string
		request   any
		controls  ChangeControls
		code      ResultCode
		pre, post string
	}{
		{"add", &AddRequest{Entry: ann, Attributes: attributes("objectClass: inetOrgPerson", "cn: Ann", "sn: x", "userPassword: secret")},
			ChangeControls{PostRead: read("*", "entryDN", "userPassword")}, Success,
			"", ann + "\ncn: Ann\nentryDN: " + ann + "\nobjectClass: inetOrgPerson\nobjectClass: organizationalPerson\nobjectClass: person\nobjectClass: top\nsn: x\nuid: ann"},
		{"a modification that fails", &ModifyRequest{Object: ann, Changes: []Change{{DeleteValues, attributes("sn: y")[0]}}},
			ChangeControls{PreRead: read(), PostRead: read()}, NoSuchAttribute, "-", "-"},
		{"modify", &ModifyRequest{Object: ann, Changes: []Change{{ReplaceValues, attributes("sn: y")[0]}}},
			ChangeControls{PreRead: read("sn", "hasSubordinates"), PostRead: read("sn", "cn")}, Success,
			ann + "\nhasSubordinates: FALSE\nsn: x", ann + "\ncn: Ann\nsn: y"},
		{"no attributes", &ModifyRequest{Object: ann, Changes: []Change{{ReplaceValues, attributes("sn: z")[0]}}},
			ChangeControls{PreRead: read("1.1")}, Success, ann + "\n", ""},
		{"rename and move", &ModifyDNRequest{Entry: ann, NewRDN: "uid=anna", DeleteOldRDN: true, NewSuperior: &dept},
			ChangeControls{PreRead: read("uid"), PostRead: read("uid", "entryDN")}, Success,
			ann + "\nuid: ann", "uid=anna," + dept + "\nentryDN: uid=anna," + dept + "\nuid: anna"},
		{"delete", &DeleteRequest{Entry: "uid=anna," + dept},
			ChangeControls{PreRead: read("@person")}, Success, "uid=anna," + dept + "\ncn: Ann\nobjectClass: inetOrgPerson\nobjectClass: organizationalPerson\nobjectClass: person\nobjectClass: top\nsn: z", ""},
	} {
		switch r := row.request.(type) {
		case *AddRequest:
			r.ChangeControls = row.controls
		case *ModifyRequest:
			r.ChangeControls = row.controls
		case *DeleteRequest:
			r.ChangeControls = row.controls
		case *ModifyDNRequest:
			r.ChangeControls = row.controls
		}
		err := operate(d, root, row.request)
		pre, post := text(row.controls.PreRead), text(row.controls.PostRead)
		if Result(err).ResultCode != row.code || pre != row.pre || post != row.post {
			t.Errorf("%s: %v\nbefore: %s\nafter: %s", row.rule, err, pre, post)
		}
	}
}

// TestNoOp: the answer is what it would have been, or noOperation for success.
func TestNoOp(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann")
	ann, no := person("ann"), ChangeControls{NoOp: true, PostRead: &ReadEntry{}}
	before := dump(t, d)
	for _, row := range []struct {
		rule    string
		request any
		want    ResultCode
	}{
		{"add", &AddRequest{Entry: person("new"), Attributes: attributes("objectClass: account"), ChangeControls: no}, NoOperation},
		{"add what there is", &AddRequest{Entry: ann, Attributes: attributes("objectClass: account"), ChangeControls: no}, EntryAlreadyExists},
		{"modify", &ModifyRequest{Object: ann, Changes: []Change{{ReplaceValues, attributes("sn: y")[0]}}, ChangeControls: no}, NoOperation},
		{"modify a password", &ModifyRequest{Object: ann, Changes: []Change{{ReplaceValues, attributes("userPassword: y")[0]}}, ChangeControls: no}, NoOperation},
		{"modify badly", &ModifyRequest{Object: ann, Changes: []Change{{DeleteValues, attributes("sn: y")[0]}}, ChangeControls: no}, NoSuchAttribute},
		{"rename", &ModifyDNRequest{Entry: ann, NewRDN: "uid=x", ChangeControls: no}, NoOperation},
		{"delete", &DeleteRequest{Entry: ann, ChangeControls: no}, NoOperation},
		{"delete a subtree", &DeleteRequest{Entry: "dc=example,dc=com", Subtree: true, ChangeControls: no}, NoOperation},
		{"delete what is not a leaf", &DeleteRequest{Entry: "dc=example,dc=com", ChangeControls: no}, NotAllowedOnNonLeaf},
	} {
		if err := operate(d, root, row.request); Result(err).ResultCode != row.want {
			t.Errorf("%s: %v, want %v", row.rule, err, row.want)
		}
	}
	if after := dump(t, d); after != before {
		t.Errorf("something changed:\n%s", after)
	}
	if no.PostRead.Entry != nil {
		t.Errorf("read: %+v", no.PostRead.Entry)
	}
	h := newHouse(t)
	h.want("an administrator's reset of nothing", h.Modify(context.Background(), root, &ModifyRequest{Object: person("ann"),
		Changes: []Change{{ReplaceValues, attributes("userPassword: y")[0]}}, ChangeControls: no}), NoOperation)
	_, err := h.bind(person("ann"), secretWord)
	h.want("the old password", err, Success)
}

func TestPermissiveModify(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann")
	for _, row := range []struct {
		rule   string
		change Change
		want   ResultCode
		mail   string
	}{
		{"add a value that is there", Change{AddValues, attributes("mail: ANN@example.com")[0]}, Success, "ann@example.com"},
		{"add one that is there and one that is not", Change{AddValues, attributes("mail: ann@example.com", "mail: b@example.com")[0]}, Success, "ann@example.com,b@example.com"},
		{"delete one that is there and one that is not", Change{DeleteValues, attributes("mail: ann@example.com", "mail: c@example.com")[0]}, Success, "b@example.com"},
		{"delete values of an attribute that is not there", Change{DeleteValues, attributes("description: x")[0]}, Success, "b@example.com"},
		{"delete an attribute that is not there", Change{DeleteValues, Attribute{Name: "description"}}, Success, "b@example.com"},
		{"add the same value twice", Change{AddValues, attributes("mail: x@example.com", "mail: x@example.com")[0]}, AttributeOrValueExists, "b@example.com"},
		{"increment what is not there", Change{IncrementValues, attributes("uidNumber: 1")[0]}, NoSuchAttribute, "b@example.com"},
		{"delete a password that is not there", Change{DeleteValues, attributes("userPassword: x")[0]}, NoSuchAttribute, "b@example.com"},
		{"delete a value of the name", Change{DeleteValues, attributes("uid: ann")[0]}, NotAllowedOnRDN, "b@example.com"},
	} {
		err := operate(d, root, &ModifyRequest{Object: person("ann"), Changes: []Change{row.change}, Permissive: true})
		found, _ := find(t, d, root, SearchRequest{BaseObject: person("ann"), Attributes: []string{"mail"}}, "(objectClass=*)")
		var mail []string
		for _, v := range found[0].Attributes[0].Values {
			mail = append(mail, string(v))
		}
		if got := strings.Join(mail, ","); Result(err).ResultCode != row.want || got != row.mail {
			t.Errorf("%s: %v, %s", row.rule, err, got)
		}
	}
}

// TestSubtreeDelete: all of it goes, credentials included, or nothing.
func TestSubtreeDelete(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	secret := h.enrol("ann")
	h.activate("ann", secret)
	mustAdd(t, h.Directory, "ou=other,dc=example,dc=com", "objectClass: organizationalUnit")
	mustAdd(t, h.Directory, "ou=deep,"+"ou=people,dc=example,dc=com", "objectClass: organizationalUnit")
	mustAdd(t, h.Directory, "cn=x,ou=deep,ou=people,dc=example,dc=com", "objectClass: device")
	people := &DeleteRequest{Entry: "ou=people,dc=example,dc=com"}
	h.want("not asked for", h.Delete(ctx, root, people), NotAllowedOnNonLeaf)
	people.Subtree = true
	h.want("not allowed", h.Delete(ctx, Requester{DN: person("ann"), How: ByPassword}, people), InsufficientAccessRights)
	before := h.auditNext()
	h.want("delete", h.Delete(ctx, root, people), Success)
	found, err := find(t, h.Directory, root, SearchRequest{Scope: WholeSubtree}, "(objectClass=*)")
	if got := strings.Join(found.names(), " "); err != nil || got != "dc=example,dc=com ou=other,dc=example,dc=com" {
		t.Errorf("left: %s, %v", got, err)
	}
	if got := h.auditNext() - before; got != 1 {
		t.Errorf("%d audit records, want one of ann's credential", got)
	}
	h.want("the naming context", h.Delete(ctx, root, &DeleteRequest{Entry: "dc=example,dc=com", Subtree: true}), Success)
	// The end of a test checks that nothing of them is left in the store.
}

func TestSubtreeDeleteLimit(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	n := 0
	_, err := d.Apply(context.Background(), ImportSource{Next: func() (*ImportRecord, error) {
		if n == maxSubtree {
			return nil, io.EOF
		}
		n++
		return &ImportRecord{Request: &AddRequest{Entry: fmt.Sprintf("serialNumber=%d,ou=people,dc=example,dc=com", n), Attributes: attributes("objectClass: device", "cn: x")}}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	people := &DeleteRequest{Entry: "ou=people,dc=example,dc=com", Subtree: true}
	if err := d.Delete(context.Background(), root, people); !errors.Is(err, AdminLimitExceeded) {
		t.Errorf("one too many: %v", err)
	}
	if err := d.Delete(context.Background(), root, &DeleteRequest{Entry: "serialNumber=1,ou=people,dc=example,dc=com"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Delete(context.Background(), root, people); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
}

// An entry may be named by its entryUUID, and by no other.
func TestNameWithEntryUUID(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	read := &ReadEntry{Attributes: []string{"*", "entryUUID"}}
	add := &AddRequest{Entry: person("ann"), Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x", "description: x"), NameWithEntryUUID: true, ChangeControls: ChangeControls{PostRead: read}}
	if err := operate(d, root, add); err != nil {
		t.Fatal(err)
	}
	var id string
	for _, a := range read.Entry.Attributes {
		if a.Name == "entryUUID" {
			id = string(a.Values[0])
		}
	}
	dn := "entryUUID=" + id + ",ou=people,dc=example,dc=com"
	if want := "cn: x\ndescription: x\nentryUUID: " + id + "\nobjectClass: inetOrgPerson\nobjectClass: organizationalPerson\nobjectClass: person\nobjectClass: top\nsn: x"; read.Entry.DN != dn || read.Entry.text() != want {
		t.Errorf("%s\n%s", read.Entry.DN, read.Entry.text())
	}
	other := "entryUUID=6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	for _, row := range []struct {
		rule    string
		request any
		want    ResultCode
	}{
		{"modify", &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, attributes("description: y")[0]}}}, Success},
		{"name another so", &AddRequest{Entry: other + ",ou=people,dc=example,dc=com", Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x")}, NamingViolation},
		{"rename to another", &ModifyDNRequest{Entry: dn, NewRDN: other}, NamingViolation},
		{"rename", &ModifyDNRequest{Entry: dn, NewRDN: "uid=ann", DeleteOldRDN: true}, Success},
		{"rename back", &ModifyDNRequest{Entry: person("ann"), NewRDN: "entryUUID=" + strings.ToUpper(id)}, Success},
		{"a second of the same name", &AddRequest{Entry: person("ann"), Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x"), NameWithEntryUUID: true}, Success},
		{"below nothing", &AddRequest{Entry: "uid=x,ou=nowhere,dc=example,dc=com", Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x"), NameWithEntryUUID: true}, NoSuchObject},
		{"a naming context", &AddRequest{Entry: "dc=example,dc=com", Attributes: attributes("objectClass: domain", "dc: example"), NameWithEntryUUID: true}, NoSuchObject},
	} {
		if err := operate(d, root, row.request); Result(err).ResultCode != row.want {
			t.Errorf("%s: %v, want %v", row.rule, err, row.want)
		}
	}
	again := newDirectory(t)
	if err := load(t, again, export(t, d)); err != nil {
		t.Fatal(err)
	}
	if dump(t, again) != dump(t, d) {
		t.Errorf("after export and import:\n%s\nbefore:\n%s", dump(t, again), dump(t, d))
	}
}
