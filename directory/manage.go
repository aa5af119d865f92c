package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tallystick/directory/seal"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// The life of a credential: what PingDirectory's generate and revoke lack.
//
//	(none) --enrol--> pending --confirm--> active <--enable-- --disable--> disabled
//	(none) --import--> active or disabled
//
// Pending ones are forgotten after PendingFor; each may be revoked at any time.

// Claim is whose credentials are meant, and what is shown for it.
type Claim struct {
	AuthenticationID *string // "dn:…" or "u:…"; nil: the requester
	StaticPassword   []byte  // nil: none; a code may stand behind it
}

// EnrolRequest is what a credential is to be.
type EnrolRequest struct {
	Name       string          // shown in lists; may be empty
	Parameters totp.Parameters // zero: what every authenticator understands
	Issuer     string          // in the URI; "": the configured one
	QRCode     bool            // draw the URI
	Serial     string          // of a hardware token; may be empty
	Device     string          // that holds the secret; may be empty

	// Codes count from NotBefore to NotAfter; zero: no bound.
	NotBefore, NotAfter time.Time
}

// Enrolment is a credential that was just made. Its secret is never told again.
type Enrolment struct {
	ID     string
	Secret string // base32
	URI    string // otpauth
	QRCode []byte // PNG; nil unless it was asked for

	// As TOTPList says, with this change.
	Sequence uint64
	Changed  time.Time
}

// maxCredentialText is how many octets the name of a credential and other
// texts about it may have.
const maxCredentialText = 64

// EnrolTOTP gives a user one more credential. It is pending until
// ConfirmTOTP, or any door, has seen a code of it.
//
//	who asks                                        for              shows
//	anybody                                         anybody          the password; with a code behind it once
//	                                                                 a code of the user was ever accepted
//	somebody authenticated with a code              himself          nothing, or the password alone
//	an administrator (password-reset, and           anybody else     nothing
//	bypass-acl if the user has privileges)
//
// Errors: invalidCredentials for anything about user and password; without a
// password insufficientAccessRights, noSuchObject, invalidDNSyntax,
// unwillingToPerform if the password has to be shown; constraintViolation for
// a request that cannot be fulfilled; adminLimitExceeded if the user has too
// many.
func (d *Directory) EnrolTOTP(ctx context.Context, who Requester, c Claim, req EnrolRequest) (Enrolment, error) {
	if d.credentials.cfg.Keyset == nil {
		return Enrolment{}, errKeyset
	}
	if req.Issuer == "" {
		req.Issuer = d.credentials.cfg.Issuer
	}
	if err := req.check(); err != nil {
		return Enrolment{}, err
	}
	key := make(seal.Secret, totp.SecretSize)
	if _, err := rand.Read(key); err != nil {
		return Enrolment{}, err
	}
	defer key.Wipe()
	var made Enrolment
	var owner *user
	err := d.manage(ctx, who, c, doorEnrol, func(u *user, e evidence) (err error) {
		alone := c.StaticPassword != nil && !e.code && !d.provedByCode(who, u)
		one, err := d.addCredential(u, key, req.Parameters, c.by(who, u), alone)
		if err != nil {
			return err
		}
		one.name, one.serial, one.device = req.Name, req.Serial, req.Device
		one.notBefore, one.notAfter = req.NotBefore, req.NotAfter
		owner = u
		made, err = d.enrolment(u, one, key, req)
		return err
	})
	if err != nil {
		return Enrolment{}, err
	}
	made.Sequence, made.Changed = owner.attempts.sequence, owner.attempts.changed
	return made, nil
}

