package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// ApplicationPassword is what may be told of one: not the password.
type ApplicationPassword struct {
	ID, Name  string
	Networks  []string // in CIDR notation; none: any, with the listener ldapi alone
	Listeners []string // none: all
	Created   time.Time
	MadeBy    string    // DN
	NotAfter  time.Time // zero: no end
	LastUsed  time.Time // to the hour; zero: never
}

// ApplicationPasswordRequest is what an application password is to be.
type ApplicationPasswordRequest struct {
	Name      string // of the application
	Networks  []string
	Listeners []string
	NotAfter  time.Time // zero: no end
}

// maxScope is how many networks one may have.
const maxScope = 16

func (r *ApplicationPasswordRequest) check(now time.Time) error {
	if r.Name == "" {
		return Errorf(ConstraintViolation, "which application is it for? Name it")
	}
	if err := checkCredentialText("name", r.Name); err != nil {
		return err
	}
	local := slices.Equal(r.Listeners, []string{"ldapi"})
	switch {
	case len(r.Networks) == 0 && !local:
		return Errorf(ConstraintViolation, "from which networks? There is no address on the listener ldapi only")
	case len(r.Networks) > 0 && local:
		return Errorf(ConstraintViolation, "there is no address on the listener ldapi")
	case len(r.Networks) > maxScope || len(r.Listeners) > len(Listeners):
		return Errorf(ConstraintViolation, "at most %d networks", maxScope)
	case !r.NotAfter.IsZero() && !r.NotAfter.After(now):
		return Errorf(ConstraintViolation, "the application password would have expired already")
	}
	for _, text := range r.Networks {
		if _, err := fromNetwork(nil, text); err != nil {
			return Errorf(ConstraintViolation, "network %.64q: %v", text, err)
		}
	}
	for _, text := range r.Listeners {
		if _, err := onListener(nil, text); err != nil {
			return Errorf(ConstraintViolation, "listener %.64q: %v", text, err)
		}
	}
	return nil
}

// NewApplicationPassword makes a password for an application to bind with as
// the user, and returns it; it is never told again. The claim is judged as
// EnrolTOTP says, but the password alone is not enough, ever. Errors: as there;
// unwillingToPerform where no code was shown; constraintViolation for a request
// that cannot be fulfilled; adminLimitExceeded if the user has too many.
func (d *Directory) NewApplicationPassword(ctx context.Context, who Requester, c Claim, req ApplicationPasswordRequest) (id, password string, err error) {
	if err := req.check(d.now()); err != nil {
		return "", "", err
	}
	password, made := newApplicationPassword()
	made.name, made.networks, made.notAfter = req.Name, slices.Clone(req.Networks), req.NotAfter.UTC()
	for _, l := range req.Listeners {
		made.listeners = append(made.listeners, strings.ToLower(l))
	}
	made.created = d.now().UTC().Truncate(time.Second)
	err = d.manage(ctx, who, c, "new application password", func(u *user, e evidence) error {
		own := c.StaticPassword != nil || d.isUser(who, u)
		switch {
		case own && !e.code && !d.provedByCode(who, u):
			return Errorf(UnwillingToPerform, "show a code: an application password stands in for it")
		case len(u.attempts.applications) >= maxApplications:
			return Errorf(AdminLimitExceeded, "the user has %d application passwords: revoke one first", maxApplications)
		}
		one := *made
		one.byCode, one.madeBy = own, c.by(who, u)
		u.replace(nil, &one)
		u.noteApplication(AuditCreated, &one)
		return nil
	})
	if err != nil {
		return "", "", err
	}
	return made.id, password, nil
}

// isUser reports whether who is u.
func (d *Directory) isUser(who Requester, u *user) bool {
	dn, err := d.parseDN(who.DN)
	return err == nil && dn.Equal(u.dn)
}

// ListApplicationPasswords tells of a user's application passwords, oldest
// first. The claim is judged as ListTOTP says.
func (d *Directory) ListApplicationPasswords(ctx context.Context, who Requester, c Claim) (list []ApplicationPassword, err error) {
	err = d.look(ctx, who, c, "list application passwords", func(u *user) {
		list = u.listApplications(func(*applicationPassword) bool { return true })
	})
	return list, err
}

// listApplications tells of the user's application passwords that keep wants,
// oldest first.
func (u *user) listApplications(keep func(*applicationPassword) bool) (list []ApplicationPassword) {
	for _, a := range u.attempts.applications {
		if keep(a) {
			list = append(list, ApplicationPassword{
				ID: a.id, Name: a.name,
				Networks: a.networks, Listeners: a.listeners,
				Created: a.created, MadeBy: a.madeBy,
				NotAfter: a.notAfter, LastUsed: a.used,
			})
		}
	}
	slices.SortFunc(list, func(a, b ApplicationPassword) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// RevokeApplicationPassword takes an application password from a user. The
// claim is judged as EnrolTOTP says. Errors: as there; noSuchAttribute if the
// user has no such password.
func (d *Directory) RevokeApplicationPassword(ctx context.Context, who Requester, c Claim, id string) error {
	return d.manage(ctx, who, c, "revoke application password", func(u *user, _ evidence) error {
		a := u.application(id)
		if a == nil {
			return Errorf(NoSuchAttribute, "the user has no such application password")
		}
		u.replace(a, nil)
		u.noteApplication(AuditRevoked, a)
		return nil
	})
}
