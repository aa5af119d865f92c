package upstream

import (
	"testing"
)

func TestParseURL(t *testing.T) {
	for _, tt := range []struct {
		url              string
		network, address string // "": refused
		secure           bool
	}{
		{"ldap://localhost", "tcp", "localhost:389", false},
		{"ldap://localhost/", "tcp", "localhost:389", false},
		{"LDAP://127.0.0.1:3389", "tcp", "127.0.0.1:3389", false},
		{"ldaps://ldap.example.com", "tcp", "ldap.example.com:636", true},
		{"ldaps://[::1]:3636", "tcp", "[::1]:3636", true},
		{"ldapi:///run/ldapi", "unix", "/run/ldapi", false},
		{"ldapi://%2Frun%2Fldapi", "unix", "/run/ldapi", false},
		{"ldapi://%2Frun%2Fldapi/", "unix", "/run/ldapi", false},
		{"ldapi:///a%20b", "unix", "/a b", false},
		{"", "", "", false},
		{"localhost:389", "", "", false},
		{"http://localhost", "", "", false},
		{"ldap://", "", "", false},
		{"ldap://localhost:x", "", "", false},
		{"ldap://localhost/dc=example", "", "", false},
		{"ldap://localhost?x", "", "", false},
		{"ldap://user:password@localhost", "", "", false},
		{"ldapi://", "", "", false},
		{"ldapi:///", "", "", false},
		{"ldapi://run/ldapi", "", "", false},
		{"ldapi://%zz", "", "", false},
	} {
		network, address, secure, err := parseURL(tt.url)
		if network != tt.network || address != tt.address || secure != tt.secure || (err != nil) != (tt.network == "") {
			t.Errorf("%s: %s %s %v, %v", tt.url, network, address, secure, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no server":          {},
		"a negative limit":   {URL: "ldap://localhost", Connections: -1},
		"StartTLS on ldaps":  {URL: "ldaps://localhost", StartTLS: true},
		"StartTLS on ldapi":  {URL: "ldapi:///x", StartTLS: true},
		"a URL with a base":  {URL: "ldap://localhost/dc=example"},
		"one bad of two":     {URL: "ldap://localhost http://localhost"},
		"a negative timeout": {URL: "ldap://localhost", DialTimeout: -1},
	} {
		if c, err := New(cfg); err == nil {
			_ = c.Close()
			t.Errorf("%s: taken", name)
		}
	}
}
