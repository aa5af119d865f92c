package directory

import (
	"context"
	"errors"
	"testing"
)

// Every operation of a client's that changes something is refused where none is
// taken, and the directory is what it was.
func TestWritability(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob")
	ann := person("ann")
	changes := map[string]func() error{
		"add": func() error {
			return d.Add(ctx, root, &AddRequest{Entry: person("eve"), Attributes: attributes("objectClass: inetOrgPerson", "cn: e", "sn: e")})
		},
		"delete": func() error { return d.Delete(ctx, root, &DeleteRequest{Entry: ann}) },
		"modify": func() error {
			return d.Modify(ctx, root, &ModifyRequest{Object: ann, Changes: []Change{{ReplaceValues, attributes("title: x")[0]}}})
		},
		"modify DN": func() error { return d.ModifyDN(ctx, root, &ModifyDNRequest{Entry: ann, NewRDN: "uid=eve"}) },
		"the schema": func() error {
			return d.Modify(ctx, root, &ModifyRequest{Object: "cn=schema", Changes: []Change{{AddValues, attributes("attributeTypes: ( 1.2.3.4.5.6 NAME 'x' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )")[0]}}})
		},
		"a password": func() error {
			id := "dn:" + ann
			_, err := d.ChangePassword(ctx, root, &id, nil, []byte("new one"))
			return err
		},
		"an index":    func() error { return d.AddIndex(ctx, root, "l", EqualityIndex) },
		"all secrets": func() error { id := "dn:" + ann; return d.RevokeTOTPSharedSecret(ctx, root, &id, nil, nil) },
		"unlock":      func() error { id := "dn:" + ann; return d.Unlock(ctx, root, &id) },
	}
	for _, to := range []Writability{WritesInternal, WritesDisabled} {
		if err := d.SetWritability(ctx, root, to); err != nil {
			t.Fatal(err)
		}
		for name, change := range changes {
			if err := change(); !errors.Is(err, UnwillingToPerform) || inWords(err) != inWords(errNoChanges) {
				t.Errorf("%s, %s: %v", to, name, err)
			}
		}
	}
	found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, "(objectClass=person)")
	if err != nil || len(found) != 2 {
		t.Errorf("%v, %v", found.names(), err)
	}
	if err := d.SetWritability(ctx, Requester{DN: ann, How: ByPassword}, WritesEnabled); !errors.Is(err, InsufficientAccessRights) {
		t.Errorf("it takes a privilege: %v", err)
	}
	if err := d.SetWritability(ctx, root, WritesEnabled); err != nil {
		t.Fatal(err)
	}
	if err := changes["modify"](); err != nil {
		t.Error(err)
	}
}
