package directory

import (
	"bytes"
	"context"
	"errors"
	"math/big"
	"slices"

	"tallystick/directory/aci"
	"tallystick/directory/schema"
	"tallystick/directory/seal"
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
	switch {
	case m.forgives && !m.self, m.unlocks():
		m.d.credentials.pardon(m.id)
	case m.forgives:
		m.d.credentials.forget(m.id)
	}
	return nil
}

// onlyPasswords reports whether changes are about passwords and nothing else.
func (d *Directory) onlyPasswords(changes []Change) bool {
	return !slices.ContainsFunc(changes, func(c Change) bool {
		return !isPassword(d.schema.AttributeOrUndefined(c.Attribute.Name))
	})
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

func (m *modification) preparePasswords(ctx context.Context) error {
	var u *user
	err := m.d.view(ctx, func(r store.Reader) error {
		err := m.allowed(r)
		var id entryID
		if err == nil {
			id, err = m.d.resolve(r, m.dn)
		}
		if err == nil {
			u, err = m.mayChangePassword(r, id)
		}
		if errors.Is(err, NoSuchObject) {
			u = new(user)
			var failed error
			if u.passwordPolicy, failed = m.d.passwordPolicyOf(r, nil); failed != nil {
				return failed
			}
		}
		return err
	})
	missing := err
	if err != nil && !errors.Is(err, NoSuchObject) {
		return err
	}
	err = nil
	for i := range m.changes {
		c := &m.changes[i]
		t := m.d.schema.AttributeOrUndefined(c.Attribute.Name)
		if !isPassword(t) {
			continue
		}
		switch {
		case c.Operation == IncrementValues:
			return Errorf(ConstraintViolation, "%s: not a number", t.Name())
		case c.Operation == DeleteValues && missing != nil:
			return missing // run will say it of the rest, unless its transaction adds the entry
		case c.Operation == DeleteValues && t.Name() == authPassword:
			c.Attribute.Values = slices.Clone(c.Attribute.Values)
			for i, v := range c.Attribute.Values {
				c.Attribute.Values[i] = valueKey(t, v)
			}
		case c.Operation == DeleteValues:
			m.policed.proved = m.policed.proved || len(c.Attribute.Values) > 0
			c.Attribute.Values, err = m.matchPasswords(ctx, u, c.Attribute.Values)
		case len(c.Attribute.Values) == 0 && c.Operation == AddValues:
			err = Errorf(InvalidAttributeSyntax, "%s: no values given", t.Name())
		default:
			m.policed.add(t, c.Attribute.Values)
		}
		if err != nil {
			return err
		}
	}
	return m.acceptPasswords(u)
}

// acceptPasswords asks the policy about the new passwords and hashes them.
func (m *modification) acceptPasswords(u *user) (err error) {
	m.policed.self, m.policed.exempt = m.self, m.may.root
	if err := m.d.mayChange(u, m.policed); err != nil {
		return err
	}
	if err := m.d.mayBecome(u, m.policed); err != nil {
		return err
	}
	m.hashes = m.may.bypassACL
	for i := range m.changes {
		c := &m.changes[i]
		t := m.d.schema.AttributeOrUndefined(c.Attribute.Name)
		if !isPassword(t) || c.Operation == DeleteValues {
			continue
		}
		if c.Attribute.Values, err = m.d.hashPasswordValues(t, c.Attribute.Values, m.hashes); err != nil {
			return err
		}
	}
	return nil
}

// matchPasswords replaces passwords in clear by the stored values they match.
// Each is an attempt like any other: whoever may delete a password need not
// know it, and could find it out. Stored values are for whoever may read them
// all: to show one is not to know the password.
func (m *modification) matchPasswords(ctx context.Context, u *user, given [][]byte) ([][]byte, error) {
	var matched [][]byte
	for _, g := range given {
		if m.may.bypassACL && slices.ContainsFunc(u.passwords, func(stored []byte) bool { return bytes.Equal(stored, g) }) {
			matched = append(matched, g)
			continue
		}
		e, err := m.d.prove(ctx, u.account, proof{door: "modify", who: m.who, password: seal.Secret(g), rule: codeOptional, use: passwordCompared})
		if errors.Is(err, InvalidCredentials) {
			return nil, &Error{ResultCode: NoSuchAttribute, DiagnosticMessage: "userPassword: no such value", Cause: err}
		}
		if err != nil {
			return nil, err
		}
		matched = append(matched, e.stored)
	}
	return matched, nil
}

// mayChangePassword returns whose password it is. It fails for somebody who
// may reset passwords but is after one that would give them more than that,
// and for a user who has shown less than his password modify would take.
func (m *modification) mayChangePassword(r store.Reader, id entryID) (*user, error) {
	u, err := m.d.readUser(r, account{id, m.dn})
	switch {
	case err != nil:
		return nil, err
	case u.entry == nil:
		return nil, &Error{ResultCode: NoSuchObject}
	case m.self:
		return u, u.mayChangeOwnPassword(m.who)
	case !m.may.bypassACL && m.d.privilegesIn(u.entry).any():
		return nil, errNoAccess
	}
	return u, nil
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
	if m.forgives = m.onPass && (!m.self || m.d.mayForgive(u, m.who)); m.forgives {
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

// applyPassword makes one change to the stored passwords that are values of t.
// Values are in their storage scheme; those to delete are exactly as stored.
func applyPassword(rec *record, t *schema.AttributeType, c Change, permissive bool) error {
	others := func(v []byte) bool { return passwordAttribute(v) != t.Name() }
	switch c.Operation {
	case AddValues:
		for n, v := range c.Attribute.Values {
			switch {
			case !slices.ContainsFunc(rec.passwords, func(p []byte) bool { return bytes.Equal(p, v) }):
				rec.passwords = append(rec.passwords, v)
			case !permissive:
				return Errorf(AttributeOrValueExists, "%s: the entry has value %d already", t.Name(), n+1)
			}
		}
	case ReplaceValues:
		rec.passwords = append(slices.DeleteFunc(rec.passwords, func(v []byte) bool { return !others(v) }), c.Attribute.Values...)
	case DeleteValues:
		kept := len(rec.passwords)
		if len(c.Attribute.Values) == 0 {
			rec.passwords = slices.DeleteFunc(rec.passwords, func(v []byte) bool { return !others(v) })
			if len(rec.passwords) == kept {
				return Errorf(NoSuchAttribute, "%s: the entry does not have it", t.Name())
			}
			return nil
		}
		for _, v := range c.Attribute.Values {
			i := slices.IndexFunc(rec.passwords, func(p []byte) bool { return bytes.Equal(p, v) && !others(p) })
			if i < 0 {
				return Errorf(NoSuchAttribute, "%s: no such value", t.Name())
			}
			rec.passwords = slices.Delete(rec.passwords, i, i+1)
		}
	}
	return nil
}
