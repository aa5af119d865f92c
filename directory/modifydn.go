package directory

import (
	"context"
	"errors"
	"slices"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// ModifyDN renames an entry, moves it with all that is below it under another
// parent, or both. Errors: noSuchObject with MatchedDN; entryAlreadyExists;
// unwillingToPerform for a naming context and for a move below itself.
// RFC 4511, section 4.9.
func (d *Directory) ModifyDN(ctx context.Context, who Requester, req *ModifyDNRequest) error {
	d.defining.RLock()
	defer d.defining.RUnlock()
	m, err := d.newRename(ctx, who, req)
	if err != nil {
		return err
	}
	defer d.renames()()
	if err := d.change(ctx, who, []any{req}, m.run); err != nil {
		return err
	}
	return m.done(ctx)
}

// newRename is newMove on behalf of a client.
func (d *Directory) newRename(ctx context.Context, who Requester, req *ModifyDNRequest) (*move, error) {
	m, err := d.newMove(who, req)
	if err != nil {
		return nil, err
	}
	if m.renames() {
		err = d.mayTry(ctx, who, aci.Write, d.schema.AttributeOrUndefined(m.rdn.AVAs()[0].Type))
	}
	if err == nil && (m.moves() || !m.renames()) {
		err = d.mayTry(ctx, who, aci.Export, nil)
	}
	if err != nil {
		return nil, err
	}
	m.controls, err = d.newChangeControls(who, &req.ChangeControls)
	return m, err
}

func (m *move) done(context.Context) error {
	m.controls.done()
	return nil
}

// move is one ModifyDN at work.
type move struct {
	d         *Directory
	who       Requester
	dn        DN
	rdn       RDN
	superior  *DN // nil: the parent stays
	deleteOld bool
	manage    bool // see ChangeControls.ManageDsaIT
	controls  *changeControls

	may privileges // in the transaction at work
}

func (d *Directory) newMove(who Requester, req *ModifyDNRequest) (*move, error) {
	m := &move{d: d, who: who, deleteOld: req.DeleteOldRDN, manage: req.ManageDsaIT}
	var err error
	if m.dn, err = d.parseDN(req.Entry); err != nil {
		return nil, err
	}
	if m.rdn, err = ParseRDN(d.schema, req.NewRDN); err != nil {
		return nil, err
	}
	if req.NewSuperior != nil {
		superior, err := d.parseDN(*req.NewSuperior)
		if err != nil {
			return nil, err
		}
		m.superior = &superior
	}
	if d.kept(m.dn) {
		return nil, Errorf(UnwillingToPerform, "the server keeps this entry itself")
	}
	return m, nil
}

func (m *move) run(w store.Writer) error {
	d := m.d
	x, err := d.rightsOf(w, m.who, aci.Read|aci.Write|aci.Import|aci.Export)
	if err != nil {
		return err
	}
	if m.may, err = d.privilegesOf(w, m.who); err != nil {
		return err
	}
	err = d.held(w, x, m.dn, m.manage, "")
	if err != nil {
		return err
	}
	id, old, err := d.target(x, w, m.dn, m.granted)
	if err != nil {
		return err
	}
	if old.parent == 0 {
		return Errorf(UnwillingToPerform, "a naming context cannot be renamed")
	}
	if err := m.controls.before(w, id, old); err != nil {
		return err
	}
	parent := old.parent
	if m.superior != nil {
		if err := m.elsewhere(d.held(w, x, *m.superior, m.manage, "")); err != nil {
			return err
		}
		if parent, _, err = d.target(x, w, *m.superior, m.grantedBelow); err != nil {
			return err
		}
		if err := below(w, parent, id); err != nil {
			return err
		}
	}
	switch other, err := child(w, parent, m.rdn.Norm()); {
	case err == nil && other != id:
		return m.exists(w, other)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	rec := old.clone()
	if m.deleteOld {
		d.removeNameValues(rec, m.dn.RDN(0))
	}
	d.addNameValues(rec, m.rdn)
	if !m.may.bypassACL && d.guarded(old, rec) {
		return errNoAccess
	}
	if err := d.checkEntry(rec, m.rdn); err != nil {
		return err
	}
	if err := d.checkUnique(w, id, old, rec); err != nil {
		return err
	}
	d.touch(rec, m.who)
	rec.parent, rec.rdn = parent, m.rdn.String()
	name, err := d.nameOfRecord(w, rec)
	if err != nil {
		return err
	}
	if m.renames() || m.moves() {
		if err := d.checkTargets(w, m.dn); err != nil {
			return err
		}
	}
	references, err := d.newReferences(w, m.who, id, m.dn.String(), name)
	if err != nil {
		return err
	}
	w.Delete(childKey(old.parent, m.dn.RDN(0).Norm()))
	w.Set(childKey(parent, m.rdn.Norm()), id.append(nil))
	w.Set(entryKey(id), rec.encode())
	if m.renames() || m.moves() {
		if err := d.mustNotBeRoot(w, name); err != nil {
			return err
		}
	}
	if err := d.writeIndex(w, id, old, rec); err != nil {
		return err
	}
	if err := references.follow(w); err != nil {
		return err
	}
	if err := m.audit(w, id, rec); err != nil {
		return err
	}
	return m.controls.after(w, id, rec)
}

// mustNotBeRoot fails if an entry has the root user's name once one has been
// renamed to name: its user would be the root user.
func (d *Directory) mustNotBeRoot(r store.Reader, name string) error {
	dn, err := d.parseDN(name)
	if err != nil || !d.root.IsUnder(dn) {
		return err
	}
	switch _, err := d.resolve(r, d.root); {
	case err == nil:
		return Errorf(EntryAlreadyExists, "the server keeps this entry itself")
	case !errors.Is(err, NoSuchObject):
		return err
	}
	return nil
}

// elsewhere is the error for a new parent that err refers to another server
// for (RFC 3296, section 5.6.2).
func (m *move) elsewhere(err error) error {
	if errors.Is(err, Referral) {
		return &Error{ResultCode: AffectsMultipleDSAs, DiagnosticMessage: "the new parent is held by another server"}
	}
	return err
}

// exists is the error for a new name that the entry other has.
func (m *move) exists(r store.Reader, other entryID) error {
	if m.manage || !m.d.referrals.Load() {
		return &Error{ResultCode: EntryAlreadyExists}
	}
	rec, err := readRecord(r, other)
	switch {
	case err != nil:
		return err
	case m.d.isReferral(rec):
		return &Error{ResultCode: AffectsMultipleDSAs, DiagnosticMessage: "the new name is that of what another server holds"}
	}
	return &Error{ResultCode: EntryAlreadyExists}
}

// granted is what it takes to rename an entry, or to move it away: to write the
// attributes of its names, and to take it out.
func (m *move) granted(u *ruling) bool {
	var avas []AVA
	if m.renames() {
		avas = append(avas, m.rdn.AVAs()...)
	}
	if m.renames() && m.deleteOld {
		avas = append(avas, m.dn.RDN(0).AVAs()...)
	}
	for _, ava := range avas {
		if !u.may(aci.Write, ava.Type) || !m.may.write(m.d.schema.AttributeOrUndefined(ava.Type)) {
			return false
		}
	}
	return !m.moves() && m.renames() || u.mayEntry(aci.Export)
}

// grantedBelow is what it takes to move an entry below another.
func (m *move) grantedBelow(u *ruling) bool { return !m.moves() || u.mayEntry(aci.Import) }

// renames reports whether the entry gets another name among its siblings.
func (m *move) renames() bool { return m.rdn.Norm() != m.dn.RDN(0).Norm() }

// moves reports whether the entry gets another parent.
func (m *move) moves() bool { return m.superior != nil && !m.superior.Equal(m.dn.Parent()) }

// audit tells of a rename that changes what somebody logs in as.
func (m *move) audit(w store.Writer, id entryID, rec *record) error {
	above, err := hasChildren(w, id)
	if err != nil || !above && !rec.enrolled && len(rec.passwords) == 0 {
		return err
	}
	name, err := m.d.nameOfRecord(w, rec)
	if err != nil {
		return err
	}
	return m.d.audit(w, m.who.event("modify DN", AuditEvent{Kind: AuditRenamed, User: m.dn.String(), Cause: "now " + name}))
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
