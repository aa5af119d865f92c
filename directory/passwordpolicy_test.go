package directory

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each test is about a section of draft-behera-ldap-password-policy-11.

const policyName = "cn=pw,dc=example,dc=com"

// policed is a house where everybody is under a policy of these lines, and ann
// set her password to secretWord a moment ago.
func policed(t *testing.T, lines ...string) *house {
	t.Helper()
	h := newHouse(t, func(c *CredentialsConfig) { c.PasswordPolicy = policyName })
	mustAdd(t, h.Directory, policyName, append([]string{"objectClass: device", "objectClass: tallystickPwdPolicy", "cn: pw", "pwdAttribute: userPassword"}, lines...)...)
	h.want("first password", h.modify(root, "ann", set("userPassword", secretWord), set(pwdReset)), Success)
	return h
}

func set(name string, values ...string) Change { return changing(ReplaceValues, name, values...) }

func changing(op ChangeOperation, name string, values ...string) Change {
	c := Change{Operation: op, Attribute: Attribute{Name: name}}
	for _, v := range values {
		c.Attribute.Values = append(c.Attribute.Values, []byte(v))
	}
	return c
}

func (h *house) modify(who Requester, uid string, changes ...Change) error {
	return h.Modify(context.Background(), who, &ModifyRequest{Object: person(uid), Changes: changes})
}

// wantPolicy fails the test unless err is of the code and of the policy's error.
func (h *house) wantPolicy(what string, err error, code ResultCode, e PasswordPolicyError) {
	h.t.Helper()
	if r := Result(err); r.ResultCode != code || r.PasswordPolicy != e {
		h.t.Errorf("%s: %v, policy error %d; want %v, %d", what, err, r.PasswordPolicy, code, e)
	}
}

func (h *house) reads(what string, who Requester, want ResultCode) {
	h.t.Helper()
	_, err := find(h.t, h.Directory, who, SearchRequest{BaseObject: person("ann")}, "(objectClass=*)")
	h.want(what, err, want)
}

// attribute returns what who sees of an attribute of a user.
func (h *house) attribute(who Requester, uid, name string) []string {
	h.t.Helper()
	got, err := find(h.t, h.Directory, who, SearchRequest{BaseObject: person(uid), Attributes: []string{name}}, "(objectClass=*)")
	h.want("read "+name, err, Success)
	var values []string
	for _, a := range got[0].Attributes {
		for _, v := range a.Values {
			values = append(values, string(v))
		}
	}
	return values
}

// Section 5.2: what makes no sense as a policy is refused.
func TestPasswordPolicyEntries(t *testing.T) {
	h := policed(t)
	for line, want := range map[string]ResultCode{
		"pwdMaxAge: 60":                 Success,
		"pwdMaxAge: -1":                 ConstraintViolation,
		"pwdMaxAge: 99999999999":        ConstraintViolation,
		"pwdMinAge: x":                  InvalidAttributeSyntax,
		"pwdInHistory: 25":              ConstraintViolation,
		"pwdCheckQuality: 3":            ConstraintViolation,
		"pwdMinLength: 129":             ConstraintViolation,
		"tallystickPwdMinScore: 5":      ConstraintViolation,
		"pwdLockout: maybe":             InvalidAttributeSyntax,
		"pwdAttribute: telephoneNumber": ConstraintViolation,
	} {
		name, value, _ := strings.Cut(line, ": ")
		err := h.Modify(context.Background(), root, &ModifyRequest{Object: policyName, Changes: []Change{set(name, value)}})
		h.want(line, err, want)
	}
	h.want("another user's policy", h.modify(root, "bob", set(policySubentry, "cn=none,dc=example,dc=com")), Success)
	h.want("not by himself", h.modify(as("bob"), "bob", set(policySubentry)), InsufficientAccessRights)
}

