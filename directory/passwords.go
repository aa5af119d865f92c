package directory

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"tallystick/directory/aci"
	"tallystick/directory/password"
	"tallystick/directory/schema"
	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// maxPasswordValues is how many values of userPassword and authPassword an entry
// may have, and how many one request may carry: each costs a hash, with every
// bind.
const maxPasswordValues = 8

var errPasswordValues = Errorf(ConstraintViolation, "userPassword, authPassword: more than %d values", maxPasswordValues)

func errHashedPassword(t *schema.AttributeType) error {
	return Errorf(ConstraintViolation, "%s: hashed values are only taken from administrators", t.Name())
}

// hashPasswordValues turns values given for userPassword or authPassword into
// what is stored: passwords in the clear are hashed with the default scheme.
// Values that are hashed already are taken as they are if allowHashed, and
// refused otherwise: whoever sends them could not be held to any rule about
// passwords. The error is a constraintViolation, or invalidAttributeSyntax.
func (d *Directory) hashPasswordValues(t *schema.AttributeType, values [][]byte, allowHashed bool) ([][]byte, error) {
	if len(values) > maxPasswordValues {
		return nil, errPasswordValues
	}
	if t.Name() == authPassword {
		if !allowHashed {
			return nil, errHashedPassword(t)
		}
		if err := checkValues(t.Name(), t, values); err != nil {
			return nil, err
		}
	}
	stored := make([][]byte, 0, len(values))
	for _, v := range values {
		if t.Name() == authPassword {
			v = valueKey(t, v)
		}
		_, err := password.SchemeOf(v)
		known := isHashed(t, v)
		switch {
		case known && !allowHashed:
			return nil, errHashedPassword(t)
		case known && errors.Is(err, password.ErrScheme), allowHashed && password.LooksHashed(v) && !known:
			return nil, Errorf(ConstraintViolation, "%s: storage scheme not supported", t.Name())
		case known && err != nil:
			return nil, Errorf(ConstraintViolation, "%s: the value is not one that its storage scheme writes, or costs too much to verify", t.Name())
		case known:
			stored = append(stored, slices.Clone(v))
			continue
		}
		if err := d.acceptable(v); err != nil {
			return nil, err
		}
		hashed, err := d.hashPassword(v)
		if err != nil {
			return nil, err
		}
		stored = append(stored, hashed)
	}
	return stored, nil
}

// hashPassword is what is stored of a new password.
func (d *Directory) hashPassword(clear []byte) ([]byte, error) {
	hashed, err := password.Hash(d.credentials.cfg.Scheme, clear)
	if errors.Is(err, password.ErrLength) {
		return nil, Errorf(ConstraintViolation, "the password is empty or too long")
	}
	return hashed, err
}

