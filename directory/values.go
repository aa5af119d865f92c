package directory

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"tallystick/directory/schema"
)

// find returns the position of the attribute with the same type and options
// as description; -1 if there is none.
func (d *Directory) find(attributes []Attribute, description string) int {
	t := d.schema.AttributeOrUndefined(description)
	_, options, _ := strings.Cut(description, ";")
	for i := range attributes {
		if !t.Named(attributes[i].Name) {
			continue
		}
		if _, have, _ := strings.Cut(attributes[i].Name, ";"); sameOptions(have, options) {
			return i
		}
	}
	return -1
}

// sameOptions reports whether the options of two attribute descriptions, given
// as they are behind the first semicolon, are the same in any order.
func sameOptions(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	alone := func(s string) bool { return strings.IndexByte(s, ';') < 0 && !strings.EqualFold(s, "binary") }
	if alone(a) && alone(b) {
		return false
	}
	return optionsKey(a) == optionsKey(b)
}

// optionsKey is what options in any order have in common.
func optionsKey(options string) string {
	list := optionsOf(";" + options)
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ";")
}

// attributeKey is what descriptions of the same attribute have in common.
func (d *Directory) attributeKey(description string) string {
	t := d.schema.AttributeOrUndefined(description)
	_, options, some := strings.Cut(description, ";")
	if !some {
		return strings.ToLower(t.Name())
	}
	return strings.ToLower(t.Name()) + ";" + optionsKey(options)
}

// maxAttributes is how many attributes an entry may have: they are looked
// through one by one.
const maxAttributes = 4096

// give adds an attribute of type t that the entry does not have.
func (r *record) give(t *schema.AttributeType, a Attribute) error {
	if len(r.attributes) >= maxAttributes {
		return Errorf(AdminLimitExceeded, "an entry has at most %d attributes", maxAttributes)
	}
	if t.Syntax.Binary() && !hasOption(a.Name, "binary") {
		a.Name += ";binary" // with which it must be sent (RFC 4522, section 5)
	}
	r.attributes = append(r.attributes, a)
	return nil
}

// valueKey is what equal values of a type have in common: the value as its
// equality rule sees it, or its octets where there is no rule.
func valueKey(t *schema.AttributeType, value []byte) []byte {
	if norm, ok := normalized(t.EqualityRule(), value); ok {
		return norm
	}
	return value
}

// findValue returns the position of the value equal to value; -1 if none.
func findValue(t *schema.AttributeType, values [][]byte, value []byte) int {
	key := valueKey(t, value)
	return slices.IndexFunc(values, func(v []byte) bool { return bytes.Equal(valueKey(t, v), key) })
}

// checkValues fails if values cannot be new values of the attribute: bad
// syntax, or one given twice.
func checkValues(name string, t *schema.AttributeType, values [][]byte) error {
	if len(values) == 0 {
		return Errorf(InvalidAttributeSyntax, "%s: no values given", name)
	}
	var seen map[string]bool
	if len(values) > 1 {
		seen = make(map[string]bool, len(values))
	}
	for i, v := range values {
		if err := t.Syntax.Validate(v); err != nil {
			return Errorf(InvalidAttributeSyntax, "%s: value %d: %v", name, i+1, err)
		}
		if seen == nil {
			break
		}
		key := string(valueKey(t, v))
		if seen[key] {
			return Errorf(AttributeOrValueExists, "%s: value %d is given twice", name, i+1)
		}
		seen[key] = true
	}
	if t.Name() == refAttribute {
		return checkReferences(values)
	}
	return nil
}

// stored reports whether an operational attribute is one that stands in entries
// as administrators write it.
func stored(t *schema.AttributeType) bool {
	switch t.Name() {
	case privilegeAttribute, refAttribute, aciAttribute, sizeLimitAttribute, timeLimitAttribute, lookThroughLimitAttribute, idleTimeLimitAttribute,
		policySubentry, pwdReset, pwdStartTime, pwdEndTime:
		return true
	}
	return false
}

// checkWritable fails if clients may not set the attribute.
func checkWritable(name string, t *schema.AttributeType) error {
	switch {
	case t.NoUserModification || t.Operational() && !stored(t) && !t.Undefined() && !secret(t):
		return Errorf(ConstraintViolation, "%s: kept by the server, not to be written", name)
	case isOATHSecret(t):
		return Errorf(UnwillingToPerform, "%s: neither part of a name nor with options", name)
	case secret(t) && !isPassword(t):
		return Errorf(UnwillingToPerform, "%s: use the extended operations for TOTP shared secrets", name)
	}
	return checkName(name)
}

func isPassword(t *schema.AttributeType) bool {
	return t.Name() == userPassword || t.Name() == authPassword
}

// maxName is how long an attribute description may be.
const maxName = 512