// Section 5.3.7: pwdPolicySubentry chooses, else the configuration does; a name
// that leads nowhere is as if it were not there.
func TestPasswordPolicyOfUser(t *testing.T) {
	h := policed(t, "pwdCheckQuality: 2", "pwdMinLength: 8")
	mustAdd(t, h.Directory, "cn=long,dc=example,dc=com", "objectClass: device", "objectClass: pwdPolicy", "cn: long", "pwdAttribute: 2.5.4.35", "pwdCheckQuality: 2", "pwdMinLength: 20")
	mustAdd(t, h.Directory, "cn=none,dc=example,dc=com", "objectClass: device", "objectClass: pwdPolicy", "cn: none", "pwdAttribute: userPassword")
	for _, tt := range []struct {
		policy, password string
		want             PasswordPolicyError
	}{
		{"", "sevench", PasswordTooShort}, {"", "eightcha", 0},
		{"cn=long,dc=example,dc=com", "nineteen characters", PasswordTooShort}, {"cn=long,dc=example,dc=com", "of twenty characters", 0},
		{"cn=none,dc=example,dc=com", "x", 0},
		{"cn=lost,dc=example,dc=com", "sevenchr", 0}, {"cn=lost,dc=example,dc=com", "seven", PasswordTooShort},
		{person("bob"), "seven", PasswordTooShort},
	} {
		var names []string
		if tt.policy != "" {
			names = []string{tt.policy}
		}
		h.want("choose", h.modify(root, "ann", set(policySubentry, names...)), Success)
		_, err := h.ChangePassword(context.Background(), as("admin"), id("dn:"+person("ann")), nil, []byte(tt.password))
		code := Success
		if tt.want != 0 {
			code = ConstraintViolation
		}
		h.wantPolicy(tt.policy+" "+tt.password, err, code, tt.want)
	}
}

// Sections 7.2, 8.1.2.2, 8.2.2, 8.3: who was given a password changes it first.
func TestMustChange(t *testing.T) {
	ctx := context.Background()
	h := policed(t, "pwdMustChange: TRUE", "pwdMinAge: 3600")
	_, err := h.ChangePassword(ctx, as("help"), id("dn:"+person("ann")), nil, []byte("given"))
	h.want("reset", err, Success)
	if got := h.attribute(root, "ann", pwdReset); !slices.Equal(got, []string{"TRUE"}) {
		t.Errorf("pwdReset: %v", got)
	}
	ann, err := h.bind(person("ann"), "given")
	h.want("bind", err, Success)
	if !ann.Password.MustChange {
		t.Fatal("the session may do everything")
	}
	annsDN := person("ann")
	for what, do := range map[string]func() error{
		"search": func() error {
			_, err := find(t, h.Directory, ann, SearchRequest{BaseObject: annsDN}, "(objectClass=*)")
			return err
		},
		"schema": func() error {
			_, err := find(t, h.Directory, ann, SearchRequest{BaseObject: subschemaDN}, "(objectClass=*)")
			return err
		},
		"compare": func() error {
			_, err := h.Compare(ctx, ann, &CompareRequest{Entry: annsDN, Attribute: "cn", Value: []byte("ann")})
			return err
		},
		"add":      func() error { return h.Add(ctx, ann, &AddRequest{Entry: "cn=x," + annsDN}) },
		"delete":   func() error { return h.Delete(ctx, ann, &DeleteRequest{Entry: annsDN}) },
		"modifyDN": func() error { return h.ModifyDN(ctx, ann, &ModifyDNRequest{Entry: annsDN, NewRDN: "uid=x"}) },
		"modify":   func() error { return h.modify(ann, "ann", set("userPassword", "mine"), set("description", "x")) },
		"another's password": func() error {
			_, err := h.ChangePassword(ctx, ann, id("dn:"+person("bob")), []byte(secretWord), []byte("x"))
			return err
		},
		"generate": func() error {
			_, err := h.GenerateTOTPSharedSecret(ctx, ann, nil, []byte("given"))
			return err
		},
		"generate, anonymously": func() error {
			_, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("dn:"+annsDN), []byte("given"))
			return err
		},
	} {
		h.wantPolicy(what, do(), InsufficientAccessRights, ChangeAfterReset)
	}
	_, err = h.ChangePassword(ctx, ann, nil, nil, []byte("mine"))
	h.want("change", err, Success)
	ann, err = h.Refresh(ctx, ann)
	h.want("the same session", err, Success)
	h.reads("and then everything", ann, Success)
	if got := h.attribute(root, "ann", pwdReset); got != nil {
		t.Errorf("pwdReset: %v", got)
	}
	h.want("an administrator's word is enough", h.modify(root, "ann", set(pwdReset, "TRUE")), Success)
	if ann, _ := h.bind(annsDN, "mine"); !ann.Password.MustChange {
		t.Error("not with pwdReset: TRUE")
	}
	mustAdd(t, h.Directory, person("new"), "objectClass: inetOrgPerson", "uid: new", "cn: n", "sn: x", "userPassword: first")
	if who, err := h.bind(person("new"), "first"); err != nil || !who.Password.MustChange {
		t.Errorf("a first password: %+v, %v", who.Password, err)
	}
}

