package wire

import (
	"fmt"
	"math"

	"tallystick/internal/ber"
)

// PasswordChange is what a password is wanted for: the tag of the CHOICE in a
// PasswordQualityRequest.
type PasswordChange byte

// The kinds of change. Those behind "with" and "for" have a DN.
const (
	AddWithDefaultPolicy       PasswordChange = 0
	AddWithPolicy              PasswordChange = 1
	SelfChange                 PasswordChange = 2
	SelfChangeForUser          PasswordChange = 3
	AdministrativeResetForUser PasswordChange = 4
)

// hasDN reports whether a DN goes with c.
func (c PasswordChange) hasDN() bool { return c != AddWithDefaultPolicy && c != SelfChange }

// PasswordQualityRequest is a requestValue of Get password quality
// requirements.
//
//	SEQUENCE { CHOICE { addWithDefaultPasswordPolicy [0] NULL, addWithSpecifiedPasswordPolicy [1] LDAPDN,
//	           selfChangeForAuthorizationIdentity [2] NULL, selfChangeForSpecifiedUser [3] LDAPDN,
//	           administrativeResetForUser [4] LDAPDN, … }, … }
type PasswordQualityRequest struct {
	Change PasswordChange
	DN     string // of the policy or the user
}

// Encode returns the requestValue.
func (r PasswordQualityRequest) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendString(b, ber.Context|byte(r.Change), r.DN)
	return ber.End(b, start)
}

// DecodePasswordQualityRequest reads a requestValue (nil: absent, which is an
// error).
func DecodePasswordQualityRequest(value []byte) (PasswordQualityRequest, error) {
	fail := func(err error) (PasswordQualityRequest, error) {
		return PasswordQualityRequest{}, fmt.Errorf("password quality requirements request: %w", err)
	}
	f, err := fields(value, 5)
	if err != nil {
		return fail(err)
	}
	var r PasswordQualityRequest
	n := 0
	for i, contents := range f {
		if contents != nil {
			n++
			r = PasswordQualityRequest{PasswordChange(i), text(contents)}
		}
	}
	switch {
	case n != 1:
		return fail(ErrElements)
	case !r.Change.hasDN() && r.DN != "":
		return fail(ber.ErrValue)
	}
	return r, nil
}

// PasswordQualityResponse is the responseValue of a success.
//
//	SEQUENCE { SEQUENCE OF PasswordQualityRequirement, currentPasswordRequired [0] BOOLEAN OPTIONAL,
//	           mustChangePassword [1] BOOLEAN OPTIONAL, secondsUntilExpiration [2] INTEGER OPTIONAL, … }
type PasswordQualityResponse struct {
	Requirements            []PasswordQualityRequirement
	CurrentPasswordRequired *bool
	MustChangePassword      *bool
	SecondsUntilExpiration  *int32
}

// PasswordQualityRequirement is one thing that a new password must be.
//
//	SEQUENCE { description OCTET STRING,
//	           clientSideValidationInfo [1] SEQUENCE { validationType OCTET STRING,
//	                properties [1] SET OF SEQUENCE { name OCTET STRING, value OCTET STRING } OPTIONAL } OPTIONAL }
//
// The vendor's class comment says [0] for both; its code writes and demands [1].
type PasswordQualityRequirement struct {
	Description    string
	ValidationType string     // what a client can check; "": nothing
	Properties     []Property // for that
}

// Property is a name and a value.
type Property struct{ Name, Value string }

const validationInfo = ber.Context | ber.Constructed | 1

// Encode returns the responseValue.
func (r PasswordQualityResponse) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b, list := ber.Begin(b, ber.Sequence)
	for _, q := range r.Requirements {
		var one int
		b, one = ber.Begin(b, ber.Sequence)
		b = ber.AppendString(b, ber.OctetString, q.Description)
		b = ber.End(appendValidation(b, q), one)
	}
	b = ber.End(b, list)
	for tag, v := range []*bool{r.CurrentPasswordRequired, r.MustChangePassword} {
		if v != nil {
			b = ber.AppendBool(b, ber.Context|byte(tag), *v)
		}
	}
	if r.SecondsUntilExpiration != nil {
		b = ber.AppendInt(b, ber.Context|2, int64(*r.SecondsUntilExpiration))
	}
	return ber.End(b, start)
}

func appendValidation(b []byte, q PasswordQualityRequirement) []byte {
	if q.ValidationType == "" {
		return b
	}
	b, info := ber.Begin(b, validationInfo)
	b = ber.AppendString(b, ber.OctetString, q.ValidationType)
	if len(q.Properties) > 0 {
		var set int
		b, set = ber.Begin(b, validationInfo)
		for _, p := range q.Properties {
			var pair int
			b, pair = ber.Begin(b, ber.Sequence)
			b = ber.AppendString(b, ber.OctetString, p.Name)
			b = ber.AppendString(b, ber.OctetString, p.Value)
			b = ber.End(b, pair)
		}
		b = ber.End(b, set)
	}
	return ber.End(b, info)
}

// DecodePasswordQualityResponse reads a responseValue.
func DecodePasswordQualityResponse(value []byte) (PasswordQualityResponse, error) {
	resp, err := decodePasswordQualityResponse(value)
	if err != nil {
		return PasswordQualityResponse{}, fmt.Errorf("password quality requirements response: %w", err)
	}
	return resp, nil
}

func decodePasswordQualityResponse(value []byte) (resp PasswordQualityResponse, err error) {
	r, err := sequence(value)
	if err != nil {
		return resp, err
	}
	list, err := r.Enter(ber.Sequence)
	if err != nil {
		return resp, err
	}
	for !list.Done() {
		in, err := list.Enter(ber.Sequence)
		if err != nil {
			return resp, err
		}
		q, err := readRequirement(&in)
		if err != nil {
			return resp, err
		}
		resp.Requirements = append(resp.Requirements, q)
	}
	f, err := contextFields(r, 3)
	if err != nil {
		return resp, err
	}
	for i, to := range []**bool{&resp.CurrentPasswordRequired, &resp.MustChangePassword} {
		if f[i] != nil {
			b, err := ber.ParseBool(f[i])
			if err != nil {
				return resp, err
			}
			*to = &b
		}
	}
	if f[2] != nil {
		n, err := ber.ParseInt(f[2])
		if err != nil || n < math.MinInt32 || n > math.MaxInt32 {
			return resp, ber.ErrValue
		}
		seconds := int32(n)
		resp.SecondsUntilExpiration = &seconds
	}
	return resp, nil
}

func readRequirement(r *ber.Reader) (q PasswordQualityRequirement, err error) {
	description, err := r.Read(ber.OctetString)
	q.Description = text(description)
	if err != nil || r.Peek() != validationInfo {
		return q, err
	}
	info, err := r.Enter(validationInfo)
	if err != nil {
		return q, err
	}
	kind, err := info.Read(ber.OctetString)
	q.ValidationType = text(kind)
	switch {
	case err != nil:
		return q, err
	case q.ValidationType == "":
		return q, ber.ErrValue
	case info.Done():
		return q, nil
	}
	set, err := info.Enter(validationInfo)
	for err == nil && !set.Done() {
		var pair ber.Reader
		var name, value []byte
		if pair, err = set.Enter(ber.Sequence); err != nil {
			break
		}
		if name, err = pair.Read(ber.OctetString); err != nil {
			break
		}
		value, err = pair.Read(ber.OctetString)
		q.Properties = append(q.Properties, Property{text(name), text(value)})
	}
	return q, err
}
