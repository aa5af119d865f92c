package pingdirectory

import (
	"context"
	"fmt"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
)

// The members of passwordRequirements.
const (
	operationType    = "operationType"
	userDN           = "userDN"
	passwordPolicyDN = "passwordPolicyDN"
)

// passwordRequirements asks the server what a new password must be.
func passwordRequirements(ctx context.Context, h *Handler, c *call) (*reply, error) {
	b, controls, err := readStrings(c.document, []string{operationType, userDN, passwordPolicyDN})
	if err != nil {
		return nil, err
	}
	req, err := qualityRequest(b)
	if err != nil {
		return nil, err
	}
	for _, control := range controls {
		if control.OID == noOp {
			return nil, errNoOp
		}
	}
	if req.Change == wire.SelfChange && c.user == nil {
		return nil, errUnauthenticated
	}
	value, answered, err := h.ask(ctx, c, wire.PasswordQualityOID, req.Encode(), controls)
	if err != nil {
		return nil, err
	}
	resp, err := wire.DecodePasswordQualityResponse(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", upstream.ErrProtocol, err)
	}
	return done(withControls(requirements(resp), answered)), nil
}

// noOp is the control that has nothing to say about a question.
const noOp = "1.3.6.1.4.1.4203.1.10.2"

// qualityRequest is the operation's request for a body.
func qualityRequest(b body) (wire.PasswordQualityRequest, error) {
	user, policy := b[userDN], b[passwordPolicyDN]
	kind := b[operationType]
	if kind != "add" && policy != "" {
		return wire.PasswordQualityRequest{}, badMember(passwordPolicyDN, "goes with add only")
	}
	switch kind {
	case "add":
		switch {
		case user != "":
			return wire.PasswordQualityRequest{}, badMember(userDN, "does not go with add")
		case policy != "":
			return wire.PasswordQualityRequest{Change: wire.AddWithPolicy, DN: policy}, nil
		}
		return wire.PasswordQualityRequest{Change: wire.AddWithDefaultPolicy}, nil
	case "selfChange":
		if user == "" {
			return wire.PasswordQualityRequest{Change: wire.SelfChange}, nil
		}
		return wire.PasswordQualityRequest{Change: wire.SelfChangeForUser, DN: user}, nil
	case "administrativeReset":
		if user == "" {
			return wire.PasswordQualityRequest{}, badMember(userDN, "must be there")
		}
		return wire.PasswordQualityRequest{Change: wire.AdministrativeResetForUser, DN: user}, nil
	}
	return wire.PasswordQualityRequest{}, badMember(operationType, "must be add, selfChange or administrativeReset")
}

// requirements is the answer in JSON, under the names that the SDK gives the
// elements.
func requirements(resp wire.PasswordQualityResponse) object {
	list := []object{}
	for _, q := range resp.Requirements {
		one := object{{"description", q.Description}}
		if q.ValidationType != "" {
			properties := object{}
			for _, p := range q.Properties {
				properties = append(properties, member{p.Name, p.Value})
			}
			one = append(one, member{"clientSideValidationType", q.ValidationType}, member{"clientSideValidationProperties", properties})
		}
		list = append(list, one)
	}
	o := object{succeeded, {"passwordQualityRequirements", list}}
	if v := resp.CurrentPasswordRequired; v != nil {
		o = append(o, member{"currentPasswordRequired", *v})
	}
	if v := resp.MustChangePassword; v != nil {
		o = append(o, member{"mustChangePassword", *v})
	}
	if v := resp.SecondsUntilExpiration; v != nil {
		o = append(o, member{"secondsUntilExpiration", *v})
	}
	return o
}
