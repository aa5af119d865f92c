package zitadel

import (
	"context"

	objectv3alpha "tallystick/httpbridge/zitadel/api/zitadel/object/v3alpha"
	resourcesuserv3alpha "tallystick/httpbridge/zitadel/api/zitadel/resources/user/v3alpha"
)

// resources serves the calls of ZITADELUsers, which followed UserService: the
// same in another shape.
type resources struct{ *users }

// within refuses what a caller expects of a user and nobody here can judge.
func within(i *objectv3alpha.Instance, o *objectv3alpha.Organization) error {
	if i != nil || o != nil {
		return invalid("there are neither instances nor organizations here")
	}
	return nil
}

// StartTOTPRegistration is that of UserService.
func (v resources) StartTOTPRegistration(ctx context.Context, req *resourcesuserv3alpha.StartTOTPRegistrationRequest) (*resourcesuserv3alpha.StartTOTPRegistrationResponse, error) {
	u, err := v.subject(ctx, req.Id, func() error { return within(req.Instance, req.Organization) })
	if err != nil {
		return nil, err
	}
	defer u.Release()
	made, err := u.start(ctx)
	if err != nil {
		return nil, err
	}
	return &resourcesuserv3alpha.StartTOTPRegistrationResponse{
		Details: u.state(made).resources(), TotpId: made.ID, Uri: made.URI, Secret: made.Secret,
	}, nil
}

// VerifyTOTPRegistration is that of UserService.
func (v resources) VerifyTOTPRegistration(ctx context.Context, req *resourcesuserv3alpha.VerifyTOTPRegistrationRequest) (*resourcesuserv3alpha.VerifyTOTPRegistrationResponse, error) {
	u, err := v.subject(ctx, req.Id, func() error {
		return first(within(req.Instance, req.Organization), checkCode(req.Code), checkID("totpId", req.TotpId))
	})
	if err != nil {
		return nil, err
	}
	defer u.Release()
	now, err := u.verify(ctx, req.TotpId, req.Code)
	if err != nil {
		return nil, err
	}
	return &resourcesuserv3alpha.VerifyTOTPRegistrationResponse{Details: now.resources()}, nil
}

// RemoveTOTPAuthenticator is that of UserService.
func (v resources) RemoveTOTPAuthenticator(ctx context.Context, req *resourcesuserv3alpha.RemoveTOTPAuthenticatorRequest) (*resourcesuserv3alpha.RemoveTOTPAuthenticatorResponse, error) {
	u, err := v.subject(ctx, req.Id, func() error {
		return first(within(req.Instance, req.Organization), checkID("totpId", req.TotpId))
	})
	if err != nil {
		return nil, err
	}
	defer u.Release()
	now, err := u.remove(ctx, req.TotpId)
	if err != nil {
		return nil, err
	}
	return &resourcesuserv3alpha.RemoveTOTPAuthenticatorResponse{Details: now.resources()}, nil
}
