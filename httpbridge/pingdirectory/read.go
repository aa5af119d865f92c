package pingdirectory

import (
	"context"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// getEntry reads one entry.
func getEntry(ctx context.Context, h *Handler, c *call) (*reply, error) {
	s, dn, err := entrySession(ctx, h.ldap, c)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	v, err := h.view(ctx, s, c)
	if err != nil {
		return nil, err
	}
	e, err := readEntry(ctx, s, dn, v.request, nil)
	if err != nil {
		return nil, err
	}
	o, err := v.show(ctx, s, e)
	if err != nil {
		return nil, err
	}
	return done(o), nil
}

// view is how c wants entries shown.
func (h *Handler) view(ctx context.Context, s *upstream.Session, c *call) (*view, error) {
	schema, err := h.schema.get(ctx, s)
	if err != nil {
		return nil, err
	}
	include, err := c.query.names(includeAttributes)
	if err != nil {
		return nil, err
	}
	exclude, err := c.query.names(excludeAttributes)
	if err != nil {
		return nil, err
	}
	v, err := newView(schema, include, exclude)
	if err != nil {
		return nil, err
	}
	return v, v.expansion(c.query)
}

// unwritten is written where nothing was to be changed: an entry that is not
// there, or is not for the client to see, is an error then.
func unwritten(ctx context.Context, s *upstream.Session, v *view, dn string) (*reply, error) {
	e, err := readEntry(ctx, s, dn, v.request, nil)
	if err != nil {
		return nil, err
	}
	return done(v.along(ctx, s, e)), nil
}

// written is the entry called dn after it was written. Who may write it may not
// be allowed to read it, and then its name must do.
func written(ctx context.Context, s *upstream.Session, v *view, dn string, controls []strictjson.Value) object {
	o := object{{"_links", object{{"self", link{linkTo(dn, "")}}}}, {"_dn", dn}}
	if e, err := readEntry(ctx, s, dn, v.request, nil); err == nil {
		o = v.along(ctx, s, e)
	}
	return withControls(o, controls)
}

// along is an entry with those it refers to, as far as they can be read.
func (v *view) along(ctx context.Context, s *upstream.Session, e upstream.Entry) object {
	o := v.object(e)
	if others, err := v.embedded(ctx, s, e); err == nil && others != nil {
		o = append(o, member{"_embedded", others})
	}
	return o
}
