package directory

import (
	"context"
	"errors"
	"slices"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// Delete removes an entry that has no subordinates, or with them if the
// request says so, and all that belongs to it. Errors: noSuchObject with
// MatchedDN; notAllowedOnNonLeaf; adminLimitExceeded for too large a subtree.
// RFC 4511, section 4.8.
func (d *Directory) Delete(ctx context.Context, who Requester, req *DeleteRequest) error {
	d.defining.RLock() // entries that refer to it may be written
	defer d.defining.RUnlock()
	x, err := d.newDeletion(ctx, who, req)
	if err != nil {
		return err
	}
	defer d.renames()()
	err = d.change(ctx, who, []any{req}, x.run)
	if errors.Is(err, store.ErrTooLarge) {
		err = &Error{ResultCode: AdminLimitExceeded, DiagnosticMessage: "too much to delete at once", Cause: err}
	}
	if err != nil {
		return err
	}
	return x.done(ctx)
}

func (d *Directory) newDeletion(ctx context.Context, who Requester, req *DeleteRequest) (*deletion, error) {
	dn, err := d.parseDN(req.Entry)
	if err != nil {
		return nil, err
	}
	if err := d.mayTry(ctx, who, aci.Delete, nil); err != nil {
		return nil, err
	}
	if d.kept(dn) {
		return nil, Errorf(UnwillingToPerform, "the server keeps this entry itself")
	}
	x := &deletion{d: d, who: who, dn: dn, subtree: req.Subtree, manage: req.ManageDsaIT}
	x.controls, err = d.newChangeControls(who, &req.ChangeControls)
	return x, err
}

func (x *deletion) done(ctx context.Context) error {
	x.controls.done()
	if x.context {
		return x.d.loadContexts(ctx)
	}
	return nil
}

// maxSubtree is how many entries one Delete takes away, which nobody else can
// write meanwhile.
const maxSubtree = 1000

// deletion is one Delete at work.
type deletion struct {
	d        *Directory
	who      Requester
	dn       DN
	subtree  bool
	manage   bool // see ChangeControls.ManageDsaIT
	controls *changeControls

	rights  *rights // in the transaction at work; nil: everything
	context bool    // it is a naming context that goes
	count   int     // entries so far, in this run
}

func (x *deletion) run(w store.Writer) error {
	x.count = 0
	var err error
	if x.rights, err = x.d.rightsOf(w, x.who, aci.Read|aci.Delete); err != nil {
		return err
	}
	if err := x.d.held(w, x.rights, x.dn, x.manage, ""); err != nil {
		return err
	}
	id, rec, err := x.d.target(x.rights, w, x.dn, deleting)
	if err != nil {
		return err
	}
	if err := x.controls.before(w, id, rec); err != nil {
		return err
	}
	switch above, err := hasChildren(w, id); {
	case err != nil:
		return err
	case above && !x.subtree:
		return Errorf(NotAllowedOnNonLeaf, "the entry has subordinates")
	}
	references, err := x.d.newReferences(w, x.who, id, x.dn.String(), "")
	if err != nil {
		return err
	}
	x.context = rec.parent == 0
	norm := x.dn.RDN(0).Norm()
	if x.context {
		norm = x.dn.Norm()
	}
	if err := x.remove(w, id, childKey(rec.parent, norm), rec, x.dn.String()); err != nil {
		return err
	}
	if err := references.follow(w); err != nil {
		return err
	}
	return x.controls.after(w, id, nil)
}

// remove takes an entry out of the store: what is below it, then itself. key
// is that of the entry in its parent.
func (x *deletion) remove(w store.Writer, id entryID, key []byte, rec *record, name string) error {
	if x.count++; x.count > maxSubtree {
		return Errorf(AdminLimitExceeded, "more than %d entries: delete parts of the subtree first", maxSubtree)
	}
	if err := x.mayRemove(w, id, rec); err != nil {
		return err
	}
	if err := x.removeBelow(w, id, name); err != nil {
		return err
	}
	w.Delete(key)
	w.Delete(entryKey(id))
	if err := x.d.writeIndex(w, id, rec, nil); err != nil {
		return err
	}
	if rec.enrolled {
		if err := x.d.audit(w, x.who.event("delete", AuditEvent{Kind: AuditRevoked, User: name, Cause: "entry deleted"})); err != nil {
			return err
		}
	}
	return x.d.deleteCredentials(w, id)
}

func deleting(u *ruling) bool { return u.mayEntry(aci.Delete) }

// mayRemove fails unless who asks may delete an entry. Of those below the one
// that he names he hears no more than that there is one that he may not.
func (x *deletion) mayRemove(w store.Writer, id entryID, rec *record) error {
	if x.rights == nil {
		return nil
	}
	v, err := x.rights.on(x.d, w, id, rec)
	if err == nil && (!deleting(v.ruling) || x.d.isAnyPolicy(rec)) {
		err = x.rights.denied()
	}
	return err
}

func (x *deletion) removeBelow(w store.Writer, id entryID, name string) error {
	var keys [][]byte
	var ids []entryID
	var failed error
	err := w.Scan(store.Prefix(childPrefix(id)), func(key, value []byte) bool {
		if len(value) != 8 {
			failed = errRecord
			return false
		}
		keys, ids = append(keys, slices.Clone(key)), append(ids, idAtEnd(value))
		return len(ids) <= maxSubtree
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	for i, id := range ids {
		rec, err := readRecord(w, id)
		if err != nil {
			return err
		}
		if err := x.remove(w, id, keys[i], rec, joinName(name, rec.rdn)); err != nil {
			return err
		}
	}
	return nil
}
