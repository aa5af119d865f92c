package directory

// FilterKind is the choice taken in a Filter; the numbers are the context
// tags of RFC 4511, section 4.5.1.7.
type FilterKind int

const (
	FilterAnd             FilterKind = 0
	FilterOr              FilterKind = 1
	FilterNot             FilterKind = 2
	FilterEqualityMatch   FilterKind = 3
	FilterSubstrings      FilterKind = 4
	FilterGreaterOrEqual  FilterKind = 5
	FilterLessOrEqual     FilterKind = 6
	FilterPresent         FilterKind = 7
	FilterApproxMatch     FilterKind = 8
	FilterExtensibleMatch FilterKind = 9
)

// Filter is a search filter (RFC 4511, section 4.5.1.7). The zero value is an
// empty And, which is always true (RFC 4526).
type Filter struct {
	Kind    FilterKind
	Filters []Filter // And, Or: the parts; Not: exactly one

	Attribute string // all but And, Or, Not; "" in an extensible match without type
	Value     []byte // EqualityMatch, GreaterOrEqual, LessOrEqual, ApproxMatch, ExtensibleMatch

	Initial []byte   // Substrings; nil if absent
	Any     [][]byte // Substrings
	Final   []byte   // Substrings; nil if absent

	MatchingRule string // ExtensibleMatch; "" if absent
	DNAttributes bool   // ExtensibleMatch
}
