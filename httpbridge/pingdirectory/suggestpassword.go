package pingdirectory

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"tallystick/extop/wire"
	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// suggestPassword asks the server for passwords that somebody may choose.
func suggestPassword(ctx context.Context, h *Handler, c *call) (*reply, error) {
	req, controls, err := readSuggestion(c.document)
	if err != nil {
		return nil, err
	}
	value, answered, err := h.ask(ctx, c, wire.GeneratePasswordOID, req.Encode(), controls)
	if err != nil {
		return nil, err
	}
	resp, err := wire.DecodeGeneratePasswordResponse(value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", upstream.ErrProtocol, err)
	}
	list := []object{}
	for _, p := range resp.Passwords {
		one := object{{"password", p.Password}, {"validationAttempted", p.ValidationAttempted}}
		if len(p.ValidationErrors) > 0 {
			one = append(one, member{"validationErrors", p.ValidationErrors})
		}
		list = append(list, one)
	}
	return done(withControls(object{
		succeeded,
		{"passwordPolicyDN", resp.PasswordPolicyDN},
		{"generatedPasswords", list},
	}, answered)), nil
}

// ask sends an extended request for the header's user, or for nobody if there
// is no header and the server agrees.
func (h *Handler) ask(ctx context.Context, c *call, oid string, value []byte, controls []upstream.Control) (response []byte, answered []strictjson.Value, err error) {
	s, err := anySession(ctx, h.ldap, c)
	if err != nil {
		return nil, nil, err
	}
	defer s.Release()
	if _, response, err = s.Extended(ctx, oid, value, controls...); err != nil {
		if r, ok := err.(*upstream.Result); ok && r.Code == insufficientAccessRights && c.user == nil {
			err = errUnauthenticated
		}
		return nil, nil, err
	}
	answered, err = responseControls(s)
	return response, answered, err
}

func readSuggestion(doc *strictjson.Document) (req wire.GeneratePasswordRequest, controls []upstream.Control, err error) {
	req = wire.GeneratePasswordRequest{NumberOfPasswords: wire.DefaultPasswords, ValidationAttempts: wire.DefaultValidationAttempts}
	if doc == nil {
		return req, nil, nil
	}
	for _, m := range doc.Root.Members {
		switch m.Name {
		case "_controls":
			controls, err = readControls(doc, m.Value)
		case "passwordPolicyDN":
			req.Policy.PasswordPolicyDN, err = optionalText(doc, m)
		case "targetEntryDN":
			req.Policy.TargetEntryDN, err = optionalText(doc, m)
		case "numberOfPasswords":
			err = readNumber(doc, m, 1, &req.NumberOfPasswords)
		case "validationAttempts":
			err = readNumber(doc, m, 0, &req.ValidationAttempts)
		default:
			err = badBody(doc.AtMember(m, strictjson.Join("", m.Name), "unknown member"))
		}
		if err != nil {
			return req, nil, err
		}
	}
	if req.Policy.PasswordPolicyDN != nil && req.Policy.TargetEntryDN != nil {
		return req, nil, errTwoPolicies
	}
	return req, controls, nil
}

// optionalText is a member that is a string; nil if it is null.
func optionalText(doc *strictjson.Document, m strictjson.Member) (*string, error) {
	s, err := text(doc, m)
	if s == "" {
		return nil, err
	}
	return &s, nil
}

// readNumber reads a member that is an integer into to; null leaves it.
func readNumber(doc *strictjson.Document, m strictjson.Member, least int, to *int) error {
	if m.Value.Kind == strictjson.Null {
		return nil
	}
	n, err := strconv.Atoi(m.Value.Text)
	if m.Value.Kind != strictjson.Number || err != nil || n < least || n > math.MaxInt32 {
		return badBody(doc.At(m.Value, m.Name, "must be an integer, and at least %d", least))
	}
	*to = n
	return nil
}
