package zitadel

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"

	"tallystick/extop/wire"
	"tallystick/httpbridge/caller"
	"tallystick/httpbridge/upstream"
)

// users serves the calls of UserService.
type users struct{ ldap *upstream.Client }

// session is what the caller of a request may use. It must be released.
type session struct {
	*upstream.Session
	password string   // of the caller; "": he has shown a token
	suffixes []suffix // nil: not read yet
}

// session binds as the caller of the request.
func (v *users) session(ctx context.Context) (*session, error) {
	c := callOf(ctx)
	creds, err := caller.Credentials(c.header)
	if err != nil {
		return nil, unauthenticated(err)
	}
	if creds == nil {
		return nil, errNoCredentials
	}
	if creds.Name != "" {
		c.note(slog.String("user", creds.Name))
	}
	s, err := v.ldap.As(ctx, *creds)
	if err != nil {
		return nil, err
	}
	return &session{Session: s, password: creds.Password}, nil
}

// subject is the user whom a call is about, as the caller sees him.
type subject struct {
	*session
	id       string          // entryUUID in lower case
	entry    *upstream.Entry // nil: none that the caller may read
	resource string          // entryUUID of the naming context; "": unknown
}

// maxID is how many characters an id may have.
const maxID = 200

func checkID(name, id string) error {
	if n := utf8.RuneCountInString(id); n < 1 || n > maxID {
		return invalid("%s: 1 to %d characters", name, maxID)
	}
	return nil
}

// first is the first of errs that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// subject binds as the caller and looks for the user. That there is none is no
// error yet: the server is to say whether the caller may know that.
func (v *users) subject(ctx context.Context, userID string, check func() error) (*subject, error) {
	s, err := v.session(ctx)
	if err != nil {
		return nil, err
	}
	u := &subject{session: s}
	if err := u.find(ctx, userID, check); err != nil {
		s.Release()
		return nil, err
	}
	return u, nil
}

func (u *subject) find(ctx context.Context, userID string, check func() error) error {
	if err := checkID("userId", userID); err != nil {
		return err
	}
	if check != nil {
		if err := check(); err != nil {
			return err
		}
	}
	id, err := uuid.Parse(userID)
	if err != nil || len(userID) != len(id.String()) { // uuid takes other forms too
		return nil
	}
	u.id = id.String()
	found, err := u.search(ctx, upstream.SearchRequest{
		Scope: upstream.WholeSubtree, Filter: "(entryUUID=" + u.id + ")", SizeLimit: 2, Attributes: userAttributes,
	})
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return nil
	}
	u.entry = &found[0]
	u.resource, err = u.owner(ctx, u.entry.DN)
	return err
}

// userAttributes are what is told of a user.
var userAttributes = []string{"entryUUID", "uid"}

// nobody is the name of no entry. Asked about it the server says noSuchObject
// to those who may ask about others, and insufficientAccessRights to the rest.
const nobody = "entryUUID=00000000-0000-0000-0000-000000000000"

// dn is the user's name.
func (u *subject) dn() string {
	if u.entry == nil {
		return nobody
	}
	return u.entry.DN
}

// search is Search in which an absent base finds nothing.
func (s *session) search(ctx context.Context, req upstream.SearchRequest) ([]upstream.Entry, error) {
	found, err := s.Search(ctx, req)
	if isResult(err, ldap.LDAPResultNoSuchObject) {
		return nil, nil
	}
	return found, err
}

// values are those of an attribute of the entry dn; nil if there is none.
func (s *session) values(ctx context.Context, dn, attribute string) ([]string, error) {
	found, err := s.search(ctx, upstream.SearchRequest{
		Base: dn, Scope: upstream.BaseObject, Filter: "(objectClass=*)", SizeLimit: 1, Attributes: []string{attribute},
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0].Values(attribute), nil
}

// suffix is a naming context.
type suffix struct {
	dn *ldap.DN
	id string // entryUUID; "": unknown
}

// owner is the entryUUID of the naming context that dn is in; "" if unknown.
func (s *session) owner(ctx context.Context, dn string) (string, error) {
	name, err := ldap.ParseDN(dn)
	if err != nil {
		return "", fmt.Errorf("%w: %w", upstream.ErrProtocol, err)
	}
	if s.suffixes == nil {
		if s.suffixes, err = s.readSuffixes(ctx); err != nil {
			return "", err
		}
	}
	for _, c := range s.suffixes {
		if c.dn.EqualFold(name) || c.dn.AncestorOfFold(name) {
			return c.id, nil
		}
	}
	return "", nil
}

func (s *session) readSuffixes(ctx context.Context) ([]suffix, error) {
	contexts, err := s.values(ctx, "", "namingContexts")
	if err != nil {
		return nil, err
	}
	list := []suffix{}
	for _, c := range contexts {
		dn, err := ldap.ParseDN(c)
		if err != nil || len(dn.RDNs) == 0 {
			continue
		}
		ids, err := s.values(ctx, c, "entryUUID")
		if err != nil {
			return nil, err
		}
		list = append(list, suffix{dn, strings.ToLower(strings.Join(ids, ""))})
	}
	return list, nil
}

// manage asks for something about the user's credentials.
func (u *subject) manage(ctx context.Context, req wire.ManageTOTPRequest) (wire.ManageTOTPResponse, error) {
	authID := "dn:" + u.dn()
	req.AuthenticationID = &authID
	_, value, err := u.Extended(ctx, wire.ManageTOTPOID, req.Encode())
	if err != nil {
		return wire.ManageTOTPResponse{}, err
	}
	resp, err := wire.DecodeManageTOTPResponse(value)
	if err != nil {
		err = fmt.Errorf("%w: %w", upstream.ErrProtocol, err)
	}
	return resp, err
}

// change is manage for what takes more than to have bound with the password.
// The server says so with unwillingToPerform. To a caller who asks for himself
// his password, which he showed already, is then lent.
func (u *subject) change(ctx context.Context, req wire.ManageTOTPRequest) (wire.ManageTOTPResponse, error) {
	resp, err := u.manage(ctx, req)
	if !isResult(err, ldap.LDAPResultUnwillingToPerform) || u.password == "" {
		return resp, err
	}
	self, whoErr := u.self(ctx)
	if whoErr != nil || !self {
		return resp, err
	}
	req.StaticPassword = []byte(u.password)
	resp, err = u.manage(ctx, req)
	if isResult(err, ldap.LDAPResultInvalidCredentials) { // it was good for the bind
		err = errPasswordAlone
	}
	return resp, err
}

// self reports whether the caller asks for himself.
func (u *subject) self(ctx context.Context) (bool, error) {
	authzID, err := u.WhoAmI(ctx)
	dn, isDN := strings.CutPrefix(authzID, "dn:")
	if err != nil || !isDN || dn == "" {
		return false, err
	}
	ids, err := u.values(ctx, dn, "entryUUID")
	return len(ids) == 1 && u.entry != nil && strings.EqualFold(ids[0], u.id), err
}
