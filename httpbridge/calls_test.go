package httpbridge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"tallystick/directory"
	"tallystick/httpbridge"
	"tallystick/internal/directorytest"
)

// A user's whole way: a secret, codes, the secret gone.
func TestFromSecretToRevocation(t *testing.T) {
	h := newHouse(t, nil)
	a := h.post(ann, "generateTOTPSharedSecret", `{"staticPassword":"password"}`)
	if a.Status != 200 || a.result() != 0 || a.ResultCode.Name != "success" || len(a.TOTPSharedSecret) != 32 {
		t.Fatalf("generate: %+v", a)
	}
	if got := a.Header.Get("Content-Type"); got != "application/hal+json" {
		t.Errorf("Content-Type %s", got)
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %s", got)
	}
	secret := a.TOTPSharedSecret
	code := h.oathtool(secret)
	if other := h.code(secret); code != other {
		t.Fatalf("oathtool says %s, the library %s", code, other)
	}
	validate := func(code string) answer {
		return h.post(ann, "validateTOTPPassword", `{"totpPassword":"`+code+`"}`, as(ada, password))
	}
	if a := validate(code); a.Status != 200 || a.result() != 0 {
		t.Errorf("the code: %+v", a)
	}
	if a := validate(code); a.Status != 400 || a.result() != 49 {
		t.Errorf("the code a second time: %+v", a)
	}
	h.step()
	if a := h.post(ann, "revokeTOTPSharedSecret", `{"totpSharedSecret":"`+secret+`","staticPassword":"`+password+h.code(secret)+`"}`); a.Status != 200 || a.result() != 0 {
		t.Errorf("revoke: %+v", a)
	}
	h.step()
	if a := validate(h.code(secret)); a.Status != 400 || a.result() != 49 {
		t.Errorf("the code of a revoked secret: %+v", a)
	}
}

