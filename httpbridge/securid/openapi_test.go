package securid

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"tallystick/httpbridge/openapi"
)

// The OpenAPI document has every call, and no other.
func TestOpenAPIRoutes(t *testing.T) {
	var want []string
	for _, r := range routes {
		want = append(want, r.method+" "+strings.Join(r.path, "/"))
	}
	w := httptest.NewRecorder()
	openapi.New().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var doc struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for path, methods := range doc.Paths {
		for method := range methods {
			if strings.HasPrefix(path, Prefix) && method != "parameters" {
				got = append(got, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
