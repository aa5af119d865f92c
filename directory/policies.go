package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"tallystick/directory/store"
)

// policies keeps the policies as they were last compiled. Every change of one
// writes a new version beside it, in the same transaction, so that whoever
// reads a snapshot knows whether these are its policies. Without one it is "".
type policies struct {
	written  atomic.Bool // there is a version in the store, or about to be
	compiled atomic.Pointer[compiledPolicies]
}

type compiledPolicies struct {
	version string
	list    []*policy // in the order in which they are asked
}

const policiesName = "policies"

// openPolicies finds out whether there are policies, or were.
func (d *Directory) openPolicies(ctx context.Context) error {
	return d.store.View(ctx, func(r store.Reader) error {
		_, err := r.Get(metaKey(policiesName))
		if !errors.Is(err, store.ErrNotFound) {
			d.policies.written.Store(true)
			return err
		}
		list, err := d.compilePolicies(r) // written by a program that had no versions of them
		d.policies.written.Store(len(list) > 0)
		return err
	})
}

// HadPolicies reports whether there is a policy in the directory, or ever was.
func (d *Directory) HadPolicies() bool { return d.policies.written.Load() }

// changed notes in the transaction of w that it changes a policy.
func (p *policies) changed(w interface{ Set(key, value []byte) }) {
	p.written.Store(true) // before anybody can see it; that it may come to nothing is no harm
	w.Set(metaKey(policiesName), []byte(rand.Text()))
}

// policiesIn returns the policies as r has them, in the order in which they
// are asked. Where there never was one it costs nothing.
func (d *Directory) policiesIn(r store.Reader) ([]*policy, error) {
	if !d.policies.written.Load() {
		return nil, nil
	}
	version, err := r.Get(metaKey(policiesName))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if c := d.policies.compiled.Load(); c != nil && c.version == string(version) {
		return c.list, nil
	}
	c := &compiledPolicies{version: string(version)}
	if c.list, err = d.compilePolicies(r); err != nil {
		return nil, fmt.Errorf("reading the policies: %w", err)
	}
	d.policies.compiled.Store(c)
	return c.list, nil
}

func (d *Directory) compilePolicies(r store.Reader) ([]*policy, error) {
	byClass := Filter{Kind: FilterEqualityMatch, Attribute: "objectClass", Value: []byte(policyClass)}
	p := planner{d: d, r: r}
	ids, known, err := p.candidates(&byClass, maxCandidates)
	if err == nil && !known {
		err = errors.New("too many")
	}
	if err != nil {
		return nil, err
	}
	var list []*policy
	for _, id := range ids {
		rec, err := readRecord(r, id)
		if err != nil {
			return nil, err
		}
		if !d.isPolicy(rec) {
			continue
		}
		p := d.compilePolicy(id, rec)
		if p.malformed != nil {
			d.log.Error("a policy is malformed and requires a code of whom it may be about", "entry", uint64(id), "rdn", rec.rdn, "err", p.malformed)
		}
		list = append(list, p)
	}
	slices.SortFunc(list, (*policy).before)
	return list, nil
}

// maxPolicies is how many an administrator can add: they are asked one by one,
// with every log-in.
const maxPolicies = 1000

// roomForPolicy fails if an entry becomes a policy and there are enough.
func (d *Directory) roomForPolicy(r store.Reader, old, new *record) error {
	if !d.isPolicy(new) || old != nil && d.isPolicy(old) {
		return nil
	}
	list, err := d.policiesIn(r)
	if err == nil && len(list) >= maxPolicies {
		err = Errorf(AdminLimitExceeded, "there are %d policies already", len(list))
	}
	return err
}
