package zitadel

import (
	"context"
	"strings"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
	userv3alpha "tallystick/httpbridge/zitadel/api/zitadel/user/v3alpha"
)

// GetUserByID tells of one user's credentials.
func (v *users) GetUserByID(ctx context.Context, req *userv3alpha.GetUserByIDRequest) (*userv3alpha.GetUserByIDResponse, error) {
	u, err := v.subject(ctx, req.UserId, nil)
	if err != nil {
		return nil, err
	}
	defer u.Release()
	list, err := u.list(ctx)
	if err != nil {
		return nil, err
	}
	if u.entry == nil {
		return nil, errNoUser
	}
	return &userv3alpha.GetUserByIDResponse{User: u.told(list)}, nil
}

// told is what is told of the user and his credentials.
func (u *subject) told(list wire.ManageTOTPResponse) *userv3alpha.User {
	return &userv3alpha.User{UserId: u.id, Details: u.state(list).v2beta(), Authenticators: authenticators(u.entry, list)}
}

func authenticators(e *upstream.Entry, list wire.ManageTOTPResponse) *userv3alpha.Authenticators {
	a := &userv3alpha.Authenticators{}
	for _, uid := range e.Values("uid") {
		uid = strings.ToValidUTF8(uid, "\uFFFD")
		a.Usernames = append(a.Usernames, &userv3alpha.Username{UsernameId: uid, Username: uid})
	}
	for _, c := range list.Credentials {
		a.Totps = append(a.Totps, &userv3alpha.TOTP{TotpId: c.ID, Name: c.Name, IsVerified: c.State != pending})
	}
	return a
}
