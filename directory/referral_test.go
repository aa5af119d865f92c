package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mnn is the server hosta of RFC 3296, section 5.1.
func mnn(t *testing.T, change ...func(*Config)) *Directory {
	d := newDirectory(t, append(change, func(c *Config) { c.Suffixes = []string{"o=MNN,c=WW"} })...)
	mustAdd(t, d, "o=MNN,c=WW", "objectClass: organization")
	mustAdd(t, d, "cn=Manager,o=MNN,c=WW", "objectClass: person", "sn: Manager")
	mustAdd(t, d, "ou=People,o=MNN,c=WW", "objectClass: referral", "objectClass: extensibleObject",
		"ref: ldap://hostb/OU=People,O=MNN,C=US", "ref: ldap://hostc/OU=People,O=MNN,C=US")
	mustAdd(t, d, "ou=Roles,o=MNN,c=WW", "objectClass: referral", "objectClass: extensibleObject", "ref: ldap://hostd/OU=Roles,O=MNN,C=WW")
	return d
}

// referred collects what a search sends.
type referred struct {
	collected
	references []string
}

func (r *referred) WriteReference(uris []string) error {
	r.references = append(r.references, strings.Join(uris, " "))
	return nil
}

// TestReferral is RFC 3296, section 5, by its examples.
func TestReferral(t *testing.T) {
	const people, roles = "ou=People,o=MNN,c=WW", "ou=Roles,o=MNN,c=WW"
	describe := func(dn string) *ModifyRequest {
		return &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, attributes("description: x")[0]}}}
	}
	superior := func(dn string) *string { return &dn }
	everything := Filter{Kind: FilterPresent, Attribute: "objectClass"}
	for _, tt := range []struct {
		name    string
		request any
		want    ResultCode
		uris    string // in any order
	}{
		{"5.2 case 1: in no naming context", describe("o=other"), NoSuchObject, ""},
		{"5.2 case 2: a referral object", describe(people), Referral, "ldap://hostb/OU=People,O=MNN,C=US ldap://hostc/OU=People,O=MNN,C=US"},
		{"5.2 case 2: added", &AddRequest{Entry: roles, Attributes: attributes("objectClass: organizationalUnit")}, Referral, "ldap://hostd/OU=Roles,O=MNN,C=WW"},
		{"5.2 case 2: deleted", &DeleteRequest{Entry: roles}, Referral, "ldap://hostd/OU=Roles,O=MNN,C=WW"},
		{"5.2 case 2: compared", &CompareRequest{Entry: roles, Attribute: "ou", Value: []byte("x")}, Referral, "ldap://hostd/OU=Roles,O=MNN,C=WW"},
		{"5.2 case 2: renamed", &ModifyDNRequest{Entry: roles, NewRDN: "ou=x"}, Referral, "ldap://hostd/OU=Roles,O=MNN,C=WW"},
		{"5.2 case 3: not there, and below none", describe("cn=nobody,o=MNN,c=WW"), NoSuchObject, ""},
		{"5.2 case 4: below one", &AddRequest{Entry: "cn=Manager," + roles, Attributes: attributes("objectClass: person", "sn: x")}, Referral, "ldap://hostd/cn=Manager,OU=Roles,O=MNN,C=WW"},
		{"5.2 case 4: far below one", describe("cn=a b?,ou=c," + roles), Referral, "ldap://hostd/cn=a%20b%3F,ou=c,OU=Roles,O=MNN,C=WW"},
		{"5.3 case 1", &SearchRequest{BaseObject: "o=other", Filter: everything}, NoSuchObject, ""},
		{"5.3 case 2: subtree", &SearchRequest{BaseObject: roles, Scope: WholeSubtree, Filter: everything}, Referral, "ldap://hostd/OU=Roles,O=MNN,C=WW??sub"},
		{"5.3 case 2: one level", &SearchRequest{BaseObject: roles, Scope: SingleLevel, Filter: everything}, Referral, "ldap://hostd/OU=Roles,O=MNN,C=WW??one"},
		{"5.3 case 2: base", &SearchRequest{BaseObject: roles, Filter: everything}, Referral, "ldap://hostd/OU=Roles,O=MNN,C=WW??base"},
		{"5.3 case 3", &SearchRequest{BaseObject: "cn=nobody,o=MNN,c=WW", Filter: everything}, NoSuchObject, ""},
		{"5.3 case 4", &SearchRequest{BaseObject: "cn=Manager," + roles, Filter: everything}, Referral, "ldap://hostd/cn=Manager,OU=Roles,O=MNN,C=WW??base"},
		{"5.6.2: a new parent that is a referral object", &ModifyDNRequest{Entry: "cn=Manager,o=MNN,c=WW", NewRDN: "cn=x", NewSuperior: superior(people)}, AffectsMultipleDSAs, ""},
		{"5.6.2: a new parent below one", &ModifyDNRequest{Entry: "cn=Manager,o=MNN,c=WW", NewRDN: "cn=x", NewSuperior: superior("ou=x," + people)}, AffectsMultipleDSAs, ""},
		{"5.6.2: a new name that is a referral object's", &ModifyDNRequest{Entry: "cn=Manager,o=MNN,c=WW", NewRDN: "ou=Roles"}, AffectsMultipleDSAs, ""},
		{"3: ManageDsaIT", &CompareRequest{Entry: roles, Attribute: "ou", Value: []byte("roles"), ManageDsaIT: true}, Success, ""},
		{"3: ManageDsaIT, a change", &ModifyRequest{Object: roles, Changes: []Change{{ReplaceValues, attributes("ref: ldap://elsewhere/ label")[0]}}, ChangeControls: ChangeControls{ManageDsaIT: true}}, Success, ""},
		{"3: ManageDsaIT, a name", &ModifyDNRequest{Entry: "cn=Manager,o=MNN,c=WW", NewRDN: "ou=Roles", ChangeControls: ChangeControls{ManageDsaIT: true}}, EntryAlreadyExists, ""},
		{"3: ManageDsaIT, a deletion", &DeleteRequest{Entry: roles, ChangeControls: ChangeControls{ManageDsaIT: true}}, Success, ""},
		{"2.2: no URI", &ModifyRequest{Object: roles, Changes: []Change{{ReplaceValues, attributes("ref: elsewhere")[0]}}, ChangeControls: ChangeControls{ManageDsaIT: true}}, InvalidAttributeSyntax, ""},
		{"2.2: an LDAP URL that is none", &ModifyRequest{Object: roles, Changes: []Change{{ReplaceValues, attributes("ref: ldap:host")[0]}}, ChangeControls: ChangeControls{ManageDsaIT: true}}, InvalidAttributeSyntax, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Result(operate(mnn(t), root, tt.request))
			if r.ResultCode != tt.want {
				t.Fatalf("%v, want %v", r, tt.want)
			}
			uris := slices.Sorted(slices.Values(r.Referral))
			if got := strings.Join(uris, " "); got != tt.uris {
				t.Errorf("%s, want %s", got, tt.uris)
			}
		})
	}
}

