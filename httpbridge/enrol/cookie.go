package enrol

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
)

// The cookie is 32 random octets in base64url, and means something only to
// this process. A browser gets one with the first page: the forms of somebody
// who is not signed in are bound to it too. Signing in exchanges it.

const cookieOctets = 32

func newCookie() string {
	b := make([]byte, cookieOctets)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// secure reports whether the cookie is for HTTPS only: always, but for a
// browser on this machine that does without. Behind a proxy that does TLS this
// is seen by the Host that it hands on.
func (v *visit) secure() bool {
	if v.r.TLS != nil {
		return true
	}
	host, _, err := net.SplitHostPort(v.r.Host)
	if err != nil {
		host = v.r.Host
	}
	ip, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !ip.IsLoopback())
}

// cookieName has the prefix by which browsers refuse a cookie that another
// host of the domain has set (RFC 6265bis, section 4.1.3.2).
func (v *visit) cookieName() string {
	if v.secure() {
		return "__Host-tallystick"
	}
	return "tallystick"
}

// readCookie takes the browser's cookie, or makes one. It reports whether it
// made one.
func (v *visit) readCookie() (fresh bool) {
	c, err := v.r.Cookie(v.cookieName())
	if err == nil {
		if b, err := base64.RawURLEncoding.DecodeString(c.Value); err == nil && len(b) == cookieOctets {
			v.cookie = c.Value
			return false
		}
	}
	v.setCookie(newCookie())
	return true
}

func (v *visit) setCookie(value string) {
	v.cookie = value
	http.SetCookie(v.w, &http.Cookie{
		Name: v.cookieName(), Value: value, Path: "/",
		HttpOnly: true, Secure: v.secure(), SameSite: http.SameSiteStrictMode,
	})
}

// csrf is what the forms of a browser carry: only who sees its pages knows it.
func (v *visit) csrf() string {
	m := hmac.New(sha256.New, v.csrfKey[:])
	m.Write([]byte(v.cookie))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (v *visit) validCSRF(given string) bool { return hmac.Equal([]byte(given), []byte(v.csrf())) }
