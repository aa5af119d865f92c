package directory

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// maxCandidates is how many candidates an index may propose before looking at
// every entry in scope is taken to be as good.
const maxCandidates = 50_000

// fewCandidates is how many it is not worth to narrow down further.
const fewCandidates = 32

// maxPostings is how many trigrams of one substring filter are looked up.
const maxPostings = 4

// maxTrigrams is how many octets of a substring give trigrams.
const maxTrigrams = 64

// maxEffort is how many index keys a planner reads; each scan counts as a few
// besides. One that has not come to an end by then leaves it at that.
const (
	maxEffort  = 4 * maxCandidates
	scanEffort = 4
)

// planner finds the entries that could match one filter through the index.
type planner struct {
	d      *Directory
	r      store.Reader
	plan   *indexPlan // nil: the indexes that are built in
	effort int
	recent map[string][]recentPage // by attribute: those that were read, see recent.go
}

// has reports whether the values of t can be found by an index of that kind.
func (p *planner) has(kind IndexKind, t *schema.AttributeType) bool {
	if p.plan == nil {
		p.plan = p.d.builtIn
	}
	return t != nil && p.plan.ready[kind][t]
}

// candidates returns the ids of all entries that could match f, ascending, if
// the index knows them and they are at most limit.
func (p *planner) candidates(f *Filter, limit int) (ids []entryID, ok bool, err error) {
	if p.effort++; p.effort > maxEffort {
		return nil, false, nil
	}
	switch f.Kind {
	case FilterAnd:
		// The smallest set any part proposes will do. (objectClass=person)
		// stands in front of (uid=…) in most filters, so all parts are asked
		// for a few first, and a part is given up as soon as it has more.
		for few := min(fewCandidates, limit); ; few = min(few*32, limit) {
			for i := range f.Filters {
				ids, ok, err = p.candidates(&f.Filters[i], few)
				if ok || err != nil {
					return ids, ok, err
				}
			}
			if few == limit {
				return nil, false, nil
			}
		}
	case FilterOr:
		for i := range f.Filters {
			part, known, err := p.candidates(&f.Filters[i], limit-len(ids))
			if err != nil || !known {
				return nil, false, err
			}
			ids = append(ids, part...)
		}
		return sortedIDs(ids), true, nil
	case FilterEqualityMatch, FilterApproxMatch:
		return p.equality(f, limit)
	case FilterPresent:
		t := p.d.schema.Attribute(f.Attribute)
		if !p.has(PresenceIndex, t) {
			return nil, false, nil
		}
		return p.scan(presencePrefix(t.Name()), limit)
	case FilterSubstrings:
		return p.substrings(f, limit)
	case FilterGreaterOrEqual, FilterLessOrEqual:
		return p.ordering(f, limit)
	default: // Not proposes nothing
		return nil, false, nil
	}
}

func (p *planner) equality(f *Filter, limit int) ([]entryID, bool, error) {
	t := p.d.schema.Attribute(f.Attribute)
	if t != nil && t.Name() == memberOfAttribute {
		return p.members(f.Value, limit)
	}
	if !p.has(EqualityIndex, t) {
		return nil, false, nil
	}
	norm, ok := normalized(t.EqualityRule(), f.Value)
	if !ok {
		return nil, true, nil // no value of the attribute equals this one
	}
	return p.scan(equalityPrefix(t.Name(), norm), limit)
}

// ordering finds values by the equality index, which is in their order where
// the attribute's rules for both have the same normal form.
func (p *planner) ordering(f *Filter, limit int) ([]entryID, bool, error) {
	t := p.d.schema.Attribute(f.Attribute)
	if !p.has(EqualityIndex, t) || !ordersByEquality(t) {
		return nil, false, nil
	}
	norm, ok := normalized(t.OrderingRule(), f.Value)
	if !ok {
		return nil, true, nil // no value of the attribute compares with this one
	}
	// A key is the beginning of a value, a 0, and an id.
	norm = norm[:min(len(norm), maxIndexedValue)]
	if bytes.IndexByte(norm, 0) >= 0 {
		return nil, false, nil // the keys of its beginnings may stand behind it
	}
	keys := store.Prefix(equalityAttribute(t.Name()))
	bound := append(slices.Clone(keys.Start), norm...)
	if f.Kind == FilterGreaterOrEqual {
		keys.Start = bound
	} else {
		keys.End = append(bound, 1) // behind the value itself, which a 0 follows
	}
	return p.collect(keys, -1, limit)
}

