package directory

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
)

type discardEntries struct{}

func (discardEntries) WriteEntry(*Entry) error { return nil }

// loadPeople fills a directory with n users of about 700 bytes.
func loadPeople(t testing.TB, d *Directory, n int) {
	t.Helper()
	next := 0
	lines := [][2]any{
		{"dc=example,dc=com", attributes("objectClass: domain")},
		{"ou=people,dc=example,dc=com", attributes("objectClass: organizationalUnit")},
	}
	_, err := d.Load(context.Background(), ImportSource{
		Next: func() (*ImportRecord, error) {
			next++
			if next <= len(lines) {
				return &ImportRecord{next, &AddRequest{Entry: lines[next-1][0].(string), Attributes: lines[next-1][1].([]Attribute)}}, nil
			}
			i := next - len(lines) - 1
			if i >= n {
				return nil, io.EOF
			}
			return &ImportRecord{next, &AddRequest{Entry: person(fmt.Sprintf("user.%d", i)), Attributes: attributes(
				"objectClass: top", "objectClass: person", "objectClass: organizationalPerson", "objectClass: inetOrgPerson",
				fmt.Sprintf("uid: user.%d", i), fmt.Sprintf("cn: Given%d Surname%d", i%1000, i), fmt.Sprintf("sn: Surname%d", i), fmt.Sprintf("givenName: Given%d", i%1000),
				fmt.Sprintf("mail: user.%d@example.com", i), fmt.Sprintf("employeeNumber: %d", i), fmt.Sprintf("telephoneNumber: +1 555 %07d", i),
				"description: a user made for measurements, with a text that is as long as such texts tend to be in directories that grew over years",
				"l: Springfield", "st: Elsewhere", "postalCode: 12345", "street: 1 Long Street", "title: Head of Something", "ou: People",
			)}}, nil
		},
		Bad: func(_ *ImportRecord, err error) error { return err },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkSearch(b *testing.B) {
	d := newDirectory(b)
	loadPeople(b, d, 10_000)
	for _, bench := range []struct {
		name string
		req  SearchRequest
		text string
	}{
		{"uid", SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(uid=user.%d)"},
		{"class and uid", SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(&(objectClass=person)(uid=user.%d))"},
		{"substring", SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(cn=*Surname%d)"},
		{"base", SearchRequest{BaseObject: "uid=user.%d,ou=people,dc=example,dc=com"}, "(objectClass=*)"},
		{"one attribute", SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Attributes: []string{"mail"}}, "(uid=user.%d)"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				req := bench.req
				n := i * 7919 % 10_000
				if bench.name == "base" {
					req.BaseObject = fmt.Sprintf(req.BaseObject, n)
					req.Filter = Filter{Kind: FilterPresent, Attribute: "objectClass"}
				} else {
					req.Filter, _ = ParseFilter(fmt.Sprintf(bench.text, n))
				}
				if err := d.Search(context.Background(), root, &req, discardEntries{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkModify(b *testing.B) {
	d := newDirectory(b)
	loadPeople(b, d, 10_000)
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d clients", clients), func(b *testing.B) {
			b.SetParallelism(clients)
			b.ReportAllocs()
			var n atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					err := d.Modify(context.Background(), root, &ModifyRequest{Object: person(fmt.Sprintf("user.%d", i*7919%10_000)), Changes: []Change{{ReplaceValues, attributes(fmt.Sprintf("description: changed %d", i))[0]}}})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
