package directory

import (
	"cmp"
	"context"
	"errors"
	"time"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// Search sends to w the entries in scope that match and that who may see, in
// no particular order. Errors: noSuchObject with MatchedDN; sizeLimitExceeded
// and timeLimitExceeded after what was sent until then; the context's error
// when it ends; unavailableCriticalExtension if they cannot be sorted and must
// be. RFC 4511, section 4.5.
func (d *Directory) Search(ctx context.Context, who Requester, req *SearchRequest, w EntryWriter) error {
	base, err := d.parseDN(req.BaseObject)
	if err != nil {
		return err
	}
	if req.Scope < BaseObject || req.Scope > SubordinateSubtree {
		return Errorf(ProtocolError, "unknown search scope %d", req.Scope)
	}
	filter, err := d.answerPasswordMatch(ctx, who, req)
	if err != nil {
		return err
	}
	m, err := compileFilter(d.schema, filter)
	if err != nil {
		return err
	}
	s := &search{d: d, who: who, req: req, base: base, matcher: m, w: w, wants: d.newSelection(req.Attributes)}
	if s.assertion, err = d.compileAssertion(req.Assertion); err != nil {
		return err
	}
	if s.matched, err = m.compileMatchedValues(req.MatchedValues); err != nil {
		return err
	}
	if req.Sort != nil {
		if s.sorting = d.newSorting(req.Sort); s.sorting == nil && req.Sort.Critical {
			return errCannotSort
		}
	}
	if err := s.mayList(); err != nil {
		return err
	}
	s.needsOperational = s.wants.anyOperational || s.sorting.operational() || d.mentionsOperational(&req.Filter)
	s.needsMemberOf = s.wants.memberOf || d.mentionsMemberOf(&req.Filter)
	s.sizeLimit, s.timeLimit = req.SizeLimit, time.Duration(req.TimeLimit)*time.Second
	if !d.isRoot(who) {
		s.timeLimit = lesser(s.timeLimit, within(who.Limits.Time, d.cfg.TimeLimit))
		s.lookThrough = within(who.Limits.LookThrough, d.cfg.LookThroughLimit)
		if req.Paged == nil {
			s.sizeLimit = lesser(s.sizeLimit, within(who.Limits.Entries, d.cfg.SizeLimit))
		}
	}
	if s.timeLimit > 0 {
		s.deadline = time.Now().Add(s.timeLimit)
	}
	m.pause = func(int) error {
		Slow(ctx)
		return s.overdue(ctx)
	}
	if req.Sync != nil {
		return s.synchronize(ctx, who)
	}
	if req.Persistent != nil {
		return s.persist(ctx, who)
	}
	if req.Paged != nil {
		return s.paged(ctx, who)
	}
	return s.start(ctx, who)
}

// start searches at the base, whatever that is.
func (s *search) start(ctx context.Context, who Requester) error {
	d, base, req := s.d, s.base, s.req
	if base.IsZero() && req.Scope == BaseObject {
		return s.kept(ctx, who, "", d.rootDSE())
	}
	if who.How == InGrace {
		return errEnrolFirst
	}
	if who.Password.MustChange {
		return ErrMustChange
	}
	if base.Equal(d.subentry) {
		return s.kept(ctx, who, subschemaDN, d.subschema())
	}
	return s.view(ctx, func(r store.Reader) error {
		s.r = r
		if base.IsUnder(d.auditDN) {
			return s.auditLog(ctx, who)
		}
		if base.IsUnder(d.monitorDN) {
			return s.monitor(who)
		}
		var err error
		if s.rights, err = d.rightsOf(r, who, aci.Read|aci.Search); err != nil {
			return err
		}
		if s.wants.lock || s.needsOperational && d.passwordPolicies.written.Load() {
			if err := s.looksAtPasswords(who); err != nil {
				return err
			}
		}
		if s.rights == nil {
			return s.run(ctx)
		}
		if hopeless, err := s.rights.hopeless(aci.Read, nil); err != nil {
			return err
		} else if hopeless {
			return s.rights.denied()
		}
		return s.hide(s.run(ctx))
	})
}

// view runs fn on the state that is searched, and says which indexes that has.
func (s *search) view(ctx context.Context, fn func(store.Reader) error) error {
	if s.state != nil {
		s.plan = s.state.plan
		return s.state.view(ctx, s.d, fn)
	}
	plan := s.d.indexes.Load()
	return s.d.view(ctx, func(r store.Reader) error {
		if s.plan = plan; plan != s.d.indexes.Load() {
			s.plan = s.d.builtIn // r may be from before an index was ready, or after it went
		}
		return fn(r)
	})
}

// kept searches at an entry that the server keeps itself and that has no other
// below it.
func (s *search) kept(ctx context.Context, who Requester, name string, attributes []Attribute) error {
	return s.d.view(ctx, func(r store.Reader) error {
		v, err := s.d.keptView(r, who, aci.Read|aci.Search, name, attributes)
		if err != nil {
			return err
		}
		if err := assert(s.assertion, v); err != nil {
			return err
		}
		if name != "" && (s.req.Scope == SingleLevel || s.req.Scope == SubordinateSubtree) {
			return nil
		}
		return s.specialUnder(v.ruling, name, attributes)
	})
}

// hide makes of a search at a base that the requester may not know of, and that
// has found nothing, one at a base that is not there.
func (s *search) hide(err error) error {
	if s.met || s.base.IsZero() {
		return err
	}
	if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.ResultCode == Referral) {
		return err // a referral is for those who may know of it, see held
	}
	base, e := s.rights.visible(s.base)
	if e != nil {
		return e
	}
	if base != nil {
		return err
	}
	if l := s.req.VirtualList; l != nil {
		l.Position, l.Entries = 0, 0
	}
	return s.rights.missing(s.base)
}