// Sections 7.3 to 7.5, 8.1.2.3 and 8.1.2.4.
func TestExpiration(t *testing.T) {
	h := policed(t, "pwdMaxAge: 1000", "pwdExpireWarning: 100", "pwdGraceAuthNLimit: 2", "pwdGraceExpiry: 500")
	for _, tt := range []struct {
		after time.Duration
		want  PasswordPolicyAnswer
		err   PasswordPolicyError
	}{
		{899 * time.Second, PasswordPolicyAnswer{}, 0},
		{1 * time.Second, PasswordPolicyAnswer{Expires: 100 * time.Second}, 0},
		{99 * time.Second, PasswordPolicyAnswer{Expires: time.Second}, 0},
		{2 * time.Second, PasswordPolicyAnswer{Grace: true, GraceLeft: 1}, 0},
		{0, PasswordPolicyAnswer{Grace: true}, 0},
		{0, PasswordPolicyAnswer{}, PasswordExpired},
	} {
		h.advance(tt.after)
		who, err := h.bind(person("ann"), secretWord)
		if who.Password != tt.want || Result(err).PasswordPolicy != tt.err {
			t.Errorf("after %v more: %+v, %v", tt.after, who.Password, err)
		}
		if tt.err != 0 {
			h.wantPolicy("expired", err, InvalidCredentials, PasswordExpired)
		}
	}
	_, err := h.bind(person("ann"), "wrong")
	h.wantPolicy("a stranger hears nothing of it", err, InvalidCredentials, 0)
	if got := h.attribute(as("help"), "ann", pwdGraceUseTime); len(got) != 2 && len(got) != 1 {
		t.Errorf("%s: %v", pwdGraceUseTime, got)
	}
	ctx := context.Background()
	_, err = h.ChangePassword(ctx, Requester{}, id("dn:"+person("ann")), []byte(secretWord), []byte("new"))
	h.wantPolicy("password modify with the expired one", err, InvalidCredentials, PasswordExpired)
	_, err = h.GenerateTOTPSharedSecret(ctx, Requester{}, id("dn:"+person("ann")), []byte(secretWord))
	h.wantPolicy("generate with the expired one", err, InvalidCredentials, PasswordExpired)
	if ok, err := h.VerifyPassword(ctx, root, person("ann"), []byte(secretWord)); !ok || err != nil {
		t.Errorf("verify asks no policy: %v, %v", ok, err)
	}
	_, err = h.ChangePassword(ctx, as("help"), id("dn:"+person("ann")), nil, []byte("new"))
	h.want("reset", err, Success)
	who, err := h.bind(person("ann"), "new")
	if err != nil || who.Password != (PasswordPolicyAnswer{}) {
		t.Errorf("then: %+v, %v", who.Password, err)
	}
	h.advance(1501 * time.Second)
	_, err = h.bind(person("ann"), "new")
	h.wantPolicy("behind pwdGraceExpiry", err, InvalidCredentials, PasswordExpired)
}

// A user with an expired password and grace left changes it, which costs none.
func TestGraceIsForChanging(t *testing.T) {
	h := policed(t, "pwdMaxAge: 1000", "pwdGraceAuthNLimit: 1")
	h.advance(1001 * time.Second)
	_, err := h.ChangePassword(context.Background(), Requester{}, id("dn:"+person("ann")), []byte(secretWord), []byte("new"))
	h.want("change", err, Success)
	if who, err := h.bind(person("ann"), "new"); err != nil || who.Password.Grace {
		t.Errorf("%+v, %v", who.Password, err)
	}
}

