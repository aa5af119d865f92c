package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"tallystick/directory/schema"
)

// rounds is a search that is done more than once, in one snapshot after the
// other.
type rounds interface {
	// round sends what there is to send. The base is resolved.
	round(ctx context.Context) error
	// gone is called in place of round if the base is not there; it returns why
	// the search ends.
	gone(ctx context.Context, err error) error
	// sendReference sends a continuation for a referral object.
	sendReference(rec *record, uris []string) error
}

// mayFollow fails for a search that cannot be done in rounds.
func (s *search) mayFollow() error {
	req := s.req
	switch {
	case !s.d.OffersSync():
		return Errorf(UnwillingToPerform, "no changes are kept here")
	case req.Paged != nil || req.Sort != nil || req.VirtualList != nil || req.MatchedValues != nil || req.Sync != nil && req.Persistent != nil:
		return Errorf(UnwillingToPerform, "content is synchronized without pages, order, and selection of values")
	case s.base.IsZero() && req.Scope == BaseObject || s.d.kept(s.base) && !s.base.IsZero():
		return Errorf(UnwillingToPerform, "what the server keeps itself is not synchronized")
	}
	s.needsMemberOf = false
	return s.d.mustSynchronize(&req.Filter)
}

// follow does a round now and, if the search persists, one after each change
// until ctx ends.
func (s *search) follow(ctx context.Context, who Requester, persist bool, flush func() error) error {
	if persist {
		Slow(ctx)
		s.d.followers.waiting.Add(1)
		defer s.d.followers.waiting.Add(-1)
	}
	for {
		next := s.d.followers.wait()
		s.above, s.met = nil, false
		who, err := s.d.Refresh(ctx, who)
		if err != nil {
			return err
		}
		s.who = who
		err = s.start(ctx, who)
		if errors.Is(err, errNoHistory) {
			if err := s.d.beginHistory(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil || !persist {
			return err
		}
		s.deadline, s.sizeLimit, s.lookThrough = time.Time{}, 0, 0 // which are about the refresh
		if err := flush(); err != nil {
			return err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// errNoHistory is inner: a search that would go well wants the history to begin.
var errNoHistory = errors.New("the history has not begun")

// synchronized are the operational attributes that do not depend on other
// entries (RFC 4533, section 4.2), beside those that clients write.
var synchronized = []string{"entryUUID", "createTimestamp", "modifyTimestamp", "creatorsName", "modifiersName", "structuralObjectClass"}

func synchronizes(t *schema.AttributeType) bool {
	return !t.Operational() || slices.Contains(synchronized, t.Name()) || checkWritable(t.Name(), t) == nil
}

// mustSynchronize fails if the filter asks for what is not synchronized.
func (d *Directory) mustSynchronize(f *Filter) error {
	for i := range f.Filters {
		if err := d.mustSynchronize(&f.Filters[i]); err != nil {
			return err
		}
	}
	if t := d.schema.Attribute(f.Attribute); t != nil && !synchronizes(t) {
		return Errorf(UnwillingToPerform, "%s depends on other entries and is not synchronized", t.Name())
	}
	return nil
}

// onlySynchronized removes what is not synchronized from operational attributes.
func (d *Directory) onlySynchronized(attributes []Attribute) []Attribute {
	return slices.DeleteFunc(attributes, func(a Attribute) bool {
		return !synchronizes(d.schema.AttributeOrUndefined(a.Name))
	})
}