// lesser is the stricter of two limits of which 0 is none.
func lesser[T int | time.Duration](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// search is one Search at work.
type search struct {
	d                *Directory
	who              Requester
	r                store.Reader
	plan             *indexPlan // whose ready indexes r has
	req              *SearchRequest
	base             DN
	baseID           entryID // 0: above the naming contexts
	matcher          *matcher
	assertion        *matcher // nil: none
	rights           *rights  // nil: everything may be read
	wants            *selection
	matched          []matchedValue // nil: all values
	sorting          *sorting       // nil: entries are sent as they are found
	needsOperational bool
	needsMemberOf    bool
	references       bool    // referral objects are sent as continuations
	seesPasswords    bool    // what a password policy counts, of everybody
	self             entryID // of whom he sees it anyway; 0: nobody
	w                EntryWriter
	following        rounds // nil: nobody asked for changes

	sizeLimit   int
	lookThrough int // 0: no limit
	timeLimit   time.Duration
	deadline    time.Time // zero: none

	looked, sent int
	met          bool                 // an entry matched
	above        map[entryID]ancestor // those met so far

	pageSize int         // the most entries of this page; 0: it is not one
	onPage   int         // entries sent in it
	after    *position   // where the last page ended; nil: nowhere
	state    *pagedState // that the page is of; nil: the present one
	at, last position    // of the entry just met, and of the last one sent

	candidate view
	out       Entry
}

func (s *search) run(ctx context.Context) error {
	s.references = s.d.referrals.Load() && !s.req.ManageDsaIT
	if !s.base.IsZero() {
		if err := s.d.held(s.r, s.rights, s.base, s.req.ManageDsaIT, referralScope[s.req.Scope]); err != nil {
			return err
		}
		id, err := s.d.resolve(s.r, s.base)
		if err != nil && s.following != nil {
			err = s.following.gone(ctx, err)
		}
		if err != nil {
			return err
		}
		s.baseID = id
	}
	if err := s.assertBase(); err != nil {
		return err
	}
	if s.following != nil {
		s.assertion = nil // it was about the beginning
		return s.following.round(ctx)
	}
	if s.references {
		if err := s.sendReferences(ctx); err != nil {
			return err
		}
	}
	if s.sorting == nil {
		return s.walk(ctx)
	}
	err := s.sorted(ctx)
	if errors.Is(err, errTooManyToSort) && s.after == nil {
		return s.walk(ctx) // as if it had not been asked for
	}
	return err
}

// assertBase is the assertion control, if any, on a stored base object, or on
// the root DSE if the base is above all.
func (s *search) assertBase() error {
	if s.assertion == nil {
		return nil
	}
	if s.baseID == 0 {
		return assert(s.assertion, s.d.specialView("", s.d.rootDSE()))
	}
	rec, err := readRecord(s.r, s.baseID)
	if err != nil {
		return err
	}
	v, err := s.rights.on(s.d, s.r, s.baseID, rec)
	if err != nil {
		return err
	}
	if !v.ruling.sees(v) {
		return s.rights.missing(s.base)
	}
	return assert(s.assertion, v)
}

// finds reports whether an entry is in scope and matches, and leaves it in
// s.candidate. A referral object that is sent as a continuation is not one.
func (s *search) finds(id entryID, b []byte) (bool, error) {
	v := &s.candidate
	v.reset(s, id)
	if err := decodeRecord(&v.rec, b); err != nil {
		return false, err
	}
	in, err := s.inScope(id, &v.rec)
	if err != nil || !in {
		return false, err
	}
	if s.references && s.d.isReferral(&v.rec) {
		return false, nil
	}
	if s.needsOperational {
		name, err := v.name()
		if err != nil {
			return false, err
		}
		if v.operational, err = s.d.operational(s.r, id, &v.rec, name); err != nil {
			return false, err
		}
		if s.following == nil && (s.seesPasswords || s.self == id && id != 0) {
			more, err := s.d.passwordAttributes(s.r, id, &v.rec)
			if err != nil {
				return false, err
			}
			v.operational = append(v.operational, more...)
		}
	}
	if s.needsMemberOf {
		name, err := v.name()
		if err != nil {
			return false, err
		}
		if v.operational, err = s.d.withMemberOf(s.r, name, &v.rec, v.operational); err != nil {
			return false, err
		}
	}
	if s.following != nil {
		v.operational = s.d.onlySynchronized(v.operational)
	}
	if v.ruling, err = s.rights.ruling(v); err != nil {
		return false, err
	}
	if !s.matcher.match(v) {
		return false, cmp.Or(v.err, s.matcher.err)
	}
	if !v.ruling.sees(v) {
		return false, nil
	}
	s.met = true
	return true, nil
}

// sendFound sends what finds has left.
func (s *search) sendFound(id entryID) error {
	v := &s.candidate
	name, err := v.name()
	if err != nil {
		return err
	}
	s.at.id = uint64(id)
	return s.send(name, v.ruling, v.rec.attributes, v.operational)
}

// send passes on what is asked for of an entry and may be read.
func (s *search) send(name string, ruling *ruling, lists ...[]Attribute) error {
	if s.pageSize > 0 && s.onPage >= s.pageSize {
		return errPageFull
	}
	if s.sizeLimit > 0 && s.sent >= s.sizeLimit {
		return Errorf(SizeLimitExceeded, "more than %d entries match", s.sizeLimit)
	}
	s.sent++
	s.onPage++
	s.last = s.at
	if err := s.choose(name, ruling, lists...); err != nil {
		return err
	}
	return s.w.WriteEntry(&s.out)
}

// choose leaves in s.out what is asked for of an entry and may be read.
func (s *search) choose(name string, ruling *ruling, lists ...[]Attribute) error {
	s.out.DN = name
	s.out.Attributes = s.out.Attributes[:0]
	for _, list := range lists {
		for _, a := range list {
			if !s.wants.has(a.Name) || !ruling.may(aci.Read, a.Name) {
				continue
			}
			if s.req.TypesOnly {
				a.Values = nil
			} else if s.matched != nil {
				if a.Values = s.matchedValues(&a); s.matcher.err != nil {
					return s.matcher.err
				}
			}
			s.out.Attributes = append(s.out.Attributes, a)
		}
	}
	return nil
}

// special matches and sends an entry that is not stored.
func (s *search) special(name string, attributes []Attribute) error {
	return s.specialUnder(nil, name, attributes)
}

func (s *search) specialUnder(ruling *ruling, name string, attributes []Attribute) error {
	v := &s.candidate
	v.reset(s, 0)
	v.text, v.operational, v.ruling = name, attributes, ruling
	if !s.matcher.match(v) {
		return cmp.Or(v.err, s.matcher.err)
	}
	return s.send(name, ruling, attributes)
}
