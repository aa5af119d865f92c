package upstream

import (
	"context"
	"errors"

	"github.com/go-ldap/ldap/v3"
)

// Issuer takes access tokens that somebody else than the LDAP server makes.
type Issuer interface {
	// Subject is the search for the one entry that a token is for; ours is
	// false if the token is for the LDAP server to judge. Errors:
	// *RejectedError, ErrUnavailable.
	Subject(ctx context.Context, token string) (search SearchRequest, ours bool, err error)

	// Opaque is Subject for a token that does not say whose it is, once the LDAP
	// server has refused it.
	Opaque(ctx context.Context, token string) (search SearchRequest, ours bool, err error)
}

// issued returns a session for the holder of a token by what the issuer says of
// it; nil if that is nothing.
func (c *Client) issued(ctx context.Context, token string, subject func(context.Context, string) (SearchRequest, bool, error)) (*Session, error) {
	search, ours, err := subject(ctx, token)
	if err != nil || !ours {
		return nil, err
	}
	return c.forSubject(ctx, search)
}

// forSubject returns a session that acts as the one entry that is found. That
// there is none, or more than one, rejects the credentials.
func (c *Client) forSubject(ctx context.Context, search SearchRequest) (*Session, error) {
	s, err := c.Self(ctx)
	if err != nil {
		return nil, withoutResult(err)
	}
	found, err := s.Search(ctx, search)
	var r *Result
	switch {
	case errors.As(err, &r) && (r.Code == ldap.LDAPResultNoSuchObject || r.Code == ldap.LDAPResultSizeLimitExceeded):
	case err != nil:
		s.Release()
		return nil, withoutResult(err)
	}
	if err != nil || len(found) != 1 {
		s.Release()
		return nil, &RejectedError{Result{Code: ldap.LDAPResultInvalidCredentials, DiagnosticMessage: "not one entry has " + search.Filter}}
	}
	s.For(found[0].DN)
	return s, nil
}

// withoutResult is an error that says nothing of the client: it is the bridge
// that the server does not take, or answer.
func withoutResult(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return errors.New("acting for the holder of a token: " + err.Error())
}
