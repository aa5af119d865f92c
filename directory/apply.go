package directory

import (
	"math/big"
	"slices"

	"tallystick/directory/schema"
)

// maxLooks is how many attributes and values the changes of one Modify look at,
// while nobody else can write. One change looks at each of them once, however
// many values it gives, and may always.
const maxLooks = 5_000_000

// looks is how many attributes and values of an entry a change looks at.
func (d *Directory) looks(rec *record, c Change) int {
	n := len(rec.attributes) + len(c.Attribute.Values)
	if i := d.find(rec.attributes, c.Attribute.Name); i >= 0 && c.Operation != ReplaceValues {
		n += len(rec.attributes[i].Values)
	}
	return n
}

// apply makes one change to an entry; permissive is ModifyRequest's. It may run
// again with the same change, so what goes into the entry is a copy.
func (d *Directory) apply(rec *record, c Change, permissive bool) error {
	name := c.Attribute.Name
	t := d.schema.AttributeOrUndefined(name)
	c.Attribute.Values = slices.Clone(c.Attribute.Values)
	if isPassword(t) {
		return applyPassword(rec, t, c, permissive)
	}
	i := d.find(rec.attributes, name)
	switch c.Operation {
	case AddValues:
		if i < 0 {
			return rec.give(t, c.Attribute)
		}
		return rec.attributes[i].add(t, c.Attribute.Values, permissive)
	case ReplaceValues:
		switch {
		case len(c.Attribute.Values) == 0 && i >= 0:
			rec.attributes = slices.Delete(rec.attributes, i, i+1)
		case len(c.Attribute.Values) == 0:
		case i >= 0:
			rec.attributes[i].Values = c.Attribute.Values
		default:
			return rec.give(t, c.Attribute)
		}
		return nil
	}
	if i < 0 && permissive && c.Operation == DeleteValues {
		return nil
	}
	switch {
	case i < 0 && t.Undefined() && !d.cfg.AnyAttributes:
		return Errorf(UndefinedAttributeType, "attribute type %q is not defined", name)
	case i < 0:
		return Errorf(NoSuchAttribute, "%s: the entry does not have it", name)
	}
	a := &rec.attributes[i]
	if c.Operation == IncrementValues {
		return a.increment(t, c.Attribute.Values)
	}
	if len(c.Attribute.Values) == 0 {
		rec.attributes = slices.Delete(rec.attributes, i, i+1)
		return nil
	}
	if err := a.remove(t, c.Attribute.Values, permissive); err != nil {
		return err
	}
	if len(a.Values) == 0 {
		rec.attributes = slices.Delete(rec.attributes, i, i+1)
	}
	return nil
}

// add adds values. One that the attribute has is an error, unless permissive.
func (a *Attribute) add(t *schema.AttributeType, values [][]byte, permissive bool) error {
	if len(values) == 1 && findValue(t, a.Values, values[0]) < 0 { // the most of changes, and the cheapest way
		a.Values = append(a.Values, values[0])
		return nil
	}
	have := make(map[string]bool, len(a.Values))
	for _, v := range a.Values {
		have[string(valueKey(t, v))] = true
	}
	for n, v := range values {
		if have[string(valueKey(t, v))] {
			if permissive {
				continue
			}
			return Errorf(AttributeOrValueExists, "%s: the entry has value %d already", a.Name, n+1)
		}
		a.Values = append(a.Values, v)
	}
	return nil
}

// remove takes away values. One that the attribute has not is an error, unless
// permissive.
func (a *Attribute) remove(t *schema.AttributeType, values [][]byte, permissive bool) error {
	missing := make(map[string]int, len(values)) // by key, the position
	for n, v := range values {
		key := string(valueKey(t, v))
		if _, twice := missing[key]; twice && !permissive {
			return Errorf(NoSuchAttribute, "%s: value %d is to be deleted twice", a.Name, n+1)
		}
		missing[key] = n
	}
	a.Values = slices.DeleteFunc(a.Values, func(v []byte) bool {
		key := string(valueKey(t, v))
		_, gone := missing[key]
		delete(missing, key)
		return gone
	})
	for _, n := range missing {
		if permissive {
			break
		}
		return Errorf(NoSuchAttribute, "%s: the entry does not have value %d", a.Name, n+1)
	}
	return nil
}

// increment adds the one value given to every value (RFC 4525, section 3).
func (a *Attribute) increment(t *schema.AttributeType, by [][]byte) error {
	if len(by) != 1 {
		return Errorf(ProtocolError, "%s: an increment has one value", a.Name)
	}
	if rule := t.EqualityRule(); rule == nil || rule.Name() != "integerMatch" {
		return Errorf(ConstraintViolation, "%s: not a number", a.Name)
	}
	step, ok := new(big.Int).SetString(string(by[0]), 10)
	if !ok {
		return Errorf(InvalidAttributeSyntax, "%s: the increment is not a number", a.Name)
	}
	for i, v := range a.Values {
		n, ok := new(big.Int).SetString(string(v), 10)
		if !ok {
			return Errorf(ConstraintViolation, "%s: value %d is not a number", a.Name, i+1)
		}
		a.Values[i] = []byte(n.Add(n, step).String())
	}
	return nil
}