// Every door that takes a static password asks the policy, with the code, if the
// user has one, before it says anything.
func TestExpirationAtEveryDoor(t *testing.T) {
	h := policed(t, "pwdMaxAge: 1000")
	secret := h.enrol("ann")
	h.activate("ann", secret)
	h.advance(1001 * time.Second)
	_, err := h.bind(person("ann"), secretWord)
	h.wantPolicy("password alone", err, InvalidCredentials, 0)
	_, err = h.bind(person("ann"), secretWord+"000000")
	h.wantPolicy("wrong code", err, InvalidCredentials, 0)
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.wantPolicy("simple bind", err, InvalidCredentials, PasswordExpired)
	h.advance(120 * time.Second)
	sasl := func(mechanism, message string) error {
		_, err := h.Bind(context.Background(), Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{Mechanism: mechanism, Credentials: []byte(message)}})
		return err
	}
	h.wantPolicy("PLAIN", sasl("PLAIN", "\x00dn:"+person("ann")+"\x00"+secretWord+h.code(secret, 0)), InvalidCredentials, PasswordExpired)
	h.advance(120 * time.Second)
	_, err = h.bindTOTP("dn:"+person("ann"), "-", h.code(secret, 0), secretWord)
	h.wantPolicy("UNBOUNDID-TOTP", err, InvalidCredentials, PasswordExpired)
	h.advance(120 * time.Second)
	err = h.RevokeTOTPSharedSecret(context.Background(), Requester{}, id("dn:"+person("ann")), []byte(secretWord+h.code(secret, 0)), nil)
	h.wantPolicy("revoke", err, InvalidCredentials, PasswordExpired)
	if n := len(h.credentialsOf("ann")); n != 1 {
		t.Errorf("%d credentials", n)
	}
}

// Sections 8.2.1, 8.2.3, 8.2.4: safe modification, rights, age.
func TestPasswordChanges(t *testing.T) {
	ctx := context.Background()
	passmod := func(h *house, who Requester, old, next string) error {
		var o []byte
		if old != "" {
			o = []byte(old)
		}
		_, err := h.ChangePassword(ctx, who, id("dn:"+person("ann")), o, []byte(next))
		return err
	}
	old := changing(DeleteValues, "userPassword", secretWord)
	next := changing(AddValues, "userPassword", "new")
	for _, tt := range []struct {
		policy string
		do     func(h *house) error
		code   ResultCode
		err    PasswordPolicyError
	}{
		{"pwdSafeModify: TRUE", func(h *house) error { return passmod(h, as("ann"), "", "new") }, InsufficientAccessRights, MustSupplyOldPassword},
		{"pwdSafeModify: TRUE", func(h *house) error { return passmod(h, as("ann"), secretWord, "new") }, Success, 0},
		{"pwdSafeModify: TRUE", func(h *house) error { return passmod(h, as("help"), "", "new") }, Success, 0},
		{"pwdSafeModify: TRUE", func(h *house) error { return h.modify(as("ann"), "ann", set("userPassword", "new")) }, InsufficientAccessRights, MustSupplyOldPassword},
		{"pwdSafeModify: TRUE", func(h *house) error { return h.modify(as("ann"), "ann", old, next) }, Success, 0},
		{"pwdSafeModify: TRUE", func(h *house) error {
			return h.modify(as("ann"), "ann", changing(DeleteValues, "userPassword", "wrong"), next)
		}, NoSuchAttribute, 0},
		{"pwdSafeModify: TRUE", func(h *house) error { return h.modify(as("admin"), "ann", set("userPassword", "new")) }, Success, 0},
		{"pwdSafeModify: FALSE", func(h *house) error { return h.modify(as("ann"), "ann", set("userPassword", "new")) }, Success, 0},
		{"pwdAllowUserChange: FALSE", func(h *house) error { return passmod(h, as("ann"), secretWord, "new") }, InsufficientAccessRights, PasswordModNotAllowed},
		{"pwdAllowUserChange: FALSE", func(h *house) error { return passmod(h, Requester{}, secretWord, "new") }, InsufficientAccessRights, PasswordModNotAllowed},
		{"pwdAllowUserChange: FALSE", func(h *house) error { return h.modify(as("ann"), "ann", old, next) }, InsufficientAccessRights, PasswordModNotAllowed},
		{"pwdAllowUserChange: FALSE", func(h *house) error { return passmod(h, as("help"), "", "new") }, Success, 0},
		{"pwdMinAge: 60", func(h *house) error { return passmod(h, as("ann"), secretWord, "new") }, ConstraintViolation, PasswordTooYoung},
		{"pwdMinAge: 60", func(h *house) error { return h.modify(as("ann"), "ann", set("userPassword", "new")) }, ConstraintViolation, PasswordTooYoung},
		{"pwdMinAge: 60", func(h *house) error { return passmod(h, as("help"), "", "new") }, Success, 0},
		{"pwdMinAge: 60", func(h *house) error {
			h.advance(time.Minute)
			return passmod(h, as("ann"), secretWord, "new")
		}, Success, 0},
		{"pwdMinAge: 60", func(h *house) error { return h.modify(as("ann"), "ann", set("userPassword", "new", "other")) }, ConstraintViolation, PasswordTooYoung},
		{"pwdMaxAge: 60", func(h *house) error { return h.modify(as("ann"), "ann", set("userPassword", "new", "other")) }, ConstraintViolation, 0},
	} {
		h := policed(t, tt.policy)
		h.wantPolicy(tt.policy, tt.do(h), tt.code, tt.err)
		if _, err := h.bind(person("ann"), secretWord); (err == nil) != (tt.code != Success) {
			t.Errorf("%s: the old password then: %v", tt.policy, err)
		}
	}
}

