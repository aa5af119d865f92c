package securid

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
)

// entryUUID is the attribute that is the id of a user.
const entryUUID = "entryUUID"

// search returns the entries that the caller may see. An absent base finds
// nothing.
func (c *call) search(ctx context.Context, req upstream.SearchRequest) ([]upstream.Entry, error) {
	found, err := c.Search(ctx, req)
	if isResult(err, 32) { // noSuchObject
		return nil, nil
	}
	return found, err
}

// user is the DN of the user that the call is about.
func (c *call) user(ctx context.Context) (dn string, err error) {
	if !isUUID(c.userID) {
		return "", errNotFound
	}
	found, err := c.search(ctx, upstream.SearchRequest{
		Scope: upstream.WholeSubtree, Filter: "(" + entryUUID + "=" + c.userID + ")", Attributes: []string{"1.1"}, SizeLimit: 2,
	})
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", errNotFound
	}
	return found[0].DN, nil
}

// manage asks for something about credentials of the user dn; "": of nobody in
// particular.
func (c *call) manage(ctx context.Context, dn string, req wire.ManageTOTPRequest) (wire.ManageTOTPResponse, error) {
	if dn != "" {
		req.AuthenticationID = new("dn:" + dn)
	}
	_, value, err := c.Extended(ctx, wire.ManageTOTPOID, req.Encode())
	if err != nil {
		return wire.ManageTOTPResponse{}, err
	}
	resp, err := wire.DecodeManageTOTPResponse(value)
	if err != nil {
		err = fmt.Errorf("%w: %w", upstream.ErrProtocol, err)
	}
	return resp, err
}

// credentials are those of the user dn for which keep holds; errNotFound if
// there are none.
func (c *call) credentials(ctx context.Context, dn string, keep func(wire.ManagedCredential) bool) ([]wire.ManagedCredential, error) {
	list, err := c.manage(ctx, dn, wire.ManageTOTPRequest{Action: wire.ManageList})
	if err != nil {
		return nil, err
	}
	var kept []wire.ManagedCredential
	for _, m := range list.Credentials {
		if keep(m) {
			kept = append(kept, m)
		}
	}
	if kept == nil {
		return nil, errNotFound
	}
	return kept, nil
}

// one is the user that the call is about, and the one credential of his for
// which keep holds.
func (c *call) one(ctx context.Context, keep func(wire.ManagedCredential) bool) (dn string, m wire.ManagedCredential, err error) {
	if dn, err = c.user(ctx); err != nil {
		return "", m, err
	}
	list, err := c.credentials(ctx, dn, keep)
	if err != nil {
		return "", m, err
	}
	if len(list) > 1 {
		return "", m, fmt.Errorf("%w: several have the number", errNotFound)
	}
	return dn, list[0], nil
}

// bySerial is the credential with the serial number of the body.
func (c *call) bySerial(m wire.ManagedCredential) bool { return m.Serial == c.body[tokenSerial] }

// find returns the credentials with a number, whoever's they are; errNotFound
// if there are none.
func (c *call) find(ctx context.Context, req wire.ManageTOTPRequest) ([]wire.ManagedCredential, error) {
	req.Action = wire.ManageFind
	found, err := c.manage(ctx, "", req)
	if err == nil && len(found.Credentials) == 0 {
		err = errNotFound
	}
	return found.Credentials, err
}

