package securid

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"tallystick/httpbridge/caller"
	"tallystick/httpbridge/upstream"
)

// key is an API key: an entry that has the public half of it.
type key struct {
	dn     string
	id     string // access id: its entryUUID, in lower case
	public *rsa.PublicKey
	super  bool // Super Administrator, by its privilege bypass-acl
}

// The entry of a key, and what it may do.
const (
	keyFilter       = "(objectClass=tallystickAPIKey)"
	publicAttribute = "tallystickAPIPublicKey"
	privileges      = "ds-privilege-name"
	bypassACL       = "bypass-acl"
)

// smallestKey is how many bits an RSA key has at least.
const smallestKey = 2048

// authenticate finds out who calls. Why a token is not taken is for the log
// alone. An address that showed many bad ones has to wait, whatever it shows.
func (h *Handler) authenticate(r *http.Request) (*call, error) {
	address := upstream.ClientOf(r.Context())
	if wait := h.failures.empty(address, h.cfg.Now()); wait > 0 {
		return nil, tooMany(wait)
	}
	c, err := h.caller(r)
	if errors.Is(err, errToken) {
		h.failures.take(address, h.cfg.Now())
	}
	return c, err
}

func (h *Handler) caller(r *http.Request) (*call, error) {
	refused := func(err error) error { return fmt.Errorf("%w: %w", errToken, err) }
	creds, err := caller.Credentials(r.Header)
	if err != nil {
		return nil, refused(err)
	}
	if creds == nil || creds.Token == "" {
		return nil, refused(errors.New("there is none"))
	}
	t, err := parseToken(creds.Token)
	if err != nil {
		return nil, refused(err)
	}
	s, err := h.ldap.Self(r.Context())
	if err != nil {
		return nil, fmt.Errorf("binding as the bridge: %w", withoutResult(err))
	}
	k, err := findKey(r.Context(), s, t.subject)
	if err == nil {
		err = t.verify(k.public, h.audiences(r), h.cfg.Now())
		if err != nil {
			err = refused(err)
		}
	}
	if err != nil {
		s.Release()
		return nil, err
	}
	s.For(k.dn)
	return &call{Session: s, key: k}, nil
}

// withoutResult is an error that says nothing of the client: it is the bridge
// that the server does not know.
func withoutResult(err error) error {
	if errors.Is(err, upstream.ErrUnavailable) {
		return err
	}
	return errors.New(err.Error())
}

// audiences are what a token may be for: the base URL in a key file, or its
// beginning, which is what PyDPlus makes of it.
func (h *Handler) audiences(r *http.Request) []string {
	origins := []string{strings.TrimSuffix(h.cfg.URL, "/")}
	if h.cfg.URL == "" {
		origins = []string{"https://" + r.Host, "http://" + r.Host}
	}
	var list []string
	for _, o := range origins {
		list = append(list, o, o+base, o+base+"/v1")
	}
	return list
}

// findKey finds the key with an access id. Errors: errToken if there is none.
func findKey(ctx context.Context, s *upstream.Session, id string) (*key, error) {
	found, err := s.Search(ctx, upstream.SearchRequest{
		Scope: upstream.WholeSubtree, Filter: "(&" + keyFilter + "(entryUUID=" + id + "))",
		Attributes: []string{publicAttribute, privileges}, SizeLimit: 2,
	})
	if err != nil {
		return nil, fmt.Errorf("looking for the key: %w", withoutResult(err))
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%w: no key has the access id", errToken)
	}
	k := &key{dn: found[0].DN, id: id}
	der := values(found[0], publicAttribute)
	if len(der) != 1 {
		return nil, fmt.Errorf("%w: the key has no public key", errToken)
	}
	parsed, err := x509.ParsePKIXPublicKey([]byte(der[0]))
	public, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok || public.N.BitLen() < smallestKey {
		return nil, fmt.Errorf("%w: its public key is not RSA of %d bits", errToken, smallestKey)
	}
	k.public = public
	k.super = slices.ContainsFunc(values(found[0], privileges), func(p string) bool { return strings.EqualFold(p, bypassACL) })
	return k, nil
}

// values are those of an attribute of an entry.
func values(e upstream.Entry, attribute string) []string {
	for _, a := range e.Attributes {
		if strings.EqualFold(a.Name, attribute) {
			return a.Values
		}
	}
	return nil
}

// value is the first of values; "" if there is none.
func value(e upstream.Entry, attribute string) string {
	if v := values(e, attribute); len(v) > 0 {
		return v[0]
	}
	return ""
}
