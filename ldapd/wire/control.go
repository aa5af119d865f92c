package wire

import "errors"

// OIDs of the controls that the server takes and answers with.
const (
	AuthorizationIdentityRequest  = "2.16.840.1.113730.3.4.16" // RFC 3829
	AuthorizationIdentityResponse = "2.16.840.1.113730.3.4.15" // RFC 3829
	ProxiedAuthorization          = "2.16.840.1.113730.3.4.18" // RFC 4370
	ManageDsaIT                   = "2.16.840.1.113730.3.4.2"  // RFC 3296
	DontUseCopy                   = "1.3.6.1.1.22"             // RFC 6171

	// PingDirectory's.
	AccessTokenRequest  = "1.3.6.1.4.1.30221.2.5.67"
	AccessTokenResponse = "1.3.6.1.4.1.30221.2.5.68"
)

// ErrValue is returned for a control with a value that has none, or the other
// way round.
var ErrValue = errors.New("wire: the control has no such value")

// DecodeNoValue fails unless value is absent. Some clients send an empty one.
func DecodeNoValue(value []byte) error {
	if len(value) != 0 {
		return ErrValue
	}
	return nil
}
