package directory

import (
	"context"
	"testing"
	"time"
)

// The sequence of a user grows with every change of his credentials and with
// nothing else, and outlives them.
func TestManageSequence(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	ann := Claim{AuthenticationID: id("u:ann")}
	var made Enrolment
	steps := []struct {
		name  string
		grows uint64
		do    func() error
	}{
		{"list", 0, func() error { _, err := h.ListTOTP(ctx, root, ann); return err }},
		{"enrol", 1, func() (err error) { made, err = h.EnrolTOTP(ctx, root, ann, EnrolRequest{}); return err }},
		{"confirm", 1, func() error { return h.ConfirmTOTP(ctx, root, ann, made.ID, h.code(made.Secret, 0)) }},
		{"log in", 0, func() error {
			h.advance(time.Minute)
			_, err := h.bind(person("ann"), secretWord+h.code(made.Secret, 0))
			return err
		}},
		{"rename", 1, func() error { return h.RenameTOTP(ctx, root, ann, made.ID, "phone") }},
		{"the same name again", 0, func() error { return h.RenameTOTP(ctx, root, ann, made.ID, "phone") }},
		{"disable", 1, func() error { return h.DisableTOTP(ctx, root, ann, made.ID) }},
		{"enable", 1, func() error { return h.EnableTOTP(ctx, root, ann, made.ID) }},
		{"a wrong code", 0, func() error {
			h.want("a wrong code", h.ConfirmTOTP(ctx, root, ann, made.ID, "000000"), InvalidCredentials)
			return nil
		}},
		{"revoke", 1, func() error { return h.RevokeTOTP(ctx, root, ann, made.ID) }},
		{"generate", 1, func() error { _, err := h.GenerateTOTPSharedSecret(ctx, root, id("u:ann"), nil); return err }},
		{"revoke all", 1, func() error { return h.RevokeTOTPSharedSecret(ctx, root, id("u:ann"), nil, nil) }},
	}
	want := uint64(0)
	var changed time.Time
	for _, step := range steps {
		h.advance(time.Minute)
		if step.grows > 0 {
			want, changed = want+step.grows, h.now.UTC().Truncate(time.Millisecond)
		}
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		list, err := h.ListTOTP(ctx, root, ann)
		if err != nil || list.Sequence != want || !list.Changed.Equal(changed) {
			t.Errorf("%s: %d at %v, %v; want %d at %v", step.name, list.Sequence, list.Changed, err, want, changed)
		}
		if step.name == "enrol" && (made.Sequence != want || !made.Changed.Equal(changed)) {
			t.Errorf("the enrolment says %d at %v", made.Sequence, made.Changed)
		}
	}
}
