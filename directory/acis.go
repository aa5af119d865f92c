package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// ACIs stand in the attribute aci of entries and are in force there and below;
// those of Config.ACIs are above all entries. What they are, and whom they are
// for, package aci says.

const aciAttribute = "aci"

// DefaultACIs is Config.ACIs where it is nil: everybody reads the root DSE and
// the schema and uses the operations that PingDirectory opens to him, which carry
// their own proof; who is authenticated reads his own entry but for secrets, and
// changes his password; the rest takes privileges or more ACIs. Extended
// operations that none of them names are for bypass-acl.
var DefaultACIs = []string{
	`(target="ldap:///")(targetscope="base")(targetattr="* || +")(version 3.0; acl "root DSE"; allow (read, search, compare) userdn="ldap:///anyone";)`,
	`(target="ldap:///cn=schema")(targetscope="base")(targetattr="* || +")(version 3.0; acl "schema"; allow (read, search, compare) userdn="ldap:///anyone";)`,
	`(targetattr="* || +")(version 3.0; acl "one's own entry"; allow (read, search, compare) userdn="ldap:///self";)`,
	`(targetattr="userPassword")(version 3.0; acl "one's own password"; allow (write) userdn="ldap:///self";)`,
	`(targetattr="* || +")(version 3.0; acl "the help desk reads"; allow (read, search, compare) userdn="ldap:///??sub?(ds-privilege-name=password-reset)";)`,
	`(targetattr="userPassword")(version 3.0; acl "the help desk sets passwords"; allow (write) userdn="ldap:///??sub?(ds-privilege-name=password-reset)";)`,
	`(version 3.0; acl "proxies act for everybody"; allow (proxy) userdn="ldap:///??sub?(ds-privilege-name=proxied-auth)";)`,
	// Password modify, who am I, TOTP: generate, revoke and management; password
	// policy state.
	`(extop="1.3.6.1.4.1.4203.1.11.1 || 1.3.6.1.4.1.4203.1.11.3 || 1.3.6.1.4.1.30221.2.6.56 || 1.3.6.1.4.1.30221.2.6.58 || ` +
		`2.25.339436907553608478315258445179521720842.6.1 || 1.3.6.1.4.1.30221.1.6.1")` +
		`(version 3.0; acl "operations that carry their own proof"; allow (read) userdn="ldap:///anyone";)`,
	// Manage server, all of which takes privileges.
	`(extop="2.25.339436907553608478315258445179521720842.6.2")` +
		`(version 3.0; acl "operations for users"; allow (read) userdn="ldap:///all";)`,
	`(targetcontrol="*")(version 3.0; acl "controls do no more than their operations"; allow (read) userdn="ldap:///anyone";)`,
}

// acis keeps the ACIs as they were last compiled, as policies does.
type acis struct {
	global   []*aci.ACI
	written  atomic.Bool // there is a version in the store, or about to be
	compiled atomic.Pointer[compiledACIs]
}

// compiledACIs is those of entries.
type compiledACIs struct {
	version string
	of      map[entryID][]*aci.ACI // by the entry that has them
	denied  aci.Rights             // by any of them
}

const acisName = "acis"

var noACIs = &compiledACIs{}

// aciFilter is a search filter of an ACI made ready; it does not change.
type aciFilter struct {
	Filter
	operational, memberOf bool // what it needs to be decided
}

func (d *Directory) parseACI(text string) (*aci.ACI, error) {
	return aci.Parse(d.schema, text, func(text string) (aci.Filter, error) {
		f, err := ParseFilter(text)
		if err == nil {
			_, err = compileFilter(d.schema, &f)
		}
		if err != nil {
			return nil, errors.New(inWords(err))
		}
		return &aciFilter{f, d.mentionsOperational(&f), d.mentionsMemberOf(&f)}, nil
	})
}

// openACIs compiles those of the configuration, and finds out whether there
// are others.
func (d *Directory) openACIs(ctx context.Context) error {
	list := d.cfg.ACIs
	if list == nil {
		list = DefaultACIs
	}
	for i, text := range list {
		a, err := d.parseACI(text)
		if err == nil && a.Scoped() && !a.Targeted() {
			err = errors.New("targetscope goes with target here: an ACI of the configuration is in no entry")
		}
		if err != nil {
			return fmt.Errorf("access control instruction %d of the configuration: %w", i+1, err)
		}
		d.acis.global = append(d.acis.global, a)
	}
	if err := d.indexOldACIs(ctx); err != nil {
		return fmt.Errorf("looking for access control instructions: %w", err)
	}
	return d.store.View(ctx, func(r store.Reader) error {
		_, err := r.Get(metaKey(acisName))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		d.acis.written.Store(true)
		return err
	})
}

// acisIndexed names the mark of a store whose presence index has all values of
// aci.
const acisIndexed = "acis indexed"

