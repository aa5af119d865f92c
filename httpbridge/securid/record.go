package securid

import (
	"context"
	"time"

	"github.com/google/uuid"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
)

// credential is what is told of a credential. Absent values are null.
type credential struct {
	ID              string  `json:"id"`
	Name            string  `json:"name"`
	UserID          string  `json:"userId"`
	DeviceType      string  `json:"deviceType"`
	RegisteredDate  string  `json:"registeredDate"`
	TokenSerial     string  `json:"tokenSerialNumber"`
	UpdatedAt       string  `json:"updatedAt"`
	TokenState      string  `json:"tokenState"`
	ExpiryDate      *string `json:"expiryDate"`
	TokenStatus     string  `json:"tokenStatus"`
	Reason          *string `json:"tokenStatusReason"`
	AssignedAt      string  `json:"assignedAt"`
	AssignedBy      *string `json:"assignedBy"`
	PINSet          bool    `json:"pinSet"`
	StatusChangedAt *string `json:"tokenStatusChangedAt"`
	StatusChangedBy *string `json:"tokenStatusChangedBy"`
	DeviceSerial    *string `json:"deviceSerialNumber"`
}

// status is what a credential was enabled or disabled to.
type status struct {
	UserID          string  `json:"userId"`
	TokenSerial     string  `json:"tokenSerialNumber"`
	TokenStatus     string  `json:"tokenStatus"`
	StatusChangedAt *string `json:"tokenStatusChangedAt"`
	StatusChangedBy *string `json:"tokenStatusChangedBy"`
	DeviceSerial    *string `json:"deviceSerialNumber,omitempty"` // of a DS100 only
}

// pin tells of a PIN, of which there is none here.
type pin struct {
	UserID      string `json:"userId,omitempty"` // of a hardware token only
	TokenSerial string `json:"tokenSerialNumber"`
	PINSet      bool   `json:"pinSet"`
}

// States of a credential, as the LDAP server has them.
const (
	pending  = "pending"
	active   = "active"
	disabled = "disabled"
)

// The types of a device: a DS100 is what has a device's number, whatever it is.
const (
	typeDS100  = "SecurID DS100"
	typeSID700 = "SID700"
)

// timeForm is the profile of ISO 8601 that RSA's answers are in.
const timeForm = "2006-01-02T15:04:05.000Z"

func timeText(t time.Time) string { return t.UTC().Format(timeForm) }

func optionalTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return optional(timeText(t))
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// deviceID is the id of what a credential is in.
func deviceID(credentialID string) string {
	return uuid.NewSHA1(deviceNamespace, []byte(credentialID)).String()
}

// deviceNamespace is that of the device ids, chosen at random once.
var deviceNamespace = uuid.MustParse("5f1b7c0a-52fe-4c0e-9f34-8d6c6ee0b9a1")

// What the status of users and tokens can be.
const (
	statusEnabled  = "Enabled"
	statusDisabled = "Disabled"
)

func tokenStatus(c wire.ManagedCredential) string {
	if c.State == disabled {
		return statusDisabled
	}
	return statusEnabled
}

// record is all that is told of a user's credential.
func (c *call) record(ctx context.Context, userID string, m wire.ManagedCredential) (credential, error) {
	r := credential{
		ID: deviceID(m.ID), Name: m.Name, UserID: userID,
		DeviceType:     typeDS100,
		RegisteredDate: timeText(m.Created),
		TokenSerial:    m.Serial,
		UpdatedAt:      timeText(m.Changed),
		TokenState:     "Activated",
		ExpiryDate:     optionalTime(m.NotAfter),
		TokenStatus:    tokenStatus(m),
		AssignedAt:     timeText(m.Created),
		DeviceSerial:   optional(m.Device),

		StatusChangedAt: optionalTime(m.Switched),
	}
	if r.Name == "" {
		r.Name = m.Serial
	}
	if m.Device == "" {
		r.DeviceType = typeSID700
	}
	if m.State == pending {
		r.TokenState = "Activation Pending"
	}
	var err error
	if r.AssignedBy, err = c.who(ctx, m.CreatedBy); err != nil {
		return r, err
	}
	r.StatusChangedBy, err = c.who(ctx, m.SwitchedBy)
	return r, err
}

// status is what is told of a credential that was enabled or disabled.
func (c *call) status(ctx context.Context, m wire.ManagedCredential) (status, error) {
	by, err := c.who(ctx, m.SwitchedBy)
	return status{
		UserID: c.userID, TokenSerial: m.Serial,
		TokenStatus:     tokenStatus(m),
		StatusChangedAt: optionalTime(m.Switched), StatusChangedBy: by,
	}, err
}

// who is the entry dn as answers name it: a key by its access id, others by the
// DN; nil if nobody.
func (c *call) who(ctx context.Context, dn string) (*string, error) {
	switch dn {
	case "":
		return nil, nil
	case c.key.dn:
		return &c.key.id, nil
	}
	found, err := c.search(ctx, upstream.SearchRequest{Base: dn, Scope: upstream.BaseObject, Filter: keyFilter, Attributes: []string{entryUUID}})
	if err != nil || len(found) == 0 {
		return &dn, err
	}
	return optional(value(found[0], entryUUID)), nil
}
