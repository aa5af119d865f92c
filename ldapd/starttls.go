package ldapd

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

const oidStartTLS = "1.3.6.1.4.1.1466.20037"

// startTLS serves RFC 4511, section 4.14. No other operation runs. Octets
// that arrived behind the request would be plaintext from whoever sits on the
// line, taken for the client's own inside TLS; they end the attempt.
func (s *Server) startTLS(_ context.Context, op *operation, _ *wire.ExtendedRequest) error {
	c := op.c
	op.name = oidStartTLS
	switch {
	case c.nc != c.raw:
		return directory.Errorf(directory.OperationsError, "TLS is already in use")
	case c.in.buffered():
		return directory.Errorf(directory.OperationsError, "octets behind the StartTLS request")
	}
	op.then = c.startTLS
	return nil
}

// startTLS sends what is queued and puts TLS on the transport. An error ends
// the session.
func (c *conn) startTLS() error {
	if err := c.out.park(); err != nil {
		return err
	}
	c.out.unpark()
	ctx, cancel := context.WithTimeout(c.ctx, min(c.srv.cfg.HandshakeTimeout, 24*time.Hour))
	defer cancel()
	t := tls.Server(c.raw, c.srv.cfg.TLS)
	if err := t.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	c.nc = t
	c.out.replace(t)
	c.who.Secure = true
	c.who.KeyBits = keyBits(t.ConnectionState().CipherSuite)
	return nil
}

// keyBits is how long the key of a cipher suite is: AES-128 has 128, and the
// others that crypto/tls still agrees to have 256 or, of old ones, 112.
func keyBits(suite uint16) int {
	name := tls.CipherSuiteName(suite)
	switch {
	case strings.Contains(name, "_256_"), strings.Contains(name, "CHACHA20"):
		return 256
	case strings.Contains(name, "_128_"):
		return 128
	}
	return 112
}
