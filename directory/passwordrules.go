package directory

import (
	"context"
	"errors"
	"unicode/utf8"

	"tallystick/directory/password"
	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// PasswordRules is what a new password must be, whoever it is for.
type PasswordRules struct {
	MinLength int // characters
	MaxLength int // octets
}

// PasswordRules tells the rules.
func (d *Directory) PasswordRules() PasswordRules {
	return PasswordRules{max(1, d.credentials.cfg.MinPasswordLength), password.MaxLength}
}

// acceptable fails with constraintViolation for a new password against the
// rules. What is not UTF-8 has as many characters as octets.
func (d *Directory) acceptable(clear []byte) error {
	rules := d.PasswordRules()
	switch {
	case len(clear) == 0 || len(clear) > rules.MaxLength:
		return Errorf(ConstraintViolation, "the password is empty or too long")
	case utf8.RuneCount(clear) < rules.MinLength:
		return Errorf(ConstraintViolation, "the password has fewer than %d characters", rules.MinLength)
	}
	return nil
}

// SuggestPassword makes a password that keeps the rules.
func (d *Directory) SuggestPassword() string {
	p := password.Generate()
	for len(p) < d.PasswordRules().MinLength {
		p += password.Generate()
	}
	return p
}

const doorVerify = "verify password"

// VerifyPassword reports whether a password is that of the user called userDN,
// with or without a code behind it, which is spent. It counts as an attempt
// like any other. Only holders of bypass-acl may ask. Errors: invalidDNSyntax;
// insufficientAccessRights; noSuchObject; inappropriateAuthentication if the
// user has no password.
func (d *Directory) VerifyPassword(ctx context.Context, who Requester, userDN string, clear []byte) (bool, error) {
	if err := d.requireBypass(ctx, who); err != nil {
		return false, err
	}
	dn, err := d.parseDN(userDN)
	if err != nil {
		return false, err
	}
	var user account
	err = d.view(ctx, func(r store.Reader) error {
		if user, err = d.accountOf(r, dn); err != nil {
			return err
		}
		u, err := d.readUser(r, user)
		switch {
		case err != nil:
			return err
		case !u.known():
			return &Error{ResultCode: NoSuchObject, DiagnosticMessage: "no such user"}
		case len(u.passwords) == 0:
			return &Error{ResultCode: InappropriateAuthentication, DiagnosticMessage: "the user has no password"}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	_, err = d.prove(ctx, user, proof{door: doorVerify, who: who, password: seal.Secret(clear), rule: codeOptional})
	if errors.Is(err, InvalidCredentials) {
		return false, nil
	}
	return err == nil, err
}
