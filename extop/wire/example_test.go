package wire_test

import (
	"encoding/base64"
	"fmt"

	"tallystick/extop/wire"
)

// A requestValue for ldapexop, which takes it in base64 behind the OID and two
// colons.
func ExampleGenerateTOTPSharedSecretRequest() {
	user := "u:user.0"
	req := wire.GenerateTOTPSharedSecretRequest{AuthenticationID: &user, StaticPassword: []byte("password")}
	fmt.Println(wire.GenerateTOTPSharedSecretOID + "::" + base64.StdEncoding.EncodeToString(req.Encode()))
	// Output: 1.3.6.1.4.1.30221.2.6.56::MBSACHU6dXNlci4wgQhwYXNzd29yZA==
}

func ExampleValidateTOTPPasswordRequest() {
	req := wire.ValidateTOTPPasswordRequest{
		UserDN:       "uid=user.0,ou=people,dc=example,dc=com",
		TOTPPassword: "123456",
	}
	fmt.Println(wire.ValidateTOTPPasswordOID + "::" + base64.StdEncoding.EncodeToString(req.Encode()))
	// Output: 1.3.6.1.4.1.30221.2.6.15::MDCAJnVpZD11c2VyLjAsb3U9cGVvcGxlLGRjPWV4YW1wbGUsZGM9Y29tgQYxMjM0NTY=
}
