package enrol

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"

	"github.com/go-ldap/ldap/v3"
)

// home is where everything begins: the devices of who is signed in.
func (v *visit) home() error {
	if v.session == nil {
		return v.askWho(http.StatusOK, false)
	}
	return v.showDevices(http.StatusOK)
}

// askWho shows the form to sign in with; admin: to go on to the help desk.
func (v *visit) askWho(status int, admin bool, problems ...problem) error {
	return v.render(status, "sign-in", &view{Title: "signIn", Admin: admin, Problems: problems})
}

// signedIn reports whether there is a session, and asks for one otherwise: it
// may have ended while somebody looked at the page.
func (v *visit) signedIn(admin bool) (bool, error) {
	if v.session != nil {
		return true, nil
	}
	if v.r.Method == http.MethodGet {
		return false, v.askWho(http.StatusOK, admin)
	}
	return false, v.askWho(http.StatusForbidden, admin, problem{"user", "sessionEnded"})
}

func (v *visit) signIn() error {
	admin := v.form("next") == "admin"
	var problems []problem
	if strings.TrimSpace(v.form("user")) == "" {
		problems = append(problems, problem{"user", "userMissing"})
	}
	if v.form("password") == "" {
		problems = append(problems, problem{"password", "passwordMissing"})
	}
	if len(problems) > 0 {
		return v.askWho(http.StatusUnprocessableEntity, admin, problems...)
	}
	link, err := v.ldap.As(v.r.Context(), upstream.Credentials{Name: strings.TrimSpace(v.form("user")), Password: string(v.password())})
	if rejected, ok := errors.AsType[*upstream.RejectedError](err); ok {
		v.note(slog.Int("code", ldap.LDAPResultInvalidCredentials))
		text := "signInFailed"
		if rejected.Result.PasswordExpired { // which is told with the right ones only
			text = "passwordExpired"
		}
		return v.askWho(http.StatusUnprocessableEntity, admin, problem{"user", text})
	}
	if err != nil {
		return err
	}
	s, list, err := begin(v.r.Context(), link)
	if err != nil {
		link.Close()
		return err
	}
	v.note(slog.String("user", s.authzID))
	if v.session != nil {
		v.endSession()
	}
	s.mu.Lock()
	v.session = s
	// Whoever has no device at all has come to set one up, and only now is
	// his password at hand.
	if !admin && len(list.Credentials) == 0 {
		if err := v.enrol(v.password()); err != nil && !refused(err) {
			s.end()
			return err
		}
	}
	v.setCookie(newCookie())
	v.sessions.add(v.cookie, s)
	switch {
	case admin:
		return v.redirect("/admin")
	case s.fresh != nil:
		return v.redirect("/enrol/device")
	default:
		return v.redirect("/enrol")
	}
}

// password is the password of the form with the code behind it, if there is
// one; nil if there is no password.
func (v *visit) password() []byte {
	password, code := v.form("password"), v.code("code")
	if password == "" {
		return nil
	}
	if code != "" {
		password += v.cfg.Separator + code
	}
	return []byte(password)
}

// code is a code of the form, without the blanks that make it easier to read.
func (v *visit) code(field string) string {
	return strings.Join(strings.Fields(v.form(field)), "")
}

// begin makes a session of a connection that somebody has just been bound to,
// and returns his credentials. The connection remains the caller's if there is
// an error.
func begin(ctx context.Context, link *upstream.Session) (*session, wire.ManageTOTPResponse, error) {
	list := wire.ManageTOTPResponse{}
	authzID, err := link.WhoAmI(ctx)
	if err == nil && strings.TrimPrefix(authzID, "dn:") == "" {
		err = errors.New("the LDAP server takes the user for nobody")
	}
	if err == nil {
		list, err = manage(ctx, link, wire.ManageTOTPRequest{Action: wire.ManageList})
	}
	if err != nil {
		return nil, list, err
	}
	s := &session{link: link, authzID: authzID, strong: hasState(list, "active")}
	return s, list, s.introduce(ctx)
}

// introduce finds out what the user is called and whether he is of the help
// desk. The root user has no entry, and may do everything.
func (s *session) introduce(ctx context.Context) error {
	dn := strings.TrimPrefix(s.authzID, "dn:")
	s.name = dn
	entries, err := s.link.Search(ctx, upstream.SearchRequest{
		Base: dn, Scope: upstream.BaseObject, Filter: "(objectClass=*)",
		Attributes: append([]string{privileges}, nameAttributes...),
	})
	if r, ok := errors.AsType[*upstream.Result](err); ok {
		s.helpDesk = r.Code == ldap.LDAPResultNoSuchObject
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		s.name = nameOf(e)
		for _, privilege := range e.Values(privileges) {
			if strings.EqualFold(privilege, "password-reset") {
				s.helpDesk = true
			}
		}
	}
	return nil
}

// privileges is the attribute that says what a user may do, here and in
// PingDirectory.
const privileges = "ds-privilege-name"

// nameAttributes are what people are called by, the best first.
var nameAttributes = []string{"displayName", "cn", "uid"}

// nameOf is what the owner of an entry is called.
func nameOf(e upstream.Entry) string {
	for _, a := range nameAttributes {
		if name := e.Value(a); name != "" {
			return name
		}
	}
	return e.DN
}

func (v *visit) signOut() error {
	if v.session != nil {
		v.endSession()
	}
	v.setCookie(newCookie())
	return v.redirect("/enrol")
}

// endSession ends the session of the visit.
func (v *visit) endSession() {
	v.sessions.drop(v.cookie)
	v.session.end()
	v.session.mu.Unlock()
	v.session = nil
}

// hasState reports whether a credential is in one of the states.
func hasState(list wire.ManageTOTPResponse, states ...string) bool {
	for _, c := range list.Credentials {
		for _, state := range states {
			if c.State == state {
				return true
			}
		}
	}
	return false
}