// ordersByEquality reports whether values of t are ordered as their keys in the
// equality index are.
func ordersByEquality(t *schema.AttributeType) bool {
	o, e := t.OrderingRule(), t.EqualityRule()
	return o != nil && e != nil && strings.Replace(o.Name(), "Ordering", "", 1) == e.Name()
}

func (p *planner) substrings(f *Filter, limit int) ([]entryID, bool, error) {
	t := p.d.schema.Attribute(f.Attribute)
	if !p.has(SubstringIndex, t) {
		return nil, false, nil
	}
	grams := assertionTrigrams(t.SubstringRule(), f)
	if len(grams) == 0 {
		return nil, false, nil
	}
	for _, g := range grams { // a rare one will do
		if ids, ok, err := p.trigram(t.Name(), g, min(fewCandidates, limit)); ok || err != nil {
			return ids, ok, err
		}
	}
	if limit <= fewCandidates {
		return nil, false, nil
	}
	if len(grams) > maxPostings { // spread over the assertion
		step := len(grams) / maxPostings
		for i := range maxPostings {
			grams[i] = grams[i*step]
		}
		grams = grams[:maxPostings]
	}
	var ids []entryID
	known := false
	for _, g := range grams {
		found, ok, err := p.trigram(t.Name(), g, maxCandidates)
		switch {
		case err != nil:
			return nil, false, err
		case !ok:
			continue // a trigram that nearly every value has
		case known:
			ids = intersect(ids, found)
		default:
			ids, known = found, true
		}
		if known && len(ids) <= fewCandidates {
			break
		}
	}
	return ids, known && len(ids) <= limit, nil
}

// assertionTrigrams are the trigrams that every value matching f has.
func assertionTrigrams(rule *schema.MatchingRule, f *Filter) [][]byte {
	var grams [][]byte
	piece := func(at schema.Position, b []byte) {
		if b == nil {
			return
		}
		norm, err := rule.NormalizeSubstring(nil, at, b)
		if err != nil {
			return
		}
		switch at {
		case schema.Initial:
			norm = append([]byte{startMark}, norm...)
		case schema.Final:
			norm = append(norm, endMark)
		}
		norm = norm[:min(len(norm), maxTrigrams)]
		grams = append(grams, trigrams(norm)...)
	}
	piece(schema.Initial, f.Initial)
	for _, b := range f.Any {
		piece(schema.Any, b)
	}
	piece(schema.Final, f.Final)
	return grams
}

// scan collects the ids of the index keys that begin with prefix.
func (p *planner) scan(prefix []byte, limit int) ([]entryID, bool, error) {
	return p.collect(store.Prefix(prefix), len(prefix), limit)
}

// collect is scan for a range of keys. Their prefixes have that many octets, or
// are of several values if it is negative.
func (p *planner) collect(keys store.Range, prefix, limit int) ([]entryID, bool, error) {
	var ids []entryID
	var failed error
	over := false
	p.effort += scanEffort
	err := p.r.Scan(keys, func(key, value []byte) bool {
		p.effort++
		at := prefix
		if at < 0 {
			if at = len(key) - 8; len(value) > 0 {
				at-- // a block
			}
		}
		ids, failed = postingIDs(ids, key, value, at, limit)
		over = len(ids) > limit || p.effort > maxEffort
		return !over && failed == nil
	})
	if err := errors.Join(err, failed); err != nil || over {
		return nil, false, err
	}
	return sortedIDs(ids), true, nil
}

// children are the ids of the entries directly below parent, ascending, if
// they are at most limit.
func (p *planner) children(parent entryID, limit int) (ids []entryID, ok bool, err error) {
	var failed error
	err = p.r.Scan(store.Prefix(childPrefix(parent)), func(_, value []byte) bool {
		if len(value) != 8 {
			failed = errRecord
			return false
		}
		ids = append(ids, idAtEnd(value))
		return len(ids) <= limit
	})
	if err = errors.Join(err, failed); err != nil || len(ids) > limit {
		return nil, false, err
	}
	return sortedIDs(ids), true, nil
}

func sortedIDs(ids []entryID) []entryID {
	if !slices.IsSorted(ids) {
		slices.Sort(ids)
	}
	return slices.Compact(ids)
}

// intersect returns the ids in both of two ascending lists, in a's memory.
func intersect(a, b []entryID) []entryID {
	out := a[:0]
	for _, id := range a {
		for len(b) > 0 && b[0] < id {
			b = b[1:]
		}
		if len(b) > 0 && b[0] == id {
			out = append(out, id)
		}
	}
	return out
}
