package directory

import (
	"slices"
	"strings"

	"tallystick/directory/schema"
)

// selection is the attributes a search asks for (RFC 4511, section 4.5.1.8;
// "+" from RFC 3673, "@class" from RFC 4529).
type selection struct {
	schema         *schema.Schema
	user           bool // all user attributes
	operational    bool // all operational attributes
	anyOperational bool // at least one operational attribute
	memberOf       bool // which "+" does not ask for
	lock           bool // by its name: accounts are locked without a password policy too
	named          []namedAttribute
	known          map[string]bool // answers given before
}

type namedAttribute struct {
	attribute *schema.AttributeType
	options   []string // lower case
}

func (d *Directory) newSelection(names []string) *selection {
	s := &selection{schema: d.schema, user: len(names) == 0}
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		key := strings.ToLower(n)
		if seen[key] {
			continue // a class is a long list of attributes
		}
		seen[key] = true
		switch {
		case n == "*":
			s.user = true
		case n == "+":
			s.operational, s.anyOperational = true, true
		case n == "1.1":
		case strings.HasPrefix(n, "@"):
			if c := d.schema.ObjectClass(n[1:]); c != nil {
				s.addClass(c)
			}
		default:
			t, options := d.describe(n)
			s.add(namedAttribute{t, options})
		}
	}
	return s
}

// describe splits an attribute description into type and options (RFC 4512,
// section 2.5). A type the schema does not know is made up.
func (d *Directory) describe(description string) (*schema.AttributeType, []string) {
	return d.schema.AttributeOrUndefined(description), optionsOf(description)
}

// optionsOf are the options of an attribute description, in lower case. "binary"
// is none of them: it is about how values are sent, and values have one form here
// (RFC 4522, section 3).
func optionsOf(description string) []string {
	_, options, ok := strings.Cut(description, ";")
	if !ok {
		return nil
	}
	return slices.DeleteFunc(strings.Split(strings.ToLower(options), ";"), func(o string) bool { return o == "binary" })
}

func (s *selection) add(n namedAttribute) {
	s.anyOperational = s.anyOperational || n.attribute.Operational()
	s.memberOf = s.memberOf || n.attribute.Name() == memberOfAttribute
	s.lock = s.lock || isLock(n.attribute)
	s.named = append(s.named, n)
}

func (s *selection) addClass(c *schema.ObjectClass) {
	for _, t := range append(c.Must[:len(c.Must):len(c.Must)], c.May...) {
		s.add(namedAttribute{t, nil})
	}
	for _, sup := range c.Sup {
		s.addClass(sup)
	}
}

// has reports whether the attribute with this description is asked for.
func (s *selection) has(description string) bool {
	if s.user && s.operational {
		return true
	}
	if yes, ok := s.known[description]; ok {
		return yes
	}
	yes := s.decide(description)
	if s.known == nil {
		s.known = make(map[string]bool, 16)
	}
	s.known[description] = yes
	return yes
}

func (s *selection) decide(description string) bool {
	t := s.schema.AttributeOrUndefined(description)
	if t.Operational() && s.operational || !t.Operational() && s.user {
		return true
	}
	_, has, _ := strings.Cut(strings.ToLower(description), ";")
	for _, n := range s.named {
		if t.IsA(n.attribute) && containsOptions(strings.Split(has, ";"), n.options) {
			return true
		}
	}
	return false
}

func containsOptions(have, want []string) bool {
	for _, w := range want {
		found := false
		for _, h := range have {
			found = found || h == w
		}
		if !found {
			return false
		}
	}
	return true
}

// mentionsOperational reports whether a filter needs the operational
// attributes to be decided.
func (d *Directory) mentionsOperational(f *Filter) bool {
	switch f.Kind {
	case FilterAnd, FilterOr, FilterNot:
		for i := range f.Filters {
			if d.mentionsOperational(&f.Filters[i]) {
				return true
			}
		}
		return false
	default:
		if f.Attribute == "" {
			return true // an extensible match on all attributes
		}
		t := d.schema.Attribute(f.Attribute)
		return t != nil && t.Operational()
	}
}
