package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"

	"tallystick/directory"
	"tallystick/directory/schema"
	"tallystick/httpbridge/oidc"
	"tallystick/httpbridge/upstream"
)

// issuer is who makes access tokens beside the server; nil: nobody.
func (c *config) issuer() (upstream.Issuer, error) {
	in := c.Bridge.Issuer
	if in.URL == "" {
		return nil, nil
	}
	var secret []byte
	if in.ClientSecretFile != "" {
		var err error
		if secret, err = firstLine(in.ClientSecretFile); err != nil {
			return nil, fmt.Errorf("bridge.issuer.clientSecretFile: %w", err)
		}
	}
	return oidc.New(oidc.Config{
		Issuer: in.URL, Audience: in.Audience, Scopes: in.Scopes, Strict: in.Strict, Claim: in.Claim, Attribute: in.Attribute, Base: in.Base,
		ClientID: in.ClientID, ClientSecret: string(secret), Opaque: in.Opaque,
	}), nil
}

// attributeName is what can stand in a filter as an attribute (RFC 4512, section
// 1.4).
var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// checkIssuer checks what is under bridge.issuer and bridge.origins.
func (c *config) checkIssuer(check func(ok bool, key, format string, args ...any)) {
	for _, origin := range c.Bridge.Origins {
		u, err := url.Parse(origin)
		check(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && origin == u.Scheme+"://"+u.Host,
			"bridge.origins", "%q is no origin such as https://app.example.com", origin)
	}
	in := c.Bridge.Issuer
	if in.URL == "" {
		return
	}
	u, err := url.Parse(in.URL)
	check(err == nil && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())),
		"bridge.issuer.url", "is no URL such as https://login.example.com")
	check((in.ClientID == "") == (in.ClientSecretFile == ""), "bridge.issuer.clientID", "goes together with bridge.issuer.clientSecretFile")
	check(!in.Opaque || in.ClientID != "", "bridge.issuer.opaque", "needs bridge.issuer.clientID: the issuer is asked what such a token is")
	check(in.Audience != "", "bridge.issuer.audience", "must be there")
	check(in.Claim != "", "bridge.issuer.claim", "must be there")
	check(attributeName.MatchString(in.Attribute), "bridge.issuer.attribute", "%q is no attribute", in.Attribute)
	_, err = directory.ParseDN(schema.Standard(), in.Base)
	check(err == nil, "bridge.issuer.base", "%q: %v", in.Base, err)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
