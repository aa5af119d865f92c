package pingdirectory

import (
	"context"
	"errors"
	"slices"

	"tallystick/httpbridge/subschema"
	"tallystick/httpbridge/upstream"
)

// expand is the parameter with attributes whose values are names of entries:
// those entries come along, in _embedded.
const expand = "expand"

// How many entries may come along with one, and with how many octets in all.
const (
	mostExpanded    = 100
	longestExpanded = 16 << 20
)

// errExpanded is the 400 for more.
var errExpanded = badParameter(expand, "more than can come along with one entry")

// isName reports whether the values of t are DNs.
func isName(t *subschema.AttributeType) bool { return t != nil && t.Syntax == rfc4517+"12" }

// linksOf are the links to the entries that attributes name, under the
// attributes' names.
func linksOf(attributes []attribute) object {
	var o object
	for _, a := range attributes {
		if !isName(a.t) || a.tagged { // one with options is another matter
			continue
		}
		list := []link{}
		for _, dn := range a.values {
			list = append(list, link{linkTo(dn, "")})
		}
		if a.t.SingleValue && len(list) == 1 {
			o = append(o, member{a.name, list[0]})
		} else {
			o = append(o, member{a.name, list})
		}
	}
	return o
}

// expansion checks the names in the parameter expand, and has v ask for them.
func (v *view) expansion(p parameters) error {
	names, err := p.names(expand)
	if err != nil {
		return err
	}
	for _, name := range names {
		t, err := knownAttribute(v.schema, name)
		if err != nil {
			return badParameter(expand, err.Error())
		}
		if !isName(t) {
			return badParameter(expand, name+" names no entries")
		}
		v.request = append(v.request, name)
		v.expand = append(v.expand, t.Name())
	}
	return nil
}

// embedded reads the entries that e names in the attributes to expand. One that
// is gone, or may not be read, is left out. nil: nothing is to be expanded.
func (v *view) embedded(ctx context.Context, s *upstream.Session, e upstream.Entry) (object, error) {
	if len(v.expand) == 0 {
		return nil, nil
	}
	whole, err := newView(v.schema, nil, nil)
	if err != nil {
		return nil, err
	}
	var o object
	total, octets := 0, 0
	for _, name := range v.expand {
		if slices.ContainsFunc(o, func(m member) bool { return m.name == name }) {
			continue
		}
		dns := e.Values(name)
		if total += len(dns); total > mostExpanded {
			return nil, errExpanded
		}
		found := []object{}
		for _, dn := range dns {
			named, err := readEntry(ctx, s, dn, whole.request, nil)
			var r *upstream.Result
			switch {
			case err == nil && octets+octetsOf(named) > longestExpanded:
				return nil, errExpanded
			case err == nil:
				octets += octetsOf(named)
				found = append(found, whole.object(named))
			case !errors.As(err, &r):
				return nil, err
			}
		}
		if t := v.schema.Attribute(name); t.SingleValue && len(found) == 1 {
			o = append(o, member{name, found[0]})
		} else {
			o = append(o, member{name, found})
		}
	}
	return o, nil
}

// show is v.object with the entries that come along.
func (v *view) show(ctx context.Context, s *upstream.Session, e upstream.Entry) (object, error) {
	o := v.object(e)
	along, err := v.embedded(ctx, s, e)
	if err == nil && along != nil {
		o = append(o, member{"_embedded", along})
	}
	return o, err
}
