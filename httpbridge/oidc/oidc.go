// Package oidc takes the access tokens of an OpenID Connect issuer: JWTs
// (RFC 9068) that it signed with a key it publishes, and opaque ones of which it
// says what they are (RFC 7662). It says whose they are; what he may do then is
// for the LDAP server, as ever.
package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"tallystick/httpbridge/upstream"
)

// Config says which tokens are taken, and whose they are. Issuer, Audience,
// Claim and Attribute are needed.
type Config struct {
	Issuer   string   // its URL, as iss has it; the keys are found by discovery
	Audience string   // one of aud
	Scopes   []string // all of them must be in scope, or scp
	Strict   bool     // only tokens of the type at+jwt; else also of JWT or none, unless they look like another kind
	Claim    string   // the claim that says who it is: a string, such as sub
	// Attribute, in one entry below Base, has the value of Claim. Base "" is all
	// of the directory.
	Attribute, Base string

	// ClientID and ClientSecret are the bridge's own at the issuer, which is then
	// asked whether a token was revoked. "": it is not.
	ClientID, ClientSecret string

	// Opaque has it asked about tokens that are no JWTs, too. Those of the LDAP
	// server look the same: what that does not take the issuer is told.
	Opaque bool

	Client *http.Client     // for the issuer; nil: one with a time limit
	Now    func() time.Time // nil: time.Now
}

// algorithms are those of signatures that are taken: with public keys only, and
// never "none".
var algorithms = []string{
	gooidc.RS256, gooidc.RS384, gooidc.RS512, gooidc.PS256, gooidc.PS384, gooidc.PS512,
	gooidc.ES256, gooidc.ES384, gooidc.ES512, gooidc.EdDSA,
}

// longestToken is how many octets of a token are looked at.
const longestToken = 16 << 10

// Issuer takes the tokens of one issuer. Many goroutines may use it.
type Issuer struct {
	cfg    Config
	client *http.Client

	introspection *introspection // nil: it is not asked

	discovery singleflight.Group
	found     atomic.Pointer[discovered] // nil: not yet
}

// discovered is what the issuer publishes of itself.
type discovered struct {
	keys          *gooidc.RemoteKeySet
	introspection string // URL; "": none
}

var _ upstream.Issuer = (*Issuer)(nil)

// New returns the issuer of cfg. It is not asked for anything yet, and need not
// be up.
func New(cfg Config) *Issuer {
	client := http.Client{Timeout: 10 * time.Second}
	if cfg.Client != nil {
		client = *cfg.Client
	}
	i := &Issuer{cfg: cfg, client: &client}
	if cfg.ClientID != "" {
		now := cfg.Now
		if now == nil {
			now = time.Now
		}
		i.introspection = newIntrospection(cfg.ClientID, cfg.ClientSecret, &client, now)
	}
	client.Transport = &patient{next: client.Transport, turns: rate.NewLimiter(1, 10)}
	return i
}

// patient asks the issuer no more than once a second, after a few times: a token
// with a key that is not known makes go-oidc ask, and anybody can make one up.
type patient struct {
	next  http.RoundTripper // nil: http.DefaultTransport
	turns *rate.Limiter
}

var errPatience = errors.New("it was asked too often")

func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	if !p.turns.Allow() {
		return nil, errPatience
	}
	if p.next == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	return p.next.RoundTrip(r)
}

// Subject is the search for the one entry that a token is for; ours is false if
// the token is not one of the issuer's, or says that it is not. Errors:
// *upstream.RejectedError, upstream.ErrUnavailable.
func (i *Issuer) Subject(ctx context.Context, token string) (search upstream.SearchRequest, ours bool, err error) {
	if i.mayBeOpaque(token) {
		a, known := i.introspection.known(token)
		return i.search(a.value), known && a.err == nil, nil
	}
	if !i.issued(token) {
		return search, false, nil
	}
	value, err := i.verify(ctx, token)
	return i.search(value), true, err
}

// search is that for the one entry with a value.
func (i *Issuer) search(value string) upstream.SearchRequest {
	return upstream.SearchRequest{
		Base: i.cfg.Base, Scope: upstream.WholeSubtree, Attributes: []string{"1.1"}, SizeLimit: 2,
		Filter: "(" + i.cfg.Attribute + "=" + upstream.EscapeFilter(value) + ")",
	}
}

