package httpbridge_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"tallystick/extop/wire"
	"tallystick/httpbridge"
	"tallystick/httpbridge/oidc"
	"tallystick/httpbridge/upstream"
)

// issuer is an OpenID Connect issuer, as far as access tokens go: it publishes
// its keys, and signs.
type issuer struct {
	t    testing.TB
	url  string
	down atomic.Bool

	revoked atomic.Pointer[string]                       // the token that is
	asked   atomic.Int64                                 // how often about one
	opaque  sync.Map                                     // claims of tokens that are no JWTs, by token
	keys    atomic.Pointer[map[string]*ecdsa.PrivateKey] // by kid
}

func newIssuer(t testing.TB) *issuer {
	i := &issuer{t: t}
	i.keys.Store(&map[string]*ecdsa.PrivateKey{"first": newKey(t)})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		switch {
		case i.down.Load():
			http.Error(w, "out of order", http.StatusBadGateway)
			return
		case r.URL.Path == "/.well-known/openid-configuration":
			answer = map[string]any{"issuer": i.url, "jwks_uri": i.url + "/keys", "introspection_endpoint": i.url + "/introspect"}
		case r.URL.Path == "/introspect":
			i.asked.Add(1)
			if id, secret, _ := r.BasicAuth(); r.Method != http.MethodPost || id != "bridge%3A1" || secret != "%26secret" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			if claims, ok := i.opaque.Load(r.PostFormValue("token")); ok {
				answer = json.RawMessage(claims.([]byte))
				break
			}
			if strings.Count(r.PostFormValue("token"), ".") != 2 {
				answer = map[string]any{"active": false}
				break
			}
			revoked := i.revoked.Load()
			answer = map[string]any{"active": revoked == nil || r.PostFormValue("token") != *revoked}
		case r.URL.Path == "/keys":
			set := jose.JSONWebKeySet{}
			for id, key := range *i.keys.Load() {
				set.Keys = append(set.Keys, jose.JSONWebKey{Key: &key.PublicKey, KeyID: id, Algorithm: "ES256", Use: "sig"})
			}
			answer = set
		default:
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// claims are those of a good token for a user, with changes; nil takes one away.
func (i *issuer) claims(user string, change map[string]any) []byte {
	now := time.Now()
	claims := map[string]any{
		"iss": i.url, "aud": "https://ldap.example.com", "sub": user, "scope": "profile directory",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	return payload
}

// token is a token signed with a key of the issuer.
func (i *issuer) token(user string, change map[string]any) string {
	return sign(i.t, jose.ES256, (*i.keys.Load())["first"], kid("first"), i.claims(user, change))
}

func kid(id string) map[jose.HeaderKey]any {
	return map[jose.HeaderKey]any{"kid": id, "typ": "at+jwt"}
}

// typed is a token that says of which type it is (nil: nothing).
func (i *issuer) typed(typ any, change map[string]any) string {
	header := map[jose.HeaderKey]any{"kid": "first"}
	if typ != nil {
		header["typ"] = typ
	}
	return sign(i.t, jose.ES256, (*i.keys.Load())["first"], header, i.claims("ann", change))
}

// An issuer that is asked says whether a token was revoked. It is asked once in a
// while, and never about a token that it did not sign.
func TestIssuerRevokes(t *testing.T) {
	i := newIssuer(t)
	var later atomic.Int64 // seconds
	h := newHouseOf(i, func(cfg *oidc.Config) {
		cfg.ClientID, cfg.ClientSecret = "bridge:1", "&secret"
		cfg.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load()) * time.Second) }
	})
	me := func(token string) int { return h.call(http.MethodGet, "/directory/v1/me", "", token).Status }
	token, other := i.token("ann", nil), i.token("ann", map[string]any{"jti": "2"})
	for range 3 {
		if got := me(token); got != 200 {
			t.Errorf("a good one: %d", got)
		}
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	me(sign(t, jose.ES256, newKey(t), kid("first"), i.claims("ann", nil)))
	if n := i.asked.Load(); n != 1 {
		t.Error("asked about a token that it did not sign")
	}
	i.revoked.Store(&token)
	if got := me(token); got != 200 {
		t.Errorf("revoked, and not asked again yet: %d", got)
	}
	later.Store(31)
	if got := me(token); got != 401 {
		t.Errorf("revoked: %d", got)
	}
	if got := me(other); got != 200 {
		t.Errorf("another: %d", got)
	}
	if log := h.log.String(); !strings.Contains(log, "it was revoked") || strings.Contains(log, "secret") {
		t.Errorf("the log says %s", log)
	}
	later.Store(62)
	i.down.Store(true)
	if got := me(other); got != 503 {
		t.Errorf("it does not answer: %d", got)
	}
	i.down.Store(false)
	stranger := newHouseOf(i, func(cfg *oidc.Config) { cfg.ClientID, cfg.ClientSecret = "bridge:1", "wrong" })
	if got := stranger.call(http.MethodGet, "/directory/v1/me", "", other).Status; got != 503 {
		t.Errorf("it does not know the bridge: %d", got)
	}
}

// newHouseOf is a house that takes tokens of the issuer.
func newHouseOf(i *issuer, change ...func(*oidc.Config)) *house {
	return newHouse(i.t, func(cfg *httpbridge.Config) {
		cfg.Identity = &upstream.Credentials{External: true}
		issuer := oidc.Config{
			Issuer: i.url, Audience: "https://ldap.example.com", Scopes: []string{"directory"}, Claim: "sub", Attribute: "uid",
		}
		for _, change := range change {
			change(&issuer)
		}
		cfg.Issuer = oidc.New(issuer)
	})
}

// Access tokens are told from an issuer's other tokens: by their type, and where
// an issuer has none by what only the others have.
func TestIssuerTypes(t *testing.T) {
	i := newIssuer(t)
	lenient := newHouseOf(i)
	strict := newHouseOf(i, func(cfg *oidc.Config) { cfg.Strict = true })
	for _, tt := range []struct {
		name            string
		typ             any
		change          map[string]any
		lenient, strict int
	}{
		{"an access token", "at+jwt", nil, 200, 200},
		{"with the whole media type", "application/AT+JWT", nil, 200, 200},
		{"whatever else is in it", "at+jwt", map[string]any{"nonce": "x"}, 200, 200},
		{"JWT", "JWT", nil, 200, 401},
		{"without a type", nil, nil, 200, 401},
		{"Keycloak's access token", "JWT", map[string]any{"typ": "Bearer"}, 200, 401},
		{"Keycloak's ID token", "JWT", map[string]any{"typ": "ID"}, 401, 401},
		{"Keycloak's refresh token", "JWT", map[string]any{"typ": "Refresh"}, 401, 401},
		{"Cognito's access token", nil, map[string]any{"token_use": "access"}, 200, 401},
		{"Cognito's ID token", nil, map[string]any{"token_use": "id"}, 401, 401},
		{"an ID token, by the client's nonce", "JWT", map[string]any{"nonce": "x"}, 401, 401},
		{"an ID token, by the hash of the access token", nil, map[string]any{"at_hash": "x"}, 401, 401},
		{"an ID token, by the hash of the code", "JWT", map[string]any{"c_hash": "x"}, 401, 401},
		{"a logout token", "logout+jwt", nil, 401, 401},
		{"a proof of possession", "dpop+jwt", nil, 401, 401},
		{"a type that is no text", 1, nil, 401, 401},
	} {
		token := i.typed(tt.typ, tt.change)
		for h, want := range map[*house]int{lenient: tt.lenient, strict: tt.strict} {
			if a := h.call(http.MethodGet, "/directory/v1/me", "", token); a.Status != want {
				t.Errorf("%s, strict %v: %d", tt.name, h == strict, a.Status)
			}
		}
	}
}

// Of a token that is no JWT the issuer says what it is, once the LDAP server has
// refused it. Which ones are taken:
func TestIssuerOpaque(t *testing.T) {
	i := newIssuer(t)
	asks := func(cfg *oidc.Config) { cfg.ClientID, cfg.ClientSecret, cfg.Opaque = "bridge:1", "&secret", true }
	lenient := newHouseOf(i, asks)
	strict := newHouseOf(i, asks, func(cfg *oidc.Config) { cfg.Strict = true })
	for n, tt := range []struct {
		name            string
		change          map[string]any
		lenient, strict int
	}{
		{"an access token", nil, 200, 200},
		{"for several", map[string]any{"aud": []string{"https://other.example.com", "https://ldap.example.com"}}, 200, 200},
		{"without what may be missing", map[string]any{"iss": nil, "exp": nil, "iat": nil}, 200, 200},
		{"without a type", map[string]any{"token_type": nil}, 200, 401},
		{"a type in other letters", map[string]any{"token_type": "bearer"}, 200, 200},
		{"Keycloak's refresh token", map[string]any{"token_type": "Refresh", "typ": "Refresh"}, 401, 401},
		{"a refresh token by its claim", map[string]any{"token_type": nil, "typ": "Refresh"}, 401, 401},
		{"an ID token", map[string]any{"nonce": "x"}, 401, 401},
		{"bound to a key", map[string]any{"token_type": "DPoP"}, 401, 401},
		{"a type that is no text", map[string]any{"token_type": 1}, 401, 401},
		{"not active", map[string]any{"active": false}, 401, 401},
		{"of another issuer", map[string]any{"iss": "https://other.example.com"}, 401, 401},
		{"for another audience", map[string]any{"aud": "https://other.example.com"}, 401, 401},
		{"for nobody", map[string]any{"aud": nil}, 401, 401},
		{"expired", map[string]any{"exp": time.Now().Unix() - 1}, 401, 401},
		{"without the scope", map[string]any{"scope": "profile"}, 401, 401},
		{"of somebody who is not there", map[string]any{"sub": "nobody"}, 401, 401},
		{"of no text", map[string]any{"sub": 1}, 401, 401},
		{"an answer that is not understood", map[string]any{"active": "yes"}, 503, 503},
	} {
		claims := map[string]any{"active": true, "token_type": "Bearer"}
		maps.Copy(claims, tt.change)
		token := fmt.Sprintf("opaque-%d_x", n)
		i.opaque.Store(token, i.claims("ann", claims))
		for h, want := range map[*house]int{lenient: tt.lenient, strict: tt.strict} {
			if a := h.call(http.MethodGet, "/directory/v1/me", "", token); a.Status != want {
				t.Errorf("%s, strict %v: %d", tt.name, h == strict, a.Status)
			}
		}
	}
}

// The issuer is told no token that the LDAP server takes, and asked about each of
// its own once in a while.
func TestIssuerOpaqueAsks(t *testing.T) {
	i := newIssuer(t)
	begun := time.Now()
	var later atomic.Int64 // seconds
	h := newHouseOf(i, func(cfg *oidc.Config) {
		cfg.ClientID, cfg.ClientSecret, cfg.Opaque = "bridge:1", "&secret", true
		cfg.Now = func() time.Time { return begun.Add(time.Duration(later.Load()) * time.Second) }
	})
	me := func(token string) int { return h.call(http.MethodGet, "/directory/v1/me", "", token).Status }
	if got := me(h.accessToken(ann)); got != 200 || i.asked.Load() != 0 {
		t.Errorf("the LDAP server's token: %d, and the issuer was asked %d times", got, i.asked.Load())
	}
	i.opaque.Store("opaque", i.claims("ann", map[string]any{"active": true, "exp": begun.Unix() + 40}))
	for range 3 {
		if got := me("opaque"); got != 200 {
			t.Errorf("the issuer's: %d", got)
		}
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	later.Store(35)
	if got := me("opaque"); got != 200 || i.asked.Load() != 2 {
		t.Errorf("after a while: %d, asked %d times", got, i.asked.Load())
	}
	later.Store(45)
	if got := me("opaque"); got != 401 || i.asked.Load() != 3 {
		t.Errorf("at its end: %d, asked %d times", got, i.asked.Load())
	}
	i.opaque.Store("other", i.claims("ann", map[string]any{"active": true}))
	if got := me("other"); got != 200 {
		t.Errorf("another: %d", got)
	}
	later.Store(80)
	asked := i.asked.Load()
	var made sync.WaitGroup
	var refused, unasked atomic.Int64
	for guesser := range 10 {
		made.Go(func() {
			for n := range 30 {
				switch me(fmt.Sprintf("guess-%d-%d", guesser, n)) {
				case 401:
					refused.Add(1)
				case 503:
					unasked.Add(1)
				}
			}
		})
	}
	made.Wait()
	if n := i.asked.Load() - asked; n != 200 || refused.Load() != n || unasked.Load() != 300-n {
		t.Errorf("300 that were made up: asked about %d, %d refused, %d not asked about", n, refused.Load(), unasked.Load())
	}
	if got := me(h.accessToken(ann)); got != 200 {
		t.Errorf("the LDAP server's, then: %d", got)
	}
	if got := me("other"); got != 200 {
		t.Errorf("one that was good before, and has to be asked about again: %d", got)
	}
	later.Store(120)
	i.down.Store(true)
	if got := me("another"); got != 503 {
		t.Errorf("it does not answer: %d", got)
	}
	closed := newHouseOf(i, func(cfg *oidc.Config) { cfg.ClientID, cfg.ClientSecret = "bridge:1", "&secret" })
	if got := closed.call(http.MethodGet, "/directory/v1/me", "", "opaque").Status; got != 401 {
		t.Errorf("where they are not taken: %d", got)
	}
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// call does one call with a token, and returns what of the answer all faces
// have, and what only PingDirectory's has.
func (h *house) call(method, path, body, token string) (a answer) {
	h.t.Helper()
	r, err := http.NewRequest(method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	bearer(token)(r)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	some := struct {
		Message    *string
		ResultCode any
	}{&a.Message, &a.ResultCode}
	if err := json.NewDecoder(resp.Body).Decode(&some); err != nil {
		h.t.Error(err)
	}
	a.Status, a.Header = resp.StatusCode, resp.Header
	return a
}

// Which tokens of an issuer are taken. What is wrong with one is in the log, and
// no client hears of it.
func TestIssuer(t *testing.T) {
	i := newIssuer(t)
	h := newHouseOf(i)
	key := (*i.keys.Load())["first"]
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	unsigned := func(payload []byte) string {
		e := base64.RawURLEncoding.EncodeToString
		return e([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + e(payload) + "."
	}
	past := time.Now().Add(-time.Minute).Unix()
	for _, tt := range []struct {
		name, token string
		status      int
		log         string // what the log says of it
	}{
		{"a good one", i.token("ann", nil), 200, ""},
		{"among several audiences", i.token("ann", map[string]any{"aud": []string{"x", "https://ldap.example.com"}}), 200, ""},
		{"scopes in a list", i.token("ann", map[string]any{"scope": nil, "scp": []string{"directory"}}), 200, ""},
		{"expired", i.token("ann", map[string]any{"exp": past}), 401, "expired"},
		{"without an end", i.token("ann", map[string]any{"exp": nil}), 401, "expired"},
		{"not yet", i.token("ann", map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}), 401, "nbf"},
		{"for another audience", i.token("ann", map[string]any{"aud": "https://mail.example.com"}), 401, "audience"},
		{"for no audience", i.token("ann", map[string]any{"aud": nil}), 401, "audience"},
		{"without the scope", i.token("ann", map[string]any{"scope": "profile directory2"}), 401, "scope"},
		{"without any scope", i.token("ann", map[string]any{"scope": nil}), 401, "scope"},
		{"for nobody here", i.token("nobody", nil), 401, "not one entry"},
		{"for everybody", i.token("*", nil), 401, "not one entry"},
		{"for a filter", i.token("x)(uid=ann", nil), 401, "not one entry"},
		{"for nobody at all", i.token("", nil), 401, "claim sub"},
		{"without the claim", i.token("ann", map[string]any{"sub": nil}), 401, "claim sub"},
		{"a claim that is no text", i.token("ann", map[string]any{"uid": []string{"ann"}, "sub": nil}), 401, "claim sub"},
		{"signed with another key", sign(t, jose.ES256, newKey(t), kid("first"), i.claims("ann", nil)), 401, "signature"},
		{"signed with a key that is not published", sign(t, jose.ES256, newKey(t), kid("second"), i.claims("ann", nil)), 401, "signature"},
		{"signed with the public key as a secret", sign(t, jose.HS256, public, kid("first"), i.claims("ann", nil)), 401, "malformed jwt"},
		{"not signed", unsigned(i.claims("ann", nil)), 401, "malformed jwt"},
		{"of another issuer", i.token("ann", map[string]any{"iss": "https://example.net"}), 401, ""},
		{"no token at all", "abc.def.ghi", 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(h.log.String())
			a := h.call(http.MethodGet, "/directory/v1/me", "", tt.token)
			if a.Status != tt.status {
				t.Fatalf("%+v", a)
			}
			logged := h.log.String()[before:]
			if !strings.Contains(logged, tt.log) {
				t.Errorf("the log says %s", logged)
			}
			if a.Status == 401 && (a.Message != "the credentials of the Authorization header are not valid" || a.Header.Get("WWW-Authenticate") == "") {
				t.Errorf("%+v", a)
			}
			if signature := tt.token[strings.LastIndex(tt.token, ".")+1:]; len(signature) > 10 && strings.Contains(logged, signature) {
				t.Error("the token is in the log")
			}
		})
	}
	changed := i.token("bob", nil)
	parts := strings.Split(i.token("ann", nil), ".")
	parts[1] = strings.Split(changed, ".")[1]
	if a := h.call(http.MethodGet, "/directory/v1/me", "", strings.Join(parts, ".")); a.Status != 401 {
		t.Errorf("another's claims under a signature: %d", a.Status)
	}
}

// The holder of a token is his entry, in every face, and may do what the entry
// may: the bridge's own rights are not his.
func TestIssuerActsAsEntry(t *testing.T) {
	i := newIssuer(t)
	h := newHouseOf(i)
	annsToken, adasToken := i.token("ann", nil), i.token("ada", nil)
	const lin = `{"_dn":"uid=lin,ou=people,dc=example,dc=com","objectClass":["inetOrgPerson"],"uid":["lin"],"cn":["Lin"],"sn":["Jones"]}`
	for _, tt := range []struct {
		what, method, path, body, token string
		status, result                  int // result -1: none
	}{
		{"a user reads himself", "GET", "/directory/v1/me", "", annsToken, 200, -1},
		{"a user adds an entry", "POST", "/directory/v1", lin, annsToken, 403, 50},
		{"an administrator adds it", "POST", "/directory/v1", lin, adasToken, 201, -1},
		{"a user changes his factors by the token alone", "POST", "/directory/v1/me/generateTOTPSharedSecret", "{}", annsToken, 400, 53},
		{"a user wants another's", "POST", "/directory/v1/" + bob + "/generateTOTPSharedSecret", "{}", annsToken, 403, 50},
		{"a user looks at himself", "GET", "/v3alpha/users/" + h.uuidOf(ann), "", annsToken, 200, -1},
		{"a user looks at another", "GET", "/v3alpha/users/" + h.uuidOf(bob), "", annsToken, 403, -1},
		{"a user who says he acts for an administrator", "PATCH", "/directory/v1/" + bob, patchAs("2.16.840.1.113730.3.4.18", "dn:"+ada), annsToken, 403, 123},
		{"the same by the draft", "PATCH", "/directory/v1/" + bob, patchAs("2.16.840.1.113730.3.4.12", ada), annsToken, 403, 123},
		{"the same as an intermediate client", "PATCH", "/directory/v1/" + bob, patchAs(wire.IntermediateClientOID,
			string(wire.IntermediateClient{Name: "x"}.Encode())), annsToken, 403, 50},
		{"an administrator starts a registration", "POST", "/v3alpha/users/" + h.uuidOf(bob) + "/totp", "", adasToken, 200, -1},
		{"an administrator makes a secret", "POST", "/directory/v1/" + bob + "/generateTOTPSharedSecret", "{}", adasToken, 200, 0},
	} {
		a := h.call(tt.method, tt.path, tt.body, tt.token)
		if a.Status != tt.status || a.result() != tt.result {
			t.Errorf("%s: %d, result %d: %+v", tt.what, a.Status, a.result(), a)
		}
	}
}

// patchAs is a change with a control.
func patchAs(oid, value string) string {
	return `{"modifications":[{"attributeName":"description","modificationType":"set","values":["x"]}],"_controls":[{"oid":"` +
		oid + `","criticality":true,"value-base64":"` + base64.StdEncoding.EncodeToString([]byte(value)) + `"}]}`
}

// An issuer that does not answer is no reason to throw a token away; a new key
// of its is found.
func TestIssuerComesAndGoes(t *testing.T) {
	i := newIssuer(t)
	h := newHouseOf(i)
	me := func(token string) answer { return h.call(http.MethodGet, "/directory/v1/me", "", token) }
	i.down.Store(true)
	if a := me(i.token("ann", nil)); a.Status != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("it is down: %+v", a)
	}
	i.down.Store(false)
	if a := me(i.token("ann", nil)); a.Status != 200 {
		t.Errorf("it is up: %+v", a)
	}
	second := newKey(t)
	token := sign(t, jose.ES256, second, kid("second"), i.claims("ann", nil))
	i.down.Store(true)
	if a := me(token); a.Status != 503 {
		t.Errorf("a key that cannot be had: %+v", a)
	}
	if a := me(i.token("ann", nil)); a.Status != 200 {
		t.Errorf("a key that is known: %+v", a)
	}
	i.keys.Store(&map[string]*ecdsa.PrivateKey{"second": second})
	i.down.Store(false)
	if a := me(token); a.Status != 200 {
		t.Errorf("the new key: %+v", a)
	}
	for range 20 { // nobody can make the bridge ask without end
		me(sign(t, jose.ES256, newKey(t), kid("third"), i.claims("ann", nil)))
	}
	if a := me(token); a.Status != 200 {
		t.Errorf("after many unknown keys: %+v", a)
	}
}
