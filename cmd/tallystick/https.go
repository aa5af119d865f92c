package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
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

// listenTLS is how listen.https speaks TLS, and whose certificates its clients
// must have; nil: they need none.
func (c *config) listenTLS(cert *certificate) (*tls.Config, *certified, error) {
	if c.HTTPS.Clients == "" {
		return cert.config(), nil, nil
	}
	clients := &certified{file: c.HTTPS.Clients, server: cert}
	if err := clients.reload(); err != nil {
		return nil, nil, err
	}
	cfg := cert.config()
	cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return clients.current.Load(), nil }
	return cfg, clients, nil
}

// certified is for clients that must have a certificate of an authority in a
// file.
type certified struct {
	file    string
	server  *certificate
	current atomic.Pointer[tls.Config] // for handshakes that begin now
}

func (c *certified) reload() error {
	roots, err := authorities("https.clients", c.file)
	if err != nil {
		return err
	}
	// A new one: with it go the tickets by which clients of other authorities
	// could come back.
	cfg := c.server.config()
	cfg.ClientCAs, cfg.ClientAuth = roots, tls.RequireAndVerifyClientCert
	cfg.NextProtos = []string{"h2", "http/1.1"} // net/http adds them to its own only
	c.current.Store(cfg)
	return nil
}

func (c *certified) what() (kind, file string) { return "client authority", c.file }

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
