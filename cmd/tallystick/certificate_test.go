package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// A client that is told to trust the one file accepts the server under each of
// its names, and the key is for the owner alone.
func TestCertificate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "tls")
	certFile, keyFile := filepath.Join(folder, "certificate.pem"), filepath.Join(folder, "key.pem")
	c, created, err := openCertificate(certFile, keyFile, true)
	if err != nil || !created {
		t.Fatal(created, err)
	}
	first := c.current.Load().Leaf
	info, err := os.Stat(keyFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info.Mode(), err)
	}
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(certFile)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		handshake(t, c.config(), &tls.Config{RootCAs: roots, ServerName: name})
	}

	if _, created, err = openCertificate(certFile, keyFile, true); err != nil || created {
		t.Errorf("made again: %v, %v", created, err)
	}
	key, err := os.ReadFile(keyFile)
	if err := errors.Join(err, os.Remove(keyFile)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openCertificate(certFile, keyFile, true); err == nil {
		t.Error("a certificate without its key was taken, or overwritten")
	}
	if err := c.reload(); err == nil || c.current.Load().Leaf != first {
		t.Error("a failed reload must leave the old pair in use")
	}

	// A key alone is from a first start that was killed.
	if err := errors.Join(os.Remove(certFile), os.WriteFile(keyFile, key[:10], 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, created, err := openCertificate(certFile, keyFile, true); err != nil || !created {
		t.Errorf("not made again: %v, %v", created, err)
	}
}

func handshake(t *testing.T, server, client *tls.Config) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() { done <- tls.Server(a, server).Handshake() }()
	if err := tls.Client(b, client).Handshake(); err != nil {
		t.Errorf("%s: %v", client.ServerName, err)
	}
	<-done
}
