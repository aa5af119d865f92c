package directory

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"

	"golang.org/x/sync/semaphore"

	"tallystick/directory/schema"
)

// Sort asks for the entries of a search in order (RFC 2891), and takes what
// became of it.
type Sort struct {
	Keys     []SortKey // the first one matters most
	Critical bool      // what cannot be sorted is not sent

	Result    ResultCode // success: they are in order
	Attribute string     // the key that Result is about; "": none
}

// SortKey is one thing to sort by.
type SortKey struct {
	Attribute string // attribute description
	Rule      string // matching rule; "": the attribute's
	Reverse   bool
}

// The most that is sorted. A page of a sorted search costs as much as all of
// it.
const (
	maxSortKeys   = 5
	maxSorted     = 20_000  // entries; Directory.maxSorted counts
	maxSortedKeys = 8 << 20 // octets of what they are sorted by
	maxSortKey    = 256     // octets of a value that count
)

// newSorts has as many places as searches may sort at one time, so that what
// they hold is bounded however many there are.
func newSorts() *semaphore.Weighted { return semaphore.NewWeighted(int64(2 * runtime.GOMAXPROCS(0))) }

// errCannotSort is for a critical control (RFC 2891, section 2); Sort.Result
// says why.
var errCannotSort = Errorf(UnavailableCriticalExtension, "the entries cannot be sorted so")

var errTooManyToSort = Errorf(AdminLimitExceeded, "too many entries to sort")

// sortKey is the beginning of the normalised value that an entry is sorted by;
// nil: it has none.
type sortKey []byte

// sorting is the entries of a search being put in order.
type sorting struct {
	keys    []keyOrder
	limit   int // entries
	entries []position
	size    int // octets of their keys
}

// keyOrder is a SortKey made ready.
type keyOrder struct {
	node    node // for what it covers and the rule
	reverse bool
}

// compare orders two keys; the absent one is the greatest (RFC 2891, section
// 2.2).
func (k *keyOrder) compare(a, b sortKey) int {
	var c int
	switch {
	case a == nil && b == nil:
	case a == nil:
		c = 1
	case b == nil:
		c = -1
	default:
		c = bytes.Compare(a, b)
	}
	if k.reverse {
		return -c
	}
	return c
}

// compare orders the entries of one search.
func (s *sorting) compare(a, b position) int {
	for i := range a.keys {
		if c := s.keys[i].compare(a.keys[i], b.keys[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.id, b.id)
}

// newSorting prepares a sort. If it cannot be, it says so in req and returns
// nil.
func (d *Directory) newSorting(req *Sort) *sorting {
	s := &sorting{limit: d.maxSorted}
	fail := func(code ResultCode, attribute string) *sorting {
		req.Result, req.Attribute = code, attribute
		return nil
	}
	if len(req.Keys) == 0 || len(req.Keys) > maxSortKeys {
		return fail(UnwillingToPerform, "")
	}
	for i, key := range req.Keys {
		k := keyOrder{node: node{m: &matcher{schema: d.schema}}, reverse: key.Reverse}
		k.node.describe(key.Attribute)
		if k.node.typ.Undefined() {
			return fail(NoSuchAttribute, key.Attribute)
		}
		if k.node.rule = d.sortRule(k.node.typ, key.Rule); k.node.rule == nil {
			return fail(InappropriateMatching, key.Attribute)
		}
		for _, before := range req.Keys[:i] {
			if d.find([]Attribute{{Name: before.Attribute}}, key.Attribute) == 0 {
				return fail(UnwillingToPerform, key.Attribute)
			}
		}
		s.keys = append(s.keys, k)
	}
	return s
}

// sortRule is the rule to sort values of t by; nil if there is none. Where a
// type has no ordering rule, as names have none, it is the order of what its
// equality rule compares.
func (d *Directory) sortRule(t *schema.AttributeType, name string) *schema.MatchingRule {
	if name == "" {
		if rule := t.OrderingRule(); rule != nil {
			return rule
		}
		return t.EqualityRule()
	}
	rule := d.schema.MatchingRule(name)
	if rule == nil || rule.Kind == schema.SubstringsKind || rule.Kind == schema.RelationKind || !rule.AppliesTo(t) {
		return nil
	}
	return rule
}

// operational reports whether any of the keys is an operational attribute.
func (s *sorting) operational() bool {
	return s != nil && slices.ContainsFunc(s.keys, func(k keyOrder) bool { return k.node.typ.Operational() })
}

// add takes an entry that matches.
func (s *sorting) add(id entryID, v *view) error {
	if len(s.entries) >= s.limit || s.size > maxSortedKeys {
		return errTooManyToSort
	}
	p := position{id: uint64(id), keys: make([]sortKey, len(s.keys))}
	for i := range s.keys {
		p.keys[i] = s.keys[i].least(v)
		s.size += len(p.keys[i])
	}
	s.entries = append(s.entries, p)
	return nil
}

// least is the least of the values that v has of the key (RFC 2891, section
// 2.2).
func (k *keyOrder) least(v *view) sortKey {
	var least sortKey
	v.eachAttribute(func(a *Attribute) bool {
		if !k.node.covers(a.Name) {
			return true
		}
		for _, value := range a.Values {
			norm, ok := normalized(k.node.rule, value)
			if !ok {
				continue
			}
			norm = norm[:min(len(norm), maxSortKey)]
			if least == nil || bytes.Compare(norm, least) < 0 {
				least = append(sortKey{}, norm...)
			}
		}
		return true
	})
	return least
}

// sorted sends the entries that match in order.
func (s *search) sorted(ctx context.Context) error {
	Slow(ctx)
	ids, err := s.inOrder(ctx)
	if err != nil {
		return err
	}
	return s.visitAll(ctx, ids)
}

// inOrder finds the entries to send. What they are sorted by is gone when it
// returns, so that no client holds it by taking its answers slowly.
func (s *search) inOrder(ctx context.Context) ([]entryID, error) {
	if err := s.d.sorts.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer s.d.sorts.Release(1)
	sorting := s.sorting
	err := s.walk(ctx)
	s.sorting = nil // from here on what is visited is sent
	if errors.Is(err, errTooManyToSort) {
		s.req.Sort.Result = AdminLimitExceeded
		switch {
		case s.req.VirtualList != nil:
			err = s.req.VirtualList.fail(AdminLimitExceeded)
		case s.req.Sort.Critical:
			err = errCannotSort
		}
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(sorting.entries, sorting.compare)
	entries := sorting.entries
	switch {
	case s.req.VirtualList != nil:
		if entries, err = s.req.VirtualList.of(sorting); err != nil {
			return nil, err
		}
	case s.after != nil:
		entries = slices.DeleteFunc(entries, func(p position) bool { return sorting.compare(p, *s.after) <= 0 })
	}
	if s.pageSize > 0 && len(entries) > s.pageSize {
		entries = entries[:s.pageSize+1]       // one more, to see that there is more
		s.at.keys = entries[s.pageSize-1].keys // all that the cookie needs
	}
	ids := make([]entryID, len(entries))
	for i, p := range entries {
		ids[i] = entryID(p.id)
	}
	return ids, nil
}
