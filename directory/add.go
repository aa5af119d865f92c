package directory

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// Add adds an entry. Values of its RDN need not be given again. Errors:
// entryAlreadyExists; noSuchObject with MatchedDN if there is no parent;
// those of a bad attribute. RFC 4511, section 4.7.
func (d *Directory) Add(ctx context.Context, who Requester, req *AddRequest) error {
	d.defining.RLock()
	defer d.defining.RUnlock()
	x, err := d.newAddition(ctx, who, req)
	if err != nil {
		return err
	}
	defer d.tree.change()()
	if err := d.change(ctx, who, []any{x.request(req)}, x.run); err != nil {
		return err
	}
	return x.done(ctx)
}

// addition is one Add at work.
type addition struct {
	d        *Directory
	who      Requester
	dn       DN
	may      privileges // by which what is to be in the entry was judged
	given    []Attribute
	manage   bool // see ChangeControls.ManageDsaIT
	rec      *record
	token    imported
	controls *changeControls
}

func (d *Directory) newAddition(ctx context.Context, who Requester, req *AddRequest) (*addition, error) {
	dn, err := d.parseDN(req.Entry)
	if err != nil {
		return nil, err
	}
	may, err := d.mayAdd(ctx, who, dn, req.Attributes)
	if err != nil {
		return nil, err
	}
	if d.kept(dn) || dn.Equal(d.root) {
		return nil, Errorf(EntryAlreadyExists, "the server keeps this entry itself")
	}
	id := uuid.New()
	if req.NameWithEntryUUID && !dn.IsZero() {
		if dn, err = d.parseDN(joinName(dn.Parent().String(), "entryUUID="+id.String())); err != nil {
			return nil, err
		}
	}
	x := &addition{d: d, who: who, dn: dn, may: may, given: req.Attributes, manage: req.ManageDsaIT}
	plain, secrets := d.withoutOATHSecret(req.Attributes)
	if !may.bypassACL {
		if len(secrets) > 0 {
			return nil, errNoAccess
		}
		if err := d.checkClearPasswords(plain); err != nil {
			return nil, err
		}
	}
	if x.rec, err = d.newRecord(ctx, dn, id, plain); err != nil {
		return nil, err
	}
	if err := d.checkACIs(d.acisOf(x.rec), dn); err != nil {
		return nil, err
	}
	if !may.bypassACL && d.guarded(nil, x.rec) {
		return nil, errNoAccess
	}
	if err := d.acceptNewUser(ctx, who, x.rec, req.Attributes); err != nil {
		return nil, err
	}
	d.stamp(x.rec, who)
	if x.token, err = d.importCredentials(x.rec, secrets); err != nil {
		return nil, err
	}
	x.controls, err = d.newChangeControls(who, &req.ChangeControls)
	return x, err
}

// request is what was asked for, with the name that the entry has.
func (x *addition) request(req *AddRequest) *AddRequest {
	one := *req
	one.Entry = x.dn.String()
	return &one
}

func (x *addition) run(w store.Writer) error {
	switch may, err := x.d.mayAddIn(w, x.who, x.dn, x.given); {
	case err != nil:
		return err
	case x.may.bypassACL && !may.bypassACL:
		return errNoAccess // which let pass what nobody has judged since
	}
	rights, err := x.d.rightsOf(w, x.who, aci.Read)
	if err != nil {
		return err
	}
	if err := x.d.held(w, rights, x.dn, x.manage, ""); err != nil {
		return err
	}
	id, err := x.d.insert(w, x.dn, x.rec)
	if errors.Is(err, NoSuchObject) && rights != nil {
		return rights.missing(x.dn)
	}
	if err != nil {
		return err
	}
	if err := x.controls.before(w, id, x.rec); err != nil {
		return err
	}
	x.token.put(w, id)
	events := x.token.events(x.dn, x.who, "add", AuditCreated)
	if len(x.rec.passwords) > 0 {
		events = append(events, x.who.event("add", AuditEvent{Kind: AuditPasswordChanged, User: x.dn.String()}))
	}
	if err := x.d.audit(w, events...); err != nil {
		return err
	}
	return x.controls.after(w, id, x.rec)
}

func (x *addition) done(ctx context.Context) error {
	x.controls.done()
	if x.rec.parent == 0 {
		return x.d.loadContexts(ctx)
	}
	return nil
}

// acceptNewUser asks the policy of a new entry about its password, if it has one.
func (d *Directory) acceptNewUser(ctx context.Context, who Requester, rec *record, attributes []Attribute) error {
	if len(rec.passwords) == 0 || !d.passwordPolicies.written.Load() {
		return nil
	}
	u := &user{entry: rec}
	err := d.view(ctx, func(r store.Reader) (err error) {
		u.passwordPolicy, err = d.passwordPolicyOf(r, rec)
		return err
	})
	if err != nil {
		return err
	}
	if u.passwordPolicy != nil && len(rec.passwords) > 1 {
		return errOnePassword
	}
	change := passwordChange{exempt: d.isRoot(who)}
	for _, a := range attributes {
		if t := d.schema.AttributeOrUndefined(a.Name); isPassword(t) {
			change.add(t, a.Values)
		}
	}
	if err := d.mayBecome(u, change); err != nil {
		return err
	}
	explicit := d.valuesOf(rec, pwdReset)
	d.passwordSet(u, rec, false)
	if len(explicit) > 0 {
		rec.set(pwdReset, explicit[0])
	}
	return nil
}

