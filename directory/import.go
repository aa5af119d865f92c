package directory

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

// Load fills an empty directory with the entries of src, parents first; other
// requests than adds are bad. Entries may carry what Export writes: hashed
// passwords, TOTP credentials, entryUUID, timestamps. All of them appear
// together at the end, or none. It returns how many there were.
func (d *Directory) Load(ctx context.Context, src ImportSource) (int, error) {
	count := 0
	err := d.store.Load(ctx, func(put func(key, value []byte) error) error {
		l := &loading{d: d, w: putter{put: put}, ids: map[string]entryID{}, audit: auditHead{first: 1}}
		for {
			rec, err := src.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := l.add(ctx, rec); err != nil {
				if err := src.Bad(rec, err); err != nil {
					return err
				}
				continue
			}
			if l.w.err != nil {
				return l.w.err
			}
			count++
		}
		if count == 0 {
			return nil
		}
		if l.audit.last > 0 {
			l.w.Set(auditHeadKey, l.audit.encode())
		}
		l.w.Set(metaKey("format"), []byte(formatVersion))
		l.w.Set(metaKey("next id"), binary.BigEndian.AppendUint64(nil, uint64(l.last)+1))
		return l.w.err
	})
	if err != nil {
		return 0, err
	}
	return count, d.loadContexts(ctx)
}

// loading is one Load at work.
type loading struct {
	d    *Directory
	w    putter
	last entryID
	ids  map[string]entryID // by child key
	root DN                 // first entry, if the configuration names no suffix

	audit auditHead
}

func (l *loading) add(ctx context.Context, in *ImportRecord) error {
	req, ok := in.Request.(*AddRequest)
	if !ok {
		return errors.New("the directory is empty: there is nothing to change yet")
	}
	d := l.d
	dn, err := d.parseDN(req.Entry)
	if err != nil {
		return err
	}
	rec, credentials, err := d.newImport(ctx, dn, req.Attributes)
	if err != nil {
		return err
	}
	context, ok := d.context(dn)
	if !ok && (l.last == 0 || dn.IsUnder(l.root)) {
		if l.last == 0 {
			l.root = dn
		}
		context, ok = l.root, true
	}
	if !ok {
		return Errorf(NoSuchObject, "no naming context of this server holds the entry")
	}
	key := childKey(0, dn.Norm())
	rec.rdn = dn.String()
	if !dn.Equal(context) {
		parent, err := l.find(dn.Parent(), context)
		if err != nil {
			return err
		}
		rec.parent, rec.rdn = parent, dn.RDN(0).String()
		key = childKey(parent, dn.RDN(0).Norm())
	}
	if l.ids[string(key)] != 0 {
		return &Error{ResultCode: EntryAlreadyExists}
	}
	l.last++
	id := l.last
	l.ids[string(key)] = id
	l.w.Set(key, id.append(nil))
	for _, e := range credentials.store(&l.w, id, dn, rec) {
		l.audit.add(&l.w, d.now(), e, nil)
	}
	l.w.Set(entryKey(id), rec.encode())
	for _, k := range d.indexKeys(id, rec) {
		l.w.Set(k, nil)
	}
	return nil
}

// find returns the id of an entry loaded before.
func (l *loading) find(dn, context DN) (entryID, error) {
	id := l.ids[string(childKey(0, context.Norm()))]
	for depth := dn.Len() - context.Len() - 1; depth >= 0 && id != 0; depth-- {
		id = l.ids[string(childKey(id, dn.RDN(depth).Norm()))]
	}
	if id == 0 {
		return 0, Errorf(NoSuchObject, "the parent entry %s does not exist (parents come first)", dn)
	}
	return id, nil
}

// putter is a store.Writer that only takes, and keeps the first error.
type putter struct {
	put func(key, value []byte) error
	err error
}

func (p *putter) Set(key, value []byte) {
	if p.err == nil {
		p.err = p.put(key, value)
	}
}

