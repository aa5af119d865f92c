package pingdirectory

import (
	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// readControls reads request controls in their JSON form.
func readControls(doc *strictjson.Document, v strictjson.Value) ([]upstream.Control, error) {
	return nil, checkControls(doc, v)
}

// responseControls are the controls of the last answer in their JSON form.
func responseControls(s *upstream.Session) ([]any, error) {
	return nil, nil
}

// withControls is o with response controls, if there are any.
func withControls(o object, controls []any) object {
	if len(controls) > 0 {
		o = append(o, member{"_controls", controls})
	}
	return o
}
