package httpbridge_test

import (
	"net/http"
	"testing"

	"tallystick/httpbridge"
)

// Who types the server's name into a browser comes to the pages, where there are
// any.
func TestRootLeadsToThePages(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pages  bool
		status int
		path   string
	}{
		{"with pages", true, http.StatusOK, "/enrol"},
		{"without", false, http.StatusNotFound, "/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, func(cfg *httpbridge.Config) { cfg.Pages = tt.pages })
			resp, err := http.Get(h.url + "/")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tt.status || resp.Request.URL.Path != tt.path {
				t.Errorf("%s at %s", resp.Status, resp.Request.URL.Path)
			}
		})
	}
}
