package directory

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"strings"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// Whoever sees part of the content has a copy of that part. An entry comes into
// it and leaves it with its own changes, as with any filter, and with those of
// entries that decide on it. What else decides, his groups, his own entry, the
// ACIs themselves and where he comes from, is not asked of the past: if it has
// changed he begins again.

// errSyncRights is for who sees something else now.
var errSyncRights = &Error{ResultCode: SyncRefreshRequired, DiagnosticMessage: "what this identity may see has changed: begin again without a cookie"}

// errSyncLimited is for who sees what entries that are not looked at decide on.
var errSyncLimited = Errorf(UnwillingToPerform, "access control instructions for this identity depend on what is not synchronized")

// partly is what decides on what a requester sees, beside the entries
// themselves.
type partly struct {
	limited bool            // he may not see all; the rest is as if he could if not
	depends bool            // who he is, or his groups, is asked with each entry
	above   map[string]bool // types whose values decide on the entries below
}

// content is a hash of what decides on the content: the search, the requester,
// and, if he does not see all, each ACI and whether it is for him. It fails if
// one of these looks at what is not synchronized.
func (f *follower) content() (uint64, error) {
	s := f.s
	h := fnv.New64a()
	names := slices.Clone(s.req.Attributes)
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	slices.Sort(names)
	own, err := s.d.parseDN(s.who.DN)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(h, "%q %d %q %d %t %t %+v %q", own.Norm(), s.baseID, s.base.Norm(), s.req.Scope, s.req.TypesOnly, s.req.ManageDsaIT, s.req.Filter, names)
	f.partly = partly{}
	if s.rights != nil {
		f.partly = partly{limited: true, above: map[string]bool{}}
		if err := f.mix(h, s.rights); err != nil {
			return 0, err
		}
	}
	return h.Sum64(), nil
}

// mix adds what the requester may do to a hash, and notes what that depends on.
func (f *follower) mix(h io.Writer, x *rights) error {
	of := func(list []*aci.ACI) error {
		for _, a := range list {
			if a.OfRequests() {
				continue
			}
			fmt.Fprintf(h, " %q", a)
			for i := range a.Permissions {
				p := &a.Permissions[i]
				if p.Rights&x.mask == 0 {
					continue
				}
				v, err := x.verdict(p)
				if err != nil {
					return err
				}
				fmt.Fprintf(h, " %d", v)
				if v == aci.No {
					continue
				}
				if filter, ok := a.Filter().(*aciFilter); ok && x.d.mustSynchronize(&filter.Filter) != nil {
					return errSyncLimited
				}
				if v == aci.Depends {
					f.depends = true
					for _, name := range p.AttributesAbove() {
						f.above[x.d.schema.AttributeOrUndefined(name).Name()] = true
					}
				}
			}
		}
		return nil
	}
	if err := of(x.d.acis.global); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(x.acis.of)) {
		fmt.Fprintf(h, " %d", id)
		if err := of(x.acis.of[id]); err != nil {
			return err
		}
	}
	return nil
}

var errFound = errors.New("something was found") // inner

// found is where a search ends with the first entry.
type found struct{}

func (found) WriteEntry(*Entry) error { return errFound }

// probe fails like a search of a base that is not there if the requester may
// see neither the base nor anything of the content.
func (s *search) probe(ctx context.Context) error {
	if s.rights == nil || s.base.IsZero() {
		return nil
	}
	if base, err := s.rights.visible(s.base); base != nil || err != nil {
		return err
	}
	probe := *s
	probe.w, probe.sizeLimit, probe.out = found{}, 0, Entry{}
	switch err := probe.walk(ctx); {
	case err == nil:
		return s.rights.missing(s.base)
	case !errors.Is(err, errFound):
		return err
	}
	return nil
}

// unchanged reports whether an entry looks the same to the requester as before:
// then he is not told. Who sees all is told of every change, and calls himself
// what is below an entry with a new name as that; who does not may not see it.
func (f *follower) unchanged(before, now *search, t *touched) (bool, error) {
	if !f.limited || t.is != asEntry || t.cut {
		return t.moved, nil
	}
	for _, s := range []*search{before, now} {
		v := &s.candidate
		name, err := v.name()
		if err == nil {
			err = s.choose(name, v.ruling, v.rec.attributes, v.operational)
		}
		if err != nil {
			return false, err
		}
	}
	return before.out.DN == now.out.DN && slices.EqualFunc(before.out.Attributes, now.out.Attributes, sameAttribute), nil
}

// mustNotChangeAccess fails if what has become of an entry, which is encoded,
// nil where it is not there, may have changed what the requester sees of others.
func (f *follower) mustNotChangeAccess(t *touched, before, after []byte) error {
	if t.cut && t.is == unknown && t.was != unknown { // whether he saw it cannot be told
		return f.beginAgain()
	}
	if !f.depends {
		return nil
	}
	var old, rec record
	if err := errors.Join(decodeRecord(&old, before), decodeRecord(&rec, after)); err != nil {
		return err
	}
	x := f.s.rights
	own, err := x.entry()
	if err != nil {
		return err
	}
	if own != nil && t.id == x.id && !t.moved {
		if o, n := differences(&old, &rec); len(o.attributes)+len(n.attributes) > 0 {
			return f.beginAgain()
		}
	}
	ways, err := x.ways()
	if err != nil {
		return err
	}
	was, is := x.d.lists(&old, ways), x.d.lists(&rec, ways)
	renamed := t.moved || old.parent != rec.parent || old.rdn != rec.rdn
	if was != is || is && renamed || t.cut && x.d.mayHaveListed(&rec, len(after)) {
		return f.beginAgain()
	}
	return nil
}

func (f *follower) beginAgain() error {
	f.req.Next = nil
	return errSyncRights
}

// lists reports whether a group, as it was or is, lists somebody in one of the
// ways.
func (d *Directory) lists(group *record, ways []membership) bool {
	return slices.ContainsFunc(ways, func(m membership) bool {
		return findValue(d.schema.Attribute(m.attribute), d.valuesOf(group, m.attribute), m.value) >= 0
	})
}

// mayHaveListed reports whether an entry that was too long for the history may
// have listed somebody then, by what is there now.
func (d *Directory) mayHaveListed(rec *record, size int) bool {
	return size <= maxLoggedEntry || slices.ContainsFunc([]string{"member", "uniqueMember", "memberUid"}, func(name string) bool {
		return len(d.valuesOf(rec, name)) > 0
	})
}

// decidesBelow reports whether a change of an entry may decide on what the
// requester sees of entries below it.
func (f *follower) decidesBelow(past *past, id entryID) (bool, error) {
	if len(f.above) == 0 {
		return false, nil
	}
	var states [2]record
	for i, r := range []store.Reader{past, f.s.r} {
		rec, err := readRecord(r, id)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil // what is below changed itself
		}
		if err != nil {
			return false, err
		}
		states[i] = *rec
	}
	if past.cut(id) {
		return true, nil
	}
	o, n := differences(&states[0], &states[1])
	return slices.ContainsFunc(append(o.attributes, n.attributes...), func(a Attribute) bool {
		return f.above[f.s.d.schema.AttributeOrUndefined(a.Name).Name()]
	}), nil
}
