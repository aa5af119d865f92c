package directory

import (
	"context"
	"fmt"
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

// However many trigrams of recent entries a filter has, few pages are read.
func TestCostlySubstrings(t *testing.T) {
	d := newDirectory(t)
	d.maxPages = maxPages
	addPeople(t, d)
	for i := range 3 * pageSize {
		mustAdd(t, d, person(fmt.Sprint(i)), "objectClass: inetOrgPerson", "cn: Jensen", "sn: Jensen")
	}
	f := Filter{Kind: FilterSubstrings, Attribute: "cn"}
	for range 50_000 {
		f.Any = append(f.Any, []byte("ensen"))
	}
	err := d.store.View(context.Background(), func(r store.Reader) error {
		p := planner{d: d, r: &countingReader{Reader: r}}
		_, _, err := p.candidates(&f, fewCandidates)
		if n := p.r.(*countingReader); n.keys > maxEffort || n.values > 10 {
			t.Errorf("the planner looked at %d keys and %d values", n.keys, n.values)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// countingReader counts the keys of scans, and what is got by itself.
type countingReader struct {
	store.Reader
	keys, values int
}

func (c *countingReader) Get(key []byte) ([]byte, error) {
	c.values++
	return c.Reader.Get(key)
}

func (c *countingReader) Scan(r store.Range, fn func(key, value []byte) bool) error {
	c.keys++
	return c.Reader.Scan(r, func(key, value []byte) bool {
		c.keys++
		return fn(key, value)
	})
}
