// Package pingdirectory is the face of the bridge that PingDirectory's clients
// know: the Directory REST API.
//
// Each call becomes one LDAP operation, or a few, sent over a connection that
// nobody or the user of the Authorization header is bound to. Decisions are the
// LDAP server's; this package translates. resource.go lists the calls.
package pingdirectory

import (
	"log/slog"
	"net/http"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// Config is the limits of the face. The zero value works.
type Config struct {
	MaxBody int64 // octets of a request body; 0: 64 KiB

	CrossOrigin *http.CrossOriginProtection // judges what a browser sends; nil: only our own pages may call
}

// Handler answers the calls of the API, and every other path with 404.
type Handler struct {
	ldap    *upstream.Client
	cfg     Config
	schema  schemaCache
	cursors cursors
}

// New returns the handler of the API in front of the LDAP server of client.
func New(client *upstream.Client, cfg Config) *Handler {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 64 << 10
	}
	if cfg.CrossOrigin == nil {
		cfg.CrossOrigin = http.NewCrossOriginProtection()
	}
	return &Handler{ldap: client, cfg: cfg, cursors: newCursors()}
}

// call is one call of an endpoint, read and not yet judged.
type call struct {
	target   target
	query    parameters
	rawQuery string                // as it was sent
	body     body                  // of an endpoint with members; never nil
	document *strictjson.Document  // of an endpoint with an object; nil: there was no body
	user     *upstream.Credentials // of the Authorization header; nil: none
}

// reply is the answer to a call that succeeded.
type reply struct {
	status   int
	location string // of what was created; "": nothing was
	body     any    // encoded as JSON; nil: none
}

// done is the usual reply.
func done(body any) *reply { return &reply{status: http.StatusOK, body: body} }

// Noter is implemented by a ResponseWriter that keeps notes for the record of
// the request in the log.
type Noter interface{ Note(...slog.Attr) }

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	note := func(...slog.Attr) {}
	if n, ok := w.(Noter); ok {
		note = n.Note
	}
	answer, err := h.answer(w, r, note)
	if err == nil {
		note(slog.Int("code", 0))
		if answer.location != "" {
			w.Header().Set("Location", answer.location)
		}
		if answer.body == nil {
			w.WriteHeader(answer.status)
			return
		}
		write(w, answer.status, "application/hal+json", answer.body)
		return
	}
	p := problemOf(err)
	if p.result != nil {
		note(slog.Int("code", p.result.Code))
	}
	note(slog.String("err", err.Error()))
	p.write(w)
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, note func(...slog.Attr)) (*reply, error) {
	resource, target, err := route(rawPath(r))
	if err != nil {
		return nil, err
	}
	note(slog.String("op", resource.name), slog.String("dn", target.dn))
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	e, ok := resource.methods[method]
	if !ok {
		return nil, wrongMethod(resource.allowed())
	}
	// A browser sends the Basic credentials it knows to whatever page asks.
	if h.cfg.CrossOrigin.Check(r) != nil {
		return nil, errCrossOrigin
	}
	c := &call{target: target}
	if c.user, err = authorization(r.Header); err != nil {
		return nil, err
	}
	if c.user != nil {
		note(slog.String("user", c.user.Name))
	}
	if err := h.read(w, r, e, c); err != nil {
		return nil, err
	}
	return e.serve(r.Context(), h, c)
}

// read reads the query and the body of r, as e has them.
func (h *Handler) read(w http.ResponseWriter, r *http.Request, e endpoint, c *call) (err error) {
	if e.query != nil {
		if c.query, err = parseQuery(r.URL.RawQuery, e.query); err != nil {
			return err
		}
		c.rawQuery = r.URL.RawQuery
	}
	if e.members == nil && !e.object {
		return nil
	}
	text, err := readBody(w, r, h.cfg.MaxBody)
	if err != nil {
		return err
	}
	if e.object {
		c.document, err = parseBody(text)
	} else {
		c.body, err = decodeBody(text, e.members)
	}
	return err
}

// write sends v as JSON. An error is that of a client gone away.
func write(w http.ResponseWriter, status int, mediaType string, v any) {
	b, err := encode(v)
	if err != nil {
		panic(err) // all that is sent was made for it
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
