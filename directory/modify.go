package directory

import (
	"context"
	"slices"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// Modify changes an entry: all changes in order, or none. It takes the right to
// write each attribute; for passwords, password-reset besides, or being the user,
// and then a code on this connection if a bind takes one. Errors:
// noSuchObject with MatchedDN; noSuchAttribute; attributeOrValueExists;
// notAllowedOnRDN; those of a bad value. RFC 4511, section 4.6; increment:
// RFC 4525.
func (d *Directory) Modify(ctx context.Context, who Requester, req *ModifyRequest) error {
	dn, err := d.parseDN(req.Object)
	if err != nil {
		return err
	}
	if dn.Equal(d.subentry) {
		if err := who.mayModify(); err != nil {
			return err
		}
		return d.modifyDefinitions(ctx, who, req)
	}
	d.defining.RLock()
	defer d.defining.RUnlock()
	m, err := d.newModification(ctx, who, dn, req)
	if err != nil {
		return err
	}
	if err := d.change(ctx, who, []any{req}, m.run); err != nil {
		return err
	}
	return m.done(ctx)
}

// mayModify fails for those who modify nothing at all.
func (r Requester) mayModify() error {
	if r.Anonymous() && r.How != ByServer {
		return errNotAuthenticated
	}
	return r.mayChange()
}

func (d *Directory) newModification(ctx context.Context, who Requester, dn DN, req *ModifyRequest) (*modification, error) {
	onlyPasswords := who
	if who.Password.MustChange && d.onlyPasswords(req.Changes) {
		onlyPasswords.Password.MustChange = false
	}
	if err := onlyPasswords.mayChange(); err != nil {
		return nil, err
	}
	if d.kept(dn) {
		return nil, Errorf(UnwillingToPerform, "the server keeps this entry itself")
	}
	m := &modification{d: d, dn: dn, who: who, changes: slices.Clone(req.Changes), permissive: req.Permissive, manage: req.ManageDsaIT}
	if self, err := d.parseDN(who.DN); err == nil {
		m.self = dn.Equal(self)
	}
	if err := d.view(ctx, func(r store.Reader) (err error) {
		if m.may, err = d.privilegesOf(r, who); err != nil {
			return err
		}
		return m.hasHope(r)
	}); err != nil {
		return nil, err
	}
	if err := m.prepare(ctx); err != nil {
		return nil, err
	}
	var err error
	m.controls, err = d.newChangeControls(who, &req.ChangeControls)
	return m, err
}

func (m *modification) done(context.Context) error {
	m.controls.done()
	if m.locks {
		m.d.credentials.windows.closeOf(m.id)
	}
	switch {
	case m.forgives && !m.self, m.unlocks():
		m.d.credentials.pardon(m.id)
	case m.forgives:
		m.d.credentials.forget(m.id)
	}
	return nil
}

// modification is one Modify at work.
type modification struct {
	d       *Directory
	dn      DN
	id      entryID // of the entry, once run has found it
	who     Requester
	self    bool       // who changes their own entry
	may     privileges // in the transaction at work; before that, in the snapshot that hashes was judged in
	changes []Change   // passwords already in their storage scheme
	hashes  bool       // passwords might be given in a storage scheme, which takes bypass-acl
	onPass  bool       // some change is about userPassword or authPassword
	onOATH  bool       // some change is about oathSecret
	onLock  bool       // some change is about pwdAccountLockedTime
	onReset bool       // some change is about pwdReset
	locks   bool       // some change may lock the account, or end that

	forgives bool // failures, in the transaction at work

	policed passwordChange // what the password policy has to know

	permissive bool // see ModifyRequest
	manage     bool // see ChangeControls.ManageDsaIT
	controls   *changeControls
}

// prepare judges the changes as far as that needs no entry, and does the slow
// work on passwords before the store is held.
func (m *modification) prepare(ctx context.Context) error {
	passwords := 0
	for i := range m.changes {
		c := &m.changes[i]
		if c.Operation < AddValues || c.Operation > IncrementValues {
			return Errorf(ProtocolError, "unknown modify operation %d", c.Operation)
		}
		t := m.d.schema.AttributeOrUndefined(c.Attribute.Name)
		m.locks = m.locks || isLock(t) || t.Name() == pwdStartTime || t.Name() == pwdEndTime
		if isPassword(t) {
			m.onPass = true
			if !m.self && !m.may.passwordReset {
				return errNoAccess
			}
			if passwords += len(c.Attribute.Values); passwords > maxPasswordValues {
				return errPasswordValues
			}
			continue
		}
		if isLock(t) {
			m.onLock = true
			if !m.may.passwordReset || m.self {
				return errNoAccess
			}
			if err := checkLock(c); err != nil {
				return err
			}
			continue
		}
		m.onReset = m.onReset || t.Name() == pwdReset
		if isOATHSecret(t) {
			if !m.may.bypassACL {
				return errNoAccess
			}

			m.onOATH = true
			continue
		}
		if err := checkWritable(c.Attribute.Name, t); err != nil {
			return err
		}
		clearing := len(c.Attribute.Values) == 0 && (c.Operation == DeleteValues || c.Operation == ReplaceValues)
		if !clearing && c.Operation != DeleteValues {
			if err := checkValues(c.Attribute.Name, t, c.Attribute.Values); err != nil {
				return err
			}
			if t.Name() == aciAttribute {
				if err := m.d.checkACIs(c.Attribute.Values, m.dn); err != nil {
					return err
				}
			}
		}
	}
	if !m.onPass {
		return nil
	}
	Slow(ctx)
	return m.preparePasswords(ctx)
}

func (m *modification) run(w store.Writer) error {
	may, err := m.d.privilegesOf(w, m.who)
	if err != nil {
		return err
	}
	if m.hashes && !may.bypassACL {
		return errNoAccess // which let pass passwords that nobody has judged since
	}
	m.may = may
	x, err := m.d.rightsOf(w, m.who, aci.Read|aci.Write|aci.SelfWrite)
	if err != nil {
		return err
	}
	if err := m.d.held(w, x, m.dn, m.manage, ""); err != nil {
		return err
	}
	if err := m.allowedBy(x, w); err != nil {
		return err
	}
	id, err := m.d.resolve(w, m.dn)
	if err != nil {
		return err
	}
	m.id = id
	old, err := readRecord(w, id)
	if err != nil {
		return err
	}
	var u *user
	if m.onPass || m.onLock {
		if u, err = m.mayChangePassword(w, id); err != nil {
			return err
		}
	}
	if m.onPass {
		if err := m.d.mayChange(u, m.policed); err != nil {
			return err
		}
	}
	if err := m.controls.before(w, id, old); err != nil {
		return err
	}
	rec := old.clone()
	looks := 0
	for n, c := range m.changes {
		if n > 0 {
			looks += m.d.looks(rec, c)
		}
		if looks > maxLooks {
			return Errorf(AdminLimitExceeded, "%d changes of so large an entry: give more values with each, or make them in several requests", len(m.changes))
		}
		if t := m.d.schema.AttributeOrUndefined(c.Attribute.Name); isOATHSecret(t) || isLock(t) {
			continue
		}
		if err := m.d.apply(rec, c, m.permissive); err != nil {
			return err
		}
	}
	if m.onPass {
		if u.passwordPolicy != nil && len(rec.passwords) > 1 {
			return errOnePassword
		}
		reset := m.d.valuesOf(rec, pwdReset)
		m.d.passwordSet(u, rec, m.self)
		if m.onReset {
			rec.set(pwdReset, nil)
			if len(reset) > 0 {
				rec.set(pwdReset, reset[0])
			}
		}
	}
	m.d.addSuperclasses(rec)
	if !m.may.bypassACL && m.d.guarded(old, rec) {
		return errNoAccess
	}
	if c := m.d.schema.StructuralClass(m.d.valuesOf(rec, "objectClass")); c != nil && c.Name() != old.structural && old.structural != "" {
		return Errorf(ObjectClassModsProhibited, "the structural object class cannot change from %s to %s", old.structural, c.Name())
	}
	rdn := m.dn.RDN(0)
	if err := m.d.checkEntry(rec, rdn); err != nil {
		return err
	}
	if len(m.d.acisOf(rec)) > maxACIs {
		return errTooManyACIs
	}
	if err := m.d.checkUnique(w, id, old, rec); err != nil {
		return err
	}
	if err := m.d.roomForPolicy(w, old, rec); err != nil {
		return err
	}
	m.d.touch(rec, m.who)
	if rec.structural != old.structural && old.structural != "" { // it lost its last one, where that is allowed
		return Errorf(ObjectClassModsProhibited, "the structural object class %s cannot be taken away", old.structural)
	}
	w.Set(entryKey(id), rec.encode())
	if err := m.d.writeIndex(w, id, old, rec); err != nil {
		return err
	}
	if m.onOATH {
		if err := m.changeOATHSecret(w, id); err != nil {
			return err
		}
	}
	if err := m.controls.after(w, id, rec); err != nil {
		return err
	}
	if u == nil {
		return nil
	}
	if m.forgives = m.onPass && (!m.self || m.d.mayForgive(u, m.who)); m.forgives && m.self {
		m.d.forgiveSelf(u, m.d.now())
	} else if m.forgives {
		m.d.forgive(u)
	}
	if m.onLock {
		if err := m.changeLock(u); err != nil {
			return err
		}
	}
	if err := m.d.save(w, u, m.who, "modify"); err != nil || !m.onPass {
		return err
	}
	return m.d.audit(w, m.who.event("modify", AuditEvent{Kind: AuditPasswordChanged, User: m.dn.String()}))
}
