package main

import (
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"tallystick/internal/freeport"
)

// The configuration of an issuer is all it takes for the real server to take its
// tokens: each is its user, and no more.
func TestIssuer(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var url string
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/keys" {
			_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "1", Algorithm: "EdDSA"}}})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": url, "jwks_uri": url + "/keys"})
	}))
	defer issuer.Close()
	url = issuer.URL
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token := func(email, scope string) string {
		claims, err := json.Marshal(map[string]any{"iss": url, "aud": "ldap", "exp": time.Now().Add(time.Hour).Unix(), "email": email, "scope": scope})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		text, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	settings := []string{"--set", "passwords.scheme=SSHA512", "--set", "bridge.issuer.url=" + url, "--set", "bridge.issuer.audience=ldap",
		"--set", "bridge.issuer.scopes=[directory]", "--set", "bridge.issuer.claim=email", "--set", "bridge.issuer.attribute=mail",
		"--set", "bridge.issuer.base=ou=people,dc=example,dc=com"}
	p := &process{flags: append([]string{"--ldap", "off", "--ldaps", "off", "--http", address}, settings...)}
	t.Cleanup(p.kill)
	if err := p.start(t.TempDir(), "--sample"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method, path, token string
		status                    int
		answer                    string // a part of it
	}{
		{"himself", "GET", "/directory/v1/me", token("user.0@example.com", "directory"), 200, `"_dn":"uid=user.0,ou=people,dc=example,dc=com"`},
		{"not what he may not", "DELETE", "/directory/v1/uid=user.1,ou=people,dc=example,dc=com", token("user.0@example.com", "directory"), 403, ""},
		{"another scope", "GET", "/directory/v1/me", token("user.0@example.com", "mail"), 401, ""},
		{"nobody", "GET", "/directory/v1/me", token("nobody@example.com", "directory"), 401, ""},
	} {
		r, err := http.NewRequest(tt.method, "http://"+address+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+tt.token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.answer) {
			t.Errorf("%s: %d %s", tt.name, resp.StatusCode, body)
		}
	}
	if strings.Contains(p.output.String(), token("user.0@example.com", "mail")[:100]) {
		t.Error("a token is in the log")
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	out, err := exec.Command("tallystick", append([]string{"bridge", "--ldap", "ldap://127.0.0.1:1", "--http", address}, settings...)...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "bridge.issuer needs bridge.bindDN") {
		t.Errorf("a bridge that is nobody: %v, %s", err, out)
	}
}
