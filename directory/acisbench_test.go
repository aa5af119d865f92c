package directory

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkSearchAs finds one entry, and 100, for somebody whom no ACI limits,
// and for somebody who reads what some of them allow.
func BenchmarkSearchAs(b *testing.B) {
	d := newDirectory(b)
	loadPeople(b, d, 10_000)
	ann := as("user.1")
	run := func(name, filter string, who Requester) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}
				req.Filter, _ = ParseFilter(fmt.Sprintf(filter, i%100))
				if err := d.Search(context.Background(), who, &req, discardEntries{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("root", "(uid=user.%d)", root)
	run("unlimited", "(uid=user.%d)", ann)
	run("root 100", "(uid=user.77%d*)", root)
	run("unlimited 100", "(uid=user.77%d*)", ann)
	setACIs(b, d, people, `(targetattr="description") deny (read) userdn="ldap:///anyone"`, `(targetattr="title") deny (read) userdn!="ldap:///self"`)
	run("limited", "(uid=user.%d)", ann)
	run("limited 100", "(uid=user.77%d*)", ann)
}