func (r EnrolRequest) check() error {
	for what, text := range map[string]string{"name": r.Name, "serial": r.Serial, "device": r.Device} {
		if err := checkCredentialText(what, text); err != nil {
			return err
		}
	}
	if r.Parameters.Counter {
		return Errorf(ConstraintViolation, "counter-based credentials are imported, not made")
	}
	for _, err := range []error{r.Parameters.Check(), totp.CheckIssuer(r.Issuer)} {
		if err != nil {
			return Errorf(ConstraintViolation, "%s", strings.TrimPrefix(err.Error(), "totp: "))
		}
	}
	if !r.NotAfter.IsZero() && !r.NotAfter.After(r.NotBefore) {
		return Errorf(ConstraintViolation, "the credential would never be valid")
	}
	return nil
}

func checkCredentialText(what, text string) error {
	if len(text) > maxCredentialText || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return Errorf(ConstraintViolation, "%s: at most %d octets of text without control characters", what, maxCredentialText)
	}
	return nil
}

func (d *Directory) enrolment(u *user, c *credential, key seal.Secret, req EnrolRequest) (e Enrolment, err error) {
	e = Enrolment{ID: c.id, Secret: totp.EncodeSecret(key)}
	if e.URI, err = totp.URI(c.parameters, key, req.Issuer, d.accountName(u)); err != nil {
		return Enrolment{}, err
	}
	if req.QRCode {
		e.QRCode, err = totp.QRCode(e.URI)
	}
	return e, err
}

// accountName is what an authenticator calls the user: the uid, if it can.
func (d *Directory) accountName(u *user) string {
	for _, v := range d.valuesOf(u.entry, "uid") {
		if name := string(v); name != "" && len(name) <= totp.MaxLabel && utf8.Valid(v) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return name
		}
	}
	return fmt.Sprintf("user %d", u.id)
}

// RenameTOTP gives a credential another name, which may be empty. The claim is
// judged as EnrolTOTP says, here and below. Errors: as there; noSuchAttribute
// if the user has no such credential.
func (d *Directory) RenameTOTP(ctx context.Context, who Requester, c Claim, id, name string) error {
	if err := checkCredentialText("name", name); err != nil {
		return err
	}
	return d.manageOne(ctx, who, c, "rename TOTP", id, func(_ *user, one *credential) error {
		one.name = name
		return nil
	})
}

// DisableTOTP refuses the codes of an active credential from now on; without
// another active one the password alone is enough again. That it is disabled
// already is no error; that it is pending is unwillingToPerform.
func (d *Directory) DisableTOTP(ctx context.Context, who Requester, c Claim, id string) error {
	return d.manageOne(ctx, who, c, "disable TOTP", id, func(_ *user, one *credential) error {
		if one.state == pending {
			return Errorf(UnwillingToPerform, "the credential was never confirmed: revoke it")
		}
		one.state = disabled
		return nil
	})
}

// EnableTOTP is the reverse of DisableTOTP. A code of the credential itself is
// no proof here: it may have been disabled because it was lost.
func (d *Directory) EnableTOTP(ctx context.Context, who Requester, c Claim, id string) error {
	return d.manageOne(ctx, who, c, "enable TOTP", id, func(_ *user, one *credential) error {
		if one.state == pending {
			return Errorf(UnwillingToPerform, "the credential was never confirmed: confirm it")
		}
		one.state = active
		return nil
	})
}

// RevokeTOTP removes a credential. With the last one that was confirmed the
// recovery codes go as well.
func (d *Directory) RevokeTOTP(ctx context.Context, who Requester, c Claim, id string) error {
	return d.manage(ctx, who, c, "revoke TOTP", func(u *user, _ evidence) error {
		one := u.credential(id)
		if one == nil {
			return errNoCredential
		}
		if err := u.elsewhere(one); err != nil {
			return err
		}
		u.remove(one)
		return nil
	})
}

var errNoCredential = Errorf(NoSuchAttribute, "the user has no such TOTP credential")

