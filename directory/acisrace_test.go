package directory

import (
	"context"
	"errors"
	"testing"
)

// Rights are those at the moment of the change: what is taken away between the
// first look at a request and its transaction counts no more.
func TestRightsTakenAwayMeanwhile(t *testing.T) {
	ctx := context.Background()
	const hashed = "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ5fhpt"
	sees := `(targetattr="* || +") allow (read, search)` + everyone
	replace := func(dn, name, value string) *ModifyRequest {
		return &ModifyRequest{Object: dn, Changes: []Change{{ReplaceValues, Attribute{name, [][]byte{[]byte(value)}}}}}
	}
	add := func(lines ...string) *AddRequest {
		return &AddRequest{Entry: person("eve"), Attributes: attributes(append(lines, "objectClass: inetOrgPerson", "cn: eve", "sn: eve")...)}
	}
	for _, row := range []struct {
		rule      string
		acis      []string // beside that everybody sees everything
		privilege []string // of ann
		request   any
		left      []string // of the ACIs
		keeps     []string // of the privileges
		code      ResultCode
	}{
		{"add, by an ACI", []string{`allow (add)` + everyone}, nil, add(), nil, nil, InsufficientAccessRights},
		{"add, by an ACI that stays", []string{`allow (add)` + everyone}, nil, add(), []string{`allow (add)` + everyone}, nil, Success},
		{"add, and a denial", []string{`allow (add)` + everyone}, nil, add(), []string{`allow (add)` + everyone, `deny (add)` + everyone}, nil, InsufficientAccessRights},
		{"add, by bypass-acl", nil, []string{"bypass-acl"}, add(), nil, nil, InsufficientAccessRights},
		{"add a hashed password, which takes bypass-acl", []string{`allow (add)` + everyone}, []string{"bypass-acl"}, add("userPassword: " + hashed), []string{`allow (add)` + everyone}, nil, InsufficientAccessRights},
		{"add a privilege", []string{`allow (add)` + everyone}, []string{"privilege-change"}, add("ds-privilege-name: config-read"), []string{`allow (add)` + everyone}, nil, InsufficientAccessRights},
		{"modify, by an ACI", []string{`(targetattr="mail") allow (write)` + everyone}, nil, replace(person("bob"), "mail", "x@example.com"), nil, nil, InsufficientAccessRights},
		{"modify, by bypass-acl", nil, []string{"bypass-acl"}, replace(person("bob"), "mail", "x@example.com"), nil, nil, InsufficientAccessRights},
		{"modify a privilege", []string{`(targetattr="+") allow (write)` + everyone}, []string{"privilege-change"}, replace(person("bob"), "ds-privilege-name", "config-read"), []string{`(targetattr="+") allow (write)` + everyone}, nil, InsufficientAccessRights},
		{"set a password", []string{`(targetattr="userPassword") allow (write)` + everyone}, []string{"password-reset"}, replace(person("bob"), "userPassword", "another secret"), []string{`(targetattr="userPassword") allow (write)` + everyone}, nil, InsufficientAccessRights},
		{"set a hashed password", []string{`(targetattr="userPassword") allow (write)` + everyone}, []string{"password-reset", "bypass-acl"}, replace(person("bob"), "userPassword", hashed), []string{`(targetattr="userPassword") allow (write)` + everyone}, []string{"password-reset"}, InsufficientAccessRights},
		{"modify what an ACI allows besides", nil, []string{"bypass-acl"}, replace(person("bob"), "mail", "x@example.com"), []string{`(targetattr="mail") allow (write)` + everyone}, nil, Success},
		{"delete", []string{`allow (delete)` + everyone}, nil, &DeleteRequest{Entry: person("bob")}, nil, nil, InsufficientAccessRights},
		{"rename", []string{`(targetattr="uid") allow (write)` + everyone}, nil, &ModifyDNRequest{Entry: person("bob"), NewRDN: "uid=rob"}, nil, nil, InsufficientAccessRights},
	} {
		d := closed(t, "ann", "bob")
		privileges := func(list []string) {
			t.Helper()
			c := Change{Operation: ReplaceValues, Attribute: Attribute{Name: "ds-privilege-name"}}
			for _, p := range list {
				c.Attribute.Values = append(c.Attribute.Values, []byte(p))
			}
			if err := d.Modify(ctx, root, &ModifyRequest{Object: person("ann"), Changes: []Change{c}}); err != nil {
				t.Fatal(err)
			}
		}
		setACIs(t, d, people, append([]string{sees}, row.acis...)...)
		privileges(row.privilege)
		x, err := d.newChange(ctx, as("ann"), row.request)
		if err != nil {
			t.Fatalf("%s: refused from the first: %v", row.rule, err)
		}
		setACIs(t, d, people, append([]string{sees}, row.left...)...)
		privileges(row.keeps)
		if err := d.change(ctx, as("ann"), nil, x.run); Result(err).ResultCode != row.code {
			t.Errorf("%s: %v", row.rule, err)
		}
	}
}

// Nor may an earlier change of a transaction take away what a later one needs.
func TestRightsWithinTransaction(t *testing.T) {
	ctx := context.Background()
	d := closed(t, "ann")
	setACIs(t, d, people, `(targetattr="* || +") allow (read, search, write)`+everyone, `allow (add)`+everyone)
	if err := d.Modify(ctx, root, &ModifyRequest{Object: person("ann"), Changes: []Change{{AddValues, Attribute{"ds-privilege-name", [][]byte{[]byte("modify-acl")}}}}}); err != nil {
		t.Fatal(err)
	}
	failed, err := d.Transact(ctx, as("ann"), []any{
		&ModifyRequest{Object: people, Changes: []Change{{AddValues, Attribute{"aci", [][]byte{[]byte(aciText(`deny (add)` + everyone))}}}}},
		&AddRequest{Entry: person("eve"), Attributes: attributes("objectClass: inetOrgPerson", "cn: eve", "sn: eve")},
	})
	if failed != 1 || !errors.Is(err, InsufficientAccessRights) {
		t.Errorf("%d %v", failed, err)
	}
}
