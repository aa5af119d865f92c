package securid

import (
	"context"
	"fmt"

	"tallystick/extop/wire"
)

// lookUpToken tells of the one credential with a serial number.
func lookUpToken(ctx context.Context, c *call) (any, error) {
	found, err := c.find(ctx, wire.ManageTOTPRequest{Serial: c.body[tokenSerial]})
	if err != nil {
		return nil, err
	}
	list, err := c.records(ctx, found)
	if err != nil {
		return nil, err
	}
	if len(list) > 1 {
		return nil, fmt.Errorf("%w: several have the number", errNotFound)
	}
	return list[0], nil
}

// deleteToken removes a credential by its serial number alone, which RSA leaves
// to Super Administrators.
func deleteToken(ctx context.Context, c *call) (any, error) {
	if !c.key.super {
		return nil, errForbidden
	}
	found, err := c.find(ctx, wire.ManageTOTPRequest{Serial: c.body[tokenSerial]})
	if err != nil {
		return nil, err
	}
	if len(found) > 1 {
		return nil, fmt.Errorf("%w: several have the number", errNotFound)
	}
	_, err = c.manage(ctx, found[0].Owner, wire.ManageTOTPRequest{Action: wire.ManageRevoke, ID: found[0].ID})
	return nil, err
}

func enableToken(ctx context.Context, c *call) (any, error)  { return switchToken(ctx, c, active) }
func disableToken(ctx context.Context, c *call) (any, error) { return switchToken(ctx, c, disabled) }

// switchToken enables or disables a user's token. One that was never activated
// is in another state.
func switchToken(ctx context.Context, c *call, state string) (any, error) {
	dn, m, err := c.one(ctx, c.bySerial)
	if err != nil {
		return nil, err
	}
	if err := c.switchTo(ctx, dn, state, m); err != nil {
		return nil, err
	}
	list, err := c.credentials(ctx, dn, func(again wire.ManagedCredential) bool { return again.ID == m.ID })
	if err != nil {
		return nil, err
	}
	return c.status(ctx, list[0])
}

// longestName is how many octets the name of a credential has at most.
const longestName = 64

func renameToken(ctx context.Context, c *call) (any, error) {
	name := c.body[updatedName]
	if len(name) > longestName {
		return nil, badRequest("%s: has %d octets at most", updatedName, longestName)
	}
	dn, m, err := c.one(ctx, c.bySerial)
	if err != nil {
		return nil, err
	}
	_, err = c.manage(ctx, dn, wire.ManageTOTPRequest{Action: wire.ManageRename, ID: m.ID, Name: name})
	return struct {
		UserID      string `json:"userId"`
		TokenSerial string `json:"tokenSerialNumber"`
		Name        string `json:"name"`
	}{c.userID, m.Serial, name}, err
}

// clearTokenPIN changes nothing: no credential has a PIN.
func clearTokenPIN(ctx context.Context, c *call) (any, error) {
	_, m, err := c.one(ctx, c.bySerial)
	return pin{UserID: c.userID, TokenSerial: m.Serial}, err
}
