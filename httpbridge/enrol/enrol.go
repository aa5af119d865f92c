// Package enrol is the face of the bridge for people with a browser: under
// /enrol everybody looks after his own second factor, under /admin the help
// desk looks after those of others.
//
// The pages are HTML made here; there is no script in them. Somebody who signs
// in gets a session, and that is an LDAP connection bound as him: what he may
// do is decided by the LDAP server, and when the connection is closed nobody
// can act as him any more. No password is kept.
package enrol

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"tallystick/httpbridge/upstream"
)

// Config is the knobs of the pages. The zero value works.
type Config struct {
	Separator   string        // that the LDAP server wants between a password and the code behind it
	IdleTimeout time.Duration // a session that asks for nothing ends; 0: 10 minutes
	Lifetime    time.Duration // of a session, however busy; 0: 1 hour
	Sessions    int           // at the same time, at most; 0: 256
}

// sessionsPerUser is how many sessions of one user there may be: a browser or
// two, and those somebody forgot. The one unused for longest makes room.
const sessionsPerUser = 5

// maxForm limits the octets of a form.
const maxForm = 16 << 10

// Handler serves the pages.
type Handler struct {
	ldap     *upstream.Client
	cfg      Config
	mux      *http.ServeMux
	sessions *sessions
	csrfKey  [32]byte
}

// Connections is how many connections the LDAP client of a handler should be
// allowed: one for each session, and some for those who are signing in.
func (c Config) Connections() int { return c.withDefaults().Sessions + 16 }

func (c Config) withDefaults() Config {
	if c.IdleTimeout <= 0 {
		c.IdleTimeout = 10 * time.Minute
	}
	if c.Lifetime <= 0 {
		c.Lifetime = time.Hour
	}
	if c.Sessions <= 0 {
		c.Sessions = 256
	}
	return c
}

// New returns the pages in front of the LDAP server of client, which should
// not be shared: sessions hold connections for long.
func New(client *upstream.Client, cfg Config) *Handler {
	cfg = cfg.withDefaults()
	h := &Handler{ldap: client, cfg: cfg, mux: http.NewServeMux(), sessions: newSessions(cfg)}
	_, _ = rand.Read(h.csrfKey[:]) // never fails
	h.mux.HandleFunc("GET /enrol/style.css", style)
	h.mux.Handle("GET /{$}", http.RedirectHandler("/enrol", http.StatusSeeOther)) // somebody typed the server's name
	for pattern, serve := range map[string]func(*visit) error{
		"GET /enrol":                        (*visit).home,
		"POST /enrol/sign-in":               (*visit).signIn,
		"POST /enrol/sign-out":              (*visit).signOut,
		"POST /enrol/set-up":                (*visit).setUp,
		"GET /enrol/device":                 (*visit).device,
		"POST /enrol/activate":              (*visit).activate,
		"POST /enrol/cancel":                (*visit).cancel,
		"POST /enrol/rename":                (*visit).rename,
		"POST /enrol/remove":                (*visit).remove,
		"POST /enrol/recovery-codes":        (*visit).recoveryCodes,
		"GET /admin":                        (*visit).findUser,
		"GET /admin/users/{uuid}":           (*visit).showUser,
		"POST /admin/users/{uuid}/{action}": (*visit).changeUser,
		"/enrol/":                           (*visit).notFound,
		"/admin/":                           (*visit).notFound,
	} {
		h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, serve) })
	}
	return h
}

// Close ends all sessions.
func (h *Handler) Close() { h.sessions.close() }

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	// Nothing but what this server sends, no script at all, and in no frame.
	// The QR code is a data: URL.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("X-Frame-Options", "DENY") // the same for old browsers
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	header.Set("Cache-Control", "no-store")
	h.mux.ServeHTTP(w, r)
}

// visit is one request for a page.
type visit struct {
	*Handler
	w       http.ResponseWriter
	r       *http.Request
	lang    string   // of the answer, one of languages
	cookie  string   // that the browser sent, or is sent now
	session *session // nil: nobody is signed in; otherwise it is locked
}

var crossOrigin = http.NewCrossOriginProtection()

// serve answers with a page. Whatever changes something has to come from a
// form of ours.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, serve func(*visit) error) {
	v := &visit{Handler: h, w: w, r: r, lang: languageFor(r.Header.Get("Accept-Language"))}
	fresh := v.readCookie()
	if !fresh {
		v.session = h.sessions.get(v.cookie)
	}
	defer func() {
		if v.session != nil {
			v.session.mu.Unlock()
		}
	}()
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			v.fail(&failure{status: http.StatusBadRequest, text: "badRequest"}, err)
			return
		}
		if crossOrigin.Check(r) != nil || fresh || !v.validCSRF(r.PostForm.Get("csrf")) {
			text := "expired"
			if fresh {
				text = "noCookie"
			}
			v.fail(&failure{status: http.StatusForbidden, text: text}, errors.New("the form is not ours"))
			return
		}
	}
	if err := serve(v); err != nil {
		v.fail(v.failureOf(err), err)
	}
}

// note adds to the request's record in the log, where there is one.
func (v *visit) note(attrs ...slog.Attr) {
	if n, ok := v.w.(interface{ Note(...slog.Attr) }); ok {
		n.Note(attrs...)
	}
}

// form is a field of the form.
func (v *visit) form(name string) string { return v.r.PostForm.Get(name) }

// redirect has the browser get another page, so that reloading it does nothing
// again.
func (v *visit) redirect(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}
