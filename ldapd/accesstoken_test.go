package ldapd

import (
	"encoding/json"
	"testing"

	"tallystick/directory"
	"tallystick/directory/sasl"
	"tallystick/ldapd/wire"
)

// A bind with the control returns a token, and the token binds.
func TestAccessToken(t *testing.T) {
	s := start(t, Config{})
	c := s.raw(t)
	ask := wire.Control{OID: wire.AccessTokenRequest, Critical: true}
	bind := func(id int32, req *directory.BindRequest) (token string) {
		t.Helper()
		req.Version = 3
		c.send(id, req, ask)
		got := c.expect(id, wire.TagBindResponse, directory.Success).control(wire.AccessTokenResponse)
		if got == nil {
			t.Fatal("no response control")
		}
		var text struct {
			Token, Error string
			Expires      string `json:"expiration-time"`
			Message      string `json:"error-message"`
		}
		if err := json.Unmarshal(got.Value, &text); err != nil {
			t.Fatal(err)
		}
		if (text.Token == "") != (text.Message != "") || (text.Token == "") != (text.Expires == "") {
			t.Errorf("%s", got.Value)
		}
		return text.Token
	}
	bearer := func(token string) *directory.BindRequest {
		m := sasl.OAuthBearerMessage{Token: token}.Encode()
		return &directory.BindRequest{Version: 3, SASL: &directory.SASLCredentials{Mechanism: sasl.OAuthBearer, Credentials: m}}
	}

	token := bind(1, &directory.BindRequest{Name: person(1), Password: []byte("password")})
	if token == "" {
		t.Fatal("no token")
	}
	if again := bind(2, bearer(token)); again != "" {
		t.Error("a token makes a token")
	}
	if got := bind(3, &directory.BindRequest{Password: []byte{}}); got != "" {
		t.Error("a token of nobody's")
	}
	c.send(4, &directory.BindRequest{Version: 3, Name: person(1), Password: []byte("wrong")}, ask)
	if r := c.expect(4, wire.TagBindResponse, directory.InvalidCredentials); r.controls != nil {
		t.Errorf("a failed bind has controls: %v", r.controls)
	}

	// RFC 7628, section 3.2.3: the challenge, what ends it, and the failure.
	c.send(5, bearer("bogus"))
	if r := c.expect(5, wire.TagBindResponse, directory.SaslBindInProgress); string(r.sasl) != sasl.OAuthBearerFailure {
		t.Errorf("the challenge is %q", r.sasl)
	}
	c.send(6, &directory.BindRequest{Version: 3, SASL: &directory.SASLCredentials{Mechanism: sasl.OAuthBearer, Credentials: []byte{1}}})
	if r := c.expect(6, wire.TagBindResponse, directory.InvalidCredentials); r.sasl != nil {
		t.Errorf("the failure has serverSaslCreds %q", r.sasl)
	}
	c.works(7)
}
