package pingdirectory

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"tallystick/httpbridge/openapi"
)

// The OpenAPI document has every method of every resource, and no other.
func TestOpenAPIRoutes(t *testing.T) {
	var want []string
	add := func(path string, r resource) {
		for method := range r.methods {
			want = append(want, method+" "+path)
		}
	}
	add(prefix, theServer)
	add(prefix+"/schemas/{objectClass}", oneSchema)
	for name, r := range fixed {
		add(prefix+"/"+name, r)
	}
	for behind, r := range ofEntry {
		add(strings.TrimSuffix(prefix+"/{dn}/"+behind, "/"), r)
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
			if strings.HasPrefix(path, prefix) && method != "parameters" {
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
