package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// believedFor is how long an answer is believed, and so how long a token that is
// revoked can still be used.
const believedFor = 30 * time.Second

// mostAnswers is how many answers are kept, of some hundred octets each.
const mostAnswers = 10_000

// mostNew is how many opaque tokens a second the issuer is asked about that it
// has not vouched for before: anybody can make one up.
const mostNew = 50

// introspection asks the issuer about tokens (RFC 7662): whether a JWT was
// revoked, once its signature is good, and what an opaque one is.
type introspection struct {
	clientID, secret string
	client           *http.Client
	now              func() time.Time

	asking singleflight.Group // by token
	anew   *rate.Limiter

	mu      sync.Mutex // guards answers
	answers map[[sha256.Size]byte]answer
}

// answer is what follows from what the issuer says of a token.
type answer struct {
	value string    // of Config.Claim, if it is an opaque one
	err   error     // why it is not taken; nil: it is
	until time.Time // it is believed
}

func newIntrospection(clientID, secret string, client *http.Client, now func() time.Time) *introspection {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // with the secret
	return &introspection{
		clientID: clientID, secret: secret, client: &own, now: now,
		anew: rate.NewLimiter(mostNew, 4*mostNew), answers: make(map[[sha256.Size]byte]answer),
	}
}

// known is an answer that is still believed.
func (n *introspection) known(token string) (a answer, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, ok = n.answers[sha256.Sum256([]byte(token))]
	return a, ok && n.now().Before(a.until)
}

// errTooMany is an answer for want of another.
var errTooMany = errors.New("it was asked about too many tokens")

// about is the answer that judge makes of what the issuer says of a token, at the
// endpoint that it publishes. An error means that it does not say. Of tokens that
// anybody may have made up it is asked about some.
func (n *introspection) about(ctx context.Context, endpoint, token string, anybody bool, judge func(claims map[string]any) answer) (answer, error) {
	if a, ok := n.known(token); ok {
		return a, nil
	}
	done := n.asking.DoChan(token, func() (any, error) {
		if anybody && !n.vouchedFor(token) && !n.anew.AllowN(n.now(), 1) {
			return answer{}, errTooMany
		}
		claims, err := n.ask(context.WithoutCancel(ctx), endpoint, token)
		if err != nil {
			return answer{}, err
		}
		a := judge(claims)
		if latest := n.now().Add(believedFor); a.until.IsZero() || a.until.After(latest) {
			a.until = latest
		}
		n.keep(sha256.Sum256([]byte(token)), a)
		return a, nil
	})
	select {
	case result := <-done:
		return result.Val.(answer), result.Err
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
}

// vouchedFor reports whether a token was good, however long ago.
func (n *introspection) vouchedFor(token string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, ok := n.answers[sha256.Sum256([]byte(token))]
	return ok && a.err == nil
}

func (n *introspection) keep(key [sha256.Size]byte, a answer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.answers) >= mostAnswers { // those that were made up go first
		maps.DeleteFunc(n.answers, func(_ [sha256.Size]byte, a answer) bool { return a.err != nil })
	}
	if len(n.answers) >= mostAnswers {
		clear(n.answers)
	}
	n.answers[key] = a
}

// ask sends a token to the endpoint and returns what it says, active at least
// (RFC 7662, section 2).
func (n *introspection) ask(ctx context.Context, endpoint, token string) (claims map[string]any, err error) {
	if endpoint == "" {
		return nil, errors.New("it publishes no introspection_endpoint")
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(url.QueryEscape(n.clientID), url.QueryEscape(n.secret)) // RFC 6749, section 2.3.1
	resp, err := n.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("introspection: %s", resp.Status)
	}
	const longest = 64 << 10
	if err := json.NewDecoder(io.LimitReader(resp.Body, longest)).Decode(&claims); err != nil {
		return nil, errNotUnderstood
	}
	if _, ok := claims["active"].(bool); !ok {
		return nil, errNotUnderstood
	}
	return claims, nil
}

var errNotUnderstood = errors.New("introspection: an answer that is not understood")
