package directory

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// Who may do what, closed by default:
//
//   - access control instructions say who reads, searches, compares, adds,
//     changes, moves and deletes what, and who sends which requests: those of
//     entries and, above them, DefaultACIs or the configuration's (see acis.go);
//   - a user whose entry has ds-privilege-name values does what they grant: with
//     bypass-acl whatever ACIs say;
//   - the root user, and the server itself, do everything;
//   - a local user of the machine who has no entry is nobody;
//   - a user who was let in by the grace of a policy enrols, and does no more;
//   - an application with a password of its own reads as its user, who is no
//     administrator then, and does no more;
//   - policies, and secrets of OATH-LDAP, are changed with bypass-acl alone;
//   - secrets are never read, compared or searched by anybody.

// privileges is what a requester may do beyond reading.
type privileges struct {
	root          bool // the root user or the server itself
	bypassACL     bool // bypass-acl: change any entry
	passwordReset bool // password-reset: set others' passwords and TOTP secrets
	proxiedAuth   bool // proxied-auth: act as somebody else

	unindexedSearch bool // unindexed-search: search where no index helps
	configRead      bool // config-read: see what can be changed of a running server
	configWrite     bool // config-write: change it: indexes, whether it takes changes
	monitorRead     bool // monitor-read: see all of cn=monitor
	backendBackup   bool // backend-backup: have the running server write a backup
	modifyACL       bool // modify-acl: change ACIs, as far as ACIs allow; bypass-acl has it
	privilegeChange bool // privilege-change: change privileges, as far as ACIs allow; bypass-acl has it
}

// allPrivileges is what the root user may do.
var allPrivileges = privileges{
	root: true, bypassACL: true, passwordReset: true, proxiedAuth: true,
	unindexedSearch: true, configRead: true, configWrite: true, monitorRead: true, backendBackup: true,
	modifyACL: true, privilegeChange: true,
}

func (p privileges) any() bool { return p != privileges{} }

// named is the privilege that a value of ds-privilege-name grants; nil: there is
// no such.
func (p *privileges) named(value []byte) *bool {
	switch string(bytes.ToLower(value)) {
	case "bypass-acl":
		return &p.bypassACL
	case "password-reset":
		return &p.passwordReset
	case "proxied-auth":
		return &p.proxiedAuth
	case "unindexed-search":
		return &p.unindexedSearch
	case "config-read":
		return &p.configRead
	case "config-write":
		return &p.configWrite
	case "monitor-read":
		return &p.monitorRead
	case "backend-backup":
		return &p.backendBackup
	case "modify-acl":
		return &p.modifyACL
	case "privilege-change":
		return &p.privilegeChange
	}
	return nil
}

const privilegeAttribute = "ds-privilege-name"

// errNoAccess is the one answer for what a requester may not do, whether or
// not the object exists.
var errNoAccess = &Error{ResultCode: InsufficientAccessRights, DiagnosticMessage: "not allowed for this identity"}

// errNotAuthenticated is errNoAccess for those who have not said who they are.
var errNotAuthenticated = &Error{ResultCode: InsufficientAccessRights, DiagnosticMessage: "not allowed for anonymous clients: bind first"}

// isRoot reports whether who is the root user or the server itself.
func (d *Directory) isRoot(who Requester) bool {
	if who.How == ByServer || who.DN == d.rootName {
		return true
	}
	dn, err := d.parseDN(who.DN)
	return err == nil && dn.Equal(d.root)
}

// privilegesOf reads what who may do. A requester whose entry is gone has no
// privileges.
func (d *Directory) privilegesOf(r store.Reader, who Requester) (privileges, error) {
	if who.How == ByServer || who.DN == d.rootName {
		return allPrivileges, nil
	}
	if who.Anonymous() || who.mayChange() != nil {
		return privileges{}, nil
	}
	dn, err := d.parseDN(who.DN)
	if err != nil {
		return privileges{}, nil
	}
	if dn.Equal(d.root) {
		return allPrivileges, nil
	}
	id, err := d.resolve(r, dn)
	if errors.Is(err, NoSuchObject) {
		return privileges{}, nil
	}
	if err != nil {
		return privileges{}, err
	}
	rec, err := readRecord(r, id)
	if err != nil {
		return privileges{}, err
	}
	return d.privilegesIn(rec), nil
}