// records tells of credentials that were found, each with its owner.
func (c *call) records(ctx context.Context, found []wire.ManagedCredential) ([]credential, error) {
	var list []credential
	for _, m := range found {
		owner, err := c.search(ctx, upstream.SearchRequest{Base: m.Owner, Scope: upstream.BaseObject, Filter: "(objectClass=*)", Attributes: []string{entryUUID}})
		if err != nil {
			return nil, err
		}
		if len(owner) == 0 { // deleted a moment ago
			continue
		}
		r, err := c.record(ctx, strings.ToLower(value(owner[0], entryUUID)), m)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	if list == nil {
		return nil, errNotFound
	}
	return list, nil
}

// switchTo enables or disables a credential, unless it is so already.
func (c *call) switchTo(ctx context.Context, dn, state string, m wire.ManagedCredential) error {
	if m.State == state {
		return nil
	}
	action := wire.ManageEnable
	if state == disabled {
		action = wire.ManageDisable
	}
	_, err := c.manage(ctx, dn, wire.ManageTOTPRequest{Action: action, ID: m.ID})
	return err
}

// The attribute of a locked account, and its value if the account is disabled:
// others are of failed attempts, or for a time.
const (
	accountLock   = "pwdAccountLockedTime"
	lockedForGood = "000001010000Z"
)

// user is what is told of a user. Absent values are null.
type user struct {
	ID                string  `json:"id"`
	EmailAddress      string  `json:"emailAddress"`
	FirstName         *string `json:"firstName"`
	LastName          *string `json:"lastName"`
	UserStatus        string  `json:"userStatus"`
	IdentitySource    *string `json:"identitySource"`
	PrincipalUsername *string `json:"principalUsername"`
	AlternateUsername *string `json:"alternateUsername"`
}

// lookUpUser finds the one user with a mail address.
func lookUpUser(ctx context.Context, c *call) (any, error) {
	email := c.body[emailMember]
	found, err := c.search(ctx, upstream.SearchRequest{
		Scope: upstream.WholeSubtree, Filter: "(mail=" + upstream.EscapeFilter(email) + ")", SizeLimit: 2,
		Attributes: []string{entryUUID, "mail", "givenName", "sn", "uid", accountLock},
	})
	if err != nil && !isResult(err, 4) { // sizeLimitExceeded
		return nil, err
	}
	if len(found) != 1 {
		return nil, errNotFound
	}
	e := found[0]
	u := user{
		ID:                strings.ToLower(value(e, entryUUID)),
		EmailAddress:      email,
		FirstName:         optional(value(e, "givenName")),
		LastName:          optional(value(e, "sn")),
		UserStatus:        statusEnabled,
		PrincipalUsername: optional(value(e, "uid")),
	}
	for _, mail := range values(e, "mail") {
		if strings.EqualFold(mail, email) {
			u.EmailAddress = mail
		}
	}
	if value(e, accountLock) == lockedForGood {
		u.UserStatus = statusDisabled
	}
	return u, nil
}

// What Password policy state calls disabling a user and enabling him.
const (
	setDisabled   = 2
	clearDisabled = 3
)

// setUserStatus disables a user, who cannot log in until he is enabled. Failed
// attempts are another matter: they are not forgotten.
func setUserStatus(ctx context.Context, c *call) (any, error) {
	operation := wire.PasswordStateOperation{Type: clearDisabled}
	switch c.body[userStatus] {
	case statusEnabled:
	case statusDisabled:
		operation = wire.PasswordStateOperation{Type: setDisabled, Values: []string{"true"}}
	default:
		return nil, badRequest("%s: is %s or %s", userStatus, statusEnabled, statusDisabled)
	}
	dn, err := c.user(ctx)
	if err != nil {
		return nil, err
	}
	request := wire.PasswordStateMessage{TargetUser: dn, Operations: []wire.PasswordStateOperation{operation}}
	_, _, err = c.Extended(ctx, wire.PasswordStateOID, request.Encode())
	return struct {
		ID         string `json:"id"`
		UserStatus string `json:"userStatus"`
	}{c.userID, c.body[userStatus]}, err
}

// devices are those of a user, by kind.
type devices struct {
	Devices    []credential `json:"devices"`    // apps: there are none here
	FIDOTokens []credential `json:"fidoTokens"` // nor of these
	SIDTokens  []credential `json:"sidTokens"`
}

func listDevices(ctx context.Context, c *call) (any, error) {
	dn, err := c.user(ctx)
	if err != nil {
		return nil, err
	}
	answer := devices{Devices: []credential{}, FIDOTokens: []credential{}, SIDTokens: []credential{}}
	list, err := c.credentials(ctx, dn, func(wire.ManagedCredential) bool { return true })
	if err != nil && !errors.Is(err, errNotFound) {
		return nil, err
	}
	for _, m := range list {
		r, err := c.record(ctx, c.userID, m)
		if err != nil {
			return nil, err
		}
		answer.SIDTokens = append(answer.SIDTokens, r)
	}
	return answer, nil
}

func deleteDevice(ctx context.Context, c *call) (any, error) {
	return revoke(ctx, c, func(m wire.ManagedCredential) bool { return deviceID(m.ID) == c.deviceID })
}

// revoke removes the one credential for which keep holds.
func revoke(ctx context.Context, c *call, keep func(wire.ManagedCredential) bool) (any, error) {
	dn, m, err := c.one(ctx, keep)
	if err != nil {
		return nil, err
	}
	_, err = c.manage(ctx, dn, wire.ManageTOTPRequest{Action: wire.ManageRevoke, ID: m.ID})
	return nil, err
}

// unlock lets a user in again who tried wrong codes. The only ones there are
// come from a token.
func unlock(ctx context.Context, c *call) (any, error) {
	dn, err := c.user(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(strings.Fields(c.body[unlockMethods]), "TOKEN") {
		return nil, nil
	}
	_, err = c.manage(ctx, dn, wire.ManageTOTPRequest{Action: wire.ManageUnlock})
	return nil, err
}
