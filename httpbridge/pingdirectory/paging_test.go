package pingdirectory

import (
	"errors"
	"testing"

	"tallystick/httpbridge/upstream"
)

// Who asks for a page far behind must not have the server search for all before
// it: nothing is sent then, as without a session it cannot be.
func TestPassOverTooMany(t *testing.T) {
	if _, err := passOver(t.Context(), nil, upstream.SearchRequest{}, mostPassed+1); !errors.Is(err, errTooFar) {
		t.Errorf("%v", err)
	}
}
