package pingdirectory

import (
	"context"
	"net/http"

	"tallystick/httpbridge/upstream"
)

// createEntry adds an entry.
func createEntry(ctx context.Context, h *Handler, c *call) (*reply, error) {
	if c.user == nil {
		return nil, errUnauthenticated
	}
	s, err := h.ldap.As(ctx, *c.user)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	v, err := h.view(ctx, s, c)
	if err != nil {
		return nil, err
	}
	in, err := readContent(v.schema, c.document)
	if err != nil {
		return nil, err
	}
	if (in.dn == "") == (in.parentDN == "") {
		return nil, errWhichDN
	}
	if in.parentDN != "" {
		return nil, errParentDN
	}
	e := upstream.Entry{DN: in.dn}
	for _, a := range in.attributes {
		if len(a.Values) > 0 {
			e.Attributes = append(e.Attributes, a)
		}
	}
	if err := s.Add(ctx, e, in.controls); err != nil {
		return nil, err
	}
	controls, err := responseControls(s)
	if err != nil {
		return nil, err
	}
	return &reply{
		status: http.StatusCreated, location: linkTo(e.DN, ""),
		body: written(ctx, s, v, e.DN, controls),
	}, nil
}
