package directory

import (
	"context"
	"time"

	"tallystick/directory/store"
)

// walk visits the entries that could match, behind where the last page ended.
func (s *search) walk(ctx context.Context) error {
	if s.req.Scope == BaseObject {
		return s.visitAll(ctx, []entryID{s.baseID})
	}
	p := planner{d: s.d, r: s.r, plan: s.plan}
	ids, ok, err := p.candidates(&s.req.Filter, maxCandidates)
	if err != nil {
		return err
	}
	if ok {
		return s.visitAll(ctx, ids)
	}
	Slow(ctx)
	if err := s.mayLookAtAll(&p); err != nil {
		return err
	}
	switch {
	case s.req.Scope != SingleLevel:
		return s.everything(ctx)
	case s.pageSize > 0 && s.sorting == nil:
		return s.childrenInOrder(ctx)
	}
	return s.children(ctx)
}

// visitAll visits entries, given in the order of their ids.
func (s *search) visitAll(ctx context.Context, ids []entryID) error {
	for _, id := range ids {
		if id < s.from() {
			continue
		}
		if err := s.visit(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// children visits the entries directly below the base.
func (s *search) children(ctx context.Context) error {
	var failed error
	err := s.r.Scan(store.Prefix(childPrefix(s.baseID)), func(_, value []byte) bool {
		if len(value) != 8 {
			failed = errRecord
		} else {
			failed = s.visit(ctx, idAtEnd(value))
		}
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// everything visits all entries there are.
func (s *search) everything(ctx context.Context) error {
	var failed error
	all := store.Prefix([]byte{entrySpace})
	all.Start = entryKey(s.from())
	err := s.r.Scan(all, func(key, value []byte) bool {
		if failed = s.pace(ctx); failed == nil {
			failed = s.consider(idAtEnd(key), value)
		}
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// visit sends the entry if it is in scope and matches.
func (s *search) visit(ctx context.Context, id entryID) error {
	if err := s.pace(ctx); err != nil {
		return err
	}
	b, err := s.r.Get(entryKey(id))
	if err != nil {
		return &Error{ResultCode: Other, DiagnosticMessage: "internal error", Cause: err}
	}
	return s.consider(id, b)
}

func (s *search) consider(id entryID, b []byte) error {
	found, err := s.finds(id, b)
	if err != nil || !found {
		return err
	}
	if s.sorting != nil {
		return s.sorting.add(id, &s.candidate)
	}
	return s.sendFound(id)
}

// manyEntries is how many candidates a search looks at before it counts as
// slow, and how often it looks at the clock.
const manyEntries = 64

// pace counts the entries looked at and stops the search when its time is up
// or nobody waits for it.
func (s *search) pace(ctx context.Context) error {
	s.looked++
	if s.lookThrough > 0 && s.looked > s.lookThrough {
		return Errorf(AdminLimitExceeded, "more than %d entries would have to be looked at", s.lookThrough)
	}
	if s.looked%manyEntries != 0 {
		return nil
	}
	if s.looked == manyEntries {
		Slow(ctx)
	}
	return s.overdue(ctx)
}

// overdue fails when the search's time is up or nobody waits for it.
func (s *search) overdue(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.deadline.IsZero() && time.Now().After(s.deadline) {
		return Errorf(TimeLimitExceeded, "the search took longer than %v", s.timeLimit)
	}
	return nil
}
