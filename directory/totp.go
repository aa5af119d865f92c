package directory

import (
	"context"
	"crypto/rand"
	"errors"

	"tallystick/directory/seal"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// The operations on TOTP shared secrets are PingDirectory's. Authentication
// IDs are "dn:…" or "u:…"; nil is an element that was not sent, and an empty
// one is sent. They carry their own proof, so anybody may call them.

// Doors, for the log and the audit.
const (
	doorGenerate = "generate TOTP shared secret"
	doorRevoke   = "revoke TOTP shared secret"
	doorPassword = "password modify"
)

var errNothingShown = Errorf(UnwillingToPerform, "show the password, or have an administrator do it")

// GenerateTOTPSharedSecret gives a user one more secret and returns it in
// base32; it is never told again. The credential is pending until a code of
// it is accepted.
//
//	authenticationID  staticPassword  user              condition
//	absent            present         the requester     the password is right
//	present           present         the one named     the password is right
//	present           absent          the one named     not the requester, who has password-reset,
//	                                                    and bypass-acl if the user has privileges
//	absent            absent          -                 protocolError
//
// Once a code of the user was accepted the password must have one behind it,
// unless the requester is that user and authenticated with one. Errors:
// invalidCredentials for anything about user and password; without a password
// insufficientAccessRights, noSuchObject, invalidDNSyntax, unwillingToPerform;
// adminLimitExceeded if the user has too many.
func (d *Directory) GenerateTOTPSharedSecret(ctx context.Context, who Requester, authenticationID *string, staticPassword []byte) (secret string, err error) {
	if authenticationID == nil && staticPassword == nil {
		return "", Errorf(ProtocolError, "neither authenticationID nor staticPassword")
	}
	if d.credentials.cfg.Keyset == nil {
		return "", errKeyset
	}
	if err := who.mayEnrol(); err != nil {
		return "", err
	}
	who, err = d.asOfNow(ctx, who)
	if err != nil {
		return "", err
	}
	target, self, err := d.factorTarget(ctx, who, authenticationID, staticPassword != nil)
	if err != nil {
		return "", err
	}
	key := make(seal.Secret, totp.SecretSize)
	if _, err := rand.Read(key); err != nil {
		return "", err
	}
	defer key.Wipe()
	give := func(u *user, e evidence) error {
		by := who.DN
		if staticPassword != nil {
			by = u.dn.String()
		}
		alone := staticPassword != nil && !e.code && !(self && who.How == ByPasswordAndCode)
		_, err := d.addCredential(u, key, totp.Parameters{}, by, alone)
		return err
	}
	if staticPassword == nil {
		err = d.changeFactors(ctx, who, target, false, doorGenerate, give)
	} else {
		p := d.factorProof(doorGenerate, who, self)
		p.password, p.then = staticPassword, give
		_, err = d.prove(ctx, target, p)
	}
	if err != nil {
		return "", err
	}
	return totp.EncodeSecret(key), nil
}

// RevokeTOTPSharedSecret takes one secret from a user, or all.
//
//	authID   password  secret   effect and condition
//	-        -         yes      that one of the requester; having it is proof enough
//	-        yes       yes      as above, and the password is right
//	-        yes       -        all of the requester, if the password is right
//	yes      -         yes      that one of the user named; having it is proof enough
//	yes      yes       yes      as above, and the password is right
//	yes      yes       -        all of the user named, if the password is right
//	yes      -         -        all of the user named, who is not the requester, who has
//	                            password-reset, and bypass-acl if the user has privileges
//	-        -         -        protocolError
//
// What GenerateTOTPSharedSecret says of a code behind the password holds for
// the forms that remove all. Errors: as there; noSuchAttribute if the user
// does not have the secret and what was shown would have removed all, else
// invalidCredentials.
func (d *Directory) RevokeTOTPSharedSecret(ctx context.Context, who Requester, authenticationID *string, staticPassword []byte, totpSharedSecret *string) error {
	if authenticationID == nil && staticPassword == nil && totpSharedSecret == nil {
		return Errorf(ProtocolError, "none of authenticationID, staticPassword and totpSharedSecret")
	}
	if authenticationID == nil && staticPassword == nil && who.Anonymous() {
		return Errorf(UnwillingToPerform, "whose secret? Bind first or name the user")
	}
	if err := who.mayChange(); err != nil {
		return err
	}
	who, err := d.asOfNow(ctx, who)
	if err != nil {
		return err
	}
	shown := staticPassword != nil || totpSharedSecret != nil
	target, self, err := d.factorTarget(ctx, who, authenticationID, shown)
	if err != nil {
		return err
	}
	if !shown {
		return d.clearFactors(ctx, who, target)
	}
	p := d.factorProof(doorRevoke, who, self)
	p.password = staticPassword
	if totpSharedSecret == nil {
		p.then = func(u *user, _ evidence) error {
			return u.removeAll()
		}
	} else {
		p.rule = codeOptional // the secret is proof enough
		if p.secret, err = totp.DecodeSecret(*totpSharedSecret); err != nil || len(p.secret) == 0 {
			p.secret = seal.Secret{0} // what nobody has: the attempt is judged and counted like any other
		}
		p.then = func(u *user, e evidence) error {
			if e.secret == nil {
				return Errorf(NoSuchAttribute, "the user does not have this TOTP shared secret")
			}
			if err := u.elsewhere(e.secret); err != nil {
				return err
			}
			u.remove(e.secret)
			return nil
		}
	}
	_, err = d.prove(ctx, target, p)
	return err
}

// removeAll removes all credentials of the user. It fails, and removes none,
// if one belongs to another entry.
func (u *user) removeAll() error {
	for _, c := range u.credentials {
		if err := u.elsewhere(c); err != nil {
			return err
		}
	}
	for len(u.credentials) > 0 {
		u.remove(u.credentials[0])
	}
	return nil
}

// factorProof is how the static password is judged before it changes the
// factors of a user; self: the requester is the user.
func (d *Directory) factorProof(door string, who Requester, self bool) proof {
	p := proof{door: door, who: who, rule: codeIfAccepted}
	if self && who.How == ByPasswordAndCode {
		p.rule, p.trusted = codeOptional, true
	}
	return p
}

// factorTarget finds whose factors are meant, and whether that is the
// requester. With proof shown the user may turn out to be nobody, which the
// proof will hide; without, the requester must be an administrator.
func (d *Directory) factorTarget(ctx context.Context, who Requester, authenticationID *string, shown bool) (target account, self bool, err error) {
	err = d.view(ctx, func(r store.Reader) error {
		own, err := d.requester(r, who)
		if err != nil {
			return err
		}
		target = own
		if authenticationID != nil {
			target, err = d.authenticationID(r, *authenticationID)
			if errors.Is(err, InvalidDNSyntax) && shown {
				err = nil // and nobody is believed
			}
			if err != nil {
				return err
			}
		}
		if target.root() {
			target = d.nobody(d.root.Norm()) // has no entry, and so no factors
		}
		self = target.known() && own.id == target.id
		if shown {
			return nil
		}
		if self {
			return errNothingShown
		}
		return d.mayReset(r, who, target)
	})
	return target, self, err
}

// addCredential gives the user one more credential; alone: nothing but the
// static password stood behind it. Errors: adminLimitExceeded.
func (d *Directory) addCredential(u *user, key seal.Secret, p totp.Parameters, by string, alone bool) (*credential, error) {
	if err := d.checkRoom(u); err != nil {
		return nil, err
	}
	c, err := d.newCredential(u.entry.uuid, key, p.WithDefaults(), by)
	if err != nil {
		return nil, err
	}
	c.passwordAlone = alone
	u.add(c, AuditCreated)
	return c, nil
}

// checkRoom fails with adminLimitExceeded if the user has as many credentials
// as one may have, and with unwillingToPerform if a policy refuses him any.
func (d *Directory) checkRoom(u *user) error {
	if u.decision.asks == factorRefused {
		return Errorf(UnwillingToPerform, "a policy refuses the user a second factor")
	}
	if len(u.credentials) >= d.credentials.cfg.MaxCredentials {
		return Errorf(AdminLimitExceeded, "the user has %d TOTP shared secrets: revoke one first", len(u.credentials))
	}
	return nil
}

// clearFactors removes all credentials of a user without any proof of his. It
// is also the way out of a damaged state.
func (d *Directory) clearFactors(ctx context.Context, who Requester, target account) error {
	return d.update(ctx, func(w store.Writer) error {
		if err := d.mayReset(w, who, target); err != nil {
			return err
		}
		u, err := d.readUser(w, target)
		if err != nil {
			return err
		}
		for _, c := range u.credentials {
			if err := u.elsewhere(c); err != nil {
				return err
			}
		}
		if !u.entry.enrolled {
			return nil
		}
		u.attempts.credentials, u.attempts.recovery = 0, totp.RecoveryCodes{}
		u.note(AuditRevoked, nil, "", 0)
		u.dropVouched()
		u.attempts.step(d.now())
		w.Set(attemptKey(u.id), u.attempts.encode())
		if err := deleteSecrets(w, u.id); err != nil {
			return err
		}
		if u.fault != nil {
			if err := dropNumbers(w, u.id); err != nil {
				return err
			}
		}
		return d.saveEvents(w, u, who, doorRevoke)
	})
}

// ValidateTOTPPassword checks a code of the user and spends it. The first one
// makes a pending credential active, unless the password alone made it and
// another one counts. Administrators (privilege bypass-acl) may
// call it for anybody and users for themselves; for others it is
// insufficientAccessRights whether or not the user exists. A wrong or replayed
// code is invalidCredentials, and a failed attempt like any other.
func (d *Directory) ValidateTOTPPassword(ctx context.Context, who Requester, userDN string, code string) error {
	if who.Anonymous() && who.How != ByServer {
		return errNotAuthenticated
	}
	if err := who.mayChange(); err != nil {
		return err
	}
	who, err := d.asOfNow(ctx, who)
	if err != nil {
		return err
	}
	dn, err := d.parseDN(userDN)
	if err != nil {
		return err
	}
	var target account
	p := proof{door: "validate TOTP password", who: who, code: seal.Secret(code)}
	err = d.view(ctx, func(r store.Reader) error {
		may, err := d.privilegesOf(r, who)
		if err != nil {
			return err
		}
		if !may.bypassACL || who.How == ByPasswordAndCode {
			own, err := d.parseDN(who.DN)
			self := err == nil && dn.Equal(own) && !own.IsZero()
			if !self && !may.bypassACL {
				return errNoAccess
			}
			// An administrator does not vouch for whoever typed the code.
			p.trusted = who.How == ByPasswordAndCode && self
		}
		if target, err = d.accountOf(r, dn); err != nil {
			return err
		}
		if !target.known() && may.bypassACL {
			return errNoSuchUser
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = d.prove(ctx, target, p)
	return err
}
