package enrol_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tallystick/httpbridge/enrol"
	"tallystick/internal/directorytest"
)

// A stranger does not learn why signing in failed.
func TestSignInFailuresLookTheSame(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	_, secret := h.enrolled("bob", "phone")
	pages := map[string]string{}
	for name, who := range map[string][3]string{
		"a wrong password":       {"ann", "incorrect horse", ""},
		"an unknown user":        {"nobody", "incorrect horse", ""},
		"an unknown DN":          {"uid=nobody,dc=example,dc=com", "incorrect horse", ""},
		"a malformed DN":         {"uid=", "incorrect horse", ""},
		"a missing code":         {"bob", password, ""},
		"a wrong code":           {"bob", password, "000000"},
		"a used code":            {"bob", password, h.code(secret)},
		"a code for nothing":     {"ann", password, "123456"},
		"an impossible password": {"ann", "a\x00b", ""},
	} {
		b := h.browser().signIn(who[0], who[1], who[2]).want(422, "Signing in did not work", `href="#user"`, `aria-describedby="problems"`)
		page := strings.ReplaceAll(b.page, b.csrf(), "")
		pages[strings.ReplaceAll(page, `value="`+who[0]+`"`, "")] = name
		if strings.Contains(b.page, who[1]) && who[1] != password {
			t.Errorf("%s: the page has the password", name)
		}
	}
	if len(pages) != 1 {
		t.Errorf("%d different pages", len(pages))
	}
}

// Who shows an expired password, with the code that it needs, hears what is
// wrong with it, and nobody else does.
func TestSignInWithExpiredPassword(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	_, secret := h.enrolled("ann", "phone")
	directorytest.Police(t, h.d, ann, "pwdMaxAge: 1000")
	h.clock.Add(1001)
	const expired = "Your password has expired"
	for _, row := range []struct {
		password string
		code     func() string
		want     string
	}{
		{"incorrect horse", func() string { return h.code(secret) }, "Signing in did not work"},
		{password, func() string { return "" }, "Signing in did not work"},
		{password, func() string { return "000000" }, "Signing in did not work"},
		{password, func() string { return h.code(secret) }, expired},
	} {
		h.step()
		b := h.browser().signIn("ann", row.password, row.code()).want(422, row.want, `href="#user"`)
		if row.want != expired && strings.Contains(b.page, "expired") {
			t.Errorf("%s: the page says that it has expired", row.password)
		}
	}
}

func TestSignInAsksForWhatIsMissing(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b := h.browser().get("/enrol")
	b.post("/enrol/sign-in").want(422, `href="#user"`, `href="#password"`, "Enter your user name.", "Enter your password.")
	b.post("/enrol/sign-in", "user", "ann", "password", "").want(422, `value="ann"`, "Enter your password.")
}

// Signing in exchanges the cookie: one that somebody planted before is worth
// nothing.
func TestCookieIsExchanged(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b := h.browser().get("/enrol")
	at, _ := url.Parse(h.url)
	before := b.client.Jar.Cookies(at)
	b.signIn("ann", password, "")
	after := b.client.Jar.Cookies(at)
	if len(before) != 1 || len(after) != 1 || before[0].Value == after[0].Value {
		t.Errorf("%v, then %v", before, after)
	}
	planted := h.browser()
	planted.client.Jar.SetCookies(at, before)
	planted.get("/enrol").want(200, "User name")
	b.post("/enrol/sign-out").want(200, "User name")
	old := h.browser()
	old.client.Jar.SetCookies(at, after)
	old.get("/enrol").want(200, "User name")
}

