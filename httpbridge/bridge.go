// Package httpbridge puts HTTP in front of an LDAP server. It binds and sends
// requests like any client, so it cannot walk around access control, and it
// works before any server that has the operations. Each family of HTTP clients
// has a face in a directory of its own; README.md shows their calls.
package httpbridge

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tallystick/httpbridge/enrol"
	"tallystick/httpbridge/openapi"
	"tallystick/httpbridge/pingdirectory"
	"tallystick/httpbridge/securid"
	"tallystick/httpbridge/upstream"
	"tallystick/httpbridge/zitadel"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/cors"
)

// Config is the knobs of a bridge. URL or Dial is needed; the zero value of
// everything else works.
type Config struct {
	// URL is the LDAP server: ldap://host[:389], ldaps://host[:636], ldapi://%2Fpath
	// or ldapi:///path. Several, with spaces between them, are servers with the
	// same data: the first that is up is asked, as long as it is.
	URL      string
	StartTLS bool        // with ldap:// or Dial: StartTLS before anything else, and no going on without
	TLS      *tls.Config // towards the LDAP server, with the bridge's certificate if it has one; nil: the system's roots, the URL's host

	// Dial opens a connection to the LDAP server, within this process for
	// instance; URL is not used then. nil: dial URL.
	Dial func(ctx context.Context) (net.Conn, error)

	// Identity is who the bridge itself is at the LDAP server, to act for the
	// holders of API keys by proxied authorization. nil: nobody, and there is
	// no /AdminInterface.
	Identity *upstream.Credentials

	// Issuer makes access tokens beside the LDAP server; the bridge acts for their
	// holders, with its Identity. nil: only the LDAP server makes tokens.
	Issuer upstream.Issuer

	// Origins are those of web pages elsewhere, such as https://app.example.com,
	// whose scripts may make calls (CORS). They need an Authorization header: a
	// browser sends no credentials that it knows.
	Origins []string

	// PublicURL is where clients reach the bridge, without a path: tokens signed
	// with API keys must be for it. "": what a request's Host says.
	PublicURL string

	// TellClient tells the LDAP server the address of each client, so that it can
	// tell them apart; the server must believe the bridge. Proxies are those in
	// front of the bridge, whose ProxyHeader (XForwardedFor, which is "" too, or
	// Forwarded) says who the client is.
	TellClient  bool
	Proxies     []netip.Prefix
	ProxyHeader string

	// ListenTLS is for ServeTLS: the bridge's certificate, and whose certificates
	// clients must show, if any.
	ListenTLS *tls.Config

	// OperatorHere answers what Operator does on Serve and ServeTLS too, for
	// clients on this machine.
	OperatorHere bool
	Collectors   []prometheus.Collector // more for /metrics

	Connections     int           // to the LDAP server at the same time, at most; 0: 16
	DialTimeout     time.Duration // TCP, TLS and StartTLS together; 0: 5 s
	WaitTimeout     time.Duration // for one of the Connections to become free; 0: 5 s
	IdleTimeout     time.Duration // an LDAP connection unused for longer is not used again; 0: 1 minute
	RequestTimeout  time.Duration // for each answer of the LDAP server; 0: 30 s
	MaxBody         int64         // octets of a request body; 0: 64 KiB
	MaxHeader       int           // octets of a request's header, its path included; 0: 32 KiB
	MaxClients      int           // HTTP connections at the same time; 0: 1024
	MaxPerClient    int           // of them from one IPv4 address or IPv6 /64 that is none of Proxies; 0: MaxClients
	HeaderTimeout   time.Duration // for a request's header to come; 0: 10 s
	BodyTimeout     time.Duration // for a whole request to come, header included; 0: 30 s
	ResponseTimeout time.Duration // from a request's header to the end of its response; 0: BodyTimeout + RequestTimeout + WaitTimeout + 10 s
	KeepAlive       time.Duration // for the next request on an HTTP connection; 0: 2 minutes

	// Pages serves /enrol and /admin, for people with a browser. Their
	// sessions hold LDAP connections beyond Connections, 272 at most.
	Pages      bool
	Separator  string // that the LDAP server wants between a password and the code behind it
	Reflection bool   // describe the gRPC services to whoever asks

	Now func() time.Time // nil: time.Now

	Log *slog.Logger // one record for each request; nil: none
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&c.WaitTimeout, 5*time.Second)
	set(&c.RequestTimeout, 30*time.Second)
	set(&c.HeaderTimeout, 10*time.Second)
	set(&c.BodyTimeout, 30*time.Second)
	set(&c.ResponseTimeout, c.BodyTimeout+c.RequestTimeout+c.WaitTimeout+10*time.Second)
	set(&c.KeepAlive, 2*time.Minute)
	if c.MaxHeader <= 0 {
		c.MaxHeader = 32 << 10
	}
	if c.MaxClients <= 0 {
		c.MaxClients = 1024
	}
	if c.MaxPerClient <= 0 {
		c.MaxPerClient = c.MaxClients
	}
	if c.ProxyHeader == "" {
		c.ProxyHeader = XForwardedFor
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Bridge answers HTTP requests by asking an LDAP server. It is an
// http.Handler, for a server of the caller's; Serve has one with the limits of
// Config.
type Bridge struct {
	cfg      Config
	ldap     *upstream.Client
	face     http.Handler // of PingDirectory, and for all that is nobody else's
	zitadel  http.Handler
	securid  http.Handler // nil: none
	docs     *openapi.Handler
	cors     *cors.Cors     // nil: pages elsewhere may not call
	pages    *enrol.Handler // nil: none
	pageLDAP *upstream.Client
	operator http.Handler
	metrics  *metrics
	server   *http.Server
	places   *places
	requests atomic.Uint64 // how many so far
}

// New returns a bridge to the LDAP server of cfg, which need not be up yet.
// Errors tell what is wrong with cfg.
func New(cfg Config) (*Bridge, error) {
	cfg = cfg.withDefaults()
	ldap := upstream.Config{
		URL: cfg.URL, StartTLS: cfg.StartTLS, TLS: cfg.TLS, Dial: cfg.Dial, TellClient: cfg.TellClient, Self: cfg.Identity, Issuer: cfg.Issuer,
		Connections: cfg.Connections, DialTimeout: cfg.DialTimeout, WaitTimeout: cfg.WaitTimeout, IdleTimeout: cfg.IdleTimeout, AnswerTimeout: cfg.RequestTimeout,
		Log: cfg.Log,
	}
	client, err := upstream.New(ldap)
	if err != nil {
		return nil, err
	}
	crossOrigin, err := crossOriginProtection(cfg.Origins)
	if err != nil {
		return nil, err
	}
	b := &Bridge{
		cfg:     cfg,
		ldap:    client,
		face:    pingdirectory.New(client, pingdirectory.Config{MaxBody: cfg.MaxBody, CrossOrigin: crossOrigin}),
		zitadel: zitadel.New(client, zitadel.Config{MaxBody: cfg.MaxBody, CrossOrigin: crossOrigin, Reflection: cfg.Reflection}),
		docs:    openapi.New(),
		cors:    newCORS(cfg.Origins),
	}
	if cfg.Identity != nil {
		b.securid = securid.New(client, securid.Config{URL: cfg.PublicURL, MaxBody: cfg.MaxBody, Now: cfg.Now})
	}
	if cfg.Pages {
		pages := enrol.Config{Separator: cfg.Separator}
		ldap.Connections = pages.Connections()
		if b.pageLDAP, err = upstream.New(ldap); err != nil {
			return nil, err
		}
		b.pages = enrol.New(b.pageLDAP, pages)
	}
	b.metrics = newMetrics()
	b.places = newPlaces(cfg.MaxClients, cfg.MaxPerClient, cfg.Proxies, b.metrics.refused)
	b.metrics.registry.MustRegister(append(cfg.Collectors, newPoolCollector("faces", client))...)
	if b.pageLDAP != nil {
		b.metrics.registry.MustRegister(newPoolCollector("pages", b.pageLDAP))
	}
	b.operator = b.Operator()
	if inTheClear(cfg) {
		cfg.Log.Warn("passwords travel to the LDAP server in the clear: use ldaps:// or StartTLS", "url", cfg.URL)
	}
	b.server = &http.Server{
		Handler:           b,
		ReadHeaderTimeout: cfg.HeaderTimeout,
		ReadTimeout:       cfg.BodyTimeout,
		WriteTimeout:      cfg.ResponseTimeout,
		IdleTimeout:       cfg.KeepAlive,
		MaxHeaderBytes:    cfg.MaxHeader,
		Protocols:         protocols(),
		TLSConfig:         cfg.ListenTLS,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ConnContext:       told,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return b, nil
}

// maxStreams is how many requests may run on one connection of HTTP/2.
const maxStreams = 64

// protocols are those of HTTP, with HTTP/2 also in the clear: gRPC needs it.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// inTheClear reports whether what is sent to the LDAP server can be read on the
// way: another machine, and no TLS.
func inTheClear(cfg Config) bool {
	if cfg.Dial != nil || cfg.StartTLS {
		return false
	}
	return slices.ContainsFunc(strings.Fields(cfg.URL), func(server string) bool {
		u, err := url.Parse(server)
		if err != nil || u.Scheme != "ldap" || u.Hostname() == "localhost" {
			return false
		}
		ip, err := netip.ParseAddr(u.Hostname())
		return err != nil || !ip.IsLoopback()
	})
}

// Serve answers the requests that come through l until Shutdown, and then
// returns nil.
func (b *Bridge) Serve(l net.Listener) error {
	return b.serve(b.server.Serve(b.places.listener(l)))
}

// ServeTLS is Serve inside TLS, by Config.ListenTLS.
func (b *Bridge) ServeTLS(l net.Listener) error {
	return b.serve(b.server.ServeTLS(b.places.listener(l), "", ""))
}

func (b *Bridge) serve(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops Serve, waits for running requests until ctx is done, and
// closes the connections to the LDAP server.
func (b *Bridge) Shutdown(ctx context.Context) error {
	err := b.server.Shutdown(ctx)
	if err != nil {
		_ = b.server.Close()
	}
	if b.pages != nil {
		b.pages.Close()
		err = errors.Join(err, b.pageLDAP.Close())
	}
	return errors.Join(err, b.ldap.Close())
}

// always are the headers of every answer. They are shared: what a face has
// instead it sets.
var always = http.Header{
	"X-Frame-Options":        {"SAMEORIGIN"},
	"X-Content-Type-Options": {"nosniff"},
	"Cache-Control":          {"no-store"}, // answers carry secrets
}

// ServeHTTP numbers the request, answers it and writes its record.
func (b *Bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	number := b.requests.Add(1)
	correlation := correlationID(r.Header)
	h := w.Header()
	h.Set("Request-Id", strconv.FormatUint(number, 10))
	h.Set("Correlation-Id", correlation)
	maps.Copy(h, always)

	rec := &record{ResponseWriter: w, notes: make([]slog.Attr, 0, 8)}
	address := clientAddress(r, b.cfg.Proxies, b.cfg.ProxyHeader)
	name, face := b.faceOf(r)
	b.metrics.running.Inc()
	defer func() {
		b.metrics.running.Dec()
		fault := recover()
		if fault == http.ErrAbortHandler {
			panic(fault)
		}
		level := slog.LevelInfo
		if fault != nil {
			rec.Note(slog.Any("panic", fault), slog.String("stack", string(debug.Stack())))
			if rec.status == 0 {
				internalError(rec)
			}
		}
		status := rec.status
		switch {
		case rec.panicked():
			level = slog.LevelError
		case status >= http.StatusInternalServerError && r.Context().Err() != nil:
			status = clientGone
		case status >= http.StatusInternalServerError:
			level = slog.LevelError
		}
		took := time.Since(start)
		b.metrics.faces[name].answered(status, took)
		if !b.cfg.Log.Enabled(r.Context(), level) {
			return
		}
		attrs := append(make([]slog.Attr, 0, 16),
			slog.Uint64("req", number), slog.String("corr", correlation), slog.String("peer", r.RemoteAddr), slog.String("client", address),
			slog.String("face", name), slog.String("proto", r.Proto), slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.Int("status", status), slog.Int64("sent", rec.sent))
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			attrs = append(attrs, slog.String("certificate", r.TLS.PeerCertificates[0].Subject.String()))
		}
		attrs = append(append(attrs, rec.notes...), slog.Int64("ms", took.Milliseconds()))
		b.cfg.Log.LogAttrs(context.WithoutCancel(r.Context()), level, "http", attrs...)
	}()
	if address != upstream.ClientOf(r.Context()) { // which is the peer; see told
		r = r.WithContext(upstream.WithClient(r.Context(), address))
	}
	if b.cors != nil && name != facePages && name != faceOperator {
		face = b.cors.Handler(face)
	}
	face.ServeHTTP(rec, r)
}

// clientGone is the status, in the log and the metrics, of what was not answered
// because nobody waited any more: anybody can do that, and it is no fault of the
// server's. The number is nginx's.
const clientGone = 499

// faceOf is the face that answers a request, and its name in the log and the
// metrics. http.ServeMux would redirect paths that have a DN with // in it.
func (b *Bridge) faceOf(r *http.Request) (string, http.Handler) {
	path := r.URL.Path
	if first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); b.pages != nil && (path == "/" || first == "enrol" || first == "admin") {
		return facePages, b.pages
	}
	if b.securid != nil && strings.HasPrefix(path, securid.Prefix) {
		return faceSecurID, b.securid
	}
	if b.docs.Has(path) {
		return faceOpenAPI, b.docs
	}
	for _, prefix := range zitadel.Prefixes {
		if strings.HasPrefix(path, prefix) {
			return faceZITADEL, b.zitadel
		}
	}
	if b.forOperator(r) {
		return faceOperator, b.operator
	}
	return facePingDirectory, b.face
}

// correlationID is the client's, if it is a UUID, or a new one.
func correlationID(h http.Header) string {
	const length = len("00000000-0000-0000-0000-000000000000") // uuid takes other forms too
	if given := h.Get("Correlation-Id"); len(given) == length && uuid.Validate(given) == nil {
		return strings.ToLower(given)
	}
	// It is no secret, so it need not come from crypto/rand, which costs more.
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4, RFC 9562, section 5.4
	return id.String()
}

func internalError(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte(`{"code":"UNEXPECTED_ERROR","message":"internal error"}` + "\n"))
}

// record is a ResponseWriter that remembers what the log will say.
type record struct {
	http.ResponseWriter
	status int   // 0: nothing sent yet
	sent   int64 // octets of the body
	notes  []slog.Attr
}

func (r *record) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *record) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.sent += int64(n)
	return n, err
}

// Flush sends what was written; gRPC's streams ask for it by this name.
func (r *record) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Note adds to the request's record in the log.
func (r *record) Note(attrs ...slog.Attr) { r.notes = append(r.notes, attrs...) }

// panicked reports whether a face noted a panic that it answered itself: gRPC
// says so with status 200.
func (r *record) panicked() bool {
	return slices.ContainsFunc(r.notes, func(a slog.Attr) bool { return a.Key == "panic" })
}

// Unwrap is for http.ResponseController, and for net/http to find its own.
func (r *record) Unwrap() http.ResponseWriter { return r.ResponseWriter }
