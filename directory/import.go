package directory

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// ImportRecord is one record of an import.
type ImportRecord struct {
	Line    int // the caller's, for its messages
	Request any // *AddRequest, *ModifyRequest, *DeleteRequest or *ModifyDNRequest
}

// ImportSource is where an import comes from and where it tells of its
// troubles.
type ImportSource struct {
	// Next returns the next record, io.EOF behind the last one.
	Next func() (*ImportRecord, error)

	// Bad is told of a record that cannot be imported. The import goes on
	// without it if Bad returns nil and ends with its error otherwise.
	Bad func(rec *ImportRecord, err error) error
}

// importer is who an import acts for.
var importer = Requester{How: ByServer}

// Empty reports whether the directory has no entry.
func (d *Directory) Empty(ctx context.Context) (bool, error) {
	empty := true
	all := store.Prefix([]byte{entrySpace})
	all.KeysOnly = true
	err := d.store.View(ctx, func(r store.Reader) error {
		return r.Scan(all, func(_, _ []byte) bool {
			empty = false
			return false
		})
	})
	return empty, err
}

// batchSize is how many records Apply makes durable together.
const batchSize = 200

// Apply makes the changes of src in order, on behalf of the machine's
// administrator. Batches of them become durable together; to have all or
// none, work on a copy of the store. It returns how many were made.
func (d *Directory) Apply(ctx context.Context, src ImportSource) (int, error) {
	count := 0
	a := applying{d: d, src: src}
	for {
		batch, err := a.next(ctx)
		if err != nil {
			return count, err
		}
		if len(batch) == 0 {
			return count, nil
		}
		done := d.renames()
		errs := make([]error, len(batch))
		err = d.store.Update(ctx, func(w store.Writer) error {
			for i, c := range batch {
				// What a change refuses it refuses before it writes, so the
				// batch goes on without it.
				errs[i] = c.run(w)
				if errs[i] == nil && c.context {
					if err := d.readContexts(w); err != nil {
						return err
					}
				}
			}
			return nil
		})
		done()
		if err != nil {
			return count, err
		}
		for i, err := range errs {
			if err == nil {
				count++
			} else if err := src.Bad(batch[i].rec, err); err != nil {
				return count, err
			}
		}
	}
}

// importStep is one change of a batch, ready to be made.
type importStep struct {
	rec     *ImportRecord
	run     func(store.Writer) error
	context bool // may change the naming contexts
}

// applying cuts what an Apply reads into batches.
type applying struct {
	d    *Directory
	src  ImportSource
	held *ImportRecord // read, and begins the next batch
}

