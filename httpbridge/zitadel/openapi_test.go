package zitadel

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"tallystick/httpbridge/openapi"
)

// The OpenAPI document has every route in JSON, and no other.
func TestOpenAPIRoutes(t *testing.T) {
	var want []string
	names := strings.NewReplacer("{user_id}", "{userId}", "{id}", "{userId}", "{totp_id}", "{totpId}")
	for _, r := range newREST(nil, 0).routes {
		want = append(want, r.method+" "+names.Replace(strings.Join(r.path, "/")))
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
			ours := slices.ContainsFunc(Prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
			if ours && method != "parameters" {
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
