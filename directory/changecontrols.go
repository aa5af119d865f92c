package directory

import (
	"bytes"

	"tallystick/directory/aci"
	"tallystick/directory/store"
)

// ChangeControls is what controls add to a change. The zero value adds
// nothing.
type ChangeControls struct {
	ManageDsaIT bool       // referral objects are entries like any other (RFC 3296)
	Assertion   *Filter    // what must be true of the entry (RFC 4528); nil: nothing
	PreRead     *ReadEntry // RFC 4527; nil: not asked for. Not with an addition
	PostRead    *ReadEntry // RFC 4527; nil: not asked for. Not with a deletion
	NoOp        bool       // change nothing and fail with noOperation where it would have succeeded (draft-zeilenga-ldap-noop)
}

// ReadEntry asks for a copy of the entry that a change is about, and takes it.
type ReadEntry struct {
	Attributes []string // attribute selection, as in a SearchRequest
	Entry      *Entry   // the copy, once the change is made; nil until then
}

var errAssertion = &Error{ResultCode: AssertionFailed, DiagnosticMessage: "the assertion is not true of the entry"}

// maxAsserted is how many attributes and values an assertion looks at, by all
// of its parts: nobody else can write meanwhile.
const maxAsserted = 1 << 20

// compileAssertion prepares an assertion; nil for nil.
func (d *Directory) compileAssertion(f *Filter) (*matcher, error) {
	if f == nil {
		return nil, nil
	}
	m, err := compileFilter(d.schema, f)
	if err != nil {
		return nil, err
	}
	m.pause = func(looked int) error {
		if looked > maxAsserted {
			return Errorf(AdminLimitExceeded, "the assertion takes too long")
		}
		return nil
	}
	return m, nil
}

// assert fails unless m, which may be nil, is TRUE of the entry that v is of.
func assert(m *matcher, v *view) error {
	switch {
	case m == nil || m.match(v):
		return nil
	case v.err != nil:
		return v.err
	case m.err != nil:
		return m.err
	}
	return errAssertion
}

// viewOf is a stored entry as filters and selections see it.
func (d *Directory) viewOf(r store.Reader, id entryID, rec *record) (*view, error) {
	name, err := d.nameOfRecord(r, rec)
	if err != nil {
		return nil, err
	}
	operational, err := d.operational(r, id, rec, name)
	if err == nil {
		operational, err = d.withMemberOf(r, name, rec, operational)
	}
	return &view{s: &search{d: d, r: r}, id: id, rec: *rec, operational: operational, text: name}, err
}

// specialView is viewOf for an entry that is not stored.
func (d *Directory) specialView(name string, attributes []Attribute) *view {
	return &view{s: &search{d: d}, text: name, operational: attributes}
}

// copy returns what is wanted of the entry and may be read, in memory of its
// own.
func (v *view) copy(wants *selection) *Entry {
	e := &Entry{DN: v.text}
	for _, list := range [][]Attribute{v.rec.attributes, v.operational} {
		for _, a := range list {
			if !wants.has(a.Name) || !v.ruling.may(aci.Read, a.Name) {
				continue
			}
			c := Attribute{Name: a.Name}
			for _, value := range a.Values {
				c.Values = append(c.Values, bytes.Clone(value))
			}
			e.Attributes = append(e.Attributes, c)
		}
	}
	return e
}

// changeControls is the controls of one change at work; nil: there are none.
// Its methods but done are called in the transaction of the change, which may
// run again.
type changeControls struct {
	d         *Directory
	who       Requester
	req       *ChangeControls
	assertion *matcher // nil: none

	wantsPre, wantsPost *selection // nil: not asked for
	pre, post           *Entry
}

func (d *Directory) newChangeControls(who Requester, req *ChangeControls) (*changeControls, error) {
	if *req == (ChangeControls{}) {
		return nil, nil
	}
	c := &changeControls{d: d, who: who, req: req}
	if req.PreRead != nil {
		c.wantsPre = d.newSelection(req.PreRead.Attributes)
	}
	if req.PostRead != nil {
		c.wantsPost = d.newSelection(req.PostRead.Attributes)
	}
	var err error
	c.assertion, err = d.compileAssertion(req.Assertion)
	return c, err
}

// before judges the entry as the change finds it; one to be added, as it shall
// be.
func (c *changeControls) before(r store.Reader, id entryID, rec *record) error {
	if c == nil || c.assertion == nil && c.wantsPre == nil && c.wantsPost == nil {
		return nil
	}
	v, err := c.view(r, id, rec)
	if err != nil {
		return err
	}
	if err := assert(c.assertion, v); err != nil {
		return err
	}
	if c.wantsPre != nil {
		c.pre = v.copy(c.wantsPre)
	}
	return nil
}

// view is of the entry as the requester may search and read it.
func (c *changeControls) view(r store.Reader, id entryID, rec *record) (*view, error) {
	x, err := c.d.rightsOf(r, c.who, aci.Read|aci.Search)
	if err != nil {
		return nil, err
	}
	return x.on(c.d, r, id, rec)
}

// after reads the entry as the change leaves it; rec is nil if it is gone. Its
// error takes the change back.
func (c *changeControls) after(r store.Reader, id entryID, rec *record) error {
	if c == nil {
		return nil
	}
	if c.wantsPost != nil && rec != nil {
		v, err := c.view(r, id, rec)
		if err != nil {
			return err
		}
		c.post = v.copy(c.wantsPost)
	}
	if c.req.NoOp {
		return &Error{ResultCode: NoOperation, DiagnosticMessage: "the change would have been made"}
	}
	return nil
}

// done hands over what was read, once the change is durable.
func (c *changeControls) done() {
	if c == nil {
		return
	}
	if c.req.PreRead != nil {
		c.req.PreRead.Entry = c.pre
	}
	if c.req.PostRead != nil {
		c.req.PostRead.Entry = c.post
	}
}
