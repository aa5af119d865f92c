package httpbridge

import (
	"io"
	"net/http"
	"net/netip"
	"slices"
)

// operatorPaths are for who runs the bridge.
const (
	pathMetrics = "/metrics" // for Prometheus
	pathHealth  = "/healthz" // 200: the process answers
	pathReady   = "/readyz"  // 200: an LDAP server does too; otherwise 503
)

// Operator answers /metrics, /healthz and /readyz to whoever asks: for a
// listener that only those reach who may know.
func (b *Bridge) Operator() http.Handler {
	mux := http.NewServeMux()
	metrics := b.metrics.handler()
	mux.Handle("GET "+pathMetrics, metrics)
	mux.HandleFunc("GET "+pathHealth, func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET "+pathReady, func(w http.ResponseWriter, r *http.Request) {
		if err := b.ldap.Check(r.Context()); err != nil {
			b.cfg.Log.Warn("not ready", "err", err)
			say(w, http.StatusServiceUnavailable, "the LDAP server is not available")
			return
		}
		say(w, http.StatusOK, "ok")
	})
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// forOperator reports whether a request on the listener for everybody is for
// Operator: one of its paths, asked for on this machine and not through a proxy,
// which would be on this machine too. A proxy is known by its headers, if only
// that they are there, or by its address.
func (b *Bridge) forOperator(r *http.Request) bool {
	if p := r.URL.Path; !b.cfg.OperatorHere || p != pathMetrics && p != pathHealth && p != pathReady {
		return false
	}
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if len(r.Header.Values(header)) > 0 {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	address := peer.Addr().Unmap()
	return err == nil && address.IsLoopback() &&
		!slices.ContainsFunc(b.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}
