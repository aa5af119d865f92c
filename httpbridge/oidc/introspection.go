package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// believedFor is how long an answer is believed, and so how long a token that is
// revoked can still be used.
const believedFor = 30 * time.Second

// mostAnswers is how many answers are kept, of a hundred octets each.
const mostAnswers = 10_000

// introspection asks the issuer whether tokens were revoked (RFC 7662). It is
// asked only about those whose signature is good, so nobody can make it ask
// about what he has made up.
type introspection struct {
	clientID, secret string
	client           *http.Client
	now              func() time.Time

	asking singleflight.Group // by token

	mu      sync.Mutex // guards answers
	answers map[[sha256.Size]byte]activity
}

// activity is an answer of the issuer's.
type activity struct {
	active bool
	until  time.Time // it is believed
}

func newIntrospection(clientID, secret string, client *http.Client, now func() time.Time) *introspection {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // with the secret
	return &introspection{clientID: clientID, secret: secret, client: &own, now: now, answers: make(map[[sha256.Size]byte]activity)}
}

// active reports what the issuer says, at the endpoint that it publishes. An
// error means that it does not say.
func (n *introspection) active(ctx context.Context, endpoint, token string) (bool, error) {
	key := sha256.Sum256([]byte(token))
	n.mu.Lock()
	known, ok := n.answers[key]
	n.mu.Unlock()
	if ok && n.now().Before(known.until) {
		return known.active, nil
	}
	done := n.asking.DoChan(string(key[:]), func() (any, error) {
		active, err := n.ask(context.WithoutCancel(ctx), endpoint, token)
		if err == nil {
			n.keep(key, activity{active, n.now().Add(believedFor)})
		}
		return active, err
	})
	select {
	case result := <-done:
		active, _ := result.Val.(bool)
		return active, result.Err
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

func (n *introspection) keep(key [sha256.Size]byte, a activity) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.answers) >= mostAnswers {
		clear(n.answers)
	}
	n.answers[key] = a
}

// ask sends a token to the endpoint (RFC 7662, section 2).
func (n *introspection) ask(ctx context.Context, endpoint, token string) (bool, error) {
	if endpoint == "" {
		return false, errors.New("it publishes no introspection_endpoint")
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(url.QueryEscape(n.clientID), url.QueryEscape(n.secret)) // RFC 6749, section 2.3.1
	resp, err := n.client.Do(r)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("introspection: %s", resp.Status)
	}
	var answer struct {
		Active *bool `json:"active"`
	}
	const longest = 64 << 10
	if err := json.NewDecoder(io.LimitReader(resp.Body, longest)).Decode(&answer); err != nil || answer.Active == nil {
		return false, errors.New("introspection: an answer that is not understood")
	}
	return *answer.Active, nil
}