func (p *putter) Delete([]byte)                                        {}
func (p *putter) Get([]byte) ([]byte, error)                           { return nil, store.ErrNotFound }
func (p *putter) Scan(store.Range, func(key, value []byte) bool) error { return nil }

// batchSize is how many records Apply makes durable together.
const batchSize = 200

// Apply makes the changes of src in order, on behalf of the machine's
// administrator. Batches of them become durable together; to have all or
// none, work on a copy of the store. It returns how many were made.
func (d *Directory) Apply(ctx context.Context, src ImportSource) (int, error) {
	count := 0
	for {
		batch, err := d.nextBatch(ctx, src)
		if err != nil {
			return count, err
		}
		if len(batch) == 0 {
			return count, nil
		}
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
		d.tree.forget()
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

func (d *Directory) nextBatch(ctx context.Context, src ImportSource) ([]importStep, error) {
	var batch []importStep
	for len(batch) < batchSize {
		rec, err := src.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		p, err := d.prepareImport(ctx, rec)
		if err != nil {
			if err := src.Bad(rec, err); err != nil {
				return nil, err
			}
			continue
		}
		batch = append(batch, p)
		if _, ok := rec.Request.(*ModifyRequest); ok {
			break // may compare passwords with those the batch has yet to store
		}
	}
	return batch, nil
}

func (d *Directory) prepareImport(ctx context.Context, rec *ImportRecord) (importStep, error) {
	p := importStep{rec: rec}
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
			events := credentials.store(w, id, dn, entry)
			if len(events) == 0 {
				return nil
			}
			w.Set(entryKey(id), entry.encode())
			return d.audit(w, events...)
		}
	case *DeleteRequest:
		dn, err := d.parseDN(req.Entry)
		if err != nil {
			return p, err
		}
		p.run = func(w store.Writer) error {
			_, err := d.remove(w, dn, importer)
			return err
		}
	case *ModifyRequest:
		dn, err := d.parseDN(req.Object)
		if err != nil {
			return p, err
		}
		m := modification{d: d, dn: dn, who: importer, changes: req.Changes}
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
	credentials                                []Attribute
}

// newImport makes a record of an imported entry, with what Export adds to it.
func (d *Directory) newImport(ctx context.Context, dn DN, attributes []Attribute) (*record, imported, error) {
	if dn.IsZero() {
		return nil, imported{}, Errorf(UnwillingToPerform, "the root DSE cannot be imported")
	}
	var kept importedAttributes
	plain := make([]Attribute, 0, len(attributes))
	for _, a := range attributes {
		t := d.schema.AttributeOrUndefined(a.Name)
		if !kept.take(a, t) {
			plain = append(plain, a)
		}
	}
	rec, err := d.newRecord(ctx, dn, plain)
	if err != nil {
		return nil, imported{}, err
	}
	d.stamp(rec, importer)
	if err := kept.into(rec); err != nil {
		return nil, imported{}, err
	}
	credentials, err := d.importedCredentials(rec.uuid, kept.credentials)
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
	case "ds-auth-totp-shared-secret", "tallystickTOTPCredential", recoveryCodesAttribute:
		k.credentials = append(k.credentials, a)
	case "userPassword", privilegeAttribute:
		return false
	default:
		return t.Operational() || strings.EqualFold(a.Name, "entryCSN") || strings.EqualFold(a.Name, "contextCSN")
	}
	return true
}

func (k *importedAttributes) into(rec *record) error {
	if k.uuid != nil {
		id, err := uuid.ParseBytes(k.uuid)
		if err != nil {
			return Errorf(InvalidAttributeSyntax, "entryUUID: not a UUID")
		}
		rec.uuid = id
	}
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
	if k.creator != nil {
		rec.creator = string(k.creator)
	}
	if k.modifier != nil {
		rec.modifier = string(k.modifier)
	}
	return nil
}