// Who may do what: section 2.3, one row per combination.
func TestAuthentication(t *testing.T) {
	const gen, rev, val = "generateTOTPSharedSecret", "revokeTOTPSharedSecret", "validateTOTPPassword"
	const proof = `{"staticPassword":"password"}`
	for _, tt := range []struct {
		name           string
		dn, op, body   string
		user, password string // of the header; "" none
		status, result int    // result -1: none
	}{
		{"self, by the body", ann, gen, proof, "", "", 200, 0},
		{"self, by the body, with a header", ann, gen, proof, ann, password, 200, 0},
		{"somebody else's password, with my header", bob, gen, proof, ann, password, 200, 0},
		{"body right, header wrong", ann, gen, proof, ann, "wrong", 401, 49},
		{"body right, header of nobody", ann, gen, proof, "uid=nobody,dc=example,dc=com", password, 401, 49},
		{"body wrong", ann, gen, `{"staticPassword":"wrong"}`, "", "", 400, 49},
		{"body wrong, header right", ann, gen, `{"staticPassword":"wrong"}`, ann, password, 400, 49},
		{"body of nobody", "uid=nobody,dc=example,dc=com", gen, proof, "", "", 400, 49},
		{"body, and no DN", "hello", gen, proof, "", "", 400, 49},
		{"nothing", ann, gen, ``, "", "", 401, -1},
		{"null is nothing", ann, gen, `{"staticPassword":null}`, "", "", 401, -1},
		{"self, by the header alone", ann, gen, `{}`, ann, password, 400, 53},
		{"administrator", ann, gen, ``, ada, password, 200, 0},
		{"administrator by user name", ann, gen, ``, "ada", password, 200, 0},
		{"another user", ann, gen, ``, bob, password, 403, 50},
		{"another user by user name", ann, gen, ``, "bob", password, 403, 50},
		{"user name with a wrong password", ann, gen, ``, "ada", "wrong", 401, 49},
		{"unknown user name", ann, gen, ``, "nobody", password, 401, 49},
		{"a malformed DN", ann, gen, ``, "uid=,,", password, 401, 49},
		{"administrator, nobody's secret", "uid=nobody,dc=example,dc=com", gen, ``, ada, password, 404, 32},
		{"administrator, and no DN", "hello", gen, ``, ada, password, 400, 34},
		{"me, by body and header", "me", gen, proof, ann, password, 200, 0},
		{"me, by body and user name", "me", gen, proof, "ann", password, 200, 0},
		{"me, by the body", "me", gen, proof, "", "", 401, -1},
		{"me, by the header", "me", gen, ``, ann, password, 400, 53},
		{"me, with another's password", "me", gen, `{"staticPassword":"x"}`, ann, password, 400, 49},

		{"revoke all, by the body", ann, rev, proof, "", "", 200, 0},
		{"revoke all, administrator", ann, rev, ``, ada, password, 200, 0},
		{"revoke all, another user", ann, rev, ``, bob, password, 403, 50},
		{"revoke all, by the header alone", ann, rev, ``, ann, password, 400, 53},
		{"revoke one, without a header", ann, rev, `{"totpSharedSecret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, "", "", 401, -1},
		{"revoke one, which is not there", ann, rev, `{"totpSharedSecret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, ann, password, 400, 49},
		{"revoke one, which is not there, by the body", ann, rev, `{"staticPassword":"password","totpSharedSecret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, "", "", 400, 16},

		{"validate, without a header", ann, val, `{"totpPassword":"123456"}`, "", "", 401, -1},
		{"validate, without a code", ann, val, ``, ada, password, 400, -1},
		{"validate, another user", ann, val, `{"totpPassword":"123456"}`, bob, password, 403, 50},
		{"validate, administrator, a wrong code", ann, val, `{"totpPassword":"12345"}`, ada, password, 400, 49},
		{"validate, self, a wrong code", ann, val, `{"totpPassword":"12345"}`, ann, password, 400, 49},
		{"validate, me, a wrong code", "me", val, `{"totpPassword":"12345"}`, "ann", password, 400, 49},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, nil)
			a := h.post(tt.dn, tt.op, tt.body, as(tt.user, tt.password))
			if a.Status != tt.status || a.result() != tt.result {
				t.Fatalf("%d, result %d, want %d, %d: %+v", a.Status, a.result(), tt.status, tt.result, a)
			}
			if got := a.Header.Get("WWW-Authenticate"); (got != "") != (tt.status == 401) {
				t.Errorf("WWW-Authenticate %q", got)
			}
			if (a.TOTPSharedSecret != "") != (tt.status == 200 && tt.op == gen) {
				t.Errorf("totpSharedSecret %q", a.TOTPSharedSecret)
			}
		})
	}
}

// A header with a code behind the password counts as authenticated with one:
// then the password alone may add a second secret. Without, it may not.
func TestHeaderWithCode(t *testing.T) {
	h := newHouse(t, nil)
	secret := h.generate(ann, password)
	if a := h.post("me", "validateTOTPPassword", `{"totpPassword":"`+h.code(secret)+`"}`, as("ann", password)); a.Status != 200 {
		t.Fatalf("first code: %+v", a)
	}
	const body = `{"staticPassword":"password"}`
	h.step()
	if a := h.post(ann, "generateTOTPSharedSecret", body); a.Status != 400 || a.result() != 49 {
		t.Errorf("password alone: %+v", a)
	}
	h.step()
	if a := h.post(ann, "generateTOTPSharedSecret", body, as(ann, password)); a.Status != 401 {
		t.Errorf("header without a code: %+v", a)
	}
	h.step()
	code := h.code(secret)
	if a := h.post(ann, "generateTOTPSharedSecret", body, as(ann, password+code)); a.Status != 200 {
		t.Errorf("header with a code: %+v", a)
	}
	if a := h.post(ann, "generateTOTPSharedSecret", body, as("ann", password+code)); a.Status != 401 {
		t.Errorf("the code again: %+v", a)
	}
}

// An access token counts as what it was made for: a bind with a code, which the
// header does not have to show again.
func TestBearer(t *testing.T) {
	h := newHouse(t, nil)
	secret := h.generate(ann, password)
	who, err := h.d.Bind(t.Context(), directory.Requester{}, &directory.BindRequest{Version: 3, Name: ann, Password: []byte(password + h.code(secret))})
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.d.AccessToken(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	const body = `{"staticPassword":"password"}`
	for range 2 {
		if a := h.post("me", "generateTOTPSharedSecret", body, bearer(string(token.Token))); a.Status != 200 {
			t.Errorf("with the token: %+v", a)
		}
	}
	if a := h.post("me", "generateTOTPSharedSecret", body, bearer("bogus")); a.Status != 401 || a.result() != 49 || a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("with another: %+v", a)
	}
	if strings.Contains(h.log.String(), string(token.Token)) {
		t.Error("the token is in the log")
	}
	if a := h.post(ann, "revokeTOTPSharedSecret", `{"totpSharedSecret":"`+secret+`"}`, bearer(string(token.Token))); a.Status != 200 {
		t.Errorf("revoke: %+v", a)
	}
	if a := h.post("me", "generateTOTPSharedSecret", body, bearer(string(token.Token))); a.Status != 401 {
		t.Errorf("after that: %+v", a)
	}
}

// The DN arrives as it was in every legal spelling, of HTTP and of LDAP.
func TestDNsInThePath(t *testing.T) {
	h := newHouse(t, nil)
	const odd = `cn=A/B\, \#1+sn=ä?%,ou=people,dc=example,dc=com`
	add := directory.AddRequest{Entry: odd, Attributes: []directory.Attribute{
		{Name: "objectClass", Values: [][]byte{[]byte("person")}},
		{Name: "cn", Values: [][]byte{[]byte("A/B, #1")}},
		{Name: "sn", Values: [][]byte{[]byte("ä?%")}},
		{Name: "userPassword", Values: [][]byte{[]byte(password)}},
	}}
	if err := h.d.Add(t.Context(), directory.Requester{How: directory.ByServer}, &add); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		`uid=ann,ou=people,dc=example,dc=com`,
		`UID=Ann,OU=People,DC=Example,DC=Com`,
		`uid%3Dann%2Cou%3Dpeople%2Cdc%3Dexample%2Cdc%3Dcom`,
		`%75%69%64=ann,%20ou=people%20,dc=example,%20dc=com`,
		`uid=%5C61nn,ou=people,dc=example,dc=com`,
		`uid=a\6en,ou=people,dc=example,dc=com`,
		`0.9.2342.19200300.100.1.1=ann,ou=people,dc=example,dc=com`,
		`cn=A%2FB%5C,%20%5C%231+sn=%C3%A4%3F%25,ou=people,dc=example,dc=com`,
		`sn=%5Cc3%5Ca4%3F%25%2Bcn=a%2fb%5C2C%20%231,ou=people,dc=example,dc=com`,
	} {
		r, err := http.NewRequest(http.MethodPost, h.url, strings.NewReader(`{"staticPassword":"password"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = "/directory/v1/" + path + "/generateTOTPSharedSecret" // sent as it is
		r.Header.Set("Content-Type", "application/json")
		if a := do(t, r); a.Status != 200 {
			t.Errorf("%s: %+v", path, a)
		}
	}
}

// Everything else that HTTP can be asked.
func TestOtherRequests(t *testing.T) {
	h := newHouse(t, nil)
	const gen = "/directory/v1/" + ann + "/generateTOTPSharedSecret"
	const proof = `{"staticPassword":"password"}`
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	method := func(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }
	for _, tt := range []struct {
		name, path, body string
		change           func(*http.Request)
		status           int
	}{
		{"HAL", gen, proof, header("Content-Type", "application/hal+json"), 200},
		{"charset", gen, proof, header("Content-Type", "application/json; charset=UTF-8"), 200},
		{"query is ignored", gen + "?pretty", proof, nil, 200},
		{"chunked", gen, proof, func(r *http.Request) { r.ContentLength = -1 }, 200},
		{"a page of the same origin", gen, proof, header("Sec-Fetch-Site", "same-origin"), 200},
		{"a page of another origin", gen, proof, header("Sec-Fetch-Site", "cross-site"), 403},
		{"the same, from an older browser", gen, proof, header("Origin", "https://evil.example"), 403},
		{"GET", gen, "", method(http.MethodGet), 405},
		{"HEAD", gen, "", method(http.MethodHead), 405},
		{"PUT", gen, proof, method(http.MethodPut), 405},
		{"DELETE", gen, "", method(http.MethodDelete), 405},
		{"OPTIONS", gen, "", method(http.MethodOptions), 405},
		{"an invented method", gen, "", method("FETCH"), 405},
		{"unknown path, GET", "/favicon.ico", "", method(http.MethodGet), 404},
		{"root", "/", proof, nil, 404},
		{"an endpoint we do not have", "/directory/v1/deliverOneTimePassword", proof, nil, 404},
		{"an entry", "/directory/v1/" + ann, "", method(http.MethodGet), 401},
		{"HEAD of an entry", "/directory/v1/" + ann, "", method(http.MethodHead), 401},
		{"doubled slash", "//directory/v1/" + ann + "/generateTOTPSharedSecret", proof, nil, 404},
		{"form", gen, "staticPassword=password", header("Content-Type", "application/x-www-form-urlencoded"), 415},
		{"gzip", gen, proof, header("Content-Encoding", "gzip"), 415},
		{"latin 1", gen, proof, header("Content-Type", "application/json; charset=latin1"), 415},
		{"broken", gen, `{"staticPassword"`, nil, 400},
		{"unknown member", gen, `{"password":"password"}`, nil, 400},
		{"empty password", gen, `{"staticPassword":""}`, nil, 400},
		{"too large", gen, `{"staticPassword":"` + strings.Repeat("x", 70000) + `"}`, nil, 413},
		{"too large, chunked", gen, `{"staticPassword":"` + strings.Repeat("x", 70000) + `"}`, func(r *http.Request) { r.ContentLength = -1 }, 413},
		{"longer than any password", gen, `{"staticPassword":"` + strings.Repeat("x", 60000) + `"}`, nil, 400},
		{"bearer", gen, proof, header("Authorization", "Bearer abc"), 401},
		{"broken basic", gen, proof, header("Authorization", "Basic !"), 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := post(t, h.url+tt.path, tt.body, func(r *http.Request) {
				if tt.change != nil {
					tt.change(r)
				}
			})
			if a.Status != tt.status {
				t.Fatalf("%d, want %d: %+v", a.Status, tt.status, a)
			}
			if got := a.Header.Get("Allow"); (got == "POST") != (tt.status == 405) {
				t.Errorf("Allow %q", got)
			}
			mediaType := "application/json"
			if tt.status == 200 {
				mediaType = "application/hal+json"
			}
			if got := a.Header.Get("Content-Type"); got != mediaType {
				t.Errorf("Content-Type %q", got)
			}
			if !strings.HasPrefix(tt.name, "HEAD") && tt.status != 200 && (a.Code == "" || a.Message == "" || len(a.Details) != 1 || a.Details[0].Code != "INVALID_REQUEST") {
				t.Errorf("body %+v", a)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	h := newHouse(t, nil)
	seen := map[string]bool{}
	for i, tt := range []struct {
		given string
		taken bool
	}{
		{"123e4567-e89b-12d3-a456-426614174000", true},
		{"123E4567-E89B-12D3-A456-426614174000", true},
		{"", false},
		{"", false},
		{"hello", false},
		{"{123e4567-e89b-12d3-a456-426614174000}", false},
		{"123e4567e89b12d3a456426614174000", false},
	} {
		a := post(t, h.url+"/", "", func(r *http.Request) { r.Header.Set("Correlation-Id", tt.given) })
		got := a.Header.Get("Correlation-Id")
		if len(got) != 36 || tt.taken != strings.EqualFold(got, tt.given) || !tt.taken && seen[got] {
			t.Errorf("given %q: %q", tt.given, got)
		}
		seen[got] = true
		if got, want := a.Header.Get("Request-Id"), fmt.Sprint(i+1); got != want {
			t.Errorf("Request-Id %s, want %s", got, want)
		}
		if got := a.Header.Get("X-Frame-Options"); got != "SAMEORIGIN" {
			t.Errorf("X-Frame-Options %s", got)
		}
	}
}

// Users, an administrator and nobodies at once on few connections: everybody
// gets the answer that is his.
func TestIdentitiesDoNotLeak(t *testing.T) {
	h := newHouse(t, nil)
	const wrong = `{"totpPassword":"12345"}`
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 12 {
				var a answer
				want := 0
				switch (g + i) % 4 {
				case 0: // a user may not ask about another
					a, want = h.post(ann, "validateTOTPPassword", wrong, as(bob, password)), 403
				case 1: // nor may nobody
					a, want = h.post(ann, "generateTOTPSharedSecret", ``), 401
				case 2: // an administrator may, and there is nobody of that name
					a, want = h.post("uid=nobody,"+directorytest.People, "generateTOTPSharedSecret", ``, as("ada", password)), 404
				case 3: // me is whoever asks, who must be somebody else
					a, want = h.post("me", "generateTOTPSharedSecret", ``, as(ada, password)), 400
				}
				if a.Status != want {
					t.Errorf("%d, want %d: %+v", a.Status, want, a)
				}
			}
		})
	}
	wg.Wait()
}

// No password, secret or code is in any log, whatever became of the request.
func TestLogHasNoSecrets(t *testing.T) {
	h := newHouse(t, nil)
	secret := h.generate(ann, password)
	code := h.code(secret)
	h.post(ann, "validateTOTPPassword", `{"totpPassword":"`+code+`"}`, as(ada, password))
	h.post(ann, "validateTOTPPassword", `{"totpPassword":"`+code+`"}`, as(ada, "hunter2"))
	h.post(ann, "generateTOTPSharedSecret", `{"staticPassword":"hunter2","x":"hunter2"}`)
	h.post(ann, "generateTOTPSharedSecret", `{"staticPassword":"hunter2"`)
	h.post(ann, "generateTOTPSharedSecret", `{"staticPassword":"hunter2"}`)
	h.post(ann, "revokeTOTPSharedSecret", `{"totpSharedSecret":"`+secret+`"}`, as("bob", "hunter2"))
	h.post(ann, "revokeTOTPSharedSecret", `{"totpSharedSecret":"`+secret+`"}`, as(bob, password))
	h.do(http.MethodPost, "/authenticate", `{"credentials":{"authenticationType":"password","username":"ann","staticPassword":"hunter2"}}`)
	h.do(http.MethodPost, "/authenticate", `{"credentials":{"authenticationType":"hunter2"}}`)
	h.do(http.MethodPost, "/authenticate", `{"credentials":{"authenticationType":"passwordPlusTOTP","username":"ann","staticPassword":"hunter2","totp":"`+code+`"}}`)
	h.post(bob, "changePassword", `{"oldPassword":"password","newPassword":"hunter2"}`)
	h.do(http.MethodPatch, "/"+ann, `{"modifications":[{"attributeName":"userPassword","modificationType":"set","values":["hunter2"]}]}`, as(ada, password))
	h.do(http.MethodGet, "/"+ann+"/subtree?searchScope=baseObject&filter=userPassword%20eq%20%22hunter2%22", "", as(ada, password))
	log := h.log.String()
	for _, s := range []string{"hunter2", "=password", "\"password", secret, code} {
		if strings.Contains(log, s) {
			t.Errorf("%q is in the log:\n%s", s, log)
		}
	}
	for _, s := range []string{"op=generateTOTPSharedSecret", "dn=" + `"` + ann + `"`, "status=401", "user=bob", "code=49"} {
		if !strings.Contains(log, s) {
			t.Errorf("%s is not in the log:\n%s", s, log)
		}
	}
}

// The schema has a document for each object class that it lists, and one for
// the operational attributes.
func TestSchemas(t *testing.T) {
	h := newHouse(t, nil)
	var list struct {
		Embedded struct {
			Schemas []struct {
				Name  string
				Links struct{ Self struct{ Href string } } `json:"_links"`
			}
		} `json:"_embedded"`
	}
	h.get("/directory/v1/schemas", &list)
	if len(list.Embedded.Schemas) < 50 {
		t.Errorf("%d object classes", len(list.Embedded.Schemas))
	}
	type schema struct {
		Title      string
		Properties map[string]struct {
			Type, Format string
			ReadOnly     bool
		}
	}
	for _, listed := range list.Embedded.Schemas {
		var s schema
		if h.get(listed.Links.Self.Href, &s); s.Title != listed.Name {
			t.Errorf("%s is %q", listed.Name, s.Title)
		}
	}
	var s schema
	h.get("/directory/v1/schemas/_operationalAttributes", &s)
	if p := s.Properties["createTimestamp"]; p.Type != "string" || p.Format != "date-time" || !p.ReadOnly {
		t.Errorf("createTimestamp: %+v", p)
	}
	if _, there := s.Properties["cn"]; there {
		t.Error("cn is no operational attribute")
	}
}

// The schema is told to who may read it, whoever has asked before; and what
// somebody sees of it changes nothing for others.
func TestSchemaOfWhoMayReadIt(t *testing.T) {
	const may = `(target="ldap:///cn=schema")(targetscope="base")(targetattr="%s")(version 3.0; acl "schema"; allow (read, search, compare) userdn="ldap:///%s";)`
	for name, rule := range map[string]string{
		"strangers see none of it":        fmt.Sprintf(may, "* || +", "all"),
		"strangers see that it is there":  fmt.Sprintf(may, "objectClass", "anyone"),
		"strangers see the classes of it": fmt.Sprintf(may, "objectClass || objectClasses", "anyone"),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil, func(cfg *directory.Config) {
				cfg.ACIs = slices.Clone(directory.DefaultACIs)
				i := slices.IndexFunc(cfg.ACIs, func(aci string) bool { return strings.Contains(aci, `acl "schema"`) })
				cfg.ACIs[i] = rule
				cfg.ACIs = append(cfg.ACIs, fmt.Sprintf(may, "* || +", "all"))
			})
			for range 2 {
				for _, path := range []string{"/schemas", "/schemas/person", "/schemas/_operationalAttributes"} {
					if a := h.do("GET", path, ""); a.Status != http.StatusForbidden {
						t.Errorf("a stranger gets %s: %+v", path, a)
					}
				}
				if a := h.do("GET", "/me?includeAttributes=uid", "", as(ann, password)); a.Status != http.StatusOK {
					t.Errorf("a user: %+v", a)
				}
			}
		})
	}
}

// do does one call below the API's path.
func (h *house) do(method, path, body string, change ...func(*http.Request)) answer {
	h.t.Helper()
	return post(h.t, h.url+"/directory/v1"+path, body, append(change, func(r *http.Request) { r.Method = method })...)
}

// get reads what is at path into v.
func (h *house) get(path string, v any) {
	h.t.Helper()
	resp, err := http.Get(h.url + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil || resp.StatusCode != http.StatusOK {
		h.t.Errorf("%s: %d, %v", path, resp.StatusCode, err)
	}
}

// The LDAP server tells the bridge's clients apart by their addresses: who
// guesses is delayed, and the user elsewhere is not.
func TestClientsAreToldApart(t *testing.T) {
	h := newHouse(t, func(cfg *httpbridge.Config) {
		cfg.TellClient, cfg.Proxies = true, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	from := func(address string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("X-Forwarded-For", address) }
	}
	const right, wrong = `{"staticPassword":"password"}`, `{"staticPassword":"wrong"}`
	for range 3 {
		if a := h.post(ann, "generateTOTPSharedSecret", wrong, from("192.0.2.1")); a.result() != 49 {
			t.Errorf("a guess: %+v", a)
		}
	}
	if a := h.post(ann, "generateTOTPSharedSecret", right, from("192.0.2.1")); a.result() != 49 {
		t.Errorf("the right password from there: %+v", a)
	}
	if a := h.post("me", "generateTOTPSharedSecret", right, as(ann, password), from("192.0.2.1")); a.Status != 401 {
		t.Errorf("the right header from there: %+v", a)
	}
	// Nor does it help to say that one is somewhere else.
	elsewhere := func(critical string) string {
		return `"_controls":[{"oid":"1.3.6.1.4.1.30221.2.5.2","criticality":` + critical + `,"value-json":{"downstream-client-address":"192.0.2.9"}}]`
	}
	bind := `{"credentials":{"authenticationType":"password","username":"ann","staticPassword":"password"},`
	change := `{"oldPassword":"password","newPassword":"another password",`
	for critical, want := range map[string]int{"false": 49, "true": 50} {
		if a := h.do("POST", "/authenticate", bind+elsewhere(critical)+"}", from("192.0.2.1")); a.result() != want {
			t.Errorf("authenticate, with a control that says it is from elsewhere: %+v", a)
		}
		if a := h.post(ann, "changePassword", change+elsewhere(critical)+"}", from("192.0.2.1")); a.result() != want {
			t.Errorf("changePassword, with a control that says it is from elsewhere: %+v", a)
		}
	}
	for name, header := range map[string]string{"by name": "ann", "by DN": ann} {
		if a := h.post("me", "generateTOTPSharedSecret", right, as(header, password), from("192.0.2.2")); a.Status != 200 {
			t.Errorf("from elsewhere, %s: %+v", name, a)
		}
	}
	if a := h.post(ann, "generateTOTPSharedSecret", right, from("192.0.2.2")); a.Status != 200 {
		t.Errorf("from elsewhere, without a header: %+v", a)
	}
	if !strings.Contains(h.log.String(), "peer=192.0.2.2") {
		t.Error("the LDAP server does not log the client's address")
	}
}

// A bridge that does not tell addresses may still be believed, as here, on the
// local socket: its clients do not choose where they are.
func TestClientsDoNotChooseTheirAddress(t *testing.T) {
	h := newHouse(t, nil)
	control := func(critical string) string {
		return `"_controls":[{"oid":"1.3.6.1.4.1.30221.2.5.2","criticality":` + critical + `,"value-json":{"downstream-client-address":"192.0.2.9"}}]`
	}
	bind := `{"credentials":{"authenticationType":"password","username":"ann","staticPassword":"password"},`
	change := `{"oldPassword":"password","newPassword":"another password",`
	for _, row := range []struct {
		critical string
		want     int // status
	}{{"true", 403}, {"false", 200}} {
		if a := h.do("POST", "/authenticate", bind+control(row.critical)+"}"); a.Status != row.want {
			t.Errorf("authenticate, critical %s: %+v", row.critical, a)
		}
		if a := h.post(ann, "changePassword", change+control(row.critical)+"}"); a.Status != row.want {
			t.Errorf("changePassword, critical %s: %+v", row.critical, a)
		}
	}
	if strings.Contains(h.log.String(), "peer=192.0.2.9") {
		t.Error("the LDAP server takes the client's word for its address")
	}
}
