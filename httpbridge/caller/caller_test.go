package caller

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tallystick/httpbridge/upstream"
)

func TestCredentials(t *testing.T) {
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	const dn = "uid=user.0,ou=people,dc=example,dc=com"
	for _, tt := range []struct {
		name   string
		values []string
		want   *upstream.Credentials // nil: refused, or absent without values
	}{
		{"absent", nil, nil},
		{"the vendor's sample", []string{basic(dn + ":password")}, &upstream.Credentials{Name: dn, Password: "password"}},
		{"user name", []string{basic("user.0:password")}, &upstream.Credentials{Name: "user.0", Password: "password"}},
		{"scheme in another case", []string{strings.Replace(basic("a:b"), "Basic", "bASIC", 1)}, &upstream.Credentials{Name: "a", Password: "b"}},
		{"colons in the password", []string{basic("a::b:")}, &upstream.Credentials{Name: "a", Password: ":b:"}},
		{"octets in the password", []string{basic("a:\xff\x00")}, &upstream.Credentials{Name: "a", Password: "\xff\x00"}},
		{"no password", []string{basic("a:")}, nil},
		{"no name", []string{basic(":b")}, nil},
		{"no colon", []string{basic("a")}, nil},
		{"not base64", []string{"Basic a:b"}, nil},
		{"nothing behind", []string{"Basic"}, nil},
		{"empty", []string{""}, nil},
		{"bearer", []string{"Bearer abc.def-_~+/=="}, &upstream.Credentials{Token: "abc.def-_~+/=="}},
		{"bearer in another case, with spaces", []string{"bearer  abc "}, &upstream.Credentials{Token: "abc"}},
		{"bearer of nothing", []string{"Bearer "}, nil},
		{"bearer of more than a token", []string{"Bearer a b"}, nil},
		{"bearer with a control character", []string{"Bearer a\x01b"}, nil},
		{"another scheme", []string{"Digest abc"}, nil},
		{"two headers", []string{basic("a:b"), basic("a:b")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Credentials(http.Header{"Authorization": tt.values})
			switch {
			case tt.values == nil:
				if got != nil || err != nil {
					t.Errorf("%v, %v", got, err)
				}
			case tt.want == nil:
				if got != nil || err == nil {
					t.Errorf("%v, %v", got, err)
				}
			case err != nil || *got != *tt.want:
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	c := &upstream.Credentials{Name: "ann", Password: "hunter2", Token: "hunter2"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if s := fmt.Sprintf(verb, c) + fmt.Sprintf(verb, *c); strings.Contains(s, "hunter2") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

func FuzzCredentials(f *testing.F) {
	for _, s := range []string{"", "Basic YTpi", "basic  YTpi ", "Basic YQ==", "Bearer x", "Basic \xff", "Basic"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c, err := Credentials(http.Header{"Authorization": {value}})
		switch {
		case err != nil:
			if c != nil {
				t.Fatalf("%q: %v, %v", value, c, err)
			}
		case c != nil && c.Token != "":
			if c.Name+c.Password != "" {
				t.Fatalf("%q: both a token and a name", value)
			}
		case c == nil || c.Name == "" || c.Password == "" || strings.Contains(c.Name, ":"):
			t.Fatalf("%q: %v", value, c)
		}
	})
}