// checkName fails if an attribute description is malformed (RFC 4512,
// section 2.5).
func checkName(name string) error {
	base, options, _ := strings.Cut(name, ";")
	ok := base != "" && len(name) <= maxName
	for i, c := range []byte(base) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		ok = ok && (letter || c >= '0' && c <= '9' || i > 0 && (c == '-' || c == '.'))
	}
	for _, c := range []byte(options) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == ';')
	}
	if !ok {
		return Errorf(InvalidAttributeSyntax, "malformed attribute description %.64q", name)
	}
	return nil
}

// checkEntry fails if an entry as a whole is not as it must be: a class, the
// values its name is made of, one value where only one may be. Its name may be
// its entryUUID.
func (d *Directory) checkEntry(rec *record, rdn RDN) error {
	if len(d.valuesOf(rec, "objectClass")) == 0 {
		return Errorf(ObjectClassViolation, "an entry needs at least one objectClass")
	}
	for _, ava := range rdn.AVAs() {
		t := d.schema.AttributeOrUndefined(ava.Type)
		if d.namesUUID(rec, ava) {
			continue
		}
		if isPassword(t) || t.Name() == aciAttribute || checkWritable(ava.Type, t) != nil {
			return Errorf(NamingViolation, "%s cannot be part of a name", ava.Type)
		}
		if err := t.Syntax.Validate(ava.Value); err != nil {
			return Errorf(NamingViolation, "%s in the name: %v", ava.Type, err)
		}
		i := d.find(rec.attributes, ava.Type)
		if i < 0 || findValue(t, rec.attributes[i].Values, ava.Value) < 0 {
			return Errorf(NotAllowedOnRDN, "%s: the entry's name has a value that is not in the entry", ava.Type)
		}
	}
	if len(rec.passwords) > maxPasswordValues {
		return errPasswordValues
	}
	for _, a := range rec.attributes {
		if len(a.Values) < 2 {
			continue
		}
		if t := d.schema.Attribute(a.Name); t != nil && t.SingleValue {
			return Errorf(ConstraintViolation, "%s: has only one value", a.Name)
		}
	}
	if err := d.checkPolicy(rec); err != nil {
		return err
	}
	if err := d.checkOATH(rec); err != nil {
		return err
	}
	return d.checkClasses(rec)
}

// checkClasses fails if the entry does not obey its object classes.
func (d *Directory) checkClasses(rec *record) error {
	if d.cfg.AnyAttributes {
		return nil
	}
	names := make([]string, 0, len(rec.attributes)+2)
	for _, a := range rec.attributes {
		names = append(names, a.Name)
	}
	for _, v := range rec.passwords {
		if name := passwordAttribute(v); !slices.Contains(names[len(rec.attributes):], name) {
			names = append(names, name)
		}
	}
	err := d.schema.CheckEntry(d.valuesOf(rec, "objectClass"), names)
	if e, ok := errors.AsType[*schema.EntryError](err); ok && e.Undefined {
		return Errorf(UndefinedAttributeType, "%v", err)
	}
	if err != nil {
		return Errorf(ObjectClassViolation, "%v", err)
	}
	return nil
}

// addSuperclasses names the classes above those of the entry too.
func (d *Directory) addSuperclasses(rec *record) {
	i := d.find(rec.attributes, "objectClass")
	if i < 0 {
		return
	}
	a := &rec.attributes[i]
	for _, name := range d.schema.Superclasses(a.Values) {
		a.Values = append(a.Values, []byte(name))
	}
}

// isOf reports whether an entry is of an object class or of one derived from it.
func (d *Directory) isOf(rec *record, class string) bool {
	want := d.schema.ObjectClass(class)
	return want != nil && slices.ContainsFunc(d.valuesOf(rec, "objectClass"), func(v []byte) bool {
		return d.schema.IsClass(v, want)
	})
}

// namesUUID reports whether a part of an RDN is the entry's entryUUID, which is
// not among its attributes.
func (d *Directory) namesUUID(rec *record, ava AVA) bool {
	t := d.schema.AttributeOrUndefined(ava.Type)
	return t == d.builtIn.uuid && findValue(t, [][]byte{[]byte(uuid.UUID(rec.uuid).String())}, ava.Value) == 0
}

// addNameValues adds the values of an RDN that the entry does not have.
func (d *Directory) addNameValues(rec *record, rdn RDN) {
	for _, ava := range rdn.AVAs() {
		if d.namesUUID(rec, ava) {
			continue
		}
		i := d.find(rec.attributes, ava.Type)
		if i < 0 {
			rec.attributes = append(rec.attributes, Attribute{ava.Type, [][]byte{ava.Value}})
			continue
		}
		a := &rec.attributes[i]
		if findValue(d.schema.AttributeOrUndefined(ava.Type), a.Values, ava.Value) < 0 {
			a.Values = append(a.Values, ava.Value)
		}
	}
}