// newRecord makes a record of what a client wants an entry to be. id is its
// entryUUID.
func (d *Directory) newRecord(ctx context.Context, dn DN, id uuid.UUID, attributes []Attribute) (*record, error) {
	rec := &record{uuid: id, attributes: make([]Attribute, 0, len(attributes)+1)} // and that of the name
	var at map[string]int                                                         // positions, where there are so many that to look for one takes long
	if len(attributes) > 64 {
		at = make(map[string]int, len(attributes))
	}
	for _, a := range attributes {
		t := d.schema.AttributeOrUndefined(a.Name)
		if err := checkWritable(a.Name, t); err != nil {
			return nil, err
		}
		if isPassword(t) {
			Slow(ctx)
			hashed, err := d.hashPasswordValues(t, a.Values, true)
			if err != nil {
				return nil, err
			}
			rec.passwords = append(rec.passwords, hashed...)
			continue
		}
		a.Values = slices.Clip(a.Values) // they are the request's
		if at == nil {
			if i := d.find(rec.attributes, a.Name); i >= 0 {
				rec.attributes[i].Values = append(rec.attributes[i].Values, a.Values...)
				continue
			}
		} else {
			key := d.attributeKey(a.Name)
			if i, ok := at[key]; ok {
				rec.attributes[i].Values = append(rec.attributes[i].Values, a.Values...)
				continue
			}
			at[key] = len(rec.attributes)
		}
		if err := rec.give(t, a); err != nil {
			return nil, err
		}
	}
	for _, a := range rec.attributes {
		if err := checkValues(a.Name, d.schema.AttributeOrUndefined(a.Name), a.Values); err != nil {
			return nil, err
		}
	}
	d.addNameValues(rec, dn.RDN(0))
	d.addSuperclasses(rec)
	return rec, d.checkEntry(rec, dn.RDN(0))
}

// insert stores a new entry and returns its id.
func (d *Directory) insert(w store.Writer, dn DN, rec *record) (entryID, error) {
	parent, norm, rdn, err := d.place(w, dn)
	if err != nil {
		return 0, err
	}
	switch _, err := child(w, parent, norm); {
	case err == nil:
		return 0, &Error{ResultCode: EntryAlreadyExists}
	case !errors.Is(err, store.ErrNotFound):
		return 0, err
	}
	if err := d.checkUnique(w, 0, nil, rec); err != nil {
		return 0, err
	}
	if err := d.roomForPolicy(w, nil, rec); err != nil {
		return 0, err
	}
	id, err := nextID(w)
	if err != nil {
		return 0, err
	}
	rec.parent, rec.rdn = parent, rdn
	w.Set(entryKey(id), rec.encode())
	w.Set(childKey(parent, norm), id.append(nil))
	return id, d.writeIndex(w, id, nil, rec)
}

// place says where in the tree a new entry belongs: its parent, and its name
// below it, normalised and as given. A naming context has parent 0. One can be
// added if the configuration names it, or if it is the first.
func (d *Directory) place(r store.Reader, dn DN) (parent entryID, norm, name string, err error) {
	context, ok := d.context(dn)
	switch {
	case ok && dn.Equal(context), !ok && len(*d.contexts.Load()) == 0:
		return 0, dn.Norm(), dn.String(), nil
	case !ok:
		return 0, "", "", errNoContext
	}
	parent, err = d.resolve(r, dn.Parent())
	return parent, dn.RDN(0).Norm(), dn.RDN(0).String(), err
}

const nextIDName = "next id"

// nextID takes an id that was never used before.
func nextID(w store.Writer) (entryID, error) {
	id, err := peekID(w)
	if err == nil {
		takeIDs(w, id, id)
		if id == 1 { // the very first also says what format the store has
			w.Set(metaKey("format"), []byte(formatVersion))
			w.Set(metaKey(acisIndexed), nil)
		}
	}
	return id, err
}

// peekID is the lowest id that was never used.
func peekID(r store.Reader) (entryID, error) {
	v, err := r.Get(metaKey(nextIDName))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 1, nil
	case err != nil:
		return 0, err
	case len(v) != 8:
		return 0, errRecord
	}
	return idAtEnd(v), nil
}

// takeIDs makes the ids from first to last, all unused so far, used.
func takeIDs(w store.Writer, first, last entryID) {
	w.Set(metaKey(nextIDName), (last + 1).append(nil))
}