func TestCookieAttributes(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	for _, tt := range []struct {
		host, name string
		secure     bool
	}{
		{"", "tallystick", false}, // 127.0.0.1 and a port
		{"localhost", "tallystick", false},
		{"localhost:8080", "tallystick", false},
		{"[::1]:8080", "tallystick", false},
		{"directory.example.com", "__Host-tallystick", true},
		{"directory.example.com:8080", "__Host-tallystick", true},
		{"198.51.100.7", "__Host-tallystick", true},
		{"localhost.example.com", "__Host-tallystick", true},
	} {
		r, err := http.NewRequest(http.MethodGet, h.url+"/enrol", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tt.host
		resp, err := h.browser().client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		cookies := resp.Cookies()
		if len(cookies) != 1 {
			t.Fatalf("%s: %d cookies", tt.host, len(cookies))
		}
		c := cookies[0]
		if c.Name != tt.name || c.Secure != tt.secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() {
			t.Errorf("%s: %s", tt.host, c)
		}
	}
}

// Nothing changes but by a form that the same browser got from here.
func TestForgedForms(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b, _ := h.enrolled("ann", "phone")
	id, token := b.find(`name="id" value="([^"]+)"`), b.csrf()
	other := h.browser().get("/enrol")

	for _, path := range []string{"/enrol/remove", "/enrol/recovery-codes", "/enrol/set-up", "/enrol/sign-out", "/admin/users/x/remove"} {
		b.postWith("", path, "id", id).want(403, "out of date")
		b.postWith(other.csrf(), path, "id", id).want(403, "out of date")
		b.get(path + "?id=" + id + "&csrf=" + token).want(404)
		// The token in the address does not count either.
		b.get("/enrol").postWith("", path+"?csrf="+token, "id", id).want(403, "out of date")
	}
	r, err := http.NewRequest(http.MethodPost, h.url+"/enrol/remove", strings.NewReader(url.Values{"csrf": {token}, "id": {id}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	b.do(r).want(403, "out of date")
	b.get("/enrol").want(200, "phone", "In use")

	without := h.browser().get("/enrol")
	without.client.Jar = nil // one that takes no cookies, or not over HTTP
	without.post("/enrol/sign-in", "user", "ann", "password", password).want(403, "did not send this page's cookie")
}

func TestHeaders(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b, _ := h.enrolled("ann", "phone")
	for _, path := range []string{"/", "/enrol", "/enrol/nowhere", "/admin"} {
		b.get(path)
		for name, want := range map[string]string{
			"Cache-Control":              "no-store",
			"Content-Security-Policy":    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Frame-Options":            "DENY",
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Content-Type":               "text/html; charset=utf-8",
			"Content-Language":           "en",
		} {
			if got := b.header.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", path, name, got, want)
			}
		}
		for _, inline := range []string{"<script", "style=", "<style", "onclick", "http://", "https://"} {
			if strings.Contains(b.page, inline) {
				t.Errorf("%s has %s", path, inline)
			}
		}
	}
	b.get("/enrol/style.css")
	if b.status != 200 || b.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%d %s", b.status, b.header.Get("Content-Type"))
	}
}

// A session that is not used ends, and one that is used ends too.
func TestSessionsEnd(t *testing.T) {
	for name, cfg := range map[string]enrol.Config{
		"idle": {IdleTimeout: 200 * time.Millisecond},
		"old":  {Lifetime: 200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, cfg)
			b := h.browser().signIn("ann", password, "")
			limit := time.Now().Add(time.Minute)
			for b.get("/enrol"); !strings.Contains(b.page, `id="password"`); b.get("/enrol") {
				if time.Now().After(limit) {
					t.Fatal("the session goes on")
				}
				if name == "idle" {
					time.Sleep(300 * time.Millisecond) // which is what idle means
				}
			}
			b.post("/enrol/set-up", "password", password).want(403, "You were signed out", "What you just sent was not done")
		})
	}
}

// Who signed out is not bound at the LDAP server any more.
func TestSignOutEndsTheConnection(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b, secret := h.enrolled("ann", "phone") // on a second connection, with the first code
	h.step()
	h.browser().signIn("ann", password, h.code(secret)).get("/enrol").post("/enrol/sign-out").want(200, "User name")
	if s := h.ldap.Stats(); s.InUse != 1 || s.Idle != 0 {
		t.Errorf("%d connections in use, %d idle", s.InUse, s.Idle)
	}
	b.post("/enrol/sign-out").want(200, "User name")
	if s := h.ldap.Stats(); s.InUse != 0 || s.Idle != 0 {
		t.Errorf("%d connections in use, %d idle", s.InUse, s.Idle)
	}
}

// There is a bounded number of sessions, of each user and of all. Those unused
// for longest make room.
func TestTooManySessions(t *testing.T) {
	h := newHouse(t, enrol.Config{Sessions: 7})
	var all []*browser
	signIn := func(user string, times int) {
		for range times {
			all = append(all, h.browser().signIn(user, password, "").want(200))
		}
	}
	alive := func() (n int) {
		for _, b := range all[1:] {
			if strings.Contains(b.get("/enrol").page, "Your devices") {
				n++
			}
		}
		return n
	}
	signIn("ann", 5)
	all[0].get("/enrol").want(200, "Your devices") // so it is the second that goes
	signIn("ann", 1)
	all[0].get("/enrol").want(200, "Your devices")
	if n := alive(); n != 4 {
		t.Errorf("ann has %d more sessions", n)
	}
	signIn("bob", 3)
	all[0].get("/enrol").want(200, "User name") // in the meantime it was the others that were used
	if n := alive(); n != 7 {
		t.Errorf("there are %d sessions", n)
	}
}

// Without the LDAP server a page says so, and with it one signs in again.
func TestServerGone(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b, secret := h.enrolled("ann", "phone")
	h.stopLDAP()
	b.get("/enrol").want(503, "cannot be reached")
	if b.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	b.get("/enrol").post("/enrol/sign-in", "user", "ann", "password", password).want(503, "cannot be reached")
	h.startLDAP()
	h.step()
	b.signIn("ann", password, h.code(secret)).want(200, "phone")
}

func TestTooMuch(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b := h.browser().get("/enrol")
	b.post("/enrol/sign-in", "user", strings.Repeat("a", 20<<10), "password", "x").want(400, "could not be understood")
	b.get("/enrol/sign-in").want(404)
	b.get("/enrol/nowhere").want(404, "no such page")
}