// Section 8.2.5: quality, for users and administrators, not for the root user.
func TestPasswordQuality(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		who      Requester
		policy   []string
		password string
		err      PasswordPolicyError
	}{
		{as("ann"), []string{"pwdCheckQuality: 1", "pwdMinLength: 8"}, "sevench", PasswordTooShort},
		{as("ann"), []string{"pwdCheckQuality: 1", "pwdMinLength: 8"}, "äöüßäöüß", 0},
		{as("ann"), []string{"pwdCheckQuality: 0", "pwdMinLength: 8"}, "sevench", 0},
		{as("admin"), []string{"pwdCheckQuality: 1", "pwdMinLength: 8"}, "sevench", PasswordTooShort},
		{root, []string{"pwdCheckQuality: 1", "pwdMinLength: 8"}, "sevench", 0},
		{as("ann"), []string{"pwdCheckQuality: 1", "pwdMaxLength: 8"}, "nine char", PasswordTooLong},
		{as("ann"), []string{"pwdCheckQuality: 1", "tallystickPwdMinScore: 3"}, "password123", InsufficientPasswordQuality},
		{as("ann"), []string{"pwdCheckQuality: 1", "tallystickPwdMinScore: 3"}, "correct horse battery staple", 0},
		{as("ann"), []string{"pwdCheckQuality: 0", "tallystickPwdMinScore: 3"}, "password123", 0},
		{as("admin"), []string{"pwdCheckQuality: 1", "pwdMinLength: 8"}, "{SSHA}jW1WR0VRj5P8uYuwKpX4cwpWdqZzYWx0c2FsdA==", 0},
		{as("admin"), []string{"pwdCheckQuality: 2", "pwdMinLength: 8"}, "{SSHA}jW1WR0VRj5P8uYuwKpX4cwpWdqZzYWx0c2FsdA==", InsufficientPasswordQuality},
	} {
		h := policed(t, tt.policy...)
		code := Success
		if tt.err != 0 {
			code = ConstraintViolation
		}
		h.wantPolicy(tt.password, h.modify(tt.who, "ann", set("userPassword", tt.password)), code, tt.err)
		if !strings.HasPrefix(tt.password, "{") {
			_, err := h.ChangePassword(ctx, tt.who, id("dn:"+person("bob")), []byte(secretWord), []byte(tt.password))
			h.wantPolicy(tt.password+" by password modify", err, code, tt.err)
		}
		if tt.who == as("admin") {
			err := h.Add(ctx, tt.who, &AddRequest{Entry: person("new"), Attributes: attributes("objectClass: inetOrgPerson", "cn: n", "sn: x", "userPassword: "+tt.password)})
			h.wantPolicy(tt.password+" of a new user", err, code, tt.err)
		}
	}
}

