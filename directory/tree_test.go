package directory

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

// Names are remembered while entries come and go; what is answered is true.
func TestNamesUnderChange(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	ctx := context.Background()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, ou := range []string{"a", "b"} {
					base := "ou=" + ou + ",dc=example,dc=com"
					got, err := find(t, d, root, SearchRequest{BaseObject: base, Scope: WholeSubtree}, "(objectClass=*)")
					if err != nil && !errors.Is(err, NoSuchObject) {
						t.Errorf("%s: %v", base, err)
						return
					}
					for _, name := range got.names() {
						if !strings.HasSuffix(name, base) {
							t.Errorf("under %s: %s", base, name)
							return
						}
					}
					if len(got) == 1 && err == nil && got[0].DN != base {
						t.Errorf("%s is %s", base, got[0].DN)
					}
				}
			}
		})
	}
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for range 40 {
		must(d.Add(ctx, root, &AddRequest{Entry: "ou=a,dc=example,dc=com", Attributes: attributes("objectClass: organizationalUnit")}))
		must(d.Add(ctx, root, &AddRequest{Entry: "cn=x,ou=a,dc=example,dc=com", Attributes: attributes("objectClass: device")}))
		must(d.ModifyDN(ctx, root, &ModifyDNRequest{Entry: "ou=a,dc=example,dc=com", NewRDN: "ou=b", DeleteOldRDN: true}))
		must(d.Delete(ctx, root, &DeleteRequest{Entry: "cn=x,ou=b,dc=example,dc=com"}))
		must(d.Delete(ctx, root, &DeleteRequest{Entry: "ou=b,dc=example,dc=com"}))
	}
	close(stop)
	wg.Wait()
}
