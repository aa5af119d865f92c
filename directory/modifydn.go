package directory

import (
	"context"
	"errors"
	"slices"

	"tallystick/directory/store"
)

// ModifyDN renames an entry, moves it with all that is below it under another
// parent, or both. Errors: noSuchObject with MatchedDN; entryAlreadyExists;
// unwillingToPerform for a naming context and for a move below itself.
// RFC 4511, section 4.9.
func (d *Directory) ModifyDN(ctx context.Context, who Requester, req *ModifyDNRequest) error {
	dn, err := d.parseDN(req.Entry)
	if err != nil {
		return err
	}
	rdn, err := ParseRDN(d.schema, req.NewRDN)
	if err != nil {
		return err
	}
	superior := DN{}
	if req.NewSuperior != nil {
		if superior, err = d.parseDN(*req.NewSuperior); err != nil {
			return err
		}
	}
	if _, err := d.requireBypass(ctx, who); err != nil {
		return err
	}
	if dn.IsZero() || dn.Equal(d.subentry) {
		return Errorf(UnwillingToPerform, "the server keeps this entry itself")
	}
	return d.update(ctx, func(w store.Writer) error {
		id, err := d.resolve(w, dn)
		if err != nil {
			return err
		}
		old, err := readRecord(w, id)
		if err != nil {
			return err
		}
		if old.parent == 0 {
			return Errorf(UnwillingToPerform, "a naming context cannot be renamed")
		}
		parent := old.parent
		if req.NewSuperior != nil {
			if parent, err = d.resolve(w, superior); err != nil {
				return err
			}
			if err := below(w, parent, id); err != nil {
				return err
			}
		}
		switch other, err := child(w, parent, rdn.Norm()); {
		case err == nil && other != id:
			return &Error{ResultCode: EntryAlreadyExists}
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
		rec := old.clone()
		if req.DeleteOldRDN {
			d.removeNameValues(rec, dn.RDN(0))
		}
		d.addNameValues(rec, rdn)
		if err := d.checkEntry(rec, rdn); err != nil {
			return err
		}
		d.touch(rec, who)
		rec.parent, rec.rdn = parent, rdn.String()
		w.Delete(childKey(old.parent, dn.RDN(0).Norm()))
		w.Set(childKey(parent, rdn.Norm()), id.append(nil))
		w.Set(entryKey(id), rec.encode())
		d.writeIndex(w, id, old, rec)
		return nil
	})
}

// below fails if id is at or below the entry above: moving above under id
// would cut both off the tree.
func below(r store.Reader, id, above entryID) error {
	for id != 0 {
		if id == above {
			return Errorf(UnwillingToPerform, "an entry cannot be moved below itself")
		}
		rec, err := readRecord(r, id)
		if err != nil {
			return err
		}
		id = rec.parent
	}
	return nil
}

// removeNameValues removes the values an RDN is made of.
func (d *Directory) removeNameValues(rec *record, rdn RDN) {
	for _, ava := range rdn.AVAs() {
		i := d.find(rec.attributes, ava.Type)
		if i < 0 {
			continue
		}
		a := &rec.attributes[i]
		if v := findValue(d.schema.AttributeOrUndefined(ava.Type), a.Values, ava.Value); v >= 0 {
			a.Values = slices.Delete(a.Values, v, v+1)
		}
		if len(a.Values) == 0 {
			rec.attributes = slices.Delete(rec.attributes, i, i+1)
		}
	}
}
