package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
)

// listeners are where the server listens; nil is off.
type listeners struct {
	ldap, ldaps, ldapi, http, https, metrics net.Listener
}

// listen opens all listeners or none.
func (c *config) listen() (_ *listeners, err error) {
	l := &listeners{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	for _, tcp := range []struct {
		key, address string
		to           *net.Listener
	}{
		{"listen.ldap", c.Listen.LDAP, &l.ldap},
		{"listen.ldaps", c.Listen.LDAPS, &l.ldaps},
		{"listen.http", c.Listen.HTTP, &l.http},
		{"listen.https", c.Listen.HTTPS, &l.https},
		{"listen.metrics", cmp.Or(c.Listen.Metrics, off), &l.metrics},
	} {
		if tcp.address == off {
			continue
		}
		if *tcp.to, err = net.Listen("tcp", tcp.address); err != nil {
			return nil, fmt.Errorf("%s: %w", tcp.key, err)
		}
	}
	if c.Listen.LDAPI != off {
		if l.ldapi, err = listenUnix(c.ldapiSocket()); err != nil {
			return nil, fmt.Errorf("listen.ldapi: %w", err)
		}
	}
	return l, nil
}

// listenUnix listens on a Unix socket. A socket that is left from a server
// that was killed is removed; its data folder is locked, so there is no other
// server that could be listening on it.
func listenUnix(name string) (net.Listener, error) {
	if info, err := os.Lstat(name); err == nil && info.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(name); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", name)
	if err != nil {
		return nil, err
	}
	// Everybody may connect who may enter the folder: access is decided by
	// the directory, as for every other listener.
	if err := os.Chmod(name, 0o666); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// close closes the listeners that no server has closed already.
func (l *listeners) close() {
	for _, one := range []net.Listener{l.ldap, l.ldaps, l.ldapi, l.http, l.https, l.metrics} {
		if one != nil {
			one.Close()
		}
	}
}

// announce prints where the server listens, and with the sample tree what to
// try next. pages: there are pages for browsers.
func (l *listeners) announce(out io.Writer, sample, pages bool) {
	for _, one := range []struct {
		name string
		l    net.Listener
		url  func(net.Addr) string
	}{
		{"LDAP", l.ldap, func(a net.Addr) string { return "ldap://" + a.String() + "  (also StartTLS)" }},
		{"LDAPS", l.ldaps, func(a net.Addr) string { return "ldaps://" + a.String() }},
		{"LDAPI", l.ldapi, socketURL},
		{"HTTP", l.http, func(a net.Addr) string { return "http://" + a.String() }},
		{"HTTPS", l.https, func(a net.Addr) string { return "https://" + a.String() }},
	} {
		if one.l != nil {
			fmt.Fprintf(out, "%-5s  %s\n", one.name, one.url(one.l.Addr()))
		}
	}
	if l.http != nil && pages {
		fmt.Fprintf(out, "Pages  http://%[1]s/enrol, for the help desk http://%[1]s/admin\n", l.http.Addr())
	}
	if sample && l.ldap != nil && l.http != nil {
		fmt.Fprintf(out, hints, l.ldap.Addr(), l.http.Addr())
	}
	fmt.Fprintln(out, "\nReady.")
}

// socketURL is how LDAP tools name a Unix socket.
func socketURL(a net.Addr) string {
	name, err := filepath.Abs(a.String())
	if err != nil {
		name = a.String()
	}
	return "ldapi://" + url.PathEscape(name)
}

// hints are commands to paste into a shell. The arguments are the addresses
// of LDAP and HTTP.
const hints = `
Commands to try next, in another terminal:

  # search
  ldapsearch -x -H ldap://%[1]s -D uid=user.0,ou=people,dc=example,dc=com -w password \
    -b dc=example,dc=com '(uid=user.1)'

  # give user.0 a second factor
  SECRET=$(curl -sS http://%[2]s/directory/v1/uid=user.0,ou=people,dc=example,dc=com/generateTOTPSharedSecret \
    -H 'Content-Type: application/json' -d '{"staticPassword":"password"}' |
    sed -n 's/.*"totpSharedSecret": *"\([^"]*\)".*/\1/p'); echo "$SECRET"

  # log in with password and code; from now on the password alone is not enough
  ldapwhoami -x -H ldap://%[1]s -D uid=user.0,ou=people,dc=example,dc=com \
    -w "password$(oathtool --totp -b "$SECRET")"

Has user.0 a second factor from an earlier start? Then try user.1, and so on.
`
