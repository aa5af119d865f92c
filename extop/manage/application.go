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
	return answer(wire.ManageTOTPResponse{Applications: applications(list)})
}

func applications(list []directory.ApplicationPassword) (told []wire.ApplicationPassword) {
	for _, a := range list {
		told = append(told, wire.ApplicationPassword{
			ID: a.ID, Name: a.Name,
			Networks: a.Networks, Listeners: a.Listeners,
			Created: a.Created, MadeBy: a.MadeBy,
			NotAfter: a.NotAfter, LastUsed: a.LastUsed,
		})
	}
	return told
}
