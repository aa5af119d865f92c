package directory

import (
	"context"
	"errors"
	"hash/maphash"
	"io"

	"tallystick/directory/store"
)

// Load adds the entries of src, parents first, to those that are there; other
// requests than adds are bad. Entries may carry what Export writes: hashed
// passwords, TOTP credentials, entryUUID, timestamps. All of them appear
// together at the end, or none; many do so much faster than through Apply. It
// returns how many there were.
func (d *Directory) Load(ctx context.Context, src ImportSource) (int, error) {
	d.defining.Lock()
	defer d.defining.Unlock()
	defer d.tree.change()()
	count := 0
	err := d.store.Load(ctx, func(put func(key, value []byte) error) error {
		return d.view(ctx, func(r store.Reader) (err error) {
			count, err = d.load(ctx, src, r, put)
			return err
		})
	})
	if err != nil {
		ctx = context.WithoutCancel(ctx)
		return 0, errors.Join(err, d.openDefinitions(ctx), d.openIndexes(ctx))
	}
	return count, d.loadContexts(ctx)
}

func (d *Directory) load(ctx context.Context, src ImportSource, r store.Reader, put func(key, value []byte) error) (count int, err error) {
	l := &loading{d: d, r: r, w: putter{put: put}, ids: map[nameSum]entryID{}, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, numbers: map[string]bool{}}
	l.index.put, l.index.room = l.w.Set, 2<<20
	if l.next, err = peekID(r); err != nil {
		return 0, err
	}
	if l.next > 1 {
		l.next = blockOf(l.next + blockSize - 1) // the index has no block of those yet
	}
	l.first = l.next
	if l.audit, err = readAuditHead(r); err != nil {
		return 0, err
	}
	logged := l.audit.last
	for {
		rec, err := src.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := l.add(ctx, rec); err != nil {
			if err := src.Bad(rec, err); err != nil {
				return 0, err
			}
			continue
		}
		if l.w.err != nil {
			return 0, l.w.err
		}
		count++
	}
	l.index.flush()
	if count > 0 {
		takeIDs(&l.w, l.first, l.next-1)
		l.w.Set(metaKey("format"), []byte(formatVersion)) // of blocks in the index
		if l.first == 1 {
			l.w.Set(metaKey(acisIndexed), nil)
		}
	}
	if count > 0 { // which are not in the history
		head, err := readHistoryHead(r)
		if err != nil {
			return 0, err
		}
		l.w.Set(historyHeadKey, head.renewed().encode())
	}
	if l.definitions != nil {
		writeDefinitions(&l.w, l.definitions.definitions())
	}
	if l.policies {
		d.policies.changed(&l.w)
	}
	if l.passwordPolicies {
		d.passwordPolicies.changed(&l.w)
	}
	if l.acis {
		d.acis.changed(&l.w)
	}
	if l.audit.last != logged {
		l.w.Set(auditHeadKey, l.audit.encode())
	}
	return count, l.w.err
}

// loading is one Load at work.
type loading struct {
	d                *Directory
	r                store.Reader // what was there before
	w                putter
	first, next      entryID             // ids of the new entries
	ids              map[nameSum]entryID // by child key: the new entries, and old parents
	seeds            [2]maphash.Seed     // of nameSum
	parent           DN                  // of the last entry, whose siblings are next, mostly
	parentID         entryID
	root             DN // first entry, if no naming context is there or configured
	audit            auditHead
	index            postings
	keys             keyList // of the entry being added
	policies         bool    // some of the entries are
	passwordPolicies bool
	acis             bool              // some of the entries have
	numbers          map[string]bool   // of the new credentials
	unique           map[string]bool   // values of unique attributes that were loaded
	definitions      *definitionChange // nil: none
}

