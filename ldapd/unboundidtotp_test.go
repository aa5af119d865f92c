package ldapd

import (
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/directory/sasl"
	"tallystick/directory/totp"
	"tallystick/ldapd/wire"
)

// The UnboundID LDAP SDK draws two message IDs for a bind by UNBOUNDID-TOTP: the
// first message on a connection may have ID 2, and the next one 4.
func TestUnboundIDTOTPBeginsWithMessageID2(t *testing.T) {
	s := start(t, Config{})
	ctx := t.Context()
	root := directory.Requester{DN: rootDN, How: directory.ByServer}
	const dn = "uid=unboundidtotp," + suffix
	add := &directory.AddRequest{Entry: dn}
	for name, value := range map[string]string{"objectClass": "inetOrgPerson", "cn": "x", "sn": "x", "userPassword": "password"} {
		add.Attributes = append(add.Attributes, directory.Attribute{Name: name, Values: [][]byte{[]byte(value)}})
	}
	if err := shared.dir.Add(ctx, root, add); err != nil {
		t.Fatal(err)
	}
	user := "dn:" + dn
	text, err := shared.dir.GenerateTOTPSharedSecret(ctx, directory.Requester{}, &user, []byte("password"))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := totp.DecodeSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	var p totp.Parameters
	now := p.Step(time.Now())
	bind := func(step int64, authzID *string) *directory.BindRequest {
		code, err := p.Code(secret, step)
		if err != nil {
			t.Fatal(err)
		}
		m := sasl.UnboundIDTOTPMessage{AuthenticationID: user, AuthorizationID: authzID, TOTPPassword: []byte(code), StaticPassword: []byte("password")}
		return &directory.BindRequest{Version: 3, SASL: &directory.SASLCredentials{Mechanism: sasl.UnboundIDTOTP, Credentials: m.Encode()}}
	}
	c := s.raw(t)
	c.send(2, bind(now, nil))
	c.expect(2, wire.TagBindResponse, directory.Success)
	c.works(3)
	c.send(5, bind(now, nil))
	c.expect(5, wire.TagBindResponse, directory.InvalidCredentials)
	other := "dn:" + person(1)
	c.send(7, bind(now+1, &other))
	c.expect(7, wire.TagBindResponse, directory.InsufficientAccessRights)
}
