package sasl

import (
	"errors"
	"strings"
	"testing"
)

func TestOAuthBearer(t *testing.T) {
	for _, row := range []struct {
		rule, message string
		want          OAuthBearerMessage
		err           error
	}{
		{"RFC 7628, section 4.1", "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01",
			OAuthBearerMessage{"user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="}, nil},
		{"no authzid", "n,,\x01auth=Bearer t\x01\x01", OAuthBearerMessage{"", "t"}, nil},
		{"a client that could bind the channel", "y,,\x01auth=Bearer t\x01\x01", OAuthBearerMessage{"", "t"}, nil},
		{"an escaped authzid", "n,a=dn:uid=3Dann=2Cdc=3Dexample,\x01auth=Bearer t\x01\x01", OAuthBearerMessage{"dn:uid=ann,dc=example", "t"}, nil},
		{"the scheme in another case", "n,,\x01auth=bEARER t\x01\x01", OAuthBearerMessage{"", "t"}, nil},
		{"without the last kvsep, as PingDirectory's library writes it", "n,,\x01auth=Bearer t\x01host=h\x01", OAuthBearerMessage{"", "t"}, nil},
		{"as long as may be", "n,,\x01auth=Bearer " + strings.Repeat("t", MaxMessage-18) + "\x01\x01", OAuthBearerMessage{"", strings.Repeat("t", MaxMessage-18)}, nil},

		{"nothing", "", OAuthBearerMessage{}, ErrAbsent},
		{"the end of an exchange", "\x01", OAuthBearerMessage{}, ErrHeader},
		{"longer", "n,,\x01auth=Bearer " + strings.Repeat("t", MaxMessage-17) + "\x01\x01", OAuthBearerMessage{}, ErrTooLong},
		{"not UTF-8", "n,a=\xff,\x01auth=Bearer t\x01\x01", OAuthBearerMessage{}, ErrUTF8},
		{"channel binding, which the mechanism has not", "p=tls-unique,,\x01auth=Bearer t\x01\x01", OAuthBearerMessage{}, ErrHeader},
		{"no authzid where one is begun", "n,a=,\x01auth=Bearer t\x01\x01", OAuthBearerMessage{}, ErrHeader},
		{"an authzid that is not escaped", "n,a=dn:dc=example,\x01auth=Bearer t\x01\x01", OAuthBearerMessage{}, ErrHeader},
		{"another attribute", "n,b=x,\x01auth=Bearer t\x01\x01", OAuthBearerMessage{}, ErrHeader},
		{"only a header", "n,,", OAuthBearerMessage{}, ErrPairs},
		{"a pair that does not end", "n,,\x01auth=Bearer t", OAuthBearerMessage{}, ErrPairs},
		{"no key", "n,,\x01=x\x01auth=Bearer t\x01\x01", OAuthBearerMessage{}, ErrPairs},
		{"a key with a digit", "n,,\x01a1=x\x01auth=Bearer t\x01\x01", OAuthBearerMessage{}, ErrPairs},
		{"no value", "n,,\x01host\x01auth=Bearer t\x01\x01", OAuthBearerMessage{}, ErrPairs},
		{"an empty pair", "n,,\x01\x01auth=Bearer t\x01\x01", OAuthBearerMessage{}, ErrPairs},
		{"no token", "n,,\x01host=h\x01\x01", OAuthBearerMessage{}, ErrBearer},
		{"an empty token", "n,,\x01auth=Bearer \x01\x01", OAuthBearerMessage{}, ErrBearer},
		{"two tokens", "n,,\x01auth=Bearer t\x01auth=Bearer u\x01\x01", OAuthBearerMessage{}, ErrBearer},
		{"another scheme", "n,,\x01auth=Basic dDp0\x01\x01", OAuthBearerMessage{}, ErrBearer},
		{"not a b64token", "n,,\x01auth=Bearer t t\x01\x01", OAuthBearerMessage{}, ErrBearer},
	} {
		got, err := DecodeOAuthBearer([]byte(row.message))
		if !errors.Is(err, row.err) || got != row.want {
			t.Errorf("%s: %.60q, %v; want %v", row.rule, got, err, row.err)
		}
		if err != nil {
			continue
		}
		if again, err := DecodeOAuthBearer(row.want.Encode()); err != nil || again != row.want {
			t.Errorf("%s: encoded anew as %.60q: %v", row.rule, row.want.Encode(), err)
		}
	}
	if !EndsOAuthBearer([]byte("\x01")) || EndsOAuthBearer(nil) || EndsOAuthBearer([]byte("n,,\x01\x01")) {
		t.Error("what ends an exchange is one octet, 1")
	}
}

func FuzzOAuthBearer(f *testing.F) {
	f.Add([]byte("n,a=dn:uid=3Dann=2Cdc=3Dexample,\x01host=h\x01auth=Bearer t+/=\x01\x01"))
	f.Fuzz(func(t *testing.T, message []byte) {
		m, err := DecodeOAuthBearer(message)
		if err != nil {
			return
		}
		if again, err := DecodeOAuthBearer(m.Encode()); len(m.Encode()) <= MaxMessage && (err != nil || again != m) {
			t.Errorf("%q: %+v became %+v, %v", message, m, again, err)
		}
	})
}
