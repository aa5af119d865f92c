package wire

import "fmt"

// DecodeWhoAmIRequest reads the requestValue of RFC 4532, section 2.1, which
// must be absent (nil).
func DecodeWhoAmIRequest(value []byte) error {
	if value != nil {
		return fmt.Errorf("who am I request: %w", ErrPresent)
	}
	return nil
}

// WhoAmIResponse is the responseValue of RFC 4532, section 2.2. It is not BER
// but the authorization identity itself.
type WhoAmIResponse struct {
	AuthzID string // "dn:" and a DN, "u:" and a user name; "": anonymous
}

// Encode returns the responseValue: empty, but there, for anonymous.
func (r WhoAmIResponse) Encode() []byte { return []byte(r.AuthzID) }

// DecodeWhoAmIResponse reads a responseValue (nil: absent, which is an error).
func DecodeWhoAmIResponse(value []byte) (WhoAmIResponse, error) {
	switch {
	case value == nil:
		return WhoAmIResponse{}, fmt.Errorf("who am I response: %w", ErrAbsent)
	case len(value) > MaxValue:
		return WhoAmIResponse{}, fmt.Errorf("who am I response: %w", ErrTooLong)
	}
	return WhoAmIResponse{AuthzID: text(value)}, nil
}
