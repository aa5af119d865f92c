package securid

import (
	"context"

	"tallystick/extop/wire"
)

// lookUpDevice tells of the credentials in a device.
func lookUpDevice(ctx context.Context, c *call) (any, error) {
	found, err := c.find(ctx, wire.ManageTOTPRequest{Device: c.body[deviceSerial]})
	if err != nil {
		return nil, err
	}
	return c.records(ctx, found)
}

func enableDevice(ctx context.Context, c *call) (any, error)  { return switchDevice(ctx, c, active) }
func disableDevice(ctx context.Context, c *call) (any, error) { return switchDevice(ctx, c, disabled) }

// switchDevice enables or disables what a user has in a device. What was never
// activated is not there yet.
func switchDevice(ctx context.Context, c *call, state string) (any, error) {
	dn, err := c.user(ctx)
	if err != nil {
		return nil, err
	}
	in := func(m wire.ManagedCredential) bool { return m.Device == c.body[deviceSerial] && m.State != pending }
	list, err := c.credentials(ctx, dn, in)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if err := c.switchTo(ctx, dn, state, m); err != nil {
			return nil, err
		}
	}
	if list, err = c.credentials(ctx, dn, in); err != nil {
		return nil, err
	}
	var answer []status
	for _, m := range list {
		s, err := c.status(ctx, m)
		if err != nil {
			return nil, err
		}
		s.DeviceSerial = &m.Device
		answer = append(answer, s)
	}
	return answer, nil
}

func deleteOTP(ctx context.Context, c *call) (any, error) {
	return revoke(ctx, c, func(m wire.ManagedCredential) bool { return c.bySerial(m) && m.Device == c.body[deviceSerial] })
}

// clearPIN changes nothing: no credential has a PIN.
func clearPIN(ctx context.Context, c *call) (any, error) {
	_, m, err := c.one(ctx, func(m wire.ManagedCredential) bool { return c.bySerial(m) && m.Device != "" })
	return pin{TokenSerial: m.Serial}, err
}
