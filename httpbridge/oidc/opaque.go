package oidc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tallystick/httpbridge/upstream"
)

// mayBeOpaque reports whether the issuer is the one to say what a token is: it
// is no JWT, and made of what tokens are (RFC 6750, section 2.1).
func (i *Issuer) mayBeOpaque(token string) bool {
	return i.cfg.Opaque && i.introspection != nil && len(token) <= longestToken && strings.Count(token, ".") != 2 &&
		!strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' })
}

// Opaque is Subject for a token that is no JWT.
func (i *Issuer) Opaque(ctx context.Context, token string) (search upstream.SearchRequest, ours bool, err error) {
	if !i.mayBeOpaque(token) {
		return search, false, nil
	}
	found, err := i.discovered(ctx)
	if err != nil {
		return search, true, unavailable(err)
	}
	a, err := i.introspection.about(ctx, found.introspection, token, true, i.judge)
	switch {
	case err != nil:
		return search, true, unavailable(err)
	case a.err != nil:
		return search, true, rejected(a.err)
	}
	return i.search(a.value), true, nil
}

// judge is the answer to what the issuer says of an opaque token (RFC 7662,
// section 2.2). An issuer may know refresh tokens, too, and ID tokens.
func (i *Issuer) judge(claims map[string]any) (a answer) {
	if claims["active"] != true {
		a.err = errors.New("the issuer does not know it, or not any more")
		return a
	}
	kind, _ := claims["token_type"].(string)
	_, typed := claims["token_type"]
	issuer, named := claims["iss"]
	expires, ends := claims["exp"].(float64)
	if ends {
		a.until = time.Unix(int64(expires), 0)
	}
	switch {
	case typed && !strings.EqualFold(kind, "Bearer"):
		a.err = fmt.Errorf("its token_type is %.20q", kind)
	case !typed && i.cfg.Strict:
		a.err = errors.New("it has no token_type")
	case named && issuer != i.cfg.Issuer:
		a.err = errors.New("it is of another issuer")
	case !slices.Contains(audiences(claims), i.cfg.Audience):
		a.err = errors.New("it is for another audience")
	case ends && !i.introspection.now().Before(a.until):
		a.err, a.until = errors.New("it has expired"), time.Time{}
	default:
		a.err = checkClaims(claims)
	}
	if a.err == nil {
		a.value, a.err = i.holder(claims)
	}
	return a
}

// audiences are those in aud: a text, or a list of them (RFC 7519, section
// 4.1.3).
func audiences(claims map[string]any) []string {
	switch v := claims["aud"].(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, one := range v {
			s, _ := one.(string)
			list = append(list, s)
		}
		return list
	}
	return nil
}
