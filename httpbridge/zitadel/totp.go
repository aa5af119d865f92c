package zitadel

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"tallystick/extop/wire"
	userv3alpha "tallystick/httpbridge/zitadel/api/zitadel/user/v3alpha"
)

// StartTOTPRegistration makes a pending credential and shows its secret.
func (v *users) StartTOTPRegistration(ctx context.Context, req *userv3alpha.StartTOTPRegistrationRequest) (*userv3alpha.StartTOTPRegistrationResponse, error) {
	u, err := v.subject(ctx, req.UserId, nil)
	if err != nil {
		return nil, err
	}
	defer u.Release()
	made, err := u.change(ctx, wire.ManageTOTPRequest{Action: wire.ManageEnrol})
	if err != nil {
		return nil, err
	}
	return &userv3alpha.StartTOTPRegistrationResponse{
		Details: u.details(made), TotpId: made.ID, Uri: made.URI, Secret: made.Secret,
	}, nil
}

// VerifyTOTPRegistration makes a pending credential active by its first code.
func (v *users) VerifyTOTPRegistration(ctx context.Context, req *userv3alpha.VerifyTOTPRegistrationRequest) (*userv3alpha.VerifyTOTPRegistrationResponse, error) {
	u, err := v.subject(ctx, req.UserId, func() error {
		if n := utf8.RuneCountInString(req.Code); n < 6 || n > 9 {
			return invalid("code: 6 to 9 characters")
		}
		return checkID("totpId", req.TotpId)
	})
	if err != nil {
		return nil, err
	}
	defer u.Release()
	list, err := u.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageList})
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list.Credentials, func(c wire.ManagedCredential) bool { return c.ID == req.TotpId })
	switch {
	case i < 0:
		return nil, errVerifyNoTOTP
	case list.Credentials[i].State != pending:
		return nil, errAlreadyReady
	}
	_, err = u.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageConfirm, ID: req.TotpId, Code: req.Code})
	if isResult(err, ldap.LDAPResultInvalidCredentials) {
		err = errInvalidCode
	}
	if err != nil {
		return nil, err
	}
	return &userv3alpha.VerifyTOTPRegistrationResponse{Details: u.changed(ctx)}, nil
}

// pending is the state of a credential of which no code was accepted yet.
const pending = "pending"

// RemoveTOTPAuthenticator removes a credential, verified or not.
func (v *users) RemoveTOTPAuthenticator(ctx context.Context, req *userv3alpha.RemoveTOTPAuthenticatorRequest) (*userv3alpha.RemoveTOTPAuthenticatorResponse, error) {
	u, err := v.subject(ctx, req.UserId, func() error { return checkID("totpId", req.TotpId) })
	if err != nil {
		return nil, err
	}
	defer u.Release()
	_, err = u.change(ctx, wire.ManageTOTPRequest{Action: wire.ManageRevoke, ID: req.TotpId})
	if isResult(err, ldap.LDAPResultNoSuchAttribute) {
		err = errRemoveNoTOTP
	}
	if err != nil {
		return nil, err
	}
	return &userv3alpha.RemoveTOTPAuthenticatorResponse{Details: u.changed(ctx)}, nil
}
