package directory

import (
	"context"
	"testing"
)

// A value that leaves one attribute stays in an index for the sake of another:
// options and subtypes are in the index of their supertype.
func TestIndexSharedByAttributes(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d)
	if err := d.AddIndex(ctx, root, "name", EqualityIndex); err != nil {
		t.Fatal(err)
	}
	if err := d.BuildIndexes(ctx); err != nil {
		t.Fatal(err)
	}
	for _, change := range []Change{
		{DeleteValues, attributes("cn;lang-de: Anna")[0]},
		{DeleteValues, Attribute{Name: "cn;lang-de"}},
		{ReplaceValues, attributes("cn: Else")[0]},
		{ReplaceValues, attributes("sn: Else")[0]},
	} {
		mustAdd(t, d, person("ann"), "objectClass: inetOrgPerson", "cn: Anna", "cn;lang-de: Anna", "sn: Anna")
		if err := d.Modify(ctx, root, &ModifyRequest{Object: person("ann"), Changes: []Change{change}}); err != nil {
			t.Fatal(err)
		}
		for _, filter := range []string{"(cn=anna)", "(cn=*)", "(cn=*nna)", "(name=anna)"} {
			found, err := find(t, d, root, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, filter)
			if err != nil || len(found) != 1 {
				t.Errorf("after %v of %s: %s finds %d entries, %v", change.Operation, change.Attribute.Name, filter, len(found), err)
			}
		}
		if err := d.Delete(ctx, root, &DeleteRequest{Entry: person("ann")}); err != nil {
			t.Fatal(err)
		}
	}
}
