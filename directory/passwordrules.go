package directory

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"tallystick/directory/aci"
	"tallystick/directory/password"
	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// PasswordRules is what a new password must be.
type PasswordRules struct {
	MinLength int // characters
	MaxLength int // octets, or characters if a policy says so
	MinScore  int // 0 to 4, see password.Strength
	InHistory int // how many former passwords it must not be; -1: it may be the one there is
}

// rules are those of the configuration, whoever a password is for.
func (d *Directory) rules() PasswordRules {
	return PasswordRules{max(1, d.credentials.cfg.MinPasswordLength), password.MaxLength, 0, -1}
}

// rulesOf are those of a policy, which may be nil, too.
func (d *Directory) rulesOf(p *passwordPolicy) PasswordRules {
	rules := d.rules()
	if p == nil {
		return rules
	}
	if p.quality > 0 {
		rules.MinLength, rules.MinScore = max(rules.MinLength, p.minLength), p.minScore
		if p.maxLength > 0 {
			rules.MaxLength = p.maxLength
		}
	}
	if p.inHistory > 0 {
		rules.InHistory = p.inHistory
	}
	return rules
}

// acceptable fails with constraintViolation for a new password against the
// rules. What is not UTF-8 has as many characters as octets.
func (d *Directory) acceptable(clear []byte) error {
	rules := d.rules()
	switch {
	case len(clear) == 0 || len(clear) > rules.MaxLength:
		return Errorf(ConstraintViolation, "the password is empty or too long")
	case utf8.RuneCount(clear) < rules.MinLength:
		return policyError(ConstraintViolation, PasswordTooShort, "the password has fewer than %d characters", rules.MinLength)
	}
	return nil
}

// PasswordPolicyChoice says which password policy is meant. The zero value is
// the one of users whose entry names none.
type PasswordPolicyChoice struct {
	Policy *string // DN of a policy
	User   *string // DN of a user; of one who is not there it is as if none was named
	Self   bool    // the requester's
}

// DefaultPasswordPolicy is the name of the rules where there is no policy in
// the directory for somebody: PingDirectory's of its default.
const DefaultPasswordPolicy = "cn=Default Password Policy,cn=Password Policies,cn=config"

// PasswordPolicy is what somebody may know of a password policy.
type PasswordPolicy struct {
	DN    string // of the policy; DefaultPasswordPolicy if it is of the configuration alone
	Rules PasswordRules

	CurrentRequired bool          // users show the old password with the new one
	MustChange      bool          // after an administrator has set it
	MaxAge          time.Duration // after which a password expires; 0: never
}

// PasswordPolicy tells of a policy. Who may not read entries hears of the
// default one whatever he asks for by a user, and cannot tell other policies
// from what is not there. Errors: noSuchObject for a policy; invalidDNSyntax.
func (d *Directory) PasswordPolicy(ctx context.Context, who Requester, c PasswordPolicyChoice) (PasswordPolicy, error) {
	known := PasswordPolicy{DN: DefaultPasswordPolicy, Rules: d.rules()}
	var names [2]DN
	for i, text := range []*string{c.Policy, c.User} {
		if text == nil {
			continue
		}
		var err error
		if names[i], err = d.parseDN(*text); err != nil {
			return known, err
		}
	}
	if c.Policy != nil {
		if own, err := d.parseDN(DefaultPasswordPolicy); err != nil || names[0].Equal(own) {
			return known, err
		}
	}
	err := d.view(ctx, func(r store.Reader) error {
		reads := d.authenticated(r, who) == nil
		if rights, err := d.rightsOf(r, who, aci.Read); err != nil {
			return err
		} else if rights != nil && reads && !c.Self {
			about := names[1]
			if c.Policy != nil {
				about = names[0]
			}
			seen, err := rights.visible(about)
			if reads = seen != nil; err != nil {
				return err
			}
		}
		list, err := d.passwordPolicies.in(d, r)
		if err != nil {
			return err
		}
		var p *passwordPolicy
		switch {
		case c.Policy != nil:
			if reads {
				p, err = d.passwordPolicyNamed(r, list, names[0])
			}
			if err == nil && p == nil {
				err = Errorf(NoSuchObject, "there is no such password policy")
			}
		case (c.User != nil || c.Self) && reads:
			var a account
			if c.Self {
				a, err = d.requester(r, who)
			} else {
				a, err = d.accountOf(r, names[1])
			}
			if err != nil {
				return err
			}
			var u *user
			if u, err = d.readUser(r, a); err == nil {
				p = u.passwordPolicy
			}
		default:
			p, err = d.passwordPolicyOf(r, nil)
		}
		if err != nil || p == nil {
			return err
		}
		known.Rules, known.CurrentRequired, known.MustChange, known.MaxAge = d.rulesOf(p), p.safeModify, p.mustChange, p.maxAge
		known.DN, err = d.nameOf(r, p.id)
		return err
	})
	return known, err
}

// Suggest makes a password that keeps the rules.
func (rules PasswordRules) Suggest() string {
	p := password.Generate()
	for len(p) < rules.MinLength {
		p += password.Generate()
	}
	if len(p) > rules.MaxLength {
		p = p[:max(rules.MinLength, rules.MaxLength)]
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
	e, err := d.verifyPassword(ctx, who, userDN, clear)
	return e.stored != nil, err
}

// verifyPassword is VerifyPassword; what it returns is empty where that says no.
func (d *Directory) verifyPassword(ctx context.Context, who Requester, userDN string, clear []byte) (evidence, error) {
	if err := d.requireBypass(ctx, who); err != nil {
		return evidence{}, err
	}
	dn, err := d.parseDN(userDN)
	if err != nil {
		return evidence{}, err
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
			return errNoSuchUser
		case len(u.passwords) == 0:
			return &Error{ResultCode: InappropriateAuthentication, DiagnosticMessage: "the user has no password"}
		}
		return nil
	})
	if err != nil {
		return evidence{}, err
	}
	e, err := d.prove(ctx, user, proof{door: doorVerify, who: who, password: seal.Secret(clear), rule: codeOptional, use: passwordCompared})
	if errors.Is(err, InvalidCredentials) {
		return evidence{}, nil
	}
	return e, err
}
