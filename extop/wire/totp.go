package wire

import (
	"fmt"

	"tallystick/internal/ber"
)

// GenerateTOTPSharedSecretRequest is a requestValue. One element at least is
// there.
//
//	SEQUENCE { authenticationID [0] OCTET STRING OPTIONAL,
//	           staticPassword   [1] OCTET STRING OPTIONAL, … }
type GenerateTOTPSharedSecretRequest struct {
	AuthenticationID *string // "dn:" and a DN, or "u:" and a user name; nil: the authorization identity
	StaticPassword   []byte  // nil: the administrator's form
}

// Encode returns the requestValue.
func (r GenerateTOTPSharedSecretRequest) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = appendText(b, 0, r.AuthenticationID)
	b = appendField(b, 1, r.StaticPassword)
	return ber.End(b, start)
}

// DecodeGenerateTOTPSharedSecretRequest reads a requestValue (nil: absent,
// which is an error).
func DecodeGenerateTOTPSharedSecretRequest(value []byte) (GenerateTOTPSharedSecretRequest, error) {
	f, err := fields(value, 2)
	if err != nil {
		return GenerateTOTPSharedSecretRequest{}, fmt.Errorf("generate TOTP shared secret request: %w", err)
	}
	r := GenerateTOTPSharedSecretRequest{AuthenticationID: optionalText(f[0]), StaticPassword: f[1]}
	if r.AuthenticationID == nil && r.StaticPassword == nil {
		return GenerateTOTPSharedSecretRequest{}, fmt.Errorf("generate TOTP shared secret request: %w", ErrElements)
	}
	return r, nil
}

// GenerateTOTPSharedSecretResponse is the responseValue of a success.
//
//	SEQUENCE { totpSharedSecret [0] OCTET STRING, … }
type GenerateTOTPSharedSecretResponse struct {
	TOTPSharedSecret string // base32 text
}

// Encode returns the responseValue.
func (r GenerateTOTPSharedSecretResponse) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendString(b, ber.Context, r.TOTPSharedSecret)
	return ber.End(b, start)
}

// DecodeGenerateTOTPSharedSecretResponse reads a responseValue: its first
// element is the secret whatever its tag, and what follows is not looked at.
func DecodeGenerateTOTPSharedSecretResponse(value []byte) (GenerateTOTPSharedSecretResponse, error) {
	f, err := positions(value, 1)
	if err != nil {
		return GenerateTOTPSharedSecretResponse{}, fmt.Errorf("generate TOTP shared secret response: %w", err)
	}
	return GenerateTOTPSharedSecretResponse{TOTPSharedSecret: text(f[0])}, nil
}

// RevokeTOTPSharedSecretRequest is a requestValue. One element at least is
// there. The response has no value.
//
//	SEQUENCE { authenticationID [0] OCTET STRING OPTIONAL,
//	           staticPassword   [1] OCTET STRING OPTIONAL,
//	           totpSharedSecret [2] OCTET STRING OPTIONAL, … }
type RevokeTOTPSharedSecretRequest struct {
	AuthenticationID *string // "dn:" and a DN, or "u:" and a user name; nil: the authorization identity
	StaticPassword   []byte
	TOTPSharedSecret *string // base32 text; nil: all secrets of the user
}

// Encode returns the requestValue.
func (r RevokeTOTPSharedSecretRequest) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = appendText(b, 0, r.AuthenticationID)
	b = appendField(b, 1, r.StaticPassword)
	b = appendText(b, 2, r.TOTPSharedSecret)
	return ber.End(b, start)
}

// DecodeRevokeTOTPSharedSecretRequest reads a requestValue (nil: absent, which
// is an error).
func DecodeRevokeTOTPSharedSecretRequest(value []byte) (RevokeTOTPSharedSecretRequest, error) {
	f, err := fields(value, 3)
	if err != nil {
		return RevokeTOTPSharedSecretRequest{}, fmt.Errorf("revoke TOTP shared secret request: %w", err)
	}
	r := RevokeTOTPSharedSecretRequest{
		AuthenticationID: optionalText(f[0]),
		StaticPassword:   f[1],
		TOTPSharedSecret: optionalText(f[2]),
	}
	if r.AuthenticationID == nil && r.StaticPassword == nil && r.TOTPSharedSecret == nil {
		return RevokeTOTPSharedSecretRequest{}, fmt.Errorf("revoke TOTP shared secret request: %w", ErrElements)
	}
	return r, nil
}

// ValidateTOTPPasswordRequest is a requestValue. The response has no value.
//
//	SEQUENCE { userDN [0] LDAPDN, totpPassword [1] OCTET STRING, … }
type ValidateTOTPPasswordRequest struct {
	UserDN       string // a plain DN, without "dn:"
	TOTPPassword string // the code
}

// Encode returns the requestValue.
func (r ValidateTOTPPasswordRequest) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendString(b, ber.Context, r.UserDN)
	b = ber.AppendString(b, ber.Context|1, r.TOTPPassword)
	return ber.End(b, start)
}

// DecodeValidateTOTPPasswordRequest reads a requestValue (nil: absent, which
// is an error). As in the vendor's library the first element is the DN and the
// second the code, whatever their tags, and what follows is ignored.
func DecodeValidateTOTPPasswordRequest(value []byte) (ValidateTOTPPasswordRequest, error) {
	f, err := positions(value, 2)
	if err != nil {
		return ValidateTOTPPasswordRequest{}, fmt.Errorf("validate TOTP password request: %w", err)
	}
	return ValidateTOTPPasswordRequest{UserDN: text(f[0]), TOTPPassword: text(f[1])}, nil
}