// indexOldACIs brings what earlier programs stored as any other attribute into
// the index, and so into force, where that was not done.
func (d *Directory) indexOldACIs(ctx context.Context) error {
	var missing [][]byte
	done := true
	err := d.store.View(ctx, func(r store.Reader) error {
		if _, err := r.Get(metaKey(acisIndexed)); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		var failed error
		done = false
		err := r.Scan(store.Prefix([]byte{entrySpace}), func(key, value []byte) bool {
			var rec record
			if failed = decodeRecord(&rec, value); failed == nil && len(d.acisOf(&rec)) > 0 {
				missing = append(missing, idAtEnd(key).append(presencePrefix(aciAttribute)))
			}
			return failed == nil && ctx.Err() == nil
		})
		return errors.Join(err, failed, ctx.Err())
	})
	if err != nil || done {
		return err
	}
	err = d.store.Update(ctx, func(w store.Writer) error {
		for _, key := range missing {
			if has, err := hasPosting(w, key); err != nil {
				return err
			} else if !has {
				w.Set(key, nil)
				d.acis.changed(w)
			}
		}
		if first, err := peekID(w); err != nil || first > 1 {
			w.Set(metaKey(acisIndexed), nil)
			return err
		}
		return nil
	})
	if errors.Is(err, store.ErrReadOnly) && len(missing) == 0 {
		return nil // the disk is full; the next start looks again
	}
	return err
}

// changed notes in the transaction of w that it changes an ACI.
func (x *acis) changed(w interface{ Set(key, value []byte) }) {
	x.written.Store(true) // before anybody can see it; that it may come to nothing is no harm
	w.Set(metaKey(acisName), []byte(rand.Text()))
}

// acisIn returns the ACIs of entries as r has them, and those of the present
// where r has entries as they were. Where there never was one it costs nothing.
func (d *Directory) acisIn(r store.Reader) (*compiledACIs, error) {
	if p, ok := r.(*past); ok {
		r = p.Reader // which the version is of
	}
	if !d.acis.written.Load() {
		return noACIs, nil
	}
	version, err := r.Get(metaKey(acisName))
	if errors.Is(err, store.ErrNotFound) {
		return noACIs, nil
	}
	if err != nil {
		return nil, err
	}
	if c := d.acis.compiled.Load(); c != nil && c.version == string(version) {
		return c, nil
	}
	c := &compiledACIs{version: string(version), of: map[entryID][]*aci.ACI{}}
	if err := d.compileACIs(r, c); err != nil {
		return nil, fmt.Errorf("reading the access control instructions: %w", err)
	}
	d.acis.compiled.Store(c)
	return c, nil
}

// malformedACI is in force where there is one that cannot be read, so that
// what it may have denied is denied.
const malformedACI = `(targetattr="* || +")(version 3.0; acl "malformed"; deny (all, import, export, proxy) userdn="ldap:///anyone";)`

func (d *Directory) compileACIs(r store.Reader, c *compiledACIs) error {
	var ids []entryID
	var failed error
	prefix := presencePrefix(aciAttribute)
	err := r.Scan(store.Prefix(prefix), func(key, value []byte) bool {
		ids, failed = postingIDs(ids, key, value, len(prefix), math.MaxInt-1)
		return failed == nil
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	for _, id := range ids {
		rec, err := readRecord(r, id)
		if err != nil {
			return err
		}
		for _, v := range d.valuesOf(rec, aciAttribute) {
			a, err := d.parseACI(string(v))
			if err != nil {
				d.log.Error("an access control instruction is malformed: it denies everything", "entry", uint64(id), "rdn", rec.rdn, "err", err)
				if a, err = d.parseACI(malformedACI); err != nil {
					return err
				}
			}
			c.of[id] = append(c.of[id], a)
			for _, p := range a.Permissions {
				if !p.Allow {
					c.denied |= p.Rights
				}
			}
		}
	}
	return nil
}

// checkTargets fails if an ACI is about an entry called dn, or one below it, by
// name: it would be about nothing where they are called otherwise.
func (d *Directory) checkTargets(r store.Reader, dn DN) error {
	acis, err := d.acisIn(r)
	if err != nil {
		return err
	}
	names := func(a *aci.ACI) bool { return a.Names(dn) }
	found := slices.ContainsFunc(d.acis.global, names)
	for _, list := range acis.of {
		found = found || slices.ContainsFunc(list, names)
	}
	if found {
		return Errorf(UnwillingToPerform, "the target of an access control instruction names the entry, or one below it: change that first")
	}
	return nil
}

// acisOf is the values of aci in an entry, which may be nil.
func (d *Directory) acisOf(rec *record) [][]byte {
	if rec == nil {
		return nil
	}
	return d.valuesOf(rec, aciAttribute)
}

// maxACIs is how many one entry may have: each is asked for what is below it.
const maxACIs = 1000

var errTooManyACIs = Errorf(AdminLimitExceeded, "%s: an entry has at most %d", aciAttribute, maxACIs)

// checkACIs fails with invalidAttributeSyntax if one of the values could not be
// in force in an entry called dn.
func (d *Directory) checkACIs(values [][]byte, dn DN) error {
	if len(values) > maxACIs {
		return errTooManyACIs
	}
	for i, v := range values {
		if err := d.checkACI(string(v), dn); err != nil {
			return Errorf(InvalidAttributeSyntax, "%s: value %d: %s", aciAttribute, i+1, inWords(err))
		}
	}
	return nil
}

func (d *Directory) checkACI(text string, dn DN) error {
	a, err := d.parseACI(text)
	if err != nil {
		return err
	}
	if a.OfRequests() {
		return errors.New("extop and targetcontrol are for access.aci of the configuration: a request has no entry")
	}
	if target := a.TargetDN(); !target.IsZero() && !target.IsUnder(dn) {
		return fmt.Errorf("the target %s is not at or below the entry that has it", target)
	}
	if i := slices.IndexFunc(a.Attributes(), func(name string) bool { return d.schema.Attribute(name) == nil }); i >= 0 && !d.cfg.AnyAttributes {
		return fmt.Errorf("targetattr: unknown attribute type %s", a.Attributes()[i])
	}
	return nil
}
