package pingdirectory

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRoute(t *testing.T) {
	const generate = "/generateTOTPSharedSecret"
	for _, tt := range []struct {
		name, path string
		dn         string // expected target; "me" is the user who asks
		err        *problem
	}{
		{"plain", prefix + "/uid=user.0,ou=people,dc=example,dc=com" + generate, "uid=user.0,ou=people,dc=example,dc=com", nil},
		{"everything encoded", prefix + "/%75%69%64%3D%61%2C%64%63%3D%62" + generate, "uid=a,dc=b", nil},
		{"lower-case hex", prefix + "/uid%3da%2cdc%3db" + generate, "uid=a,dc=b", nil},
		{"the operation encoded", prefix + "/uid=a/%67enerateTOTPSharedSecret", "uid=a", nil},
		{"slash in the DN", prefix + "/cn=a%2Fb,dc=c" + generate, "cn=a/b,dc=c", nil},
		{"an operation's name in the DN", prefix + "/cn=a%2FgenerateTOTPSharedSecret" + generate, "cn=a/generateTOTPSharedSecret", nil},
		{"decoded once only", prefix + "/cn=a%252Fb" + generate, "cn=a%2Fb", nil},
		{"plus is a plus", prefix + "/cn=a+sn=b%2Bc,dc=d" + generate, "cn=a+sn=b+c,dc=d", nil},
		{"escapes of LDAP stay", prefix + `/cn=a\,b\2C%5C2C,dc=d` + generate, `cn=a\,b\2C\2C,dc=d`, nil},
		{"blank", prefix + "/cn=John%20Doe,dc=a" + generate, "cn=John Doe,dc=a", nil},
		{"question mark and hash", prefix + "/cn=a%3Fb%23c" + generate, "cn=a?b#c", nil},
		{"quotes as they are", prefix + `/cn="a%2Fb"` + generate, `cn="a/b"`, nil},
		{"UTF-8", prefix + "/cn=%C3%A4" + generate, "cn=ä", nil},
		{"dots are no path", prefix + "/.." + generate, "..", nil},
		{"me", prefix + "/me" + generate, "me", nil},
		{"me encoded", prefix + "/%6De" + generate, "me", nil},
		{"an entry", prefix + "/uid=a,dc=b", "uid=a,dc=b", nil},
		{"my entry", prefix + "/me", "me", nil},
		{"revoke", prefix + "/uid=a/revokeTOTPSharedSecret", "uid=a", nil},
		{"validate", prefix + "/uid=a/validateTOTPPassword", "uid=a", nil},

		{"root", "/", "", errNotFound},
		{"nothing", "", "", errNotFound},
		{"asterisk", "*", "", errNotFound},
		{"the API itself with a slash", prefix + "/", "", errNotFound},
		{"an operation without an entry", prefix + generate, "", errNotFound},
		{"an empty entry", prefix + "/" + generate, "", errNotFound},
		{"an operation of the vendor that we do not have", prefix + "/uid=a/registerYubiKeyOTPDevice", "", errNotFound},
		{"a name of ours, misspelt", prefix + "/autenticate", "", errNotFound},
		{"an entry below an entry", prefix + "/uid=a/uid=b", "", errSlash},
		{"the operation in another case", prefix + "/uid=a/GenerateTotpSharedSecret", "", errNotFound},
		{"slash at the end", prefix + "/uid=a" + generate + "/", "", errNotFound},
		{"another version", "/directory/v2/uid=a" + generate, "", errNotFound},
		{"a longer prefix", "/directory/v1x/uid=a" + generate, "", errNotFound},
		{"raw slash in the DN", prefix + "/cn=a/b,dc=c" + generate, "", errSlash},
		{"not hex", prefix + "/cn=%zz" + generate, "", errEscape},
		{"cut escape", prefix + "/cn=%4" + generate, "", errEscape},
		{"not UTF-8", prefix + "/cn=%ff" + generate, "", errEscape},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got, err := route(tt.path)
			if tt.err != nil {
				if err != tt.err {
					t.Errorf("%q: %v, want %v", tt.path, err, tt.err)
				}
				return
			}
			want := target{dn: tt.dn}
			if tt.dn == "me" {
				want = target{me: true}
			}
			if err != nil || got != want {
				t.Errorf("%q: %+v, %v, want %+v", tt.path, got, err, want)
			}
		})
	}
}

func TestRouteByUUID(t *testing.T) {
	const uuid = "123e4567-e89b-12d3-a456-426614174000"
	r, got, err := route(prefix + "/" + strings.ToUpper(uuid))
	if err != nil || r.name != "entry" || got != (target{uuid: uuid}) {
		t.Errorf("%s %+v, %v", r.name, got, err)
	}
}

// A link leads back to what it was made of.
func TestLinks(t *testing.T) {
	for _, dn := range []string{"uid=user.0,ou=people,dc=example,dc=com", `cn=A/B\, \#1+sn=ä?%,dc=x`, "cn=a%2Fb"} {
		if _, got, err := route(linkTo(dn, "")); err != nil || got.dn != dn {
			t.Errorf("%s: %q, %v", dn, got.dn, err)
		}
	}
}

// A proxy may send the whole URL; net/http may have decoded it; neither changes the path.
func TestRawPath(t *testing.T) {
	const want = "/directory/v1/cn=a%2Fb/x"
	for _, target := range []string{want, want + "?a=/b", "http://host:1" + want, "http://host" + want + "?q"} {
		r := httptest.NewRequest(http.MethodPost, target, nil)
		if got := rawPath(r); got != want {
			t.Errorf("%s: %s", target, got)
		}
	}
}

// Every DN arrives as it was, however much of it is percent-encoded.
func FuzzRoute(f *testing.F) {
	for _, dn := range []string{"uid=a,dc=b", `cn=a\2Cb+sn="/",dc=%`, "ä", "..", "me", "\xff", "\x00"} {
		f.Add(dn, uint64(0), dn)
		f.Add(dn, ^uint64(0), "/directory/v1/"+dn+"/generateTOTPSharedSecret")
	}
	f.Fuzz(func(t *testing.T, dn string, encode uint64, path string) {
		if _, got, err := route(path); err == nil && !utf8.ValidString(got.dn+got.class) {
			t.Fatalf("%q: %+v", path, got)
		}
		var b strings.Builder
		for i := range len(dn) {
			if encode>>(i%64)&1 == 1 || strings.IndexByte("/?#%", dn[i]) >= 0 {
				b.WriteString("%" + string("0123456789ABCDEF"[dn[i]>>4]) + string("0123456789abcdef"[dn[i]&15]))
			} else {
				b.WriteByte(dn[i])
			}
		}
		if plain, err := url.PathUnescape(b.String()); err != nil || plain != dn {
			t.Fatalf("%q is not %q", b.String(), dn)
		}
		r, got, err := route("/directory/v1/" + b.String() + "/validateTOTPPassword")
		switch {
		case dn == "" || !utf8.ValidString(dn):
			if err == nil {
				t.Fatalf("%q taken", dn)
			}
		case dn == "me":
			if err != nil || !got.me {
				t.Fatalf("%q: %+v, %v", dn, got, err)
			}
		case isUUID(dn):
			if err != nil || got != (target{uuid: strings.ToLower(dn)}) {
				t.Fatalf("%q: %+v, %v", dn, got, err)
			}
		case err != nil || r.name != "validateTOTPPassword" || got != (target{dn: dn}):
			t.Fatalf("%q: %q %+v, %v", dn, r.name, got, err)
		}
	})
}
