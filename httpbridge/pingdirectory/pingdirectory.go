// Package pingdirectory is the face of the bridge that PingDirectory's clients
// know: the Directory REST API, as far as it concerns TOTP.
//
//	POST /directory/v1/{dn}/generateTOTPSharedSecret
//	POST /directory/v1/{dn}/revokeTOTPSharedSecret
//	POST /directory/v1/{dn}/validateTOTPPassword     (ours; the vendor has none)
//
// Each call becomes the extended operation of that name, sent over a connection
// that nobody or the user of the Authorization header is bound to. Decisions
// are the LDAP server's; this package translates.
package pingdirectory

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"tallystick/httpbridge/upstream"
)

// Config is the limits of the face. The zero value works.
type Config struct {
	MaxBody int64         // octets of a request body; 0: 64 KiB
	Timeout time.Duration // for everything asked of the LDAP server in one call; 0: 30 s
}

// Handler answers the calls of the API, and every other path with 404.
type Handler struct {
	ldap *upstream.Client
	cfg  Config
}

// New returns the handler of the API in front of the LDAP server of client.
func New(client *upstream.Client, cfg Config) *Handler {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 64 << 10
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 30 * time.Second
	}
	return &Handler{ldap: client, cfg: cfg}
}

// call is one call of an operation on an entry, read and not yet judged.
type call struct {
	target target
	body   body
	user   *upstream.Credentials // of the Authorization header; nil: none
}

// operation is what a path can end in: which members its body may have, and
// how it is done. The answer is encoded as JSON.
type operation struct {
	members []string
	serve   func(context.Context, *upstream.Client, *call) (any, error)
}

var operations = map[string]operation{
	"generateTOTPSharedSecret": {[]string{staticPassword}, generate},
	"revokeTOTPSharedSecret":   {[]string{staticPassword, totpSharedSecret}, revoke},
	"validateTOTPPassword":     {[]string{totpPassword}, validate},
}

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
		write(w, http.StatusOK, "application/hal+json", answer)
		return
	}
	p := problemOf(err)
	if p.result != nil {
		note(slog.Int("code", p.result.Code))
	}
	note(slog.String("err", err.Error()))
	p.write(w)
}

var crossOrigin = http.NewCrossOriginProtection()

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, note func(...slog.Attr)) (any, error) {
	op, name, target, err := route(rawPath(r))
	if err != nil {
		return nil, err
	}
	note(slog.String("op", name), slog.String("dn", target.dn))
	if r.Method != http.MethodPost {
		return nil, errMethod
	}
	// A browser sends the Basic credentials it knows to whatever page asks.
	if crossOrigin.Check(r) != nil {
		return nil, errCrossOrigin
	}
	c := &call{target: target}
	if c.user, err = authorization(r.Header); err != nil {
		return nil, err
	}
	if c.user != nil {
		note(slog.String("user", c.user.Name))
	}
	text, err := readBody(w, r, h.cfg.MaxBody)
	if err != nil {
		return nil, err
	}
	if c.body, err = decodeBody(text, op.members); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), h.cfg.Timeout, errors.New("no answer in time"))
	defer cancel()
	return op.serve(ctx, h.ldap, c)
}

// write sends v as JSON. An error is that of a client gone away.
func write(w http.ResponseWriter, status int, mediaType string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only strings and numbers are ever sent
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
