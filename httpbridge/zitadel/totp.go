package zitadel

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"tallystick/extop/wire"
)

// pending is the state of a credential of which no code was accepted yet.
const pending = "pending"

// list tells of the user's credentials.
func (u *subject) list(ctx context.Context) (wire.ManageTOTPResponse, error) {
	return u.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageList})
}

// start makes a pending credential and shows its secret.
func (u *subject) start(ctx context.Context) (wire.ManageTOTPResponse, error) {
	return u.change(ctx, wire.ManageTOTPRequest{Action: wire.ManageEnrol})
}

func checkCode(code string) error {
	if n := utf8.RuneCountInString(code); n < 6 || n > 9 {
		return invalid("code: 6 to 9 characters")
	}
	return nil
}

// verify makes a pending credential active by its first code.
func (u *subject) verify(ctx context.Context, totpID, code string) (state, error) {
	list, err := u.list(ctx)
	if err != nil {
		return state{}, err
	}
	i := slices.IndexFunc(list.Credentials, func(c wire.ManagedCredential) bool { return c.ID == totpID })
	switch {
	case i < 0:
		return state{}, errVerifyNoTOTP
	case list.Credentials[i].State != pending:
		return state{}, errAlreadyReady
	}
	_, err = u.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageConfirm, ID: totpID, Code: code})
	if isResult(err, ldap.LDAPResultInvalidCredentials) {
		err = errInvalidCode
	}
	if err != nil {
		return state{}, err
	}
	return u.changed(ctx), nil
}

// remove removes a credential, verified or not.
func (u *subject) remove(ctx context.Context, totpID string) (state, error) {
	_, err := u.change(ctx, wire.ManageTOTPRequest{Action: wire.ManageRevoke, ID: totpID})
	if isResult(err, ldap.LDAPResultNoSuchAttribute) {
		err = errRemoveNoTOTP
	}
	if err != nil {
		return state{}, err
	}
	return u.changed(ctx), nil
}
