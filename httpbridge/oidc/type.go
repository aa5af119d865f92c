package oidc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// accessToken is the typ of access tokens (RFC 9068, section 2.1). Many an issuer
// writes JWT there, or nothing, as for its ID tokens: these say to a client who
// has signed in, and are shown where access tokens are not.
const accessToken = "at+jwt"

// ofIDToken are claims that only ID tokens have (OpenID Connect Core 1.0,
// sections 2, 3.1.3.6 and 3.3.2.11).
var ofIDToken = []string{"nonce", "at_hash", "c_hash", "s_hash"}

// checkType tells whether a token whose signature is good is an access token.
// Unless typ says so nothing is certain, so strict takes no other; otherwise a
// token without a type of its own is taken if nothing in it is of another kind.
func checkType(token string, claims map[string]any, strict bool) error {
	typ, err := typeOf(token)
	switch {
	case err != nil:
		return err
	case typ == accessToken:
		return nil
	case strict:
		return fmt.Errorf("its typ is %.20q, not %s", typ, accessToken)
	case typ != "" && typ != "jwt":
		return fmt.Errorf("its typ is %.20q, of another kind of token", typ)
	}
	return checkClaims(claims)
}

// checkClaims tells whether there is nothing of another kind of token in claims.
func checkClaims(claims map[string]any) error {
	for _, name := range ofIDToken {
		if _, there := claims[name]; there {
			return fmt.Errorf("it is an ID token: it has the claim %s", name)
		}
	}
	// How Keycloak and Cognito say it, in a claim.
	for name, good := range map[string][]string{"typ": {"bearer", accessToken}, "token_use": {"access"}} {
		if v, there := claims[name]; there {
			if s, _ := v.(string); !slices.Contains(good, strings.ToLower(s)) {
				return fmt.Errorf("the claim %s says that it is another kind of token", name)
			}
		}
	}
	return nil
}

// typeOf is the typ of a token's header, in lower case and without the
// "application/" that may be left out (RFC 7515, section 4.1.9); "": none.
func typeOf(token string) (string, error) {
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	var header struct {
		Type string `json:"typ"`
	}
	if err != nil || json.Unmarshal(text, &header) != nil {
		return "", errors.New("its header has no readable typ")
	}
	return strings.TrimPrefix(strings.ToLower(header.Type), "application/"), nil
}
