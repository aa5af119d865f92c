package directory

import (
	"fmt"
	"slices"
	"strings"

	"tallystick/directory/store"
)

// A search that no index helps looks at every entry in its scope. Where they are
// more than Config.UnindexedLimit it takes the privilege unindexed-search; it is
// refused as PingDirectory and OpenDJ refuse it, with what is missing.

// maxMissing is how many missing indexes a refusal names.
const maxMissing = 5

// mayLookAtAll fails if the search would look at more entries than its requester
// may have looked at.
func (s *search) mayLookAtAll(p *planner) error {
	limit := s.d.cfg.UnindexedLimit
	if limit <= 0 {
		return nil
	}
	n := 0
	all := store.Prefix([]byte{entrySpace})
	if s.req.Scope == SingleLevel {
		all = store.Prefix(childPrefix(s.baseID))
	}
	all.KeysOnly = true
	if err := s.r.Scan(all, func(_, _ []byte) bool {
		n++
		return n <= limit
	}); err != nil || n <= limit {
		return err
	}
	may, err := s.d.privilegesOf(s.r, s.who)
	if err != nil || may.unindexedSearch {
		return err
	}
	why := "it matches too much for an index to help"
	if missing := p.missing(&s.req.Filter, nil); len(missing) > 0 {
		why = "there is no index for " + strings.Join(missing, ", ")
	}
	return Errorf(InsufficientAccessRights,
		"unindexed search: %s; to look at more than %d entries takes the privilege unindexed-search", why, limit)
}

// missing appends to list the indexes that the filter would need; of those of an
// And one would do.
func (p *planner) missing(f *Filter, list []string) []string {
	need := func(kind IndexKind) []string {
		t := p.d.schema.Attribute(f.Attribute)
		if t == nil || p.has(kind, t) || p.d.indexable(index{attribute: t.Name(), kind: kind}) != nil {
			return list
		}
		if name := fmt.Sprintf("%s (%s)", t.Name(), kind); len(list) < maxMissing && !slices.Contains(list, name) {
			list = append(list, name)
		}
		return list
	}
	switch f.Kind {
	case FilterAnd, FilterOr:
		for i := range f.Filters {
			list = p.missing(&f.Filters[i], list)
		}
		return list
	case FilterEqualityMatch, FilterApproxMatch, FilterGreaterOrEqual, FilterLessOrEqual:
		return need(EqualityIndex)
	case FilterPresent:
		return need(PresenceIndex)
	case FilterSubstrings:
		return need(SubstringIndex)
	}
	return list
}
