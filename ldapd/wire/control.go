package wire

import (
	"errors"

	"tallystick/directory"
	"tallystick/internal/ber"
)

// OIDs of the controls that the server takes and answers with.
const (
	Assertion                     = "1.3.6.1.1.12"             // RFC 4528
	PreRead                       = "1.3.6.1.1.13.1"           // RFC 4527
	PostRead                      = "1.3.6.1.1.13.2"           // RFC 4527
	AuthorizationIdentityRequest  = "2.16.840.1.113730.3.4.16" // RFC 3829
	AuthorizationIdentityResponse = "2.16.840.1.113730.3.4.15" // RFC 3829
	ProxiedAuthorization          = "2.16.840.1.113730.3.4.18" // RFC 4370
	PagedResults                  = "1.2.840.113556.1.4.319"   // RFC 2696
	SortRequest                   = "1.2.840.113556.1.4.473"   // RFC 2891
	SortResponse                  = "1.2.840.113556.1.4.474"   // RFC 2891
	VirtualListRequest            = "2.16.840.1.113730.3.4.9"  // draft-ietf-ldapext-ldapv3-vlv
	VirtualListResponse           = "2.16.840.1.113730.3.4.10" // draft-ietf-ldapext-ldapv3-vlv
	MatchedValues                 = "1.2.826.0.1.3344810.2.3"  // RFC 3876
	ManageDsaIT                   = "2.16.840.1.113730.3.4.2"  // RFC 3296
	DontUseCopy                   = "1.3.6.1.1.22"             // RFC 6171
	PermissiveModify              = "1.2.840.113556.1.4.1413"  // Active Directory
	SubtreeDelete                 = "1.2.840.113556.1.4.805"   // draft-armijo-ldap-treedelete
	NoOp                          = "1.3.6.1.4.1.4203.1.10.2"  // draft-zeilenga-ldap-noop
	NoOpOpenLDAP                  = "1.3.6.1.4.1.4203.666.5.2" // the same, as OpenLDAP's tools know it
	TransactionSpecification      = "1.3.6.1.1.21.2"           // RFC 5805
	NameWithEntryUUID             = "1.3.6.1.4.1.30221.2.5.44" // PingDirectory

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

// DecodeFilter reads the value of an assertion control: a Filter.
func DecodeFilter(value []byte, limits Limits) (*directory.Filter, error) {
	d, r, f := decoder{Limits: limits}, ber.NewReader(value), new(directory.Filter)
	if err := d.filter(&r, f, 1); err != nil {
		return nil, err
	}
	if !r.Done() {
		return nil, ber.ErrTrailing
	}
	return f, nil
}

// DecodeAttributeSelection reads the value of a pre- or post-read control.
func DecodeAttributeSelection(value []byte, limits Limits) ([]string, error) {
	d, r := decoder{Limits: limits}, ber.NewReader(value)
	names, err := d.attributeSelection(&r)
	if err == nil && !r.Done() {
		err = ber.ErrTrailing
	}
	return names, err
}

// EncodeEntry is the value of a pre- or post-read response control: a
// SearchResultEntry.
func EncodeEntry(e *directory.Entry) []byte { return appendEntry(nil, e) }