// next returns the next batch; it is empty behind the last one.
func (a *applying) next(ctx context.Context) ([]importStep, error) {
	var batch []importStep
	for len(batch) < batchSize {
		rec, err := a.held, error(nil)
		if a.held = nil; rec == nil {
			rec, err = a.src.Next()
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(batch) > 0 && (a.d.looksAtPasswords(rec) || a.d.definesSchema(rec)) {
			a.held = rec // those of this batch have yet to be stored
			break
		}
		p, err := a.d.prepareImport(ctx, rec)
		if err != nil {
			if err := a.src.Bad(rec, err); err != nil {
				return nil, err
			}
			continue
		}
		batch = append(batch, p)
	}
	return batch, nil
}

// looksAtPasswords reports whether a change is prepared by what is stored.
func (d *Directory) looksAtPasswords(rec *ImportRecord) bool {
	req, ok := rec.Request.(*ModifyRequest)
	return ok && slices.ContainsFunc(req.Changes, func(c Change) bool {
		return isPassword(d.schema.AttributeOrUndefined(c.Attribute.Name))
	})
}

// definesSchema reports whether a change is one of the subschema subentry. Those
// are made when they are prepared: what follows them is prepared with them.
func (d *Directory) definesSchema(rec *ImportRecord) bool {
	name := ""
	switch req := rec.Request.(type) {
	case *AddRequest:
		name = req.Entry
	case *ModifyRequest:
		name = req.Object
	}
	if len(name) > 2*len(subschemaDN) {
		return false
	}
	dn, err := d.parseDN(name)
	return err == nil && dn.Equal(d.subentry)
}

func (d *Directory) prepareImport(ctx context.Context, rec *ImportRecord) (importStep, error) {
	p := importStep{rec: rec}
	if d.definesSchema(rec) {
		p.run = func(store.Writer) error { return nil }
		req, ok := rec.Request.(*ModifyRequest)
		if !ok {
			req = definitionsIn(rec.Request.(*AddRequest).Attributes)
		}
		return p, d.modifyDefinitions(ctx, importer, req)
	}
	switch req := rec.Request.(type) {
	case *AddRequest:
		dn, err := d.parseDN(req.Entry)
		if err != nil {
			return p, err
		}
		entry, credentials, err := d.newImport(ctx, dn, req.Attributes)
		if err != nil {
			return p, err
		}
		p.context = true
		p.run = func(w store.Writer) error {
			id, err := d.insert(w, dn, entry)
			if err != nil {
				return err
			}
			if err := credentials.number(takenIn(w)); err != nil {
				return err
			}
			credentials.put(w, id)
			return d.audit(w, credentials.events(dn, importer, doorImport, AuditImported)...)
		}
	case *DeleteRequest:
		dn, err := d.parseDN(req.Entry)
		if err != nil {
			return p, err
		}
		p.run = (&deletion{d: d, who: importer, dn: dn, manage: true}).run
	case *ModifyRequest:
		dn, err := d.parseDN(req.Object)
		if err != nil {
			return p, err
		}
		m := modification{d: d, dn: dn, who: importer, changes: req.Changes, manage: true}
		if m.may, err = d.privilegesOf(nil, importer); err != nil {
			return p, err
		}
		if err := m.prepare(ctx); err != nil {
			return p, err
		}
		p.run = m.run
	case *ModifyDNRequest:
		m, err := d.newMove(importer, req)
		if err != nil {
			return p, err
		}
		m.manage = true
		p.run = m.run
	default:
		return p, fmt.Errorf("cannot import a %T", rec.Request)
	}
	return p, nil
}

// importedAttributes are kept by the server and taken over from an import;
// other operational attributes in one are passed over, since they are
// computed here or belong to another server.
type importedAttributes struct {
	uuid, created, modified, creator, modifier []byte
	changed                                    []byte // pwdChangedTime
	credentials                                []Attribute
}

// newImport makes a record of an imported entry, with what Export adds to it.
func (d *Directory) newImport(ctx context.Context, dn DN, attributes []Attribute) (*record, imported, error) {
	if d.kept(dn) {
		return nil, imported{}, Errorf(UnwillingToPerform, "the server keeps this entry itself")
	}
	var kept importedAttributes
	plain := make([]Attribute, 0, len(attributes))
	for _, a := range attributes {
		t := d.schema.AttributeOrUndefined(a.Name)
		if !kept.take(a, t) {
			plain = append(plain, a)
		}
	}
	id, err := kept.entryUUID()
	if err != nil {
		return nil, imported{}, err
	}
	rec, err := d.newRecord(ctx, dn, id, plain)
	if err != nil {
		return nil, imported{}, err
	}
	if err := d.checkACIs(d.acisOf(rec), dn); err != nil {
		return nil, imported{}, err
	}
	d.stamp(rec, importer)
	if err := kept.into(rec); err != nil {
		return nil, imported{}, err
	}
	credentials, err := d.importCredentials(rec, kept.credentials)
	return rec, credentials, err
}

// take keeps an attribute if it is one of those, or forgets it if it is
// operational otherwise.
func (k *importedAttributes) take(a Attribute, t *schema.AttributeType) bool {
	var first []byte
	if len(a.Values) > 0 {
		first = a.Values[0]
	}
	switch t.Name() {
	case "entryUUID":
		k.uuid = first
	case "createTimestamp":
		k.created = first
	case "modifyTimestamp":
		k.modified = first
	case "creatorsName":
		k.creator = first
	case "modifiersName":
		k.modifier = first
	case "ds-auth-totp-shared-secret", "tallystickTOTPCredential", recoveryCodesAttribute, applicationAttribute, graceLoginsAttribute, oathSecretAttribute:
		k.credentials = append(k.credentials, a)
	case userPassword, authPassword:
		return false
	case pwdChangedTime:
		k.changed = first
	case pwdAccountLockedTime, pwdGraceUseTime, pwdLastSuccess, pwdHistory:
		k.credentials = append(k.credentials, Attribute{t.Name(), a.Values})
	default:
		return !stored(t) && t.Operational() || strings.EqualFold(a.Name, "entryCSN") || strings.EqualFold(a.Name, "contextCSN")
	}
	return true
}

// entryUUID is the one given, or a new one.
func (k *importedAttributes) entryUUID() (uuid.UUID, error) {
	if k.uuid == nil {
		return uuid.New(), nil
	}
	id, err := uuid.ParseBytes(k.uuid)
	if err != nil {
		return id, Errorf(InvalidAttributeSyntax, "entryUUID: not a UUID")
	}
	return id, nil
}

func (k *importedAttributes) into(rec *record) error {
	for _, at := range []struct {
		name string
		text []byte
		to   *time.Time
	}{{"createTimestamp", k.created, &rec.created}, {"modifyTimestamp", k.modified, &rec.modified}} {
		if at.text == nil {
			continue
		}
		t, err := schema.ParseGeneralizedTime(at.text)
		if err != nil {
			return Errorf(InvalidAttributeSyntax, "%s: %v", at.name, err)
		}
		*at.to = t.UTC()
	}
	if k.changed != nil {
		if _, err := schema.ParseGeneralizedTime(k.changed); err != nil {
			return Errorf(InvalidAttributeSyntax, "%s: %v", pwdChangedTime, err)
		}
		rec.set(pwdChangedTime, slices.Clone(k.changed))
	}
	if k.creator != nil {
		rec.creator = string(k.creator)
	}
	if k.modifier != nil {
		rec.modifier = string(k.modifier)
	}
	return nil
}