// Section 8.2.6: neither the password there is nor the last so many, whoever set
// them; nobody reads them.
func TestPasswordHistory(t *testing.T) {
	ctx := context.Background()
	h := policed(t, "pwdInHistory: 2")
	try := func(password string, want PasswordPolicyError) {
		t.Helper()
		h.advance(time.Second)
		code := Success
		if want != 0 {
			code = ConstraintViolation
		}
		_, err := h.ChangePassword(ctx, as("ann"), nil, nil, []byte(password))
		h.wantPolicy(password, err, code, want)
	}
	try(secretWord, PasswordInHistory)
	try("one", 0)
	try(secretWord, PasswordInHistory)
	try("one", PasswordInHistory)
	try("two", 0)
	try(secretWord, PasswordInHistory)
	h.want("by modify", h.modify(as("ann"), "ann", set("userPassword", "three")), Success)
	try("one", PasswordInHistory)
	try(secretWord, 0)
	h.want("as administrator, too", h.modify(as("admin"), "ann", set("userPassword", "three")), ConstraintViolation)
	h.restart()
	try("three", PasswordInHistory)
	if got := h.attribute(root, "ann", pwdHistory); got != nil {
		t.Errorf("pwdHistory is read: %q", got)
	}
	h.want("written", h.modify(root, "ann", set(pwdHistory)), ConstraintViolation)
}

// Sections 7.1, 7.6, 7.7, 8.1.1, 8.1.3: failures lock, for as long as the policy
// says, and strangers hear nothing of it.
func TestLockout(t *testing.T) {
	for _, tell := range []bool{false, true} {
		h := policed(t, "pwdLockout: TRUE", "pwdMaxFailure: 3", "pwdLockoutDuration: 600", "pwdFailureCountInterval: 60")
		h.Directory.credentials.cfg.TellLocked = tell
		told := PasswordPolicyError(0)
		if tell {
			told = AccountLocked
		}
		wrong := func(want PasswordPolicyError) {
			t.Helper()
			_, err := h.bind(person("ann"), "wrong")
			h.wantPolicy("wrong", err, InvalidCredentials, want)
		}
		wrong(0)
		wrong(0)
		h.advance(61 * time.Second) // which forgives both
		wrong(0)
		h.advance(time.Second)
		wrong(0)
		if got := h.attribute(as("help"), "ann", pwdAccountLockedTime); got != nil {
			t.Errorf("locked early: %v", got)
		}
		h.advance(time.Second)
		wrong(told)
		if got := h.attribute(as("help"), "ann", pwdFailureTime); len(got) != 3 {
			t.Errorf("%s: %v", pwdFailureTime, got)
		}
		if got := h.attribute(as("help"), "ann", pwdAccountLockedTime); len(got) != 1 {
			t.Errorf("%s: %v", pwdAccountLockedTime, got)
		}
		if got := append(h.attribute(as("bob"), "ann", pwdFailureTime), h.attribute(as("bob"), "ann", pwdAccountLockedTime)...); got != nil {
			t.Errorf("bob sees %v", got)
		}
		if found, err := find(t, h.Directory, as("bob"), SearchRequest{BaseObject: person("ann")}, "(|(pwdAccountLockedTime=*)(pwdFailureTime=*))"); len(found) != 0 || err != nil {
			t.Errorf("bob finds %v, %v", found.names(), err)
		}
		if found, err := find(t, h.Directory, as("help"), SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(pwdAccountLockedTime=*)"); len(found) != 1 || err != nil {
			t.Errorf("the help desk finds %v, %v", found.names(), err)
		}
		_, err := h.bind(person("ann"), secretWord)
		h.wantPolicy("right, while locked", err, InvalidCredentials, told)
		h.advance(597 * time.Second)
		_, err = h.bind(person("ann"), secretWord)
		h.wantPolicy("right, still locked", err, InvalidCredentials, told)
		h.advance(3 * time.Second)
		_, err = h.bind(person("ann"), secretWord)
		h.want("right, then", err, Success)
		if got := h.attribute(as("help"), "ann", pwdFailureTime); got != nil {
			t.Errorf("%s: %v", pwdFailureTime, got)
		}
	}
}

// A policy cannot make guessing easier than the configuration does.
func TestLockoutIsNeverLaxer(t *testing.T) {
	h := policed(t, "pwdLockout: TRUE", "pwdMaxFailure: 100", "pwdLockoutDuration: 1", "pwdFailureCountInterval: 1")
	for range h.credentials.cfg.LockoutAfter {
		h.advance(h.credentials.cfg.Lockout)
		_, err := h.bind(person("ann"), "wrong")
		h.want("wrong", err, InvalidCredentials)
	}
	h.advance(h.credentials.cfg.Lockout - time.Second)
	_, err := h.bind(person("ann"), secretWord)
	h.want("before the end", err, InvalidCredentials)
	h.advance(time.Second)
	_, err = h.bind(person("ann"), secretWord)
	h.want("behind it", err, Success)
}