// issued reports whether a token says that it is of the issuer.
func (i *Issuer) issued(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > longestToken {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	return json.Unmarshal(payload, &claims) == nil && claims.Issuer == i.cfg.Issuer
}

// verify returns the value of Claim in a token that is good.
func (i *Issuer) verify(ctx context.Context, token string) (string, error) {
	found, err := i.discovered(ctx)
	if err != nil {
		return "", unavailable(err)
	}
	asked := &answers{KeySet: found.keys}
	verifier := gooidc.NewVerifier(i.cfg.Issuer, asked, &gooidc.Config{ClientID: i.cfg.Audience, SupportedSigningAlgs: algorithms, Now: i.cfg.Now})
	verified, err := verifier.Verify(ctx, token)
	switch {
	case asked.unavailable != nil:
		return "", unavailable(asked.unavailable)
	case err != nil:
		return "", rejected(err)
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return "", rejected(err)
	}
	if err := checkType(token, claims, i.cfg.Strict); err != nil {
		return "", rejected(err)
	}
	value, err := i.holder(claims)
	if err != nil {
		return "", rejected(err)
	}
	if i.introspection == nil {
		return value, nil
	}
	a, err := i.introspection.about(ctx, found.introspection, token, false, func(claims map[string]any) (a answer) {
		if claims["active"] != true {
			a.err = errors.New("it was revoked")
		}
		return a
	})
	switch {
	case err != nil:
		return "", unavailable(err)
	case a.err != nil:
		return "", rejected(a.err)
	}
	return value, nil
}

// holder is the value of Claim in a token that has all of Scopes.
func (i *Issuer) holder(claims map[string]any) (string, error) {
	for _, scope := range i.cfg.Scopes {
		if !slices.Contains(scopes(claims), scope) {
			return "", fmt.Errorf("it has not the scope %s", scope)
		}
	}
	value, _ := claims[i.cfg.Claim].(string)
	if value == "" {
		return "", fmt.Errorf("it has no claim %s that is a text", i.cfg.Claim)
	}
	return value, nil
}

// scopes are those of a token: in scope, with spaces between them (RFC 9068,
// section 2.2.3), or in scp, a list, as some issuers have it.
func scopes(claims map[string]any) []string {
	var found []string
	for _, name := range []string{"scope", "scp"} {
		switch v := claims[name].(type) {
		case string:
			found = append(found, strings.Fields(v)...)
		case []any:
			for _, one := range v {
				s, _ := one.(string)
				found = append(found, s)
			}
		}
	}
	return found
}

// discovered is what the issuer publishes. It waits for that until ctx is done.
func (i *Issuer) discovered(ctx context.Context) (*discovered, error) {
	if found := i.found.Load(); found != nil {
		return found, nil
	}
	done := i.discovery.DoChan("", func() (any, error) { return nil, i.discover(context.WithoutCancel(ctx)) })
	select {
	case result := <-done:
		return i.found.Load(), result.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// discover asks the issuer where its keys are (OpenID Connect Discovery 1.0,
// section 4), and where it can be asked (RFC 8414, section 2).
func (i *Issuer) discover(ctx context.Context) error {
	ctx = gooidc.ClientContext(ctx, i.client)
	provider, err := gooidc.NewProvider(ctx, i.cfg.Issuer)
	if err != nil {
		return err
	}
	var found struct {
		Keys          string `json:"jwks_uri"`
		Introspection string `json:"introspection_endpoint"`
	}
	if err := provider.Claims(&found); err != nil {
		return err
	}
	i.found.Store(&discovered{gooidc.NewRemoteKeySet(ctx, found.Keys), found.Introspection})
	return nil
}

// answers tells a signature that is wrong from keys that could not be had, which
// the verifier does not.
type answers struct {
	gooidc.KeySet
	unavailable error
}

func (a *answers) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := a.KeySet.VerifySignature(ctx, jwt)
	if inner := errors.Unwrap(err); inner != nil { // of fetching; there is nothing behind a wrong signature
		a.unavailable = inner
	}
	return payload, err
}

func unavailable(err error) error {
	return fmt.Errorf("%w: the issuer of access tokens: %w", upstream.ErrUnavailable, err)
}

// rejected is the error for a token that is not good. Why is for the log.
func rejected(err error) error {
	return &upstream.RejectedError{Result: upstream.Result{Code: invalidCredentials, DiagnosticMessage: err.Error()}}
}

const invalidCredentials = 49
