package directory

import (
	"errors"
	"fmt"
	"slices"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// renamed is an entry that goes, or gets another name.
type renamed struct {
	id entryID
	dn string
	to string // "": it goes
}

// references makes the attributes of Config.ReferentialIntegrity follow entries
// that go or are renamed.
type references struct {
	d       *Directory
	who     Requester
	entries []renamed
}

// check fails with unwillingToPerform if an entry cannot do without a value that
// goes. It is called before anything is written.
func (x *references) check(r store.Reader) error {
	changed := map[entryID]*record{} // by several of the entries, perhaps
	for _, e := range x.entries {
		if e.to == "" {
			changed[e.id] = nil
		}
	}
	return x.each(r, func(id entryID, t *schema.AttributeType, e renamed) error {
		rec, met := changed[id]
		switch {
		case met && rec == nil:
			return nil // it goes too
		case !met:
			old, err := readRecord(r, id)
			if err != nil {
				return err
			}
			rec = old.clone()
			changed[id] = rec
		}
		if !x.d.refer(rec, t, e) {
			return nil
		}
		if err := x.d.checkClasses(rec); err != nil {
			name, nameErr := x.d.nameOfRecord(r, rec)
			if nameErr != nil {
				return errors.Join(err, nameErr)
			}
			return &Error{ResultCode: UnwillingToPerform, DiagnosticMessage: fmt.Sprintf("%s refers to %s by %s and cannot do without", name, e.dn, t.Name()), Cause: err}
		}
		return nil
	})
}

// follow changes what refers to the entries, once these are changed.
func (x *references) follow(w store.Writer) error {
	return x.each(w, func(id entryID, t *schema.AttributeType, e renamed) error {
		old, err := readRecord(w, id)
		if err != nil {
			return err
		}
		rec := old.clone()
		if !x.d.refer(rec, t, e) {
			return nil
		}
		x.d.touch(rec, x.who)
		w.Set(entryKey(id), rec.encode())
		return x.d.writeIndex(w, id, old, rec)
	})
}

// each calls fn for the entries that the index proposes to refer to one of those.
func (x *references) each(r store.Reader, fn func(entryID, *schema.AttributeType, renamed) error) error {
	for _, t := range x.d.references {
		for _, e := range x.entries {
			norm, ok := normalized(t.EqualityRule(), []byte(e.dn))
			if !ok {
				continue
			}
			p := planner{d: x.d, r: r}
			ids, ok, err := p.scan(equalityPrefix(t.Name(), norm), maxCandidates)
			if err == nil && !ok {
				err = Errorf(AdminLimitExceeded, "more than %d entries refer to %s by %s", maxCandidates, e.dn, t.Name())
			}
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := fn(id, t, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// refer makes the values of one attribute follow, and reports whether there
// were some.
func (d *Directory) refer(rec *record, t *schema.AttributeType, e renamed) bool {
	changed := false
	for i := range rec.attributes {
		a := &rec.attributes[i]
		at := d.schema.Attribute(a.Name)
		if at == nil || !at.IsA(t) {
			continue
		}
		n := findValue(t, a.Values, []byte(e.dn))
		if n < 0 {
			continue
		}
		changed = true
		if e.to != "" {
			if same := findValue(t, a.Values, []byte(e.to)); same < 0 || same == n {
				a.Values[n] = []byte(e.to)
				continue
			}
		}
		a.Values = slices.Delete(a.Values, n, n+1)
	}
	rec.attributes = slices.DeleteFunc(rec.attributes, func(a Attribute) bool { return len(a.Values) == 0 })
	return changed
}

// namesBelow lists an entry and those below it, with their names; to is the new
// one, or "" if they go.
func (d *Directory) namesBelow(r store.Reader, id entryID, dn, to string) ([]renamed, error) {
	list := []renamed{{id, dn, to}}
	for i := 0; i < len(list); i++ {
		above := list[i]
		var failed error
		err := r.Scan(store.Prefix(childPrefix(above.id)), func(_, value []byte) bool {
			id := idAtEnd(value)
			rec, err := readRecord(r, id)
			if failed = err; err != nil {
				return false
			}
			below := renamed{id: id, dn: joinName(above.dn, rec.rdn)}
			if to != "" {
				below.to = joinName(above.to, rec.rdn)
			}
			list = append(list, below)
			return len(list) <= maxSubtree
		})
		if err = errors.Join(failed, err); err != nil {
			return nil, err
		}
		if len(list) > maxSubtree {
			return nil, Errorf(AdminLimitExceeded, "more than %d entries go or get another name, and what refers to them is to follow", maxSubtree)
		}
	}
	return list, nil
}

// newReferences prepares for the change of an entry and of those below it; to is
// its new name, or "" if it goes. It fails as check
// does.
func (d *Directory) newReferences(r store.Reader, who Requester, id entryID, dn, to string) (*references, error) {
	x := &references{d: d, who: who}
	if len(d.references) == 0 {
		return x, nil
	}
	var err error
	if x.entries, err = d.namesBelow(r, id, dn, to); err != nil {
		return nil, err
	}
	return x, x.check(r)
}