// privileges is privilegesOf in a snapshot of its own.
func (d *Directory) privileges(ctx context.Context, who Requester) (may privileges, err error) {
	err = d.view(ctx, func(r store.Reader) (err error) {
		may, err = d.privilegesOf(r, who)
		return err
	})
	return may, err
}

// privilegesIn is what the entry's owner may do.
func (d *Directory) privilegesIn(rec *record) privileges {
	var p privileges
	for _, a := range rec.attributes {
		if t := d.schema.Attribute(a.Name); t == nil || t.Name() != privilegeAttribute {
			continue
		}
		for _, v := range a.Values {
			if may := p.named(v); may != nil {
				*may = true
			}
		}
	}
	if p.bypassACL {
		p.modifyACL, p.privilegeChange = true, true
	}
	return p
}

// authenticated fails unless who is a user of the directory.
func (d *Directory) authenticated(r store.Reader, who Requester) error {
	switch {
	case who.How == ByServer:
		return nil
	case who.Anonymous():
		return errNotAuthenticated
	case who.How == InGrace:
		return errEnrolFirst
	case who.Password.MustChange:
		return ErrMustChange
	case who.How != ByTransport:
		return nil // there was an entry with a password
	}
	a, err := d.requester(r, who)
	if err == nil && !a.known() {
		err = errNoAccess
	}
	return err
}

// errNoSuchUser is the answer to those who may know who there is.
var errNoSuchUser = &Error{ResultCode: NoSuchObject, DiagnosticMessage: "no such user"}

// mayTakeOver fails if a user has privileges that somebody, who may do what
// may says, could come by when he acts for that user or sets his password.
func (d *Directory) mayTakeOver(r store.Reader, may privileges, user account) error {
	if user.root() {
		if !may.root {
			return errNoAccess
		}
		return nil
	}
	rec, err := readRecord(r, user.id)
	if errors.Is(err, store.ErrNotFound) { // deleted a moment ago
		return errNoSuchUser
	}
	if err == nil && d.privilegesIn(rec).any() && !may.bypassACL {
		err = errNoAccess
	}
	return err
}

// requireBypass fails unless who may change any entry.
func (d *Directory) requireBypass(ctx context.Context, who Requester) error {
	return d.require(ctx, who, func(may privileges) bool { return may.bypassACL })
}

// require fails unless who has what enough wants.
func (d *Directory) require(ctx context.Context, who Requester, enough func(privileges) bool) error {
	if who.Anonymous() && who.How != ByServer {
		return errNotAuthenticated
	}
	if err := who.mayChange(); err != nil {
		return err
	}
	return d.view(ctx, func(r store.Reader) error {
		may, err := d.privilegesOf(r, who)
		if err == nil && !enough(may) {
			err = errNoAccess
		}
		return err
	})
}

// MayBackUp fails unless who may have the running server write a backup.
func (d *Directory) MayBackUp(ctx context.Context, who Requester) error {
	return d.require(ctx, who, func(may privileges) bool { return may.backendBackup })
}

// MaySeeConfig fails unless who may see what can be changed of a running server.
func (d *Directory) MaySeeConfig(ctx context.Context, who Requester) error {
	return d.require(ctx, who, func(may privileges) bool { return may.configRead || may.configWrite })
}

// secret reports whether the values of an attribute type never leave the
// server. (They are not among an entry's attributes either, see record.)
func secret(t *schema.AttributeType) bool { return slices.Contains(secretAttributes, t.Name()) }

var secretAttributes = []string{
	userPassword, authPassword, "ds-auth-totp-shared-secret", "tallystickTOTPCredential", recoveryCodesAttribute, applicationAttribute, oathSecretAttribute,
}