// TestContinuation is RFC 3296, section 5.4.
func TestContinuation(t *testing.T) {
	for _, tt := range []struct {
		scope              Scope
		filter             string
		manage             bool
		entries, continued string
	}{
		{WholeSubtree, "(objectClass=*)", false, "cn=Manager,o=MNN,c=WW o=MNN,c=WW",
			"ldap://hostb/OU=People,O=MNN,C=US??sub ldap://hostc/OU=People,O=MNN,C=US??sub; ldap://hostd/OU=Roles,O=MNN,C=WW??sub"},
		{SingleLevel, "(objectClass=*)", false, "cn=Manager,o=MNN,c=WW",
			"ldap://hostb/OU=People,O=MNN,C=US??base ldap://hostc/OU=People,O=MNN,C=US??base; ldap://hostd/OU=Roles,O=MNN,C=WW??base"},
		{BaseObject, "(objectClass=*)", false, "o=MNN,c=WW", ""},
		{WholeSubtree, "(cn=nobody)", false, "", // regardless of the filter
			"ldap://hostb/OU=People,O=MNN,C=US??sub ldap://hostc/OU=People,O=MNN,C=US??sub; ldap://hostd/OU=Roles,O=MNN,C=WW??sub"},
		{WholeSubtree, "(objectClass=*)", true, "cn=Manager,o=MNN,c=WW o=MNN,c=WW ou=People,o=MNN,c=WW ou=Roles,o=MNN,c=WW", ""},
		{WholeSubtree, "(ref=*)", true, "ou=People,o=MNN,c=WW ou=Roles,o=MNN,c=WW", ""},
	} {
		d, got := mnn(t), new(referred)
		req := &SearchRequest{BaseObject: "o=MNN,c=WW", Scope: tt.scope, Filter: *filter(t, tt.filter), ManageDsaIT: tt.manage}
		if err := d.Search(context.Background(), root, req, got); err != nil {
			t.Fatal(err)
		}
		if names := strings.Join(got.names(), " "); names != tt.entries {
			t.Errorf("%v %s: entries %s, want %s", tt.scope, tt.filter, names, tt.entries)
		}
		if references := strings.Join(got.references, "; "); references != tt.continued {
			t.Errorf("%v %s: references %s, want %s", tt.scope, tt.filter, references, tt.continued)
		}
	}
	t.Run("in pages they come once", func(t *testing.T) {
		d, got := mnn(t), new(referred)
		page := &Paged{Size: 1}
		for range 5 {
			req := &SearchRequest{BaseObject: "o=MNN,c=WW", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Paged: page}
			if err := d.Search(context.Background(), root, req, got); err != nil {
				t.Fatal(err)
			}
			if len(page.Next) == 0 {
				break
			}
			page = &Paged{Size: 1, Cookie: page.Next}
		}
		if len(got.collected) != 2 || len(got.references) != 2 {
			t.Errorf("%v, %v", got.names(), got.references)
		}
	})
}

