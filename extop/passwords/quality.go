package passwords

import (
	"context"
	"fmt"
	"strconv"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Rules are what new passwords must be; *directory.Directory has them.
type Rules interface {
	PasswordRules() directory.PasswordRules
}

// Quality is the operation Get password quality requirements. NewQuality makes
// one.
type Quality struct{ rules Rules }

// NewQuality returns the operation on r.
func NewQuality(r Rules) Quality { return Quality{r} }

// OID is the requestName.
func (Quality) OID() string { return wire.PasswordQualityOID }

// Serve tells anybody what a new password must be. That is the same for all
// users, so a user in the request is not looked for and nobody learns whether
// there is one.
func (o Quality) Serve(_ context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodePasswordQualityRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	switch r.Change {
	case wire.AddWithPolicy:
		err = requirePolicy(r.DN)
	case wire.SelfChange:
		if req.From.Anonymous() {
			err = directory.Errorf(directory.UnwillingToPerform, "whose password? Bind first or name the user")
		}
	case wire.SelfChangeForUser, wire.AdministrativeResetForUser:
		_, err = parseDN(r.DN)
	}
	if err != nil {
		return nil, err
	}
	rules := o.rules.PasswordRules()
	resp := wire.PasswordQualityResponse{Requirements: []wire.PasswordQualityRequirement{{
		Description:    fmt.Sprintf("%s, and at most %d octets", atLeast(rules.MinLength), rules.MaxLength),
		ValidationType: "length",
		Properties: []wire.Property{
			{Name: "min-password-length", Value: strconv.Itoa(rules.MinLength)},
			{Name: "max-password-length", Value: strconv.Itoa(rules.MaxLength)},
		},
	}}}
	return &extop.Response{OID: wire.PasswordQualityResponseOID, Value: resp.Encode()}, nil
}

func atLeast(n int) string {
	if n == 1 {
		return "at least one character"
	}
	return fmt.Sprintf("at least %d characters", n)
}
