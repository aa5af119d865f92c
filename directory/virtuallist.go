package directory

import "sort"

// VirtualList asks for the entries around one in a sorted search
// (draft-ietf-ldapext-ldapv3-vlv-09), and takes where that is. The server
// keeps nothing between two requests.
type VirtualList struct {
	Before, After int // entries, beside the target

	// The target is entry Offset, from 1, of the Count that the client
	// believes there are; 0: it does not know. Or, if From is not nil, it is
	// the first entry whose first sort key is not before From.
	Offset, Count int
	From          []byte

	Result   ResultCode // success, or why the search failed with virtualListViewError
	Position int        // of the target, from 1; behind the last: there is none
	Entries  int        // in the whole list
}

// fail is the error of a search that cannot be shown so.
func (l *VirtualList) fail(code ResultCode) error {
	l.Result = code
	return &Error{ResultCode: VirtualListViewError, DiagnosticMessage: "the list cannot be shown so: " + code.String()}
}

// mayList fails if the search is none that a virtual list can be made of.
func (s *search) mayList() error {
	l := s.req.VirtualList
	switch {
	case l == nil:
		return nil
	case s.req.Sort == nil:
		return l.fail(SortControlMissing)
	case s.sorting == nil || s.req.Paged != nil || s.base.IsZero() && s.req.Scope == BaseObject || s.d.kept(s.base) && !s.base.IsZero():
		return l.fail(UnwillingToPerform)
	case l.From == nil && (l.Offset < 1 || l.Count > 0 && l.Offset > l.Count):
		return l.fail(OffsetRangeError)
	}
	return nil
}

// of is the part of the sorted entries that is asked for.
func (l *VirtualList) of(sorted *sorting) ([]position, error) {
	l.Entries = len(sorted.entries)
	if l.From != nil {
		at, err := sorted.from(l.From)
		if err != nil {
			return nil, l.fail(InappropriateMatching)
		}
		l.Position = at + 1
	} else if l.Position = l.target(); l.Position > max(l.Entries, 1) {
		return nil, l.fail(OffsetRangeError)
	}
	first, end := max(l.Position-1-l.Before, 0), min(l.Position+l.After, l.Entries)
	return sorted.entries[min(first, end):end], nil
}

// target is where entry Offset of Count stands in the list as it is.
func (l *VirtualList) target() int {
	switch {
	case l.Offset == 1 && l.Count != 1:
		return 1
	case l.Offset == l.Count:
		return max(l.Entries, 1)
	case l.Count == 0:
		return l.Offset
	}
	return max((2*l.Entries*l.Offset+l.Count)/(2*l.Count), 1)
}

// from is the index of the first entry whose first key is not before value.
func (s *sorting) from(value []byte) (int, error) {
	first := &s.keys[0]
	norm, err := first.node.rule.NormalizeAssertion(nil, value)
	if err != nil {
		return 0, err
	}
	key := append(sortKey{}, norm[:min(len(norm), maxSortKey)]...)
	return sort.Search(len(s.entries), func(i int) bool { return first.compare(s.entries[i].keys[0], key) >= 0 }), nil
}