// TestContinued is RFC 3296, sections 5.2 to 5.4, of one URI.
func TestContinued(t *testing.T) {
	for _, tt := range []struct{ uri, below, scope, want string }{
		{"ldap://b/dc=b", "", "", "ldap://b/dc=b"},
		{"ldap://b", "", "", "ldap://b/dc=a"},
		{"ldap://b/", "cn=x", "", "ldap://b/cn=x,dc=a"},
		{"ldap:///dc=b", "cn=x", "base", "ldap:///cn=x,dc=b??base"},
		{"LDAPS://b:636/dc=b?cn?one?(cn=*)", "", "sub", "LDAPS://b:636/dc=b??sub"},
		{"ldap://b/dc=b???(cn=*)?!ext=1", "", "", "ldap://b/dc=b????!ext=1"},
		{"ldap://b/dc=b????!ext=1", "cn=x", "sub", "ldap://b/cn=x,dc=b??sub??!ext=1"},
		{"ldap://b/o=a%20b", "", "sub", "ldap://b/o=a%20b??sub"},
		{"ldap://b/dc=%zz", "", "", "ldap://b/dc=a"},
		{"http://b/x?y", "cn=x", "sub", "http://b/x?y"},
		{"mailto:x", "cn=x", "sub", "mailto:x"},
	} {
		if got := continued(tt.uri, "dc=a", tt.below, tt.scope); got != tt.want {
			t.Errorf("%s, %q, %q: %s, want %s", tt.uri, tt.below, tt.scope, got, tt.want)
		}
	}
}

func FuzzContinued(f *testing.F) {
	f.Add("ldap://b/dc=b????!ext=1", "cn=x", "sub")
	f.Fuzz(func(t *testing.T, uri, below, scope string) { continued(uri, "dc=a", below, scope) })
}

// A server that knows others sends clients there for names it has no context
// for, and for no others.
func TestSuperior(t *testing.T) {
	d := mnn(t, func(c *Config) { c.Referral = []string{"ldap://up", "ldaps://up2:1636/"} })
	r := Result(operate(d, root, &SearchRequest{BaseObject: "cn=x,o=other", Scope: WholeSubtree, Filter: Filter{Kind: FilterPresent, Attribute: "cn"}}))
	if got := fmt.Sprint(r.ResultCode, r.Referral); got != "referral(10) [ldap://up/cn=x,o=other??sub ldaps://up2:1636/cn=x,o=other??sub]" {
		t.Error(got)
	}
	for _, request := range []any{&CompareRequest{Entry: "o=other", Attribute: "o", Value: []byte("x")}, &DeleteRequest{Entry: "o=other"},
		&AddRequest{Entry: "o=other", Attributes: attributes("objectClass: organization")}} {
		if r := Result(operate(d, root, request)); r.ResultCode != Referral || len(r.Referral) != 2 || r.Referral[0] != "ldap://up/o=other" {
			t.Errorf("%T: %v %v", request, r, r.Referral)
		}
	}
	if err := operate(d, root, &DeleteRequest{Entry: "cn=nobody,o=MNN,c=WW"}); !errors.Is(err, NoSuchObject) {
		t.Error(err)
	}
	if _, err := d.Bind(context.Background(), Requester{}, &BindRequest{Version: 3, Name: "cn=x,o=other", Password: []byte("x")}); !errors.Is(err, InvalidCredentials) {
		t.Error(err) // 5.6.1
	}
	for _, bad := range []string{"up", "http://up", "ldap://up/o=x", "ldap:up", "ldap://up/?x"} {
		if CheckSuperior(bad) == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// What a server that is started again knows of referral objects is what it
// knew before.
func TestReferralsAfterRestart(t *testing.T) {
	dir := t.TempDir()
	suffix := func(c *Config) { c.Suffixes = []string{"o=x"} }
	d := openDirectory(t, dir, suffix)
	mustAdd(t, d, "o=x", "objectClass: organization")
	mustAdd(t, d, "ou=a,o=x", "objectClass: referral", "objectClass: extensibleObject", "ref: ldap://b")
	closeDirectory(t, d)
	d = openDirectory(t, dir, suffix)
	if err := operate(d, root, &DeleteRequest{Entry: "ou=a,o=x"}); !errors.Is(err, Referral) {
		t.Error(err)
	}
	if err := operate(d, Requester{}, &CompareRequest{Entry: "ou=a,o=x", Attribute: "ou", Value: []byte("a")}); errors.Is(err, Referral) {
		t.Errorf("anonymous clients, who may not read, are told: %v", err)
	}
}
