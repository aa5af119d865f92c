package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// However many change one entry at the same time, what is told ends with the
// change that won, in every step; what failed is not told.
func TestChangesInOrder(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann")
	var told []string
	d.LogChanges(func(c Changes) {
		for _, r := range c.Requests {
			for _, change := range r.(*ModifyRequest).Changes {
				told = append(told, string(change.Attribute.Values[0]))
			}
		}
	})
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 20 {
				value := []byte(fmt.Sprintf("title: %d-%d", w, i))
				a := attributes(string(value))[0]
				req := &ModifyRequest{Object: person("ann"), Changes: []Change{{ReplaceValues, a}}}
				if err := d.Modify(ctx, root, req); err != nil {
					t.Error(err)
				}
				clear(a.Values[0]) // the memory is used again
				if err := d.Modify(ctx, root, &ModifyRequest{Object: person("nobody"), Changes: req.Changes}); !errors.Is(err, NoSuchObject) {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, "(uid=ann)")
	if err != nil || len(told) != 160 {
		t.Fatalf("%d changes, %v", len(told), err)
	}
	for _, a := range found[0].Attributes {
		if a.Name == "title" && string(a.Values[0]) != told[len(told)-1] {
			t.Errorf("the entry has %s, and told last was %s", a.Values[0], told[len(told)-1])
		}
	}
	last := map[byte]int{} // of each writer
	for _, value := range told {
		var w, i int
		if _, err := fmt.Sscanf(value, "%d-%d", &w, &i); err != nil || i != last[byte(w)] {
			t.Fatalf("%s told behind %d", value, last[byte(w)])
		}
		last[byte(w)]++
	}
}
