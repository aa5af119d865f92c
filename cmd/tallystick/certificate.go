package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// certificate is the server's key pair, which may be read anew while the
// server runs.
type certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// openCertificate reads the key pair. With mayCreate, a pair without a
// certificate is made first; created tells so. A key alone is left from making
// one that was cut short.
func openCertificate(certFile, keyFile string, mayCreate bool) (c *certificate, created bool, err error) {
	if _, err := os.Stat(certFile); mayCreate && errors.Is(err, fs.ErrNotExist) {
		if err := createCertificate(certFile, keyFile); err != nil {
			return nil, false, fmt.Errorf("making a certificate: %w", err)
		}
		created = true
	}
	c = &certificate{certFile: certFile, keyFile: keyFile}
	return c, created, c.reload()
}

// reload reads the files again. With an error the old pair stays in use.
func (c *certificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&pair)
	return nil
}

func (c *certificate) what() (kind, file string) { return "certificate", c.certFile }

// asked answers a server that asks for a certificate: with none, if it would
// not take this one.
func (c *certificate) asked(req *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair := c.current.Load()
	if req.SupportsCertificate(pair) != nil {
		return &tls.Certificate{}, nil
	}
	return pair, nil
}

// config is for a listener: TLS 1.2 or later with the current certificate.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// certificateLife is long because nobody renews a certificate made for trying
// things out; who serves others brings a real one.
const certificateLife = 10 * 365 * 24 * time.Hour

// createCertificate writes a self-signed certificate for this machine. It is
// its own authority, so that clients can be told to trust the one file.
func createCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		names = append(names, host)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "tallystick on " + names[len(names)-1]},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(certificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              names,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(keyFile, "PRIVATE KEY", private, 0o600); err != nil {
		return err
	}
	return writePEM(certFile, "CERTIFICATE", cert, 0o644)
}

// writePEM makes a file, which appears under its name when it is complete, and
// its folder.
func writePEM(name, kind string, der []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".pem-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = errors.Join(f.Chmod(mode), pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
