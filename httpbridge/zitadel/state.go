package zitadel

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"tallystick/extop/wire"
	objectv2 "tallystick/httpbridge/zitadel/api/zitadel/object/v2"
	objectv2beta "tallystick/httpbridge/zitadel/api/zitadel/object/v2beta"
	objectv3alpha "tallystick/httpbridge/zitadel/api/zitadel/object/v3alpha"
	resourcesobjectv3alpha "tallystick/httpbridge/zitadel/api/zitadel/resources/object/v3alpha"
)

// state is in which state a user's credentials are. ZITADEL calls it details,
// and has a message of its own for it in each generation.
type state struct {
	userID   string
	sequence uint64
	changed  time.Time // zero: never
	owner    string    // "": unknown
}

// state is the state that resp tells of.
func (u *subject) state(resp wire.ManageTOTPResponse) state {
	return state{u.id, resp.Sequence, resp.LastChange, u.resource}
}

// changed is the state after a change. The change is done: whatever goes wrong
// here only leaves something untold.
func (u *subject) changed(ctx context.Context) state {
	resp, err := u.list(ctx)
	if err != nil {
		callOf(ctx).note(slog.String("details", err.Error()))
	}
	return u.state(resp)
}

// date is t; nil if it is zero.
func date(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func (s state) v2beta() *objectv2beta.Details {
	return &objectv2beta.Details{Sequence: s.sequence, ChangeDate: date(s.changed), ResourceOwner: s.owner}
}

func (s state) v2() *objectv2.Details {
	return &objectv2.Details{Sequence: s.sequence, ChangeDate: date(s.changed), ResourceOwner: s.owner}
}

func (s state) resources() *resourcesobjectv3alpha.Details {
	d := &resourcesobjectv3alpha.Details{Id: s.userID, Changed: date(s.changed)}
	if s.owner != "" {
		d.Owner = &objectv3alpha.Owner{Type: objectv3alpha.OwnerType_OWNER_TYPE_ORG, Id: s.owner}
	}
	return d
}
