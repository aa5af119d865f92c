package directory

import (
	"context"
	"strings"
	"testing"

	"tallystick/directory/store"
)

// Requests that would cost much are answered soon or refused.
func TestCostlySearches(t *testing.T) {
	d := newDirectory(t)
	loadPeople(t, d, 3000)
	repeat := func(s string, n int) string { return strings.Repeat(s, n) }
	for _, row := range []struct{ rule, filter string }{
		{"many parts that match all", "(&" + repeat("(objectClass=person)", 2000) + ")"},
		{"many parts in deep ones", repeat("(&", 60) + repeat("(objectClass=person)", 100) + repeat(")", 60)},
		{"a long substring", "(cn=*" + repeat("abcdefghij", 6000) + "*)"},
		{"many substrings", "(cn=*" + repeat("e*", 20000) + ")"},
	} {
		f, err := ParseFilter(row.filter)
		if err != nil {
			t.Fatal(err)
		}
		err = d.store.View(context.Background(), func(r store.Reader) error {
			p := planner{d: d, r: &countingReader{Reader: r}}
			_, _, err := p.candidates(&f, maxCandidates)
			if n := p.r.(*countingReader).keys; n > 4*maxCandidates {
				t.Errorf("%s: the planner looked at %d keys", row.rule, n)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", row.rule, err)
		}
	}
	names := make([]string, 20000)
	for i := range names {
		names[i] = []string{"@inetOrgPerson", "@INETORGPERSON", "cn"}[i%3]
	}
	if n := len(d.newSelection(names).named); n > 200 {
		t.Errorf("a selection of %d attributes", n)
	}
}

// countingReader counts the keys of scans.
type countingReader struct {
	store.Reader
	keys int
}

func (c *countingReader) Scan(r store.Range, fn func(key, value []byte) bool) error {
	c.keys++
	return c.Reader.Scan(r, func(key, value []byte) bool {
		c.keys++
		return fn(key, value)
	})
}
