package pingdirectory

import (
	"errors"
	"strconv"

	"tallystick/httpbridge/jsoncontrol"
	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// mostControls is how many controls a request may have.
const mostControls = 32

// readControls reads request controls in their JSON form. One whose value-json
// is not known is dropped, or refused if it is critical, as it would be by the
// LDAP server (RFC 4511, section 4.1.11); that judges all others. nil: there
// are none.
func readControls(doc *strictjson.Document, v strictjson.Value) ([]upstream.Control, error) {
	const path = "_controls"
	switch {
	case v.Kind == strictjson.Null:
		return nil, nil
	case v.Kind != strictjson.Array:
		return nil, badBody(doc.At(v, path, "must be an array, not %v", v.Kind))
	case len(v.Elements) > mostControls:
		return nil, badBody(doc.At(v, path, "more than %d controls", mostControls))
	}
	var controls []upstream.Control
	for i, e := range v.Elements {
		c, err := jsoncontrol.Decode(doc, e, path+"["+strconv.Itoa(i)+"]")
		switch {
		case errors.Is(err, jsoncontrol.ErrUnknown):
			if c.Critical {
				return nil, errCriticalControl
			}
		case err != nil:
			return nil, badBody(err)
		default:
			controls = append(controls, c)
		}
	}
	return controls, nil
}

// responseControls are the controls of the last answer in their JSON form.
func responseControls(s *upstream.Session) ([]strictjson.Value, error) {
	controls, err := s.ResponseControls()
	return encodeControls(controls), err
}

// encodeControls is controls in their JSON form, but for the one that pages
// are made with.
func encodeControls(controls []upstream.Control) []strictjson.Value {
	list := []strictjson.Value{}
	for _, c := range controls {
		if c.OID != upstream.PagedResultsOID {
			list = append(list, jsoncontrol.Encode(c))
		}
	}
	return list
}

// withControls is o with response controls, if there are any.
func withControls(o object, controls []strictjson.Value) object {
	if len(controls) > 0 {
		o = append(o, member{"_controls", controls})
	}
	return o
}
