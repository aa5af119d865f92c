// Package openapi describes the bridge's calls: an OpenAPI document at
// /openapi.json, and the same for people at /docs. Each face has a file, written
// by hand; the tests of the bridge execute its examples, so it cannot tell
// anything else than the server does.
package openapi

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed *.yaml
var files embed.FS

// faces are the files of the faces, in the order of the document.
var faces = []string{"pingdirectory.yaml", "zitadel.yaml", "securid.yaml", "operator.yaml"}

// Handler serves the document and its pages.
type Handler struct {
	pages map[string]content // by path
}

// content is what stands at a path.
type content struct {
	mediaType string
	octets    []byte
	tag       string // ETag
}

// New reads the files. It cannot fail: the tests read the same ones.
func New() *Handler {
	doc, err := assemble(files, faces)
	if err != nil {
		panic(err)
	}
	text, err := encode(doc)
	if err != nil {
		panic(err)
	}
	page, err := render(doc)
	if err != nil {
		panic(err)
	}
	h := &Handler{pages: map[string]content{}}
	add := func(path, mediaType string, octets []byte) {
		sum := sha256.Sum256(octets)
		h.pages[path] = content{mediaType, octets, `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	add("/openapi.json", "application/json", text)
	add("/docs", "text/html; charset=utf-8", page)
	add("/docs/style.css", "text/css; charset=utf-8", style)
	return h
}

// Has reports whether path is one of the handler's.
func (h *Handler) Has(path string) bool { _, ok := h.pages[path]; return ok }

// policy allows the one style sheet, and nothing else.
const policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page, ok := h.pages[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	header := w.Header()
	header.Set("Content-Type", page.mediaType)
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-cache") // nothing secret: keep it, and ask whether it is still so
	header.Set("ETag", page.tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(page.octets))
}
