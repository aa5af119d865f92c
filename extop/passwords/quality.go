package passwords

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Quality is the operation Get password quality requirements. NewQuality makes
// one.
type Quality struct{ policies Policies }

// NewQuality returns the operation on p.
func NewQuality(p Policies) Quality { return Quality{p} }

// OID is the requestName.
func (Quality) OID() string { return wire.PasswordQualityOID }

// Serve tells what a new password must be. Anybody may ask; who may not read
// entries hears of the default policy whatever user he names, so that nobody
// learns whether there is one.
func (o Quality) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodePasswordQualityRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	var choice directory.PasswordPolicyChoice
	self := false
	switch r.Change {
	case wire.AddWithPolicy:
		choice.Policy = &r.DN
	case wire.SelfChange:
		if req.From.Anonymous() {
			return nil, directory.Errorf(directory.UnwillingToPerform, "whose password? Bind first or name the user")
		}
		choice.Self, self = true, true
	case wire.SelfChangeForUser:
		choice.User, self = &r.DN, true
	case wire.AdministrativeResetForUser:
		choice.User = &r.DN
	}
	policy, err := o.policies.PasswordPolicy(ctx, req.From, choice)
	if err != nil {
		return nil, err
	}
	resp := wire.PasswordQualityResponse{Requirements: requirements(policy.Rules)}
	if policy.CurrentRequired && self {
		resp.CurrentPasswordRequired = &policy.CurrentRequired
	}
	if policy.MustChange && !self {
		resp.MustChangePassword = &policy.MustChange
	}
	if policy.MaxAge > 0 {
		seconds := int32(min(int64(policy.MaxAge/time.Second), math.MaxInt32))
		resp.SecondsUntilExpiration = &seconds
	}
	return &extop.Response{OID: wire.PasswordQualityResponseOID, Value: resp.Encode()}, nil
}

func requirements(rules directory.PasswordRules) []wire.PasswordQualityRequirement {
	list := []wire.PasswordQualityRequirement{{
		Description:    fmt.Sprintf("%s, and at most %d octets", atLeast(rules.MinLength), rules.MaxLength),
		ValidationType: "length",
		Properties: []wire.Property{
			{Name: "min-password-length", Value: strconv.Itoa(rules.MinLength)},
			{Name: "max-password-length", Value: strconv.Itoa(rules.MaxLength)},
		},
	}}
	if rules.MinScore > 0 {
		list = append(list, wire.PasswordQualityRequirement{Description: fmt.Sprintf("not easy to guess: %d of 4 by zxcvbn", rules.MinScore)})
	}
	if rules.InHistory >= 0 {
		list = append(list, wire.PasswordQualityRequirement{Description: fmt.Sprintf("neither the one there is nor one of the %d before it", rules.InHistory)})
	}
	return list
}

func atLeast(n int) string {
	if n == 1 {
		return "at least one character"
	}
	return fmt.Sprintf("at least %d characters", n)
}
