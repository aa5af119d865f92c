package directory

import (
	"time"

	"github.com/google/uuid"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

const subschemaDN = "cn=schema"

// kept reports whether dn names an entry that the server keeps itself.
func (d *Directory) kept(dn DN) bool {
	return dn.IsZero() || dn.Equal(d.subentry) || dn.IsUnder(d.auditDN) || dn.IsUnder(d.monitorDN)
}

func generalizedTime(t time.Time) []byte { return []byte(t.UTC().Format("20060102150405Z")) }

// stamp fills in the operational attributes of a new entry.
func (d *Directory) stamp(rec *record, who Requester) {
	rec.created = d.now().UTC()
	rec.creator = who.DN
	d.touch(rec, who)
}

// touch says who changed an entry, and when.
func (d *Directory) touch(rec *record, who Requester) {
	rec.modified = d.now().UTC()
	rec.modifier = who.DN
	rec.structural = ""
	if c := d.schema.StructuralClass(d.valuesOf(rec, "objectClass")); c != nil {
		rec.structural = c.Name()
	}
	rec.oathUser = d.isOATHUser(rec)
}

// valuesOf returns the values of an attribute, options and subtypes included.
func (d *Directory) valuesOf(rec *record, name string) [][]byte {
	want := d.schema.Attribute(name)
	if want == nil {
		return nil
	}
	return d.valuesOfType(rec, want)
}

func (d *Directory) valuesOfType(rec *record, want *schema.AttributeType) [][]byte {
	subtypes := d.schema.HasSubtypes(want)
	var values [][]byte
	for _, a := range rec.attributes {
		if !want.Named(a.Name) {
			if !subtypes {
				continue
			}
			if t := d.schema.Attribute(a.Name); t == nil || !t.IsA(want) {
				continue
			}
		}
		if values == nil {
			values = a.Values[:len(a.Values):len(a.Values)] // mostly these are all
		} else {
			values = append(values, a.Values...)
		}
	}
	return values
}

// operational returns the operational attributes of an entry, stored and
// computed. dn is the entry's name.
func (d *Directory) operational(r store.Reader, id entryID, rec *record, dn string) ([]Attribute, error) {
	parent, err := hasChildren(r, id)
	if err != nil {
		return nil, err
	}
	subordinates := "FALSE"
	if parent {
		subordinates = "TRUE"
	}
	one := func(name string, value []byte) Attribute { return Attribute{name, [][]byte{value}} }
	attrs := []Attribute{
		one("entryUUID", []byte(uuid.UUID(rec.uuid).String())),
		one("entryDN", []byte(dn)),
		one("createTimestamp", generalizedTime(rec.created)),
		one("modifyTimestamp", generalizedTime(rec.modified)),
		one("subschemaSubentry", []byte(subschemaDN)),
		one("hasSubordinates", []byte(subordinates)),
	}
	if rec.creator != "" {
		attrs = append(attrs, one("creatorsName", []byte(rec.creator)))
	}
	if rec.modifier != "" {
		attrs = append(attrs, one("modifiersName", []byte(rec.modifier)))
	}
	if rec.structural != "" {
		attrs = append(attrs, one("structuralObjectClass", []byte(rec.structural)))
	}
	return attrs, nil
}
