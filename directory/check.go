package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"tallystick/directory/store"
)

// Checked is what a Check looked at.
type Checked struct {
	Entries, IndexKeys, Credentials, AuditRecords int
}

// Check compares everything stored with everything else: each entry with its
// parent, its name and its index keys, each index key with its entry, each
// credential with its owner. It tells fault of whatever does not fit and
// goes on; an error is only returned if the store cannot be read.
func (d *Directory) Check(ctx context.Context, fault func(string)) (Checked, error) {
	c := checker{d: d, fault: fault}
	c.expected.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
	d.defining.RLock() // the indexes stay what they are
	defer d.defining.RUnlock()
	err := d.store.View(ctx, func(r store.Reader) error {
		c.r = r
		if err := c.readIndexes(); err != nil {
			return err
		}
		for _, step := range []func(context.Context) error{c.entries, c.children, c.index, c.credentials, c.audit, c.history} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return c.seen, err
}

type checker struct {
	d        *Directory
	r        store.Reader
	seen     Checked
	plan     *indexPlan // of the indexes that are complete
	begun    []index    // those that are not
	expected keySum     // index keys that the entries should have
	fault    func(string)
}

func (c *checker) readIndexes() error {
	list, err := readIndexes(c.r)
	if err != nil {
		return err
	}
	var ready []index
	for _, x := range list {
		if x.state == indexReady {
			ready = append(ready, x)
		} else {
			c.begun = append(c.begun, x)
		}
	}
	c.plan = newIndexPlan(c.d.schema, ready)
	return nil
}

// incomplete reports whether a key is of an index that is not complete.
func (c *checker) incomplete(key []byte) bool {
	return slices.ContainsFunc(c.begun, func(x index) bool { return bytes.HasPrefix(key, x.prefix()) })
}

func (c *checker) faultf(format string, args ...any) { c.fault(fmt.Sprintf(format, args...)) }

// has reports whether a key is there, with the value if it is not nil.
func (c *checker) has(key, value []byte) (bool, error) {
	v, err := c.r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && (value == nil || bytes.Equal(v, value)), err
}

func (c *checker) scan(ctx context.Context, prefix []byte, keysOnly bool, fn func(key, value []byte) error) error {
	all := store.Prefix(prefix)
	all.KeysOnly = keysOnly
	var failed error
	err := c.r.Scan(all, func(key, value []byte) bool {
		if failed = ctx.Err(); failed == nil {
			failed = fn(key, value)
		}
		return failed == nil
	})
	return errors.Join(failed, err)
}

func (c *checker) entries(ctx context.Context) error {
	return c.scan(ctx, []byte{entrySpace}, false, func(key, value []byte) error {
		id := idAtEnd(key)
		c.seen.Entries++
		var rec record
		if err := decodeRecord(&rec, value); err != nil {
			c.faultf("entry %d: %v", id, err)
			return nil
		}
		norm, err := c.d.placeNorm(&rec)
		if err != nil {
			c.faultf("entry %d: its name %q: %v", id, rec.rdn, err)
			return nil
		}
		if ok, err := c.has(childKey(rec.parent, norm), id.append(nil)); err != nil {
			return err
		} else if !ok {
			c.faultf("entry %d: its name %q does not lead to it", id, rec.rdn)
		}
		if rec.parent != 0 {
			if ok, err := c.has(entryKey(rec.parent), nil); err != nil {
				return err
			} else if !ok {
				c.faultf("entry %d: its parent %d does not exist", id, rec.parent)
			}
		}
		if err := c.d.checkPolicy(&rec); err != nil {
			c.faultf("entry %d: a policy, and malformed: %s", id, inWords(err))
		}
		if rec.oathUser != c.d.isOATHUser(&rec) {
			c.faultf("entry %d: its attributes and what it says differ on whether it has a token of OATH-LDAP or not", id)
		}
		for _, k := range c.plan.keys(c.d.schema, id, &rec) {
			c.expected.add(k)
		}
		return nil
	})
}

// history looks whether the history is whole.
func (c *checker) history(ctx context.Context) error {
	head, err := readHistoryHead(c.r)
	if err != nil {
		c.faultf("%v", err)
		return nil
	}
	next := head.first
	err = c.scan(ctx, []byte{historySpace}, false, func(key, value []byte) error {
		if len(key) != 17 || historyNumber(key) != next {
			c.faultf("the history: %x is there in place of %d", key, next)
			next = head.last + 1
			return errBrokenHistory
		}
		if logged, err := decodePastState(value); err != nil {
			c.faultf("change %d: %v", next, err)
		} else if err := decodeRecord(new(record), logged.before); err != nil {
			c.faultf("change %d: the entry before it: %v", next, err)
		}
		next++
		return nil
	})
	if errors.Is(err, errBrokenHistory) {
		return nil // told already
	}
	if err == nil && next != head.last+1 {
		c.faultf("the history ends with %d in place of %d", next-1, head.last)
	}
	return err
}

var errBrokenHistory = errors.New("the history is broken")

// placeNorm is the normalised name of an entry below its parent.
func (d *Directory) placeNorm(rec *record) (string, error) {
	if rec.parent == 0 {
		dn, err := d.parseDN(rec.rdn)
		return dn.Norm(), err
	}
	rdn, err := ParseRDN(d.schema, rec.rdn)
	return rdn.Norm(), err
}

func (c *checker) children(ctx context.Context) error {
	return c.scan(ctx, []byte{childSpace}, false, func(key, value []byte) error {
		if len(key) < 9 || len(value) != 8 {
			c.faultf("name key %q is malformed", key)
			return nil
		}
		rec, err := readRecord(c.r, idAtEnd(value))
		if errors.Is(err, store.ErrNotFound) {
			c.faultf("name %q leads to entry %d, which does not exist", key[9:], idAtEnd(value))
			return nil
		}
		if err != nil {
			return nil // told already
		}
		if norm, err := c.d.placeNorm(rec); err == nil && !bytes.Equal(key, childKey(rec.parent, norm)) {
			c.faultf("name %q leads to entry %d, which is named %q", key[9:], idAtEnd(value), rec.rdn)
		}
		return nil
	})
}

// index compares the index keys there are with those the entries should have:
// by number and sum, which is quick, and key by key only if these differ.
func (c *checker) index(ctx context.Context) error {
	found := keySum{seeds: c.expected.seeds}
	for _, space := range indexSpaces {
		err := c.postings(ctx, []byte{space}, func(key []byte) error {
			if !c.incomplete(key) {
				found.add(key)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	c.seen.IndexKeys = found.n
	for _, x := range c.begun {
		if err := c.begunIndex(ctx, x); err != nil {
			return err
		}
	}
	if found == c.expected {
		return nil
	}
	if err := c.recent(ctx, []byte{recentSpace}, c.twice); err != nil {
		return err
	}
	if err := c.scan(ctx, []byte{entrySpace}, false, c.missing); err != nil {
		return err
	}
	for _, space := range indexSpaces {
		err := c.postings(ctx, []byte{space}, func(key []byte) error {
			if c.incomplete(key) {
				return nil
			}
			return c.stale(key)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// begunIndex looks at an index that is being built: up to where it came no key
// is missing, and no key is wrong anywhere.
func (c *checker) begunIndex(ctx context.Context, x index) error {
	if x.state != indexBuilding {
		return nil
	}
	whole := c.plan
	defer func() { c.plan = whole }()
	c.plan = onlyIndex(c.d.schema, x)
	if err := c.scan(ctx, []byte{entrySpace}, false, func(key, value []byte) error {
		if idAtEnd(key) >= x.next {
			return nil
		}
		return c.missing(key, value)
	}); err != nil {
		return err
	}
	return c.postings(ctx, x.prefix(), c.stale)
}

var indexSpaces = []byte{equalitySpace, presenceSpace, substringSpace}

// postings calls fn for all index keys that begin with prefix, in the form that
// indexKeys has them. The prefix is an index's, or that of all of one kind.
func (c *checker) postings(ctx context.Context, prefix []byte, fn func(key []byte) error) error {
	if prefix[0] == substringSpace {
		if err := c.recent(ctx, append([]byte{recentSpace}, prefix[1:]...), fn); err != nil {
			return err
		}
	}
	var ids []entryID
	var one []byte
	return c.scan(ctx, prefix, false, func(key, value []byte) (err error) {
		if len(value) == 0 {
			return fn(key)
		}
		end := len(key) - 9
		if end < 0 {
			c.faultf("index key %q is malformed", key)
			return nil
		}
		if ids, err = postingIDs(ids[:0], key, value, end, blockSize); err != nil {
			c.faultf("index key %q: %v", key, err)
		}
		for _, id := range ids {
			one = id.append(append(one[:0], key[:end]...))
			if err := fn(one); err != nil {
				return err
			}
		}
		return nil
	})
}

// recent is postings for those that stand in pages, see recent.go.
func (c *checker) recent(ctx context.Context, prefix []byte, fn func(key []byte) error) error {
	var listed []byte // pages of the attribute that are to come
	lost := func() {
		if len(listed) > 0 {
			c.faultf("index page %d is listed and not there", idAtEnd(listed[:8]))
		}
	}
	var one []byte
	err := c.scan(ctx, prefix, false, func(key, value []byte) error {
		end := bytes.IndexByte(key, 0) + 1
		if len(key) == end && len(value)%8 == 0 { // comes before its pages
			lost()
			listed = slices.Clone(value)
			return nil
		}
		if end > 0 && len(key) == end+8 {
			if !bytes.HasPrefix(listed, key[end:]) {
				c.faultf("index page %q is not listed", key)
				return nil
			}
			listed = listed[8:]
		}
		if end == 0 || len(key) != end+8 || !page(value).sound() {
			c.faultf("index page %q is malformed", key)
			return nil
		}
		p := page(value)
		for i := range len(p) / pageItem {
			for id := range entriesOf(idAtEnd(key), p.bits(i)) {
				one = append(append(append(one[:0], substringSpace), key[1:end]...), p.trigram(i)...)
				one = id.append(one)
				if err := fn(one); err != nil {
					return err
				}
			}
		}
		return nil
	})
	lost()
	return err
}

// twice tells of what stands in a page and elsewhere.
func (c *checker) twice(key []byte) error {
	has, err := hasOldPosting(c.r, key)
	if has {
		c.faultf("index key %q is there twice", key)
	}
	if errors.Is(err, errBlock) {
		return nil // told already
	}
	return err
}

// keySum stands for a set of keys: two sets with the same sum are the same.
type keySum struct {
	seeds [2]maphash.Seed
	n     int
	sums  [2]uint64
}

func (s *keySum) add(key []byte) {
	s.n++
	for i, seed := range s.seeds {
		s.sums[i] += maphash.Bytes(seed, key)
	}
}

// missing tells of index keys that an entry should have and has not.
func (c *checker) missing(key, value []byte) error {
	var rec record
	if err := decodeRecord(&rec, value); err != nil {
		return nil // told already
	}
	id := idAtEnd(key)
	for _, k := range c.plan.keys(c.d.schema, id, &rec) {
		if ok, err := hasPosting(c.r, k); err != nil && !errors.Is(err, errBlock) && !errors.Is(err, errPage) {
			return err
		} else if !ok {
			c.faultf("entry %d: index key %q is missing", id, k[:len(k)-8])
		}
	}
	return nil
}

// stale tells of an index key that its entry does not have.
func (c *checker) stale(key []byte) error {
	if len(key) < 9 {
		c.faultf("index key %q is malformed", key)
		return nil
	}
	id := idAtEnd(key)
	rec, err := readRecord(c.r, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		c.faultf("index key %q is of entry %d, which does not exist", key[:len(key)-8], id)
	case err != nil: // told already
	default:
		if _, ok := slices.BinarySearchFunc(c.plan.keys(c.d.schema, id, rec), key, bytes.Compare); !ok {
			c.faultf("index key %q is of entry %d, which does not have the value", key[:len(key)-8], id)
		}
	}
	return nil
}

func (c *checker) credentials(ctx context.Context) error {
	n, err := c.d.checkCredentials(ctx, c.r, c.fault)
	c.seen.Credentials = n
	if err != nil {
		return err
	}
	return checkNumbers(ctx, c.r, c.fault)
}

func (c *checker) audit(ctx context.Context) error {
	n, err := c.d.checkAudit(ctx, c.r, c.fault)
	c.seen.AuditRecords = n
	return err
}