// ChangePassword sets a user's password and returns the one it made up if
// newPassword is nil; RFC 3062. userIdentity is "dn:…", "u:…", a bare DN or a
// bare user name; nil is the requester.
//
//	oldPassword  user            condition
//	given        anybody         it is right, with a code behind it as in a bind; the
//	                             code may be missing if the requester, being the user,
//	                             authenticated with one
//	absent       the requester   authenticated, and with a code if a bind needs one
//	absent       somebody else   privilege password-reset, and bypass-acl if the user
//	                             has privileges
//
// Errors: unwillingToPerform if it is nobody's password; invalidCredentials
// for a wrong old one; insufficientAccessRights; noSuchObject, only for those
// with password-reset; constraintViolation for a bad new one.
func (d *Directory) ChangePassword(ctx context.Context, who Requester, userIdentity *string, oldPassword, newPassword []byte) (generated string, err error) {
	if who.Anonymous() && userIdentity == nil {
		return "", Errorf(UnwillingToPerform, "whose password? Bind first or name the user")
	}
	if err := who.mayChangePassword(); err != nil {
		return "", err
	}
	if err := d.takes(false); err != nil {
		return "", err // before a code is spent
	}
	d.defining.RLock()
	defer d.defining.RUnlock()
	if who, err = d.asOfNow(ctx, who); err != nil {
		return "", err
	}
	var target account
	var self bool
	err = d.view(ctx, func(r store.Reader) error {
		own, err := d.requester(r, who)
		if err != nil {
			return err
		}
		target = own
		if userIdentity != nil {
			if target, err = d.looseID(r, *userIdentity); err != nil {
				return err
			}
		}
		self = own.known() && own.id == target.id
		if who.Password.MustChange && !self {
			return ErrMustChange
		}
		if oldPassword == nil && !self {
			return d.mayReset(r, who, target)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if newPassword != nil {
		if err := d.acceptable(newPassword); err != nil {
			return "", err
		}
	}

	var proved evidence
	if oldPassword != nil {
		p := proof{door: doorPassword, who: who, password: seal.Secret(oldPassword), rule: codeIfActive, use: passwordChanges}
		if self && who.How == ByPasswordAndCode {
			p.rule, p.trusted = codeOptional, true
		}
		if proved, err = d.prove(ctx, target, p); err != nil {
			return "", err
		}
		if proved.grace {
			return "", errEnrolFirst
		}
	}
	Slow(ctx)
	change := passwordChange{self: self || proved.stored != nil, proved: proved.stored != nil, exempt: d.isRoot(who)}
	var u *user
	// Before the new one is held against those that were: the answer to that is
	// for nobody who may not set one.
	if err := d.view(ctx, func(r store.Reader) (err error) {
		if u, err = d.readUser(r, target); err != nil {
			return err
		}
		return d.maySetPassword(r, who, u, self, proved, change)
	}); err != nil {
		return "", err
	}
	if newPassword == nil {
		generated = d.rulesOf(u.passwordPolicy).Suggest()
		newPassword = []byte(generated)
	}
	change.clear = [][]byte{newPassword}
	if err := d.mayBecome(u, change); err != nil {
		return "", err
	}
	hashed, err := d.hashPassword(newPassword)
	if err != nil {
		return "", err
	}
	if err := d.setPassword(ctx, who, target, self, proved, change, hashed); err != nil {
		return "", err
	}
	return generated, nil
}

// requester is the account of who asks; nobody's if anonymous or gone.
func (d *Directory) requester(r store.Reader, who Requester) (account, error) {
	if who.Anonymous() {
		return d.nobody(""), nil
	}
	dn, err := d.parseDN(who.DN)
	if err != nil {
		return account{}, err
	}
	return d.accountOf(r, dn)
}

// mayReset fails unless who may set the password, or remove the factors, of
// somebody else without showing anything of his. It must not tell users whom
// who may not see from those that do not exist, however they are named.
func (d *Directory) mayReset(r store.Reader, who Requester, target account) error {
	if who.Anonymous() && who.How != ByServer {
		return errNotAuthenticated
	}
	may, err := d.privilegesOf(r, who)
	switch {
	case err != nil:
		return err
	case !may.passwordReset:
		return errNoAccess
	case target.root():
		return d.mayTakeOver(r, may, target)
	case !target.known():
		return errNoSuchUser
	}
	x, err := d.rightsOf(r, who, aci.Read|aci.Write)
	if err != nil {
		return err
	}
	if x == nil {
		return d.mayTakeOver(r, may, target)
	}
	rec, err := readRecord(r, target.id)
	if errors.Is(err, store.ErrNotFound) { // deleted a moment ago
		return errNoSuchUser
	}
	if err != nil {
		return err
	}
	v, err := x.on(d, r, target.id, rec)
	switch {
	case err != nil:
		return err
	case v.ruling.may(aci.Write, "userPassword") && (may.bypassACL || !d.privilegesIn(rec).any()):
		return nil
	case v.ruling.sees(v):
		return errNoAccess
	}
	return errNoSuchUser // he may not know that there is one
}

// mayWritePassword fails unless ACIs let who write the password of a user. The
// root user's is nobody's but his own.
func (d *Directory) mayWritePassword(r store.Reader, who Requester, user account) error {
	x, err := d.rightsOf(r, who, aci.Read|aci.Write)
	if err != nil || x == nil || user.root() {
		return err
	}
	_, _, err = d.target(x, r, user.dn, func(u *ruling) bool { return u.may(aci.Write, userPassword) })
	return err
}

// mayChangeOwnPassword fails unless who, being u, may set his password without
// showing the old one. A code alone is less than that.
func (u *user) mayChangeOwnPassword(who Requester) error {
	if who.How == ByCode {
		return Errorf(UnwillingToPerform, "use password modify, and give the old password")
	}
	if (who.How != ByPasswordAndCode || !u.vouchesFor(who)) && (u.has(active) || u.fault != nil) {
		return Errorf(UnwillingToPerform, "use password modify, and give the old password with a code behind it")
	}
	return nil
}

// whoseProof is who somebody acts as that has shown a user's old password: that
// user, where he is.
func whoseProof(who Requester, user account, self bool) Requester {
	if self {
		return who
	}
	return who.Transport().as(user, ByPassword)
}

// maySetPassword fails unless who, having proved what he has, may set the password
// of u, whatever it will be.
func (d *Directory) maySetPassword(r store.Reader, who Requester, u *user, self bool, proved evidence, change passwordChange) error {
	switch {
	case !u.known():
		return &Error{ResultCode: NoSuchObject}
	case proved.stored != nil:
		if err := d.mayWritePassword(r, whoseProof(who, u.account, self), u.account); err != nil {
			return err
		}
		if !slices.ContainsFunc(u.passwords, func(v []byte) bool { return bytes.Equal(v, proved.stored) }) {
			return refuse(doorPassword, "changed meanwhile")
		}
	case self:
		if err := u.mayChangeOwnPassword(who); err != nil {
			return err
		}
		if err := d.mayWritePassword(r, who, u.account); err != nil {
			return err
		}
	default:
		if err := d.mayReset(r, who, u.account); err != nil {
			return err
		}
	}
	return d.mayChange(u, change)
}

func (d *Directory) setPassword(ctx context.Context, who Requester, target account, self bool, proved evidence, change passwordChange, hashed []byte) error {
	forgives := false
	err := d.update(ctx, func(w store.Writer) error {
		u, err := d.readUser(w, target)
		if err != nil {
			return err
		}
		if err := d.maySetPassword(w, who, u, self, proved, change); err != nil {
			return err
		}
		if forgives = proved.stored == nil && (!self || d.mayForgive(u, who)); forgives && self {
			d.forgiveSelf(u, d.now())
		} else if forgives {
			d.forgive(u)
		}
		if u.root() {
			w.Set(metaKey(rootPasswordKey), hashed)
		} else {
			by := who
			if by.Anonymous() {
				by.DN = target.dn.String()
			}
			old := u.entry.clone()
			u.entry.passwords = [][]byte{passwordOf(u.passwords, hashed)}
			if len(u.passwords) == 0 {
				if err := d.checkClasses(u.entry); err != nil {
					return err // none of them allows a password
				}
			}
			d.passwordSet(u, u.entry, change.self)
			d.touch(u.entry, by)
			w.Set(entryKey(u.id), u.entry.encode())
			if err := d.writeIndex(w, u.id, old, u.entry); err != nil {
				return err
			}
		}
		u.note(AuditPasswordChanged, nil, "", 0)
		return d.save(w, u, who, doorPassword)
	})
	switch {
	case err != nil || !forgives:
	case self:
		d.credentials.forget(target.id)
	default:
		d.credentials.pardon(target.id)
	}
	return err
}

// SetRootPassword sets the password of the root user. It asks nobody: it is
// for the command on the machine.
func (d *Directory) SetRootPassword(ctx context.Context, clear string) error {
	hashed, err := d.hashPassword([]byte(clear))
	if err != nil {
		return err
	}
	err = d.update(ctx, func(w store.Writer) error {
		u, err := d.readUser(w, account{0, d.root})
		if err != nil {
			return err
		}
		d.forgive(u)
		u.note(AuditPasswordChanged, nil, "", 0)
		w.Set(metaKey(rootPasswordKey), hashed)
		if err := d.save(w, u, Requester{}, "root-password"); err != nil {
			return err
		}
		w.Delete(attemptKey(0)) // whatever state it is in
		return nil
	})
	if err == nil {
		d.credentials.pardon(0)
	}
	return err
}

// HasRootPassword reports whether the root user has a password.
func (d *Directory) HasRootPassword(ctx context.Context) (bool, error) {
	var has bool
	err := d.view(ctx, func(r store.Reader) error {
		u, err := d.readUser(r, account{dn: d.root})
		has = err == nil && len(u.passwords) > 0
		return err
	})
	return has, err
}

// upgrade replaces a stored password that was not made as one would be made
// today, now that the password is at hand, and returns the new fingerprint; ""
// if it did not. That it fails is only logged.
func (d *Directory) upgrade(ctx context.Context, a account, stored, clear []byte) (fingerprint string) {
	scheme := d.credentials.cfg.Scheme
	if !password.NeedsUpgrade(stored, scheme) {
		return ""
	}
	fingerprint, err := d.replacePassword(ctx, a, stored, clear)
	if err != nil {
		d.log.Warn("a stored password could not be upgraded", "entry", uint64(a.id), "err", err)
		return ""
	}
	return fingerprint
}

func (d *Directory) replacePassword(ctx context.Context, a account, stored, clear []byte) (fingerprint string, err error) {
	hashed, err := d.hashPassword(clear)
	if err != nil {
		return "", err
	}
	if password.IsAuthPassword(stored) {
		hashed = password.AuthPassword(hashed)
	}
	err = d.updateState(ctx, func(w store.Writer) error {
		fingerprint = ""
		u, err := d.readUser(w, a)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(u.passwords, func(v []byte) bool { return bytes.Equal(v, stored) })
		switch {
		case at < 0: // changed meanwhile
			return nil
		case u.root():
			w.Set(metaKey(rootPasswordKey), hashed)
		case u.entry != nil:
			u.entry.passwords[at] = hashed
			w.Set(entryKey(u.id), u.entry.encode())
		}
		u.passwords[at] = hashed
		fingerprint = u.fingerprint()
		return nil
	})
	return fingerprint, err
}
