package zitadel

import (
	"context"

	userv3alpha "tallystick/httpbridge/zitadel/api/zitadel/user/v3alpha"
)

// StartTOTPRegistration makes a pending credential and shows its secret.
func (v *users) StartTOTPRegistration(ctx context.Context, req *userv3alpha.StartTOTPRegistrationRequest) (*userv3alpha.StartTOTPRegistrationResponse, error) {
	u, err := v.subject(ctx, req.UserId, nil)
	if err != nil {
		return nil, err
	}
	defer u.Release()
	made, err := u.start(ctx)
	if err != nil {
		return nil, err
	}
	return &userv3alpha.StartTOTPRegistrationResponse{
		Details: u.state(made).v2beta(), TotpId: made.ID, Uri: made.URI, Secret: made.Secret,
	}, nil
}

// VerifyTOTPRegistration makes a pending credential active by its first code.
func (v *users) VerifyTOTPRegistration(ctx context.Context, req *userv3alpha.VerifyTOTPRegistrationRequest) (*userv3alpha.VerifyTOTPRegistrationResponse, error) {
	u, err := v.subject(ctx, req.UserId, func() error { return first(checkCode(req.Code), checkID("totpId", req.TotpId)) })
	if err != nil {
		return nil, err
	}
	defer u.Release()
	now, err := u.verify(ctx, req.TotpId, req.Code)
	if err != nil {
		return nil, err
	}
	return &userv3alpha.VerifyTOTPRegistrationResponse{Details: now.v2beta()}, nil
}

// RemoveTOTPAuthenticator removes a credential, verified or not.
func (v *users) RemoveTOTPAuthenticator(ctx context.Context, req *userv3alpha.RemoveTOTPAuthenticatorRequest) (*userv3alpha.RemoveTOTPAuthenticatorResponse, error) {
	u, err := v.subject(ctx, req.UserId, func() error { return checkID("totpId", req.TotpId) })
	if err != nil {
		return nil, err
	}
	defer u.Release()
	now, err := u.remove(ctx, req.TotpId)
	if err != nil {
		return nil, err
	}
	return &userv3alpha.RemoveTOTPAuthenticatorResponse{Details: now.v2beta()}, nil
}