// Wrong codes count with wrong passwords.
func TestLockoutByCodes(t *testing.T) {
	h := policed(t, "pwdLockout: TRUE", "pwdMaxFailure: 2")
	secret := h.enrol("ann")
	h.activate("ann", secret)
	_, err := h.bind(person("ann"), "wrong")
	h.want("password", err, InvalidCredentials)
	h.want("code", h.ValidateTOTPPassword(context.Background(), as("ann"), person("ann"), "000000"), InvalidCredentials)
	h.advance(1000 * time.Hour)
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("without pwdLockoutDuration, for ever", err, InvalidCredentials)
	h.want("but for an administrator", h.modify(as("help"), "ann", changing(DeleteValues, pwdAccountLockedTime)), Success)
	h.want("not twice", h.modify(as("help"), "ann", changing(DeleteValues, pwdAccountLockedTime)), NoSuchAttribute)
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("then", err, Success)
}

// An unknown name locks as a known one does.
func TestLockoutOfNobody(t *testing.T) {
	h := policed(t, "pwdLockout: TRUE", "pwdMaxFailure: 2", "pwdLockoutDuration: 60")
	h.Directory.credentials.cfg.TellLocked = true
	for i, want := range []PasswordPolicyError{0, AccountLocked, AccountLocked} {
		for _, uid := range []string{"ann", "nobody"} {
			_, err := h.bind(person(uid), "wrong")
			if got := Result(err).PasswordPolicy; got != want {
				t.Errorf("%s, attempt %d: %d", uid, i+1, got)
			}
		}
	}
}

// An administrator locks for good, or from a time on.
func TestAdministrativeLock(t *testing.T) {
	h := policed(t, "pwdLockoutDuration: 60")
	for _, value := range []string{"000001010000Z", string(generalizedTime(h.now.Add(61 * time.Second)))} {
		h.want("lock", h.modify(as("help"), "ann", set(pwdAccountLockedTime, value)), Success)
		_, err := h.bind(person("ann"), secretWord)
		h.want("locked", err, InvalidCredentials)
		if got := h.attribute(root, "ann", pwdAccountLockedTime); len(got) != 1 {
			t.Errorf("%v", got)
		}
		h.restart()
		h.advance(61 * time.Second)
		_, err = h.bind(person("ann"), secretWord)
		if value == "000001010000Z" {
			h.want("for good", err, InvalidCredentials)
			h.want("unlock", h.Unlock(context.Background(), as("help"), id("dn:"+person("ann"))), Success)
			_, err = h.bind(person("ann"), secretWord)
		}
		h.want("unlocked", err, Success)
	}
	h.want("not oneself", h.modify(as("help"), "help", set(pwdAccountLockedTime, "000001010000Z")), InsufficientAccessRights)
	h.want("not an administrator", h.modify(as("help"), "admin", set(pwdAccountLockedTime, "000001010000Z")), InsufficientAccessRights)
	h.want("no time", h.modify(as("help"), "ann", set(pwdAccountLockedTime, "x")), InvalidAttributeSyntax)
}

// A lock is told where there is no password policy, to those who may know.
func TestLockWithoutPolicy(t *testing.T) {
	h := newHouse(t)
	h.want("lock", h.modify(as("help"), "ann", set(pwdAccountLockedTime, "000001010000Z")), Success)
	for who, want := range map[string]int{"help": 1, "ann": 1, "bob": 0} {
		if got := h.attribute(as(who), "ann", pwdAccountLockedTime); len(got) != want {
			t.Errorf("%s sees %v", who, got)
		}
	}
}

