package directory

import (
	"context"
	"errors"

	"tallystick/directory/store"
)

// Delete removes an entry that has no subordinates, with all that belongs to
// it. Errors: noSuchObject with MatchedDN; notAllowedOnNonLeaf. RFC 4511,
// section 4.8.
func (d *Directory) Delete(ctx context.Context, who Requester, req *DeleteRequest) error {
	dn, err := d.parseDN(req.Entry)
	if err != nil {
		return err
	}
	if err := d.requireBypass(ctx, who); err != nil {
		return err
	}
	if d.kept(dn) {
		return Errorf(UnwillingToPerform, "the server keeps this entry itself")
	}
	defer d.tree.change()()
	var context bool
	err = d.update(ctx, func(w store.Writer) (err error) {
		context, err = d.remove(w, dn, who)
		return err
	})
	if err == nil && context {
		err = d.loadContexts(ctx)
	}
	return err
}

// remove takes an entry out of the store. context says whether it was a
// naming context.
func (d *Directory) remove(w store.Writer, dn DN, who Requester) (context bool, err error) {
	id, err := d.resolve(w, dn)
	if err != nil {
		return false, err
	}
	rec, err := readRecord(w, id)
	if err != nil {
		return false, err
	}
	if parent, err := hasChildren(w, id); err != nil {
		return false, err
	} else if parent {
		return false, Errorf(NotAllowedOnNonLeaf, "the entry has subordinates")
	}
	norm := dn.RDN(0).Norm()
	if rec.parent == 0 {
		norm = dn.Norm()
	}
	w.Delete(childKey(rec.parent, norm))
	w.Delete(entryKey(id))
	d.writeIndex(w, id, rec, nil)
	if rec.enrolled {
		err = d.audit(w, who.event("delete", AuditEvent{Kind: AuditRevoked, User: dn.String(), Cause: "entry deleted"}))
	}
	return rec.parent == 0, errors.Join(err, d.deleteCredentials(w, id))
}
