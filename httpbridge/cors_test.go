package httpbridge_test

import (
	"net/http"
	"strings"
	"testing"

	"tallystick/httpbridge"
)

// Scripts of the pages that are configured may call, with a header of their
// own; those of others may not, and the pages of the bridge are nobody else's.
func TestCORS(t *testing.T) {
	const app, other = "https://app.example.com", "https://evil.example.com"
	open := newHouse(t, func(cfg *httpbridge.Config) { cfg.Origins, cfg.Pages = []string{app}, true })
	shut := newHouse(t, nil)
	const generate = "/directory/v1/" + ann + "/generateTOTPSharedSecret"
	for _, tt := range []struct {
		name                 string
		h                    *house
		method, path, origin string
		status               int
		allowed              bool
	}{
		{"asked beforehand", open, "OPTIONS", generate, app, 204, true},
		{"asked beforehand, ZITADEL", open, "OPTIONS", "/v3alpha/users/x/totp", app, 204, true},
		{"asked beforehand, ZITADEL's gRPC-Web", open, "OPTIONS", "/zitadel.user.v3alpha.UserService/ListUsers", app, 204, true},
		{"asked beforehand, another page", open, "OPTIONS", generate, other, 204, false},
		{"asked beforehand, the pages", open, "OPTIONS", "/enrol", app, 404, false},
		{"asked beforehand, where nobody may", shut, "OPTIONS", generate, app, 405, false},
		{"a call", open, "POST", generate, app, 200, true},
		{"a call of another page", open, "POST", generate, other, 403, false},
		{"a call where nobody may", shut, "POST", generate, app, 403, false},
		{"an error", open, "GET", "/directory/v1/me", app, 401, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := ""
			if tt.method == "POST" {
				body = `{"staticPassword":"password"}`
			}
			r, err := http.NewRequest(tt.method, tt.h.url+tt.path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", tt.origin)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Content-Type", "application/json")
			if tt.method == "OPTIONS" {
				r.Header.Set("Access-Control-Request-Method", "POST")
				r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
				if strings.HasPrefix(tt.path, "/zitadel.") { // sorted, as browsers send them
					r.Header.Set("Access-Control-Request-Headers", "authorization,content-type,x-grpc-web,x-user-agent,x-zitadel-orgid")
				}
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.status {
				t.Errorf("%d, want %d", resp.StatusCode, tt.status)
			}
			want := ""
			if tt.allowed {
				want = app
			}
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("allowed for %q, want %q", got, want)
			}
			if resp.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials that the browser knows are let in")
			}
		})
	}
	if _, err := httpbridge.New(httpbridge.Config{URL: "ldap://localhost", Origins: []string{"app.example.com/x"}}); err == nil {
		t.Error("no error for what is no origin")
	}
}
