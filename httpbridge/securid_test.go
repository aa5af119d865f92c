package httpbridge_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"tallystick/directory"
	"tallystick/httpbridge"
	"tallystick/httpbridge/upstream"
	"tallystick/internal/directorytest"
)

// desk is a house with API keys: a help desk's, and a Super Administrator's.
type desk struct {
	*house
	helpdesk, super apiKey
}

type apiKey struct {
	id      string
	private *rsa.PrivateKey
}

var testKeys = sync.OnceValue(func() (keys [2]*rsa.PrivateKey) {
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return keys
})

func newDesk(t *testing.T, change ...func(*httpbridge.Config)) *desk {
	d := &desk{}
	d.house = newHouse(t, func(cfg *httpbridge.Config) {
		cfg.Identity = &upstream.Credentials{External: true}
		cfg.PublicURL = "https://access.example.com"
		cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} // so that tests say who they are
		cfg.Now = func() time.Time { return d.house.now() }
		for _, change := range change {
			change(cfg)
		}
	})
	d.helpdesk = d.addKey("help desk", testKeys()[0], "password-reset")
	d.super = d.addKey("super", testKeys()[1], "password-reset", "bypass-acl")
	return d
}

func (d *desk) addKey(name string, private *rsa.PrivateKey, privileges ...string) apiKey {
	d.t.Helper()
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		d.t.Fatal(err)
	}
	values := func(texts ...string) (v [][]byte) {
		for _, text := range texts {
			v = append(v, []byte(text))
		}
		return v
	}
	dn := "cn=" + name + "," + directorytest.Suffix
	req := &directory.AddRequest{Entry: dn, Attributes: []directory.Attribute{
		{Name: "objectClass", Values: values("tallystickAPIKey")},
		{Name: "cn", Values: values(name)},
		{Name: "tallystickAPIPublicKey", Values: [][]byte{public}},
	}}
	if privileges != nil {
		req.Attributes = append(req.Attributes, directory.Attribute{Name: "ds-privilege-name", Values: values(privileges...)})
	}
	err = d.d.Add(d.t.Context(), directory.Requester{How: directory.ByServer}, req)
	if err != nil {
		d.t.Fatal(err)
	}
	return apiKey{d.uuidOf(dn), private}
}

// claims are those of a token as PyDPlus makes it: whole seconds, for an hour,
// and of the base URL only scheme and host.
func (d *desk) claims(k apiKey) map[string]any {
	now := d.now().Unix()
	return map[string]any{"sub": k.id, "iat": now, "exp": now + 3600, "aud": "https://access.example.com"}
}

// sign makes a token.
func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, payload []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var typJWT = map[jose.HeaderKey]any{"typ": "JWT"}

func (d *desk) token(k apiKey, claims map[string]any) string {
	d.t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		d.t.Fatal(err)
	}
	return sign(d.t, jose.RS256, k.private, typJWT, payload)
}