// pwdMaxIdle, pwdStartTime, pwdEndTime: section 7.1.
func TestIdleAndPeriod(t *testing.T) {
	h := policed(t, "pwdMaxIdle: 1000")
	_, err := h.bind(person("ann"), secretWord)
	h.want("bind", err, Success)
	h.advance(999 * time.Second)
	server := Requester{How: ByServer}
	h.want("no writes", h.SetWritability(context.Background(), server, WritesDisabled), Success)
	_, err = h.bind(person("ann"), secretWord)
	h.want("soon enough, and not to be written down", err, Success)
	h.want("writes", h.SetWritability(context.Background(), server, WritesEnabled), Success)
	_, err = h.bind(person("ann"), secretWord)
	h.want("soon enough", err, Success)
	h.advance(1051 * time.Second)
	_, err = h.bind(person("ann"), secretWord)
	h.want("too late", err, InvalidCredentials)
	h.want("reset", h.modify(as("help"), "ann", set("userPassword", "new")), Success)
	_, err = h.bind(person("ann"), "new")
	h.want("then", err, Success)

	now := h.now.UTC()
	at := func(t time.Time) string { return string(generalizedTime(t)) }
	h.want("start", h.modify(root, "ann", set(pwdStartTime, at(now.Add(10*time.Second))), set(pwdEndTime, at(now.Add(20*time.Second)))), Success)
	for _, want := range []ResultCode{InvalidCredentials, Success, InvalidCredentials} {
		_, err := h.bind(person("ann"), "new")
		h.want(h.now.String(), err, want)
		h.advance(10 * time.Second)
	}
}

// What goes with a policy survives an export, and comes from slapd's.
func TestPasswordStateTravels(t *testing.T) {
	h := policed(t, "pwdInHistory: 3", "pwdMaxAge: 1000", "pwdGraceAuthNLimit: 5", "pwdMaxIdle: 100000")
	h.want("set", h.modify(as("ann"), "ann", set("userPassword", "one")), Success)
	h.advance(1001 * time.Second)
	_, err := h.bind(person("ann"), "one")
	h.want("grace", err, Success)
	h.want("lock", h.modify(as("help"), "bob", set(pwdAccountLockedTime, "000001010000Z")), Success)
	there := newHouseWithout(t)
	there.credentials.cfg.PasswordPolicy = policyName
	there.Directory.defaultPasswordPolicy, err = there.parseDN(policyName)
	h.want("name", err, Success)
	there.now = h.now
	var all []Entry
	err = h.Export(context.Background(), "", func(e *Entry) error {
		var c collected
		_ = c.WriteEntry(e)
		all = append(all, c[0])
		return nil
	})
	h.want("export", err, Success)
	if err := load(t, there.Directory, all); err != nil {
		t.Fatal(err)
	}
	who, err := there.bind(person("ann"), "one")
	if err != nil || who.Password != (PasswordPolicyAnswer{Grace: true, GraceLeft: 3}) {
		t.Errorf("%+v, %v", who.Password, err)
	}
	_, err = there.ChangePassword(context.Background(), as("ann"), nil, nil, []byte(secretWord))
	there.wantPolicy("history", err, ConstraintViolation, PasswordInHistory)
	_, err = there.bind(person("bob"), secretWord)
	there.want("lock", err, InvalidCredentials)
	for value, ok := range map[string]bool{
		"20231114221330Z#1.3.6.1.4.1.1466.115.121.1.40#4#abcd": true,
		"20231114221330Z#1.3.6.1.4.1.1466.115.121.1.40#5#abcd": false,
		"x#1.3.6.1.4.1.1466.115.121.1.40#4#abcd":               false,
		"20231114221330Z#4#abcd":                               false,
	} {
		if _, err := formerPasswordOf([]byte(value)); (err == nil) != ok {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// Without a policy nothing of this is there.
func TestWithoutPasswordPolicies(t *testing.T) {
	h := newHouse(t)
	h.want("change", h.modify(as("ann"), "ann", set("userPassword", "new")), Success)
	_, err := h.bind(person("ann"), "wrong")
	h.want("wrong", err, InvalidCredentials)
	for _, name := range []string{pwdChangedTime, pwdReset, pwdFailureTime} {
		if got := h.attribute(root, "ann", name); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A malformed former password is an error, never a panic.
func FuzzFormerPassword(f *testing.F) {
	f.Add([]byte("20231114221330Z#1.3.6.1.4.1.1466.115.121.1.40#4#abcd"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := formerPasswordOf(text)
		if err != nil {
			return
		}
		if again, err := formerPasswordOf(p.historyText()); err != nil || !again.replaced.Equal(p.replaced.Truncate(time.Second)) || string(again.stored) != string(p.stored) {
			t.Errorf("%q: %v, %v", text, again, err)
		}
	})
}
