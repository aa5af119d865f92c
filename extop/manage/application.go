package manage

import (
	"context"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

func (o Operation) newApplicationPassword(ctx context.Context, who directory.Requester, c directory.Claim, r wire.ManageTOTPRequest) (*extop.Response, error) {
	id, password, err := o.credentials.NewApplicationPassword(ctx, who, c, directory.ApplicationPasswordRequest{
		Name: r.Name, Networks: r.Networks, Listeners: r.Listeners, NotAfter: r.NotAfter,
	})
	if err != nil {
		return nil, err
	}
	return answer(wire.ManageTOTPResponse{ID: id, Password: password})
}

func (o Operation) applicationPasswords(ctx context.Context, who directory.Requester, c directory.Claim) (*extop.Response, error) {
	list, err := o.credentials.ListApplicationPasswords(ctx, who, c)
	if err != nil {
		return nil, err
	}
	var r wire.ManageTOTPResponse
	for _, a := range list {
		r.Applications = append(r.Applications, wire.ApplicationPassword{
			ID: a.ID, Name: a.Name,
			Networks: a.Networks, Listeners: a.Listeners,
			Created: a.Created, MadeBy: a.MadeBy,
			NotAfter: a.NotAfter, LastUsed: a.LastUsed,
		})
	}
	return answer(r)
}