func (l *loading) add(ctx context.Context, in *ImportRecord) error {
	req, ok := in.Request.(*AddRequest)
	if !ok {
		return errors.New("not an entry")
	}
	d := l.d
	dn, err := d.parseDN(req.Entry)
	if err != nil {
		return err
	}
	if dn.Equal(d.subentry) {
		return l.define(ctx, req)
	}
	rec, credentials, err := d.newImport(ctx, dn, req.Attributes)
	if err != nil {
		return err
	}
	context, ok := d.context(dn)
	if !ok && len(*d.contexts.Load()) == 0 && (l.root.IsZero() || dn.IsUnder(l.root)) {
		if l.root.IsZero() {
			l.root = dn
		}
		context, ok = l.root, true
	}
	if !ok {
		return Errorf(NoSuchObject, "no naming context of this server holds the entry")
	}
	norm := dn.Norm()
	rec.rdn = dn.String()
	if !dn.Equal(context) {
		if rec.parent, err = l.find(dn.Parent(), context); err != nil {
			return err
		}
		norm, rec.rdn = dn.RDN(0).Norm(), dn.RDN(0).String()
	}
	switch other, err := l.child(rec.parent, norm); {
	case err != nil:
		return err
	case other != 0:
		return &Error{ResultCode: EntryAlreadyExists}
	}
	if err := l.checkUnique(rec); err != nil {
		return err
	}
	id := l.next
	l.next++
	key := childKey(rec.parent, norm)
	l.ids[l.sum(key)] = id
	l.w.Set(key, id.append(nil))
	l.w.Set(entryKey(id), rec.encode())
	if err := l.number(credentials); err != nil {
		return err
	}
	credentials.put(&l.w, id)
	for _, e := range credentials.events(dn, importer, doorImport, AuditImported) {
		l.audit.add(&l.w, d.now(), e, nil)
	}
	if d.isReferral(rec) {
		d.referrals.Store(true)
	}
	l.policies = l.policies || d.policies.has(d, rec)
	l.passwordPolicies = l.passwordPolicies || d.passwordPolicies.has(d, rec)
	l.acis = l.acis || len(d.acisOf(rec)) > 0
	d.indexes.Load().collect(&l.keys, d.schema, id, rec)
	l.keys.each(l.index.add)
	return nil
}

// nameSum stands for a child key: no two of them have the same. The keys
// themselves would be most of what an import has in memory.
type nameSum [2]uint64

func (l *loading) sum(key []byte) nameSum {
	return nameSum{maphash.Bytes(l.seeds[0], key), maphash.Bytes(l.seeds[1], key)}
}

// find returns the id of a parent.
func (l *loading) find(dn, context DN) (entryID, error) {
	if l.parentID != 0 && dn.Equal(l.parent) {
		return l.parentID, nil
	}
	id, err := l.child(0, context.Norm())
	for depth := dn.Len() - context.Len() - 1; depth >= 0 && id != 0 && err == nil; depth-- {
		parent := id
		if id, err = l.child(parent, dn.RDN(depth).Norm()); err == nil && id != 0 {
			l.ids[l.sum(childKey(parent, dn.RDN(depth).Norm()))] = id
		}
	}
	if err == nil && id == 0 {
		err = Errorf(NoSuchObject, "the parent entry %s does not exist (parents come first)", dn)
	}
	if err == nil {
		l.parent, l.parentID = dn, id
	}
	return id, err
}

// child returns the id of an entry, old or new; 0 if there is none.
func (l *loading) child(parent entryID, norm string) (entryID, error) {
	if id, ok := l.ids[l.sum(childKey(parent, norm))]; ok {
		return id, nil
	}
	if parent >= l.first {
		return 0, nil
	}
	id, err := child(l.r, parent, norm)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return id, err
}

// number gives numbers to new credentials, other ones than old and new ones
// have.
func (l *loading) number(in imported) error {
	old := takenIn(l.r)
	err := in.number(func(number string) (bool, error) {
		if l.numbers[number] {
			return true, nil
		}
		return old(number)
	})
	for _, c := range in.credentials {
		for _, number := range c.numbers() {
			l.numbers[number] = true
		}
	}
	return err
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
