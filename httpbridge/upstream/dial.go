package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// dialer returns the function that opens the connections to a server, with TLS on it
// if it says ldaps. Errors tell what is wrong with cfg.
func dialer(cfg Config, server string) (func(context.Context) (net.Conn, error), error) {
	if cfg.Dial != nil {
		return cfg.Dial, nil
	}
	network, address, secure, err := parseURL(server)
	if err != nil {
		return nil, err
	}
	if cfg.StartTLS && (secure || network == "unix") {
		return nil, errors.New("upstream: StartTLS goes with ldap:// only")
	}
	var d net.Dialer
	return func(ctx context.Context) (net.Conn, error) {
		nc, err := d.DialContext(ctx, network, address)
		if err != nil || !secure {
			return nc, err
		}
		return handshake(ctx, nc, tlsConfig(cfg, server))
	}, nil
}

// handshake puts TLS on nc, or closes it.
func handshake(ctx context.Context, nc net.Conn, cfg *tls.Config) (net.Conn, error) {
	tc := tls.Client(nc, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return tc, nil
}

func tlsConfig(cfg Config, server string) *tls.Config {
	t := &tls.Config{}
	if cfg.TLS != nil {
		t = cfg.TLS.Clone()
	}
	if t.ServerName == "" {
		if u, err := url.Parse(server); err == nil {
			t.ServerName = u.Hostname()
		}
	}
	return t
}

// parseURL takes an LDAP URL (RFC 4516, and ldapi as OpenLDAP writes it) that
// names a server and nothing else.
func parseURL(s string) (network, address string, secure bool, err error) {
	// net/url does not accept the percent-encoded path in the host's place.
	if rest, ok := strings.CutPrefix(s, "ldapi://"); ok {
		host, path, slash := strings.Cut(rest, "/")
		if host == "" && slash {
			host = "/" + path
		} else if path != "" {
			return "", "", false, fmt.Errorf("upstream: %q: write the socket's path as ldapi:///path or with each / as %%2F", s)
		}
		if address, err = url.PathUnescape(host); err != nil || address == "" || address == "/" {
			return "", "", false, fmt.Errorf("upstream: %q names no socket", s)
		}
		return "unix", address, false, nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", "", false, errors.New("upstream: malformed LDAP URL")
	}
	port := "389"
	switch u.Scheme {
	case "ldap":
	case "ldaps":
		port, secure = "636", true
	default:
		return "", "", false, errors.New("upstream: the LDAP URL must begin with ldap://, ldaps:// or ldapi://")
	}
	if u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", "", false, errors.New("upstream: the LDAP URL must be a scheme, a host and perhaps a port")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return "tcp", net.JoinHostPort(u.Hostname(), port), secure, nil
}
