//go:build linux

package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"time"
)

// startEmpty runs this program once more as an HTTP server whose handler does
// nothing: what net/http costs with the requests of the same generator.
func startEmpty(ctx context.Context, dir string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	s := &server{name: "net/http", addr: addr, http: addr}
	return s, s.start(ctx, dir, self, "-empty", addr.String())
}

// serveEmpty is what startEmpty runs. It has time-outs as the bridge has.
func serveEmpty(addr string) error {
	server := &http.Server{
		Addr:              addr,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      75 * time.Second,
		IdleTimeout:       2 * time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{}\n")
		}),
	}
	return server.ListenAndServe()
}
