package securid

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"tallystick/httpbridge/strictjson"
)

// The rules of a token (JWT, RFC 7519), which RSA's clients keep to more or
// less: they write times as numbers, as fractions or in strings, and one dates
// its tokens into the future.
const (
	longestToken = 8 << 10 // octets
	lifetime     = time.Hour
	skew         = time.Minute
)

// token is one that was taken apart and is not believed yet.
type token struct {
	signed *jose.JSONWebSignature
	claims
}

// claims are what a token says.
type claims struct {
	document *strictjson.Document
	subject  string // the key that it is signed with: a UUID in lower case
}

// parseToken takes a token apart: compact, signed by RS256, typ JWT.
func parseToken(text string) (*token, error) {
	if len(text) > longestToken {
		return nil, errors.New("the token is too long")
	}
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, err
	}
	header := signed.Signatures[0].Protected
	if typ, _ := header.ExtraHeaders["typ"].(string); !strings.EqualFold(typ, "JWT") {
		return nil, errors.New("typ is not JWT")
	}
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return nil, errors.New("there is a critical header")
	}
	c, err := parseClaims(signed.UnsafePayloadWithoutVerification())
	if err != nil {
		return nil, err
	}
	return &token{signed, c}, nil
}

func parseClaims(payload []byte) (claims, error) {
	doc, err := strictjson.Parse(payload, deepest)
	if err != nil {
		return claims{}, err
	}
	c := claims{document: doc}
	sub, ok := c.claim("sub")
	if !ok || sub.Kind != strictjson.String || !isUUID(sub.Text) {
		return claims{}, errors.New("sub is not an access id")
	}
	c.subject = strings.ToLower(sub.Text)
	return c, nil
}

// isUUID reports whether s is a UUID in its usual form; the parser takes others.
func isUUID(s string) bool {
	return len(s) == len(uuid.Nil.String()) && uuid.Validate(s) == nil
}

func (c claims) claim(name string) (strictjson.Value, bool) {
	for _, m := range c.document.Root.Members {
		if m.Name == name {
			return m.Value, true
		}
	}
	return strictjson.Value{}, false
}

// verify fails unless the key signed t, for one of the audiences, and it is
// valid at now.
func (t *token) verify(key *rsa.PublicKey, audiences []string, now time.Time) error {
	if _, err := t.signed.Verify(key); err != nil {
		return err
	}
	return t.check(audiences, now)
}

// check fails unless c are for one of the audiences, and valid at now.
func (c claims) check(audiences []string, now time.Time) error {
	if err := c.checkAudience(audiences); err != nil {
		return err
	}
	issued, err := c.time("iat")
	if err != nil {
		return err
	}
	expires, err := c.time("exp")
	if err != nil {
		return err
	}
	switch {
	case !expires.After(now.Add(-skew)):
		return errors.New("it has expired")
	case expires.After(now.Add(lifetime + skew)):
		return errors.New("it expires in more than an hour")
	case issued.Before(now.Add(-lifetime - skew)):
		return errors.New("it was issued more than an hour ago")
	case expires.Sub(issued) > lifetime+skew:
		return errors.New("it lives for more than an hour")
	}
	return nil
}

// time is a claim in seconds since 1970: a number, or digits in a string.
func (c claims) time(name string) (time.Time, error) {
	v, ok := c.claim(name)
	if !ok || v.Kind != strictjson.Number && v.Kind != strictjson.String {
		return time.Time{}, fmt.Errorf("%s is missing, or no time", name)
	}
	if v.Kind == strictjson.String && strings.Trim(v.Text, "0123456789") != "" {
		return time.Time{}, fmt.Errorf("%s is not a number", name)
	}
	seconds, err := strconv.ParseFloat(v.Text, 64)
	if err != nil || seconds < 0 || seconds > math.MaxInt32*100 {
		return time.Time{}, fmt.Errorf("%s is no possible time", name)
	}
	return time.UnixMilli(int64(seconds * 1000)), nil
}

// checkAudience wants aud, a string or an array, to name one of the audiences;
// a "/" at the end does not matter.
func (c claims) checkAudience(audiences []string) error {
	v, _ := c.claim("aud")
	named := []strictjson.Value{v}
	if v.Kind == strictjson.Array {
		named = v.Elements
	}
	for _, n := range named {
		for _, a := range audiences {
			if n.Kind == strictjson.String && strings.EqualFold(strings.TrimSuffix(n.Text, "/"), a) {
				return nil
			}
		}
	}
	return errors.New("it is for another audience")
}