// send does one call with a token, and returns what came back.
func (d *desk) send(token, method, path, body string, change ...func(*http.Request)) (status int, header http.Header, answer string) {
	d.t.Helper()
	r, err := http.NewRequest(method, d.url+"/AdminInterface/restapi"+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, c := range change {
		c(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, strings.TrimSuffix(string(b), "\n")
}

// want does one call as a key and compares the answer with a text in which "…"
// stands for anything.
func (d *desk) want(k apiKey, method, path, body string, status int, answer string) {
	d.t.Helper()
	d.clock.Add(1) // a call a second is never too many
	got, _, text := d.send(d.token(k, d.claims(k)), method, path, body)
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(answer), "…", ".*") + "$"
	if got != status || !regexp.MustCompile(pattern).MatchString(text) {
		d.t.Errorf("%s %s %s: %d %s\nwant %d %s", method, path, body, got, text, status, answer)
	}
}

// device gives a user a DS100 whose secret was used once, and returns its id.
func (d *desk) device(user, serial string) (secret, id string) {
	d.t.Helper()
	made, err := d.d.EnrolTOTP(d.t.Context(), directory.Requester{DN: directorytest.Ada, How: directory.ByPassword},
		directory.Claim{AuthenticationID: &user}, directory.EnrolRequest{Device: serial})
	if err != nil {
		d.t.Fatal(err)
	}
	return made.Secret, made.ID
}

// addMail gives a user a mail address.
func (d *desk) addMail(user string, addresses ...string) {
	d.t.Helper()
	mail := directory.Attribute{Name: "mail"}
	for _, a := range addresses {
		mail.Values = append(mail.Values, []byte(a))
	}
	err := d.d.Modify(d.t.Context(), directory.Requester{How: directory.ByServer}, &directory.ModifyRequest{Object: user, Changes: []directory.Change{{Operation: directory.AddValues, Attribute: mail}}})
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) activate(user, secret string) {
	d.t.Helper()
	if _, err := d.d.Bind(d.t.Context(), directory.Requester{}, &directory.BindRequest{Version: 3, Name: user, Password: []byte(password + d.code(secret))}); err != nil {
		d.t.Fatal(err)
	}
	d.step()
}

// binds reports whether the user gets in with a code.
func (d *desk) binds(user, secret string) bool {
	d.step()
	return d.bindsNow(user, secret)
}

// The documented examples, one after another, with their serial numbers.
func TestSecurIDDevice(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.device("dn:"+ann, "140100080")
	d.activate(ann, secret)
	annID, key := d.uuidOf(ann), d.helpdesk.id
	both := `{"deviceSerialNumber": "140100080", "userId": "` + annID + `"}`

	d.want(d.helpdesk, "POST", "/v1/ds100/lookup", `{"deviceSerialNumber":"140100080"}`, 200,
		`[{"id":"…-…-5…-…-…","name":"014010008001","userId":"`+annID+`","deviceType":"SecurID DS100","registeredDate":"2026-01-02T03:04:05.000Z",`+
			`"tokenSerialNumber":"014010008001","updatedAt":"2026-01-02T03:…Z","tokenState":"Activated","expiryDate":null,"tokenStatus":"Enabled","tokenStatusReason":null,`+
			`"assignedAt":"2026-01-02T03:04:05.000Z","assignedBy":"`+ada+`","pinSet":false,"tokenStatusChangedAt":null,"tokenStatusChangedBy":null,"deviceSerialNumber":"140100080"}]`)
	d.want(d.helpdesk, "PATCH", "/v1/ds100/disable/otp", both, 200,
		`[{"userId":"`+annID+`","tokenSerialNumber":"014010008001","tokenStatus":"Disabled","tokenStatusChangedAt":"2026-01-02T03:06:07.000Z","tokenStatusChangedBy":"`+key+`","deviceSerialNumber":"140100080"}]`)
	if d.binds(ann, secret) {
		t.Error("a code of a disabled credential was accepted")
	}
	// Once more: as it was.
	d.want(d.super, "PATCH", "/v1/ds100/disable/otp", both, 200, `[{…"tokenStatus":"Disabled","tokenStatusChangedAt":"2026-01-02T03:06:07.000Z","tokenStatusChangedBy":"`+key+`"…}]`)
	d.want(d.super, "PATCH", "/v1/ds100/enable/otp", both, 200, `[{…"tokenStatus":"Enabled",…"tokenStatusChangedBy":"`+d.super.id+`","deviceSerialNumber":"140100080"}]`)
	d.step()
	if !d.binds(ann, secret) {
		t.Error("a code of an enabled credential was refused")
	}
	d.want(d.helpdesk, "POST", "/v1/ds100/lookup", `{"deviceSerialNumber":"140100080"}`, 200, `[{…"tokenStatusChangedBy":"`+d.super.id+`"…}]`)
	d.want(d.helpdesk, "PATCH", "/v1/ds100/clearPin/otp", `{"tokenSerialNumber":"014010008001","userId":"`+annID+`"}`, 200, `{"tokenSerialNumber":"014010008001","pinSet":false}`)
	all := `{"tokenSerialNumber":"014010008001","deviceSerialNumber":"140100080","userId":"` + strings.ToUpper(annID) + `"}`
	d.want(d.helpdesk, "DELETE", "/v1/ds100/delete/otp", all, 200, "")
	d.want(d.helpdesk, "DELETE", "/v1/ds100/delete/otp", all, 404, `{"timestamp":…,"status":404,"error":"Not Found","message":"the user or the authenticator does not exist","path":"/AdminInterface/restapi/v1/ds100/delete/otp"}`)
	d.want(d.helpdesk, "POST", "/v1/ds100/lookup", `{"deviceSerialNumber":"140100080"}`, 404, `{…"status":404,…}`)
}

// What a DS100 call is told that is not there.
func TestSecurIDNotThere(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.device("dn:"+ann, "140100080")
	annID, bobID := d.uuidOf(ann), d.uuidOf(bob)
	body := func(device, user string) string {
		return `{"deviceSerialNumber":"` + device + `","userId":"` + user + `"}`
	}
	not := `{…"status":404,"error":"Not Found","message":"the user or the authenticator does not exist",…}`
	d.want(d.helpdesk, "PATCH", "/v1/ds100/disable/otp", body("140100080", annID), 404, not) // not activated
	d.activate(ann, secret)
	d.want(d.helpdesk, "PATCH", "/v1/ds100/disable/otp", body("140100080", bobID), 404, not)
	d.want(d.helpdesk, "PATCH", "/v1/ds100/disable/otp", body("140100081", annID), 404, not)
	d.want(d.helpdesk, "PATCH", "/v1/ds100/disable/otp", body("140100080", "nobody"), 404, not)
	d.want(d.helpdesk, "PATCH", "/v1/ds100/disable/otp", body("140100080", "ece30fe9-414c-7536-5403-0656220b3046"), 404, not)
	d.want(d.helpdesk, "PATCH", "/v1/ds100/clearPin/otp", `{"tokenSerialNumber":"1","userId":"`+annID+`"}`, 404, not)
}

// The calls for hardware tokens, and those that find users and what they have.
func TestSecurIDTokensAndUsers(t *testing.T) {
	d := newDesk(t)
	user := "dn:" + ann
	made, err := d.d.EnrolTOTP(t.Context(), directory.Requester{DN: ada, How: directory.ByPassword}, directory.Claim{AuthenticationID: &user},
		directory.EnrolRequest{Serial: "000158364022", NotAfter: d.now().Add(24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	d.addMail(ann, "a.first@example.com", "Ann@example.com")
	annID := d.uuidOf(ann)
	serial := `{"tokenSerialNumber":"000158364022"}`
	users := "/v1/users/" + annID
	status := `{"userId":"` + annID + `","tokenSerialNumber":"000158364022","tokenStatus":"`

	d.want(d.helpdesk, "POST", "/v1/users/lookup", `{"email":"ann@EXAMPLE.com","searchUnsynched":true}`, 200,
		`{"id":"`+annID+`","emailAddress":"Ann@example.com","firstName":null,"lastName":"ann","userStatus":"Enabled","identitySource":null,"principalUsername":"ann","alternateUsername":null}`)
	d.want(d.helpdesk, "POST", "/v1/users/lookup", `{"email":"*"}`, 404, `{…}`)
	d.want(d.helpdesk, "PATCH", users+"/sidTokens/enable", serial, 409, `{…"status":409,"error":"Conflict",…}`) // nobody has it in his hands yet
	d.want(d.helpdesk, "PATCH", users+"/sidTokens/disable", serial, 409, `{…"status":409,"error":"Conflict",…}`)
	d.activate(ann, made.Secret)
	d.want(d.helpdesk, "POST", "/v1/sidTokens/lookup", serial, 200,
		`{…"userId":"`+annID+`","deviceType":"SID700",…"tokenSerialNumber":"000158364022",…"expiryDate":"2026-01-03T03:04:05.000Z",…"deviceSerialNumber":null}`)
	d.want(d.helpdesk, "PATCH", users+"/sidTokens/disable", serial, 200, status+`Disabled","tokenStatusChangedAt":"…","tokenStatusChangedBy":"`+d.helpdesk.id+`"}`)
	d.want(d.helpdesk, "PATCH", users+"/sidTokens/enable", serial, 200, status+`Enabled",…}`)
	d.want(d.helpdesk, "PATCH", users+"/sidTokens/updateName", `{"tokenSerialNumber":"000158364022","updatedName":"key ring"}`, 200,
		`{"userId":"`+annID+`","tokenSerialNumber":"000158364022","name":"key ring"}`)
	d.want(d.helpdesk, "PATCH", users+"/sidTokens/updateName", `{"tokenSerialNumber":"000158364022","updatedName":"`+strings.Repeat("x", 65)+`"}`, 400, `{…}`)
	d.want(d.helpdesk, "PATCH", "/v2/users/"+annID+"/sidTokens/clearPin", serial, 200, `{"userId":"`+annID+`","tokenSerialNumber":"000158364022","pinSet":false}`)
	d.want(d.helpdesk, "PATCH", "/v1/ds100/clearPin/otp", `{"tokenSerialNumber":"000158364022","userId":"`+annID+`"}`, 404, `{…}`)
	d.want(d.helpdesk, "GET", "/v2/users/"+annID+"/devices", "", 200, `{"devices":[],"fidoTokens":[],"sidTokens":[{…"name":"key ring",…}]}`)
	// Super Administrators alone delete without naming the user.
	d.want(d.helpdesk, "DELETE", "/v1/sidTokens/delete", serial, 403, `{…"status":403,"error":"Forbidden",…}`)
	d.want(d.super, "DELETE", "/v1/sidTokens/delete", serial, 200, "")
	d.want(d.super, "POST", "/v1/sidTokens/lookup", serial, 404, `{…}`)
	d.want(d.helpdesk, "GET", "/v2/users/"+annID+"/devices", "", 200, `{"devices":[],"fidoTokens":[],"sidTokens":[]}`)

	// By the id in the list.
	d.device("dn:"+ann, "140100080")
	_, _, text := d.send(d.token(d.helpdesk, d.claims(d.helpdesk)), "GET", "/v2/users/"+annID+"/devices", "")
	id := regexp.MustCompile(`"id":"([^"]*)"`).FindStringSubmatch(text)
	if id == nil {
		t.Fatal(text)
	}
	d.want(d.helpdesk, "DELETE", users+"/devices/"+id[1], "", 200, "")
	d.want(d.helpdesk, "DELETE", users+"/devices/"+id[1], "", 404, `{…}`)
}

// What a role may not do is for the directory to say: a help desk has nothing
// to do with users who have privileges.
func TestSecurIDRoles(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.device("dn:"+bob, "140100080")
	d.activate(bob, secret)
	err := d.d.Modify(t.Context(), directory.Requester{How: directory.ByServer}, &directory.ModifyRequest{Object: bob, Changes: []directory.Change{
		{Operation: directory.AddValues, Attribute: directory.Attribute{Name: "ds-privilege-name", Values: [][]byte{[]byte("bypass-acl")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	nothing := d.addKey("nothing", testKeys()[0])
	bobID := d.uuidOf(bob)
	for _, call := range [][3]string{
		{"POST", "/v1/ds100/lookup", `{"deviceSerialNumber":"140100080"}`},
		{"PATCH", "/v1/ds100/disable/otp", `{"deviceSerialNumber":"140100080","userId":"` + bobID + `"}`},
		{"PATCH", "/v1/ds100/enable/otp", `{"deviceSerialNumber":"140100080","userId":"` + bobID + `"}`},
		{"PATCH", "/v1/ds100/clearPin/otp", `{"tokenSerialNumber":"014010008001","userId":"` + bobID + `"}`},
		{"GET", "/v2/users/" + bobID + "/devices", ""},
		{"PUT", "/v1/users/" + bobID + "/userStatus", `{"userStatus":"Disabled"}`},
		{"PUT", "/v1/users/" + bobID + "/userStatus", `{"userStatus":"Enabled"}`},
	} {
		for name, k := range map[string]apiKey{"help desk": d.helpdesk, "no privilege": nothing} {
			t.Log(name)
			d.want(k, call[0], call[1], call[2], 403, `{…"status":403,"error":"Forbidden","message":"not authorized to perform the request",…}`)
		}
		d.want(d.super, call[0], call[1], call[2], 200, "…")
	}
}

// The rules of a token, and what real clients make of them.
func TestSecurIDToken(t *testing.T) {
	d := newDesk(t)
	now := d.now().Unix()
	k := d.helpdesk
	with := func(change map[string]any) string {
		claims := d.claims(k)
		for name, v := range change {
			if claims[name] = v; v == nil {
				delete(claims, name)
			}
		}
		return d.token(k, claims)
	}
	payload, _ := json.Marshal(d.claims(k))
	const aud = "https://access.example.com/AdminInterface/restapi"
	for i, row := range []struct {
		rule  string
		token string
		good  bool
	}{
		{"as PyDPlus makes it", with(nil), true},
		{"digits in strings", with(map[string]any{"iat": fmt.Sprint(now), "exp": fmt.Sprint(now + 3600)}), true},
		{"fractions", with(map[string]any{"iat": float64(now) + 0.25, "exp": float64(now) + 3600.25}), true},
		{"issued in the future, as it expires", with(map[string]any{"iat": now + 3480, "exp": now + 3480}), true},
		{"the base URL", with(map[string]any{"aud": aud}), true},
		{"the other base URL", with(map[string]any{"aud": aud + "/v1"}), true},
		{"a slash behind it", with(map[string]any{"aud": aud + "/"}), true},
		{"one audience of several", with(map[string]any{"aud": []string{"https://other", aud}}), true},
		{"claims nobody asked for", with(map[string]any{"iss": "me", "nbf": now + 9999, "jti": 1}), true},
		{"access id in capitals", with(map[string]any{"sub": strings.ToUpper(k.id)}), true},
		{"expired within the skew", with(map[string]any{"iat": now - 3600, "exp": now - 59}), true},
		{"expired", with(map[string]any{"iat": now - 3600, "exp": now - 60}), false},
		{"an hour and the skew", with(map[string]any{"exp": now + 3660}), true},
		{"longer than an hour", with(map[string]any{"exp": now + 3661}), false},
		{"lives longer than an hour", with(map[string]any{"iat": now - 3000, "exp": now + 1000}), false},
		{"issued more than an hour ago", with(map[string]any{"iat": now - 3661, "exp": now - 30}), false},
		{"another audience", with(map[string]any{"aud": "https://other.example.com/AdminInterface/restapi"}), false},
		{"another host", with(map[string]any{"aud": "https://other.example.com"}), false},
		{"another path", with(map[string]any{"aud": "https://access.example.com/directory/v1"}), false},
		{"no audience", with(map[string]any{"aud": nil}), false},
		{"no iat", with(map[string]any{"iat": nil}), false},
		{"no exp", with(map[string]any{"exp": nil}), false},
		{"no sub", with(map[string]any{"sub": nil}), false},
		{"exp is words", with(map[string]any{"exp": "tomorrow"}), false},
		{"exp is no number", with(map[string]any{"exp": "NaN"}), false},
		{"nobody's access id", with(map[string]any{"sub": "ece30fe9-414c-7536-5403-0656220b3046"}), false},
		{"a user's id", with(map[string]any{"sub": d.uuidOf(ada)}), false},
		{"a filter", with(map[string]any{"sub": "*)(cn=*"}), false},
		{"another key", sign(t, jose.RS256, d.super.private, typJWT, payload), false},
		{"RS384", sign(t, jose.RS384, k.private, typJWT, payload), false},
		{"PS256", sign(t, jose.PS256, k.private, typJWT, payload), false},
		{"HS256 with the public key", sign(t, jose.HS256, x509.MarshalPKCS1PublicKey(&k.private.PublicKey), typJWT, payload), false},
		{"none", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + strings.Split(with(nil), ".")[1] + ".", false},
		{"no typ", sign(t, jose.RS256, k.private, nil, payload), false},
		{"another typ", sign(t, jose.RS256, k.private, map[jose.HeaderKey]any{"typ": "at+jwt"}, payload), false},
		{"typ in small letters", sign(t, jose.RS256, k.private, map[jose.HeaderKey]any{"typ": "jwt"}, payload), true},
		{"a critical header", sign(t, jose.RS256, k.private, map[jose.HeaderKey]any{"typ": "JWT", "crit": []string{"x"}, "x": 1}, payload), false},
		{"a claim twice", sign(t, jose.RS256, k.private, typJWT, append([]byte(`{"sub":"x",`), payload[1:]...)), false},
		{"an array", sign(t, jose.RS256, k.private, typJWT, []byte("[]")), false},
		{"too long", with(map[string]any{"x": strings.Repeat("x", 8<<10)}), false},
		{"two parts", strings.Join(strings.Split(with(nil), ".")[:2], "."), false},
		{"none at all", "", false},
	} {
		status, header, text := d.send(row.token, "POST", "/v1/ds100/lookup", `{"deviceSerialNumber":"1"}`, from(fmt.Sprintf("192.0.2.%d", i)))
		want := http.StatusForbidden
		if row.good {
			want = http.StatusNotFound // and no device has the number
		}
		if status != want || header.Get("Content-Type") != "application/json" || !row.good && !strings.Contains(text, `"message":"the token is not valid"`) {
			t.Errorf("%s: %d %s; want %d", row.rule, status, text, want)
		}
	}
}

// from says which address a request comes from.
func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-Forwarded-For", address) }
}

// So many calls of a key, and so many bad tokens of an address, and then one
// has to wait; others need not.
func TestSecurIDLimits(t *testing.T) {
	d := newDesk(t)
	call := func(k apiKey, token, address string, status int) {
		t.Helper()
		got, header, text := d.send(token, "POST", "/v1/ds100/lookup", `{"deviceSerialNumber":"1"}`, from(address))
		after := ""
		if status == http.StatusTooManyRequests {
			after = "1"
		}
		if got != status || header.Get("Retry-After") != after {
			t.Errorf("%d %v %s; want %d", got, header, text, status)
		}
	}
	good, other := d.token(d.helpdesk, d.claims(d.helpdesk)), d.token(d.super, d.claims(d.super))
	for range 20 {
		call(d.helpdesk, good, "192.0.2.1", 404)
	}
	call(d.helpdesk, good, "192.0.2.1", 429)
	call(d.super, other, "192.0.2.1", 404)
	d.clock.Add(1)
	call(d.helpdesk, good, "192.0.2.1", 404)
	for range 10 {
		call(d.helpdesk, "x", "192.0.2.2", 403)
	}
	call(d.super, other, "192.0.2.2", 429)
	call(d.super, other, "192.0.2.3", 404)
	d.clock.Add(1)
	call(d.super, other, "192.0.2.2", 404)
}

// A revoked key ends at once.
func TestSecurIDRevoked(t *testing.T) {
	d := newDesk(t)
	token := d.token(d.super, d.claims(d.super))
	if status, _, text := d.send(token, "POST", "/v1/ds100/lookup", `{"deviceSerialNumber":"1"}`); status != 404 {
		t.Fatal(status, text)
	}
	if err := d.d.Delete(t.Context(), directory.Requester{How: directory.ByServer}, &directory.DeleteRequest{Entry: "cn=super," + directorytest.Suffix}); err != nil {
		t.Fatal(err)
	}
	if status, _, text := d.send(token, "POST", "/v1/ds100/lookup", `{"deviceSerialNumber":"1"}`); status != 403 {
		t.Error(status, text)
	}
}

// What a body has to be, and where calls are.
func TestSecurIDRequests(t *testing.T) {
	d := newDesk(t)
	send := func(what, method, path, body string, status int, message string, change ...func(*http.Request)) http.Header {
		t.Helper()
		d.clock.Add(1)
		got, header, text := d.send(d.token(d.helpdesk, d.claims(d.helpdesk)), method, path, body, change...)
		if got != status || !strings.Contains(text, message) {
			t.Errorf("%s: %d %s; want %d %s", what, got, text, status, message)
		}
		return header
	}
	const lookup = "/v1/ds100/lookup"
	send("others are ignored", "POST", lookup, `{"deviceSerialNumber":"1","more":[{}]}`, 404, "")
	send("none", "POST", lookup, "", 400, "line 1")
	send("nobody says what it is", "POST", lookup, `{"deviceSerialNumber":"1"}`, 404, "", func(r *http.Request) { r.Header.Del("Content-Type") })
	text := func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }
	send("another type", "POST", lookup, "{}", 400, "application/json", text)
	send("another type for the one call that has a status for it", "POST", "/v1/users/lookup", `{"email":"a"}`, 415, `"error":"Unsupported Media Type"`, text)
	send("a member is missing", "POST", lookup, "{}", 400, "deviceSerialNumber: must be there")
	send("a number", "POST", lookup, `{"deviceSerialNumber":140100080}`, 400, "must be a string, not a number")
	send("empty", "POST", lookup, `{"deviceSerialNumber":""}`, 400, "1 to 36 characters")
	send("too long", "POST", lookup, `{"deviceSerialNumber":"`+strings.Repeat("1", 37)+`"}`, 400, "1 to 36 characters")
	send("twice", "POST", lookup, `{"deviceSerialNumber":"1","deviceSerialNumber":"1"}`, 400, "line 1")
	send("an array", "POST", lookup, `[]`, 400, "must be an object")
	send("half", "POST", lookup, `{"deviceSerialNumber":"1"`, 400, "unexpected end")
	send("a control character", "POST", lookup, `{"deviceSerialNumber":"\u0000"}`, 400, "")
	send("large", "POST", lookup, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`, 400, "too large")
	send("not a boolean", "POST", "/v1/users/lookup", `{"email":"a","searchUnsynched":"yes"}`, 400, "must be a boolean")
	send("unknown", "GET", "/v1/ds100", "", 404, `"path":"/AdminInterface/restapi/v1/ds100"`)
	send("assign", "PATCH", "/v1/users/x/sidTokens/assign", "{}", 404, "no such resource")
	if allow := send("method", "GET", lookup, "", 405, "").Get("Allow"); allow != "POST" {
		t.Errorf("Allow: %q", allow)
	}
	log := d.log.String()
	if strings.Contains(log, "eyJ") || !strings.Contains(log, "key="+d.helpdesk.id) {
		t.Error("the log has tokens, or not the access id")
	}
}

// Without an identity of the bridge's there is no such face.
func TestSecurIDOff(t *testing.T) {
	h := newHouse(t, nil)
	resp, err := http.Post(h.url+"/AdminInterface/restapi/v1/ds100/lookup", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Error(resp.Status)
	}
}

// Who sends his body slowly keeps no LDAP connection from others.
func TestSlowBodyHoldsNoConnection(t *testing.T) {
	d := newDesk(t, func(cfg *httpbridge.Config) { cfg.Connections = 1 })
	body, more := io.Pipe()
	defer more.Close()
	r, err := http.NewRequest("POST", d.url+"/AdminInterface/restapi/v1/ds100/lookup", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+d.token(d.helpdesk, d.claims(d.helpdesk)))
	slow := make(chan int)
	go func() {
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			slow <- 0
			return
		}
		resp.Body.Close()
		slow <- resp.StatusCode
	}()
	_, _ = io.WriteString(more, `{"deviceSerialNumber":`) // returns when it is on its way
	d.generate(ann, password)
	_, _ = io.WriteString(more, `"1"}`)
	_ = more.Close()
	if status := <-slow; status != http.StatusNotFound {
		t.Error(status)
	}
}

// What is asked for a key is asked as the key, whatever the request.
func TestProxiedSession(t *testing.T) {
	d := newDesk(t)
	client, err := upstream.New(upstream.Config{URL: "ldapi://" + url.PathEscape(d.socket), Self: &upstream.Credentials{External: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s, err := client.Self(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	if who, err := s.WhoAmI(t.Context()); err != nil || who != "dn:"+directory.DefaultRootDN {
		t.Fatal(who, err)
	}
	s.For(bob)
	if who, err := s.WhoAmI(t.Context()); err != nil || who != "dn:"+bob {
		t.Error(who, err)
	}
	var result *upstream.Result
	if err := s.Delete(t.Context(), ann, nil); !errors.As(err, &result) || result.Code != 50 {
		t.Error("delete:", err)
	}
	_, err = s.Search(t.Context(), upstream.SearchRequest{Base: "cn=audit", Scope: upstream.SingleLevel, Filter: "(objectClass=*)"})
	if !errors.As(err, &result) || result.Code != 50 {
		t.Error("search of the audit log:", err)
	}
	for _, oid := range []string{"2.16.840.1.113730.3.4.18", "2.16.840.1.113730.3.4.12"} {
		err := s.Delete(t.Context(), ann, []upstream.Control{{OID: oid, Critical: true, Value: []byte("dn:" + directory.DefaultRootDN)}})
		if !errors.As(err, &result) || result.Code != 123 {
			t.Error("as somebody else again:", err)
		}
	}
}

// A disabled user does not get in until he is enabled. PyDPlus's disable_user
// and enable_user send this.
func TestSecurIDUserStatus(t *testing.T) {
	d := newDesk(t)
	d.addMail(ann, "ann@example.com")
	annID := d.uuidOf(ann)
	path := "/v1/users/" + annID + "/userStatus"
	status := func(want string, in bool) {
		t.Helper()
		d.want(d.helpdesk, "POST", "/v1/users/lookup", `{"email":"ann@example.com"}`, 200, `{…"userStatus":"`+want+`",…}`)
		_, err := d.d.Bind(t.Context(), directory.Requester{}, &directory.BindRequest{Version: 3, Name: ann, Password: []byte(password)})
		if (err == nil) != in {
			t.Errorf("%s: %v", want, err)
		}
	}
	status("Enabled", true)
	for range 2 { // the second time it is so already
		d.want(d.helpdesk, "PUT", path, `{"userStatus": "Disabled"}`, 200, `{"id":"`+annID+`","userStatus":"Disabled"}`)
		status("Disabled", false)
	}
	for range 2 {
		d.want(d.helpdesk, "PUT", path, `{"userStatus": "Enabled"}`, 200, `{"id":"`+annID+`","userStatus":"Enabled"}`)
		status("Enabled", true)
	}
	for _, body := range []string{`{}`, `{"userStatus":"Gone"}`, `{"userStatus":"enabled"}`, `{"userStatus":true}`} {
		d.want(d.helpdesk, "PUT", path, body, 400, `{…"status":400,…}`)
	}
	d.want(d.helpdesk, "PUT", "/v1/users/nobody/userStatus", `{"userStatus":"Disabled"}`, 404, `{…"status":404,…}`)

	// A lockout is none of this, and to enable does not end it.
	for range 12 {
		_, _ = d.d.Bind(t.Context(), directory.Requester{}, &directory.BindRequest{Version: 3, Name: ann, Password: []byte("wrong")})
		d.clock.Add(1)
	}
	status("Enabled", false)
	d.want(d.helpdesk, "PUT", path, `{"userStatus": "Enabled"}`, 200, `{…}`)
	status("Enabled", false)
}

// Who typed too many wrong codes is let in again by the help desk.
func TestSecurIDUnlock(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.device("dn:"+ann, "140100080")
	d.activate(ann, secret)
	for range 12 {
		_, _ = d.d.Bind(t.Context(), directory.Requester{}, &directory.BindRequest{Version: 3, Name: ann, Password: []byte(password + "000000")})
		d.clock.Add(1)
	}
	if d.bindsNow(ann, secret) {
		t.Fatal("not locked")
	}
	path := "/v1/users/" + d.uuidOf(ann) + "/methods"
	d.want(d.helpdesk, "PATCH", path, `{"unlockMethods":["VOICE"]}`, 200, "")
	if d.bindsNow(ann, secret) {
		t.Error("unlocked by another method")
	}
	d.want(d.helpdesk, "PATCH", path, `{"unlockMethods":["SMS","TOKEN"]}`, 200, "")
	if !d.bindsNow(ann, secret) {
		t.Error("still locked")
	}
	for _, body := range []string{`{}`, `{"unlockMethods":[]}`, `{"unlockMethods":"TOKEN"}`, `{"unlockMethods":["PIGEON"]}`} {
		d.want(d.helpdesk, "PATCH", path, body, 400, `{…"status":400,…}`)
	}
	d.want(d.helpdesk, "PATCH", "/v1/users/nobody/methods", `{"unlockMethods":["TOKEN"]}`, 404, `{…}`)
}

// bindsNow is binds without letting time pass.
func (d *desk) bindsNow(user, secret string) bool {
	_, err := d.d.Bind(d.t.Context(), directory.Requester{}, &directory.BindRequest{Version: 3, Name: user, Password: []byte(password + d.code(secret))})
	return err == nil
}
