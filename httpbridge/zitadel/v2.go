package zitadel

import (
	"context"

	"tallystick/extop/wire"
	userv2 "tallystick/httpbridge/zitadel/api/zitadel/user/v2"
)

// v2 serves the calls of ZITADEL's current UserService, in which a user has one
// TOTP without an id.
type v2 struct{ *users }

// RegisterTOTP makes the user's one credential. It replaces what is pending, and
// is refused if there is one that was verified.
func (v v2) RegisterTOTP(ctx context.Context, req *userv2.RegisterTOTPRequest) (*userv2.RegisterTOTPResponse, error) {
	u, err := v.subject(ctx, req.UserId, nil)
	if err != nil {
		return nil, err
	}
	defer u.Release()
	list, err := u.list(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range list.Credentials {
		if c.State != pending {
			return nil, errHasTOTP
		}
	}
	for _, c := range list.Credentials {
		if _, err := u.change(ctx, wire.ManageTOTPRequest{Action: wire.ManageRevoke, ID: c.ID}); err != nil {
			return nil, err
		}
	}
	made, err := u.start(ctx)
	if err != nil {
		return nil, err
	}
	return &userv2.RegisterTOTPResponse{Details: u.state(made).v2(), Uri: made.URI, Secret: made.Secret}, nil
}

// VerifyTOTPRegistration makes the user's one credential active.
func (v v2) VerifyTOTPRegistration(ctx context.Context, req *userv2.VerifyTOTPRegistrationRequest) (*userv2.VerifyTOTPRegistrationResponse, error) {
	u, err := v.subject(ctx, req.UserId, func() error { return checkCode(req.Code) })
	if err != nil {
		return nil, err
	}
	defer u.Release()
	totpID, err := u.only(ctx, errVerifyNoTOTP)
	if err != nil {
		return nil, err
	}
	now, err := u.verify(ctx, totpID, req.Code)
	if err != nil {
		return nil, err
	}
	return &userv2.VerifyTOTPRegistrationResponse{Details: now.v2()}, nil
}

// RemoveTOTP removes the user's one credential.
func (v v2) RemoveTOTP(ctx context.Context, req *userv2.RemoveTOTPRequest) (*userv2.RemoveTOTPResponse, error) {
	u, err := v.subject(ctx, req.UserId, nil)
	if err != nil {
		return nil, err
	}
	defer u.Release()
	totpID, err := u.only(ctx, errRemoveNoTOTP)
	if err != nil {
		return nil, err
	}
	now, err := u.remove(ctx, totpID)
	if err != nil {
		return nil, err
	}
	return &userv2.RemoveTOTPResponse{Details: now.v2()}, nil
}

// only is the id of the user's one credential; none is the error if he has none.
func (u *subject) only(ctx context.Context, none error) (string, error) {
	list, err := u.list(ctx)
	switch {
	case err != nil:
		return "", err
	case len(list.Credentials) == 0:
		return "", none
	case len(list.Credentials) > 1:
		return "", errSeveralTOTPs
	}
	return list.Credentials[0].ID, nil
}