// credential is the user's credential with the given id; nil if there is none.
func (u *user) credential(id string) *credential {
	i := slices.IndexFunc(u.credentials, func(c *credential) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return u.credentials[i]
}

// manageOne changes one credential.
func (d *Directory) manageOne(ctx context.Context, who Requester, c Claim, door, id string, change func(*user, *credential) error) error {
	return d.manage(ctx, who, c, door, func(u *user, _ evidence) error {
		one := u.credential(id)
		if one == nil {
			return errNoCredential
		}
		before := *one
		if err := change(u, one); err != nil {
			return err
		}
		switch {
		case one.state == before.state && one.name == before.name:
			return nil
		case one.state == before.state:
			u.note(AuditChanged, one, "renamed", 0)
		case one.state == active:
			u.note(AuditEnabled, one, "", 0)
		default:
			u.note(AuditDisabled, one, "", 0)
		}
		d.touchCredential(u, one, c.by(who, u))
		if one.state != before.state {
			one.switched, one.switchedBy = one.changed.Truncate(time.Millisecond), one.changedBy
		}
		return nil
	})
}

const doorEnrol = "enrol TOTP"

// manage changes what belongs to a user, if the claim is good.
func (d *Directory) manage(ctx context.Context, who Requester, c Claim, door string, change func(*user, evidence) error) error {
	may := who.mayChange
	if door == doorEnrol {
		may = who.mayEnrol
	}
	if err := may(); err != nil {
		return err
	}
	who, err := d.asOfNow(ctx, who)
	if err != nil {
		return err
	}
	target, self, err := d.claimed(ctx, who, c, who.How == ByPasswordAndCode)
	if err != nil {
		return err
	}
	if c.StaticPassword == nil {
		return d.changeFactors(ctx, who, target, self, door, change)
	}
	p := d.factorProof(door, who, self)
	p.password, p.then = c.StaticPassword, change
	_, err = d.prove(ctx, target, p)
	return err
}

// claimed is factorTarget; enough: the requester need show nothing for
// himself.
func (d *Directory) claimed(ctx context.Context, who Requester, c Claim, enough bool) (target account, self bool, err error) {
	target, self, err = d.factorTarget(ctx, who, c.AuthenticationID, c.StaticPassword != nil)
	if self && enough && errors.Is(err, errNothingShown) {
		err = nil
	}
	return target, self, err
}

// provedByCode reports whether who is the user and authenticated with a code.
func (d *Directory) provedByCode(who Requester, u *user) bool {
	dn, err := d.parseDN(who.DN)
	return err == nil && who.How == ByPasswordAndCode && dn.Equal(u.dn) && u.vouchesFor(who)
}

// by is who makes a change by the claim.
func (c Claim) by(who Requester, u *user) string {
	if c.StaticPassword != nil {
		return u.dn.String()
	}
	return who.DN
}

// changeFactors changes what belongs to a user without any proof of his. Who
// asks was found to be allowed to, and is asked again where it counts.
func (d *Directory) changeFactors(ctx context.Context, who Requester, target account, self bool, door string, change func(*user, evidence) error) error {
	return d.update(ctx, func(w store.Writer) error {
		u, err := d.factorsOf(w, who, target, self)
		if err != nil {
			return err
		}
		if err := change(u, evidence{}); err != nil {
			return err
		}
		return d.save(w, u, who, door)
	})
}

// factorsOf reads the user for somebody who shows no proof of his.
func (d *Directory) factorsOf(r store.Reader, who Requester, target account, self bool) (*user, error) {
	if !self {
		if err := d.mayReset(r, who, target); err != nil {
			return nil, err
		}
	}
	u, err := d.readUserFor(r, target, who)
	if err != nil {
		return nil, err
	}
	switch {
	case u.entry == nil:
		return nil, errNoSuchUser
	case u.fault != nil:
		return nil, &Error{ResultCode: UnwillingToPerform, DiagnosticMessage: "the state of the user's TOTP shared secrets is damaged: revoke all", Cause: u.fault}
	case self && !u.vouchesFor(who):
		return nil, errNothingShown
	}
	return u, nil
}
