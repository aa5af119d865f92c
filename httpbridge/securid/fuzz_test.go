package securid

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tallystick/httpbridge/strictjson"
)

// Whatever a body is, it is refused as the client's fault, or has what was
// asked for.
func FuzzParseBody(f *testing.F) {
	for _, text := range []string{
		`{"deviceSerialNumber": "140100080", "userId": "ece30fe9-414c-7536-5403-0656220b3046"}`,
		`{"deviceSerialNumber":"1","userId":"2","searchUnsynched":true,"more":[[{}]]}`,
		`{"deviceSerialNumber":null}`, `{"userId":""}`, `[]`, `{"a":1,"a":1}`, "{\"userId\":\"\xff\"}", `{`, ``,
	} {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"deviceSerialNumber":"1","userId":"2","unlockMethods":["TOKEN","SMS"]}`))
	want := members{deviceSerial: number, userIDMember: number, searchUnsynched: boolean}
	withMethods := members{unlockMethods: methods}
	f.Fuzz(func(t *testing.T, text []byte) {
		if found, err := parseBody(text, withMethods); err == nil && strings.Trim(found[unlockMethods], "SMTOKENVIC ") != "" {
			t.Errorf("%q: %v", text, found)
		}
		found, err := parseBody(text, want)
		if err != nil {
			if p := problemOf(err); p.status != 400 || p.message == "" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, name := range []string{deviceSerial, userIDMember} {
			if n := utf8.RuneCountInString(found[name]); n < 1 || n > 36 {
				t.Errorf("%q: %s is %q", text, name, found[name])
			}
		}
	})
}

// Whatever claims there are, they are refused, or are those of a token that
// lives now.
func FuzzClaims(f *testing.F) {
	now := time.Unix(1_767_323_045, 0)
	for _, claims := range []string{
		`{"sub":"ece30fe9-414c-7536-5403-0656220b3046","iat":1767323045,"exp":1767326645,"aud":"https://a/AdminInterface/restapi"}`,
		`{"sub":"ece30fe9-414c-7536-5403-0656220b3046","iat":"1767323045","exp":1767326645.5,"aud":["https://a/AdminInterface/restapi"]}`,
		`{"sub":"ece30fe9-414c-7536-5403-0656220b3046","iat":1e400,"exp":-1,"aud":null}`, `{"sub":1}`, `[]`, ``,
	} {
		f.Add([]byte(claims))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseClaims(text)
		if err != nil || c.check([]string{"https://a/AdminInterface/restapi"}, now) != nil {
			return
		}
		expires, err := c.time("exp")
		if err != nil || expires.Before(now.Add(-skew)) || expires.After(now.Add(lifetime+skew)) || !isUUID(c.subject) {
			t.Errorf("%q was taken", text)
		}
	})
}

// Whatever a token is, taking it apart ends with a token or a reason, and
// nobody else's signature is believed.
func FuzzToken(f *testing.F) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.e30.AA")
	f.Add("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJlY2UzMGZlOS00MTRjLTc1MzYtNTQwMy0wNjU2MjIwYjMwNDYifQ.AA")
	f.Add("eyJhbGciOiJub25lIn0..")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseToken(text)
		if err != nil {
			if _, ok := errors.AsType[*strictjson.Error](err); !ok && err.Error() == "" {
				t.Errorf("%q: no reason", text)
			}
			return
		}
		if parsed.verify(&private.PublicKey, nil, time.Now()) == nil {
			t.Errorf("%q was believed", text)
		}
	})
}
