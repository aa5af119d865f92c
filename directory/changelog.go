package directory

import (
	"context"
	"slices"
	"sync"
	"time"

	"tallystick/directory/store"
)

// Changes are what one client's operation, or a transaction of several, has
// changed.
type Changes struct {
	Time     time.Time
	Who      Requester
	Requests []any    // *AddRequest, *ModifyRequest, …, in order, without values of secret attributes
	Withheld []string // the secret attributes whose values were left out
}

// changeLog tells of changes in the order in which they were made. Those who
// make them wait for the disk together and are answered in any order, so each
// takes its place while it is made.
type changeLog struct {
	tell  func(Changes) // nil: nobody wants to know
	mu    sync.Mutex    // guards what follows, and is held while tell runs
	order []*changePlace
}

type changePlace struct {
	ended   bool
	changes *Changes // nil: nothing came of it
}

// LogChanges has tell told of what clients add, change, rename and delete, once
// it is durable, one at a time and in the order in which it was done; others
// wait meanwhile. It is called before the directory serves. What there is to
// log-ins, passwords and credentials is for the audit log, and imports are for
// whoever runs them.
func (d *Directory) LogChanges(tell func(Changes)) { d.changes.tell = tell }

func (l *changeLog) begin() *changePlace {
	p := &changePlace{}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.order = append(l.order, p)
	return p
}

// end says what came of a place, and tells of all that are not behind one that
// is still open.
func (l *changeLog) end(p *changePlace, changes *Changes) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.ended, p.changes = true, changes
	for len(l.order) > 0 && l.order[0].ended {
		if c := l.order[0].changes; c != nil {
			l.tell(*c)
		}
		l.order = l.order[1:]
	}
}

// change is update for what is told in the log of changes.
func (d *Directory) change(ctx context.Context, who Requester, requests []any, fn func(store.Writer) error) error {
	if d.changes.tell == nil {
		return d.update(ctx, fn)
	}
	var place *changePlace
	err := d.update(ctx, func(w store.Writer) error {
		if place != nil { // it runs again
			d.changes.end(place, nil)
		}
		place = d.changes.begin()
		return fn(w)
	})
	switch {
	case place == nil:
	case err != nil:
		d.changes.end(place, nil)
	default:
		d.changes.end(place, d.told(who, requests))
	}
	return err
}

// told are the requests without secrets, in memory of their own.
func (d *Directory) told(who Requester, requests []any) *Changes {
	c := &Changes{Time: d.now().UTC(), Who: who}
	own := func(a Attribute) Attribute {
		b := Attribute{Name: a.Name, Values: make([][]byte, len(a.Values))}
		for i, v := range a.Values {
			b.Values[i] = slices.Clone(v)
		}
		return b
	}
	isSecret := func(a Attribute) bool {
		if !secret(d.schema.AttributeOrUndefined(a.Name)) {
			return false
		}
		if !slices.Contains(c.Withheld, a.Name) {
			c.Withheld = append(c.Withheld, a.Name)
		}
		return true
	}
	for _, request := range requests {
		switch req := request.(type) {
		case *AddRequest:
			one := AddRequest{Entry: RedactName(req.Entry), ChangeControls: ChangeControls{ManageDsaIT: req.ManageDsaIT}}
			for _, a := range req.Attributes {
				if !isSecret(a) {
					one.Attributes = append(one.Attributes, own(a))
				}
			}
			c.Requests = append(c.Requests, &one)
		case *ModifyRequest:
			one := ModifyRequest{Object: RedactName(req.Object), Permissive: req.Permissive, ChangeControls: ChangeControls{ManageDsaIT: req.ManageDsaIT}}
			for _, change := range req.Changes {
				if !isSecret(change.Attribute) {
					one.Changes = append(one.Changes, Change{change.Operation, own(change.Attribute)})
				}
			}
			if len(one.Changes) > 0 {
				c.Requests = append(c.Requests, &one)
			}
		case *DeleteRequest:
			one := *req
			one.Entry = RedactName(req.Entry)
			c.Requests = append(c.Requests, &one)
		case *ModifyDNRequest:
			one := *req
			one.Entry, one.NewRDN = RedactName(req.Entry), RedactName(req.NewRDN)
			c.Requests = append(c.Requests, &one)
		}
	}
	return c
}
