package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// indexBatch is how many entries one update of the worker looks at, and
// indexBatchKeys about how many keys it writes: other updates wait meanwhile.
const (
	indexBatch     = 500
	indexBatchKeys = 5_000
)

// TendIndexes builds the indexes that were added and removes those that were
// taken away, whenever there are some, until ctx ends. What was begun before a
// stop, of whatever kind, goes on; what fails is tried again after a minute. One
// call of it runs at a time.
func (d *Directory) TendIndexes(ctx context.Context) error {
	for {
		var again <-chan time.Time
		err := d.BuildIndexes(ctx)
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return nil
		}
		if err != nil {
			d.log.Error("an index cannot be built", "err", err)
			again = time.After(time.Minute)
		}
		select {
		case <-again:
		case <-ctx.Done():
			return nil
		case <-d.indexWork:
		}
	}
}

// BuildIndexes does what there is to do about indexes, and returns.
func (d *Directory) BuildIndexes(ctx context.Context) error {
	var list []index
	err := d.store.View(ctx, func(r store.Reader) (err error) {
		list, err = readIndexes(r)
		return err
	})
	if err != nil {
		return err
	}
	var failed error
	for _, x := range list {
		if x.state == indexReady {
			continue
		}
		for done := false; !done; {
			if done, err = d.tend(ctx, x); err != nil {
				d.indexFaults.Store(x.name(), inWords(err))
				failed = errors.Join(failed, err)
				break
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			d.indexFaults.Delete(x.name())
			d.log.Info("an index is done", "index", x.name(), "was", string(x.state))
		}
	}
	return failed
}

// tend does one more batch for the index x, and reports whether it was the last.
func (d *Directory) tend(ctx context.Context, x index) (done bool, err error) {
	d.defining.RLock() // what the store says of x is in force: no search uses what is being removed
	err = d.store.Update(ctx, func(w store.Writer) error {
		done = true
		list, err := readIndexes(w)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, x.is)
		if i < 0 || list[i].state != x.state {
			return nil // somebody has changed his mind
		}
		if x.state == indexRemoving {
			done, err = removeBatch(w, x)
		} else {
			list[i].next, done, err = d.buildBatch(w, list[i])
		}
		if err != nil {
			return err
		}
		switch {
		case done && x.state == indexRemoving:
			list = slices.Delete(list, i, i+1)
		case done:
			list[i].state = indexReady
		}
		writeIndexes(w, list)
		return nil
	})
	d.defining.RUnlock()
	if err != nil || !done {
		return done, err
	}
	d.defining.Lock() // the list is read and put in force without another change between
	defer d.defining.Unlock()
	return true, d.openIndexes(context.WithoutCancel(ctx))
}

// buildBatch writes the keys of the next entries, and returns where to go on.
func (d *Directory) buildBatch(w store.Writer, x index) (next entryID, done bool, err error) {
	if err := d.indexable(x); err != nil {
		return x.next, false, err
	}
	only := onlyIndex(d.schema, x)
	var keys [][]byte
	var failed error
	next, done = x.next, true
	all := store.Prefix([]byte{entrySpace})
	all.Start = entryKey(x.next)
	entries := 0
	err = w.Scan(all, func(key, value []byte) bool {
		if entries >= d.indexBatch || len(keys) >= indexBatchKeys {
			done = false
			return false
		}
		entries++
		id := idAtEnd(key)
		var rec record
		if failed = decodeRecord(&rec, value); failed != nil {
			return false
		}
		keys = append(keys, only.keys(d.schema, id, &rec)...)
		next = id + 1
		return true
	})
	if err := errors.Join(err, failed); err != nil {
		return next, false, err
	}
	for _, k := range keys {
		there, err := hasPosting(w, k) // changed since, or loaded
		if err != nil {
			return next, false, err
		}
		if !there {
			w.Set(k, nil)
		}
	}
	return next, done, nil
}

// onlyIndex is a plan for nothing but x, whose attribute is defined.
func onlyIndex(s *schema.Schema, x index) *indexPlan {
	p := newIndexPlan(s, nil)
	t := s.Attribute(x.attribute)
	p.written = map[IndexKind]map[*schema.AttributeType]bool{x.kind: {t: true}}
	p.types = map[*schema.AttributeType]bool{t: true}
	return p
}

// removeBatch deletes some keys of an index, and reports whether none is left.
func removeBatch(w store.Writer, x index) (done bool, err error) {
	var keys [][]byte
	prefixes := [][]byte{x.prefix()}
	if x.kind == SubstringIndex { // pages go first, and all at once with their list
		prefixes = [][]byte{recentPrefix(x.attribute), x.prefix()}
	}
	done = true
	for _, prefix := range prefixes {
		all := store.Prefix(prefix)
		all.KeysOnly = true
		err = errors.Join(err, w.Scan(all, func(key, _ []byte) bool {
			if len(keys) >= indexBatchKeys {
				done = false
				return false
			}
			keys = append(keys, slices.Clone(key))
			return true
		}))
	}
	for _, k := range keys {
		w.Delete(k)
	}
	return done, err
}

// prefix begins all keys of an index but those of recentPrefix.
func (x index) prefix() []byte {
	switch x.kind {
	case EqualityIndex:
		return equalityAttribute(x.attribute)
	case PresenceIndex:
		return presencePrefix(x.attribute)
	default:
		return substringPrefix(x.attribute, nil)
	}
}
