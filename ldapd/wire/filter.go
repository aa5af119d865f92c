package wire

import (
	"tallystick/directory"
	"tallystick/internal/ber"
)

// filter reads one Filter (RFC 4511, section 4.5.1.7) into f; depth is 1 for
// the outermost.
func (d *decoder) filter(r *ber.Reader, f *directory.Filter, depth int) error {
	if depth > d.Depth {
		return &RequestError{Code: directory.AdminLimitExceeded, Reason: "filter is nested too deeply"}
	}
	if d.filters++; d.filters > d.Filters {
		return &RequestError{Code: directory.AdminLimitExceeded, Reason: "filter has too many parts"}
	}
	tag, contents, err := r.Next()
	if err != nil {
		return err
	}
	f.Kind = directory.FilterKind(tag & 0x1f)
	in := ber.NewReader(contents)
	switch tag {
	case filterTag(directory.FilterAnd), filterTag(directory.FilterOr):
		return d.parts(&in, f, depth)
	case filterTag(directory.FilterNot):
		if err := d.parts(&in, f, depth); err != nil {
			return err
		}
		if len(f.Filters) != 1 {
			return refuse("a not filter negates exactly one filter")
		}
		return nil
	case filterTag(directory.FilterEqualityMatch), filterTag(directory.FilterGreaterOrEqual),
		filterTag(directory.FilterLessOrEqual), filterTag(directory.FilterApproxMatch):
		f.Attribute, f.Value, err = readAssertion(&in)
		return err
	case filterTag(directory.FilterSubstrings):
		return d.substrings(&in, f)
	case filterTag(directory.FilterPresent):
		f.Attribute = string(contents)
		return nil
	case filterTag(directory.FilterExtensibleMatch):
		return extensible(&in, f)
	}
	return refuse("unknown kind of filter")
}

// filterTag is the identifier octet of a kind of filter; all but present are
// constructed.
func filterTag(k directory.FilterKind) byte {
	if k == directory.FilterPresent {
		return ber.Context | byte(k)
	}
	return ber.Context | ber.Constructed | byte(k)
}

func (d *decoder) parts(in *ber.Reader, f *directory.Filter, depth int) error {
	for !in.Done() {
		var part directory.Filter
		if err := d.filter(in, &part, depth+1); err != nil {
			return err
		}
		f.Filters = append(f.Filters, part)
	}
	return nil
}

// substrings reads a SubstringFilter: initial comes first and final last, each
// at most once, and there is at least one part.
func (d *decoder) substrings(in *ber.Reader, f *directory.Filter) error {
	var err error
	if f.Attribute, err = readString(in); err != nil {
		return err
	}
	list, err := in.Enter(ber.Sequence)
	if err != nil {
		return err
	}
	if list.Done() {
		return refuse("substrings filter without substrings")
	}
	for first := true; !list.Done(); first = false {
		if err := d.element(); err != nil {
			return err
		}
		tag, part, err := list.Next()
		switch {
		case err != nil:
			return err
		case tag == ber.Context && first:
			f.Initial = part
		case tag == ber.Context|1:
			f.Any = append(f.Any, part)
		case tag == ber.Context|2 && list.Done():
			f.Final = part
		default:
			return refuse("substrings are out of order")
		}
	}
	return nil
}

// extensible reads a MatchingRuleAssertion.
func extensible(in *ber.Reader, f *directory.Filter) error {
	rule, hasRule, err := in.Optional(ber.Context | 1)
	if err != nil {
		return err
	}
	attribute, hasAttribute, err := in.Optional(ber.Context | 2)
	if err != nil {
		return err
	}
	if !hasRule && !hasAttribute {
		return refuse("extensible match has neither attribute nor matching rule")
	}
	f.MatchingRule, f.Attribute = string(rule), string(attribute)
	if f.Value, err = in.Read(ber.Context | 3); err != nil {
		return err
	}
	f.DNAttributes, err = readDefaultFalse(in, ber.Context|4)
	return err
}
