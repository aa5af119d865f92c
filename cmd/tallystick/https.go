package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"tallystick/httpbridge"
)

// httpsCertificate is the certificate of listen.https: its own, or otherwise
// the server's.
func (c *config) httpsCertificate(server *certificate) (*certificate, error) {
	if c.HTTPS.Certificate == "" {
		return server, nil
	}
	own, _, err := openCertificate(c.HTTPS.Certificate, c.HTTPS.Key, false)
	return own, err
}

// listenTLS is how listen.https speaks TLS.
func (c *config) listenTLS(cert *certificate) (*tls.Config, error) {
	cfg := cert.config()
	if c.HTTPS.Clients == "" {
		return cfg, nil
	}
	roots, err := authorities("https.clients", c.HTTPS.Clients)
	if err != nil {
		return nil, err
	}
	cfg.ClientCAs, cfg.ClientAuth = roots, tls.RequireAndVerifyClientCert
	return cfg, nil
}

// serveOperator answers /metrics and its like on l until ctx is done; nil: there
// is no such listener.
func serveOperator(ctx context.Context, l net.Listener, bridge *httpbridge.Bridge) error {
	if l == nil {
		return nil
	}
	server := &http.Server{
		Handler:           bridge.Operator(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
