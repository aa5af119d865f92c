package pingdirectory

import (
	"context"
	"net/http"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// deleteEntry deletes a leaf. The answer has a body if the request had controls.
func deleteEntry(ctx context.Context, h *Handler, c *call) (*reply, error) {
	controls, err := onlyControls(c.document)
	if err != nil {
		return nil, err
	}
	s, dn, err := entrySession(ctx, h.ldap, c)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	if err := s.Delete(ctx, dn, controls); err != nil {
		return nil, err
	}
	if controls == nil {
		return &reply{status: http.StatusNoContent}, nil
	}
	answered, err := responseControls(s)
	if err != nil {
		return nil, err
	}
	return done(object{{"_controls", answered}}), nil
}

// onlyControls reads a body that may have controls and nothing else. nil: there
// is no member _controls.
func onlyControls(doc *strictjson.Document) ([]upstream.Control, error) {
	if doc == nil {
		return nil, nil
	}
	var controls []upstream.Control
	for _, m := range doc.Root.Members {
		if m.Name != "_controls" {
			return nil, badBody(doc.AtMember(m, strictjson.Join("", m.Name), "unknown member"))
		}
		var err error
		if controls, err = readControls(doc, m.Value); err != nil {
			return nil, err
		}
		if controls == nil && m.Value.Kind == strictjson.Array {
			controls = []upstream.Control{}
		}
	}
	return controls, nil
}
