package openapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func fetch(t *testing.T, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	New().ServeHTTP(w, r)
	return w
}

// The page has every call and every schema, its links lead somewhere, and
// nothing of it comes from elsewhere.
func TestDocs(t *testing.T) {
	w := fetch(t, "/docs")
	html := w.Body.String()
	if w.Code != 200 || w.Header().Get("Content-Security-Policy") != policy {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	doc, err := assemble(files, faces)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, path := range mapping(get(doc, "paths")) {
		for _, method := range methods {
			if o := get(path.Value, method); o != nil {
				count++
				if !strings.Contains(html, `<article id="`+text(o, "operationId")+`"`) {
					t.Errorf("%s %v is missing", method, path.Key)
				}
			}
		}
	}
	if count < 20 {
		t.Errorf("%d calls", count)
	}
	for _, s := range mapping(get(doc, "components", "schemas")) {
		if !strings.Contains(html, `id="schema-`+s.Key.(string)+`"`) {
			t.Errorf("%v is missing", s.Key)
		}
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		switch name, inside := strings.CutPrefix(m[1], "#"); {
		case inside:
			if !strings.Contains(html, `id="`+name+`"`) {
				t.Errorf("%s leads nowhere", m[1])
			}
		case !New().Has(m[1]):
			t.Errorf("%s is elsewhere", m[1])
		}
	}
	if strings.Contains(html, "<script") || strings.Contains(html, "style=") {
		t.Error("what the policy does not allow")
	}
	if css := fetch(t, "/docs/style.css").Body.String(); strings.Contains(css, "url(") || strings.Contains(css, "@import") {
		t.Error("the style sheet wants something from elsewhere")
	}
}

func TestHandler(t *testing.T) {
	w := fetch(t, "/openapi.json")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := fetch(t, "/openapi.json", func(r *http.Request) { r.Header.Set("If-None-Match", w.Header().Get("ETag")) }); w.Code != 304 || w.Body.Len() > 0 {
		t.Errorf("with the tag it has: %d", w.Code)
	}
	if w := fetch(t, "/docs", func(r *http.Request) { r.Method = http.MethodPost }); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", w.Code)
	}
	if w := fetch(t, "/docs/else"); w.Code != 404 {
		t.Errorf("another path: %d", w.Code)
	}
}

// What two files say of one name is put together, in order, and never replaced.
func TestAssemble(t *testing.T) {
	for _, tt := range []struct{ first, second, want string }{
		{"a: 1", "b: 2", `{"a":1,"b":2}`},
		{"b: [x]\na: {}", "a: {z: 1, y: 2}\nb: [w]", `{"b":["x","w"],"a":{"z":1,"y":2}}`},
		{"a: {b: {c: true}}", "a: {b: {d: null}}", `{"a":{"b":{"c":true,"d":null}}}`},
		{"a: 1", "a: 2", ""},
		{"a: {b: x}", "a: {b: y}", ""},
		{"a: <\"&\u2028", "b: |\n  two\n  lines", `{"a":"<\"&\u2028","b":"two\nlines"}`},
	} {
		files := fstest.MapFS{"document.yaml": {Data: []byte(tt.first)}, "face.yaml": {Data: []byte(tt.second)}}
		doc, err := assemble(files, []string{"face.yaml"})
		var got []byte
		if err == nil {
			got, err = encode(doc)
		}
		if string(got) != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q and %q: %s, %v", tt.first, tt.second, got, err)
		}
	}
	if _, err := assemble(fstest.MapFS{"document.yaml": {Data: []byte("a: [")}}, nil); err == nil {
		t.Error("no error for what is no YAML")
	}
}
