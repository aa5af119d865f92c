package directory

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tallystick/directory/password"
)

// RFC 3112, section 3.1, has a user joe whose password is mary, with the salt
// "salt". The digests are Python's.
const (
	joe      = "uid=joe,ou=people,dc=example,dc=com"
	marySHA1 = "SHA1 $c2FsdA== $ OkdKcR/L5MdZtVjOJpk8WgxcUPE= "
	maryMD5  = "MD5$c2FsdA==$9ufDX9KwvQR+XQ29IUqaJA=="
)

// authHouse has joe, whose only password is in authPassword: his object classes
// allow no other.
func authHouse(t *testing.T, change ...func(*CredentialsConfig)) *house {
	t.Helper()
	h := newHouse(t, change...)
	mustAdd(t, h.Directory, joe, "objectClass: account", "objectClass: authPasswordObject", "authPassword: "+marySHA1)
	return h
}

// stored is what an export has of the passwords of a user.
func (h *house) stored(dn string) string {
	h.t.Helper()
	var list []string
	if err := h.Export(context.Background(), dn, func(e *Entry) error {
		for _, a := range e.Attributes {
			for _, v := range a.Values {
				if a.Name == userPassword || a.Name == authPassword {
					list = append(list, a.Name+": "+string(v))
				}
			}
		}
		return nil
	}); err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(list, "\n")
}

// RFC 3112, step by step: what stands in authPassword is a password like any.
func TestAuthPassword(t *testing.T) {
	h := authHouse(t)
	ctx := context.Background()
	change := func(who Requester, dn string, c ...Change) error {
		return h.Modify(ctx, who, &ModifyRequest{Object: dn, Changes: c})
	}
	bind := func(dn, password string) error { _, err := h.bind(dn, password); return err }
	passmod := func(who Requester, old, new string) error {
		var former []byte
		if old != "" {
			former = []byte(old)
		}
		_, err := h.ChangePassword(ctx, who, id("dn:"+joe), former, []byte(new))
		return err
	}
	hashed, err := password.Hash(password.SSHA512, []byte("secret2"))
	if err != nil {
		t.Fatal(err)
	}
	sha512 := string(password.AuthPassword(hashed))
	asJoe := Requester{DN: joe, How: ByPassword}
	for _, row := range []struct {
		rule   string
		do     func() error
		code   ResultCode
		stored string // of joe, then; one word for each value; "": as before
	}{
		{"bind", func() error { return bind(joe, "mary") }, Success, ""},
		{"bind with another", func() error { return bind(joe, "marY") }, InvalidCredentials, ""},
		{"bind with the stored value", func() error { return bind(joe, marySHA1) }, InvalidCredentials, ""},
		{"its syntax", func() error { return change(root, joe, changing(AddValues, authPassword, "mary")) }, InvalidAttributeSyntax, ""},
		{"a scheme in small letters", func() error { return change(root, joe, changing(AddValues, authPassword, "sha1$c2FsdA==$x")) }, InvalidAttributeSyntax, ""},
		{"a scheme that nobody knows", func() error { return change(root, joe, changing(AddValues, authPassword, "ROT13$$znel")) }, ConstraintViolation, ""},
		{"a digest that is too short", func() error { return change(root, joe, changing(AddValues, authPassword, "SHA1$c2FsdA==$eA==")) }, ConstraintViolation, ""},
		{"a value it has, spaces aside", func() error {
			return change(root, joe, changing(AddValues, authPassword, strings.ReplaceAll(marySHA1, " ", "")))
		}, AttributeOrValueExists, ""},
		{"its owner does not write it", func() error { return change(asJoe, joe, set(authPassword, maryMD5)) }, InsufficientAccessRights, ""},
		{"nor the help desk", func() error { return change(as("help"), joe, set(authPassword, maryMD5)) }, InsufficientAccessRights, ""},
		{"nor anybody where no class allows it", func() error { return change(root, person("bob"), changing(AddValues, authPassword, maryMD5)) }, ObjectClassViolation, ""},
		{"all values count", func() error { return change(root, joe, changing(AddValues, authPassword, sha512)) }, Success, "SHA1 SHA512"},
		{"the one", func() error { return bind(joe, "mary") }, Success, ""},
		{"and the other, made anew as passwords are today", func() error { return bind(joe, "secret2") }, Success, "SHA1 SHA1"},
		{"a value is deleted by all of it", func() error { return change(root, joe, changing(DeleteValues, authPassword, marySHA1)) }, Success, "SHA1"},
		{"and not by the password", func() error { return change(root, joe, changing(DeleteValues, authPassword, "mary")) }, NoSuchAttribute, ""},
		{"userPassword is another attribute", func() error { return change(root, joe, changing(DeleteValues, userPassword)) }, NoSuchAttribute, ""},
		{"that is in no class of his", func() error { return change(root, joe, changing(AddValues, userPassword, "other")) }, ObjectClassViolation, ""},
		{"MD5", func() error { return change(root, joe, set(authPassword, maryMD5)) }, Success, "MD5"},
		{"is verified", func() error { return bind(joe, "mary") }, Success, "SHA1"},
		{"password modify, by the old one", func() error { return passmod(Requester{}, "mary", "anna") }, Success, "SHA1"},
		{"which is out of date", func() error { return bind(joe, "mary") }, InvalidCredentials, ""},
		{"for the new one", func() error { return bind(joe, "anna") }, Success, ""},
		{"password modify, by the help desk", func() error { return passmod(as("help"), "", "mary") }, Success, "SHA1"},
		{"takes it away", func() error { return change(root, joe, changing(DeleteValues, authPassword)) }, Success, "-"},
		{"and nobody is let in", func() error { return bind(joe, "mary") }, InvalidCredentials, ""},
		{"nor is one set that no class allows", func() error { return passmod(as("help"), "", "mary") }, ObjectClassViolation, ""},
	} {
		before := h.stored(joe)
		h.want(row.rule, row.do(), row.code)
		after := h.stored(joe)
		var schemes []string
		for line := range strings.Lines(after) {
			scheme, _, _ := strings.Cut(strings.TrimPrefix(line, "authPassword: "), "$")
			schemes = append(schemes, strings.TrimSpace(scheme))
		}
		switch got := strings.Join(schemes, " "); {
		case row.stored == "" && after != before:
			t.Errorf("%s: %s became %s", row.rule, before, after)
		case row.stored == "-" && after != "", row.stored != "" && row.stored != "-" && got != row.stored:
			t.Errorf("%s: stored in %s, want %s", row.rule, got, row.stored)
		}
		h.advance(h.credentials.cfg.Lockout)
	}
}

// Both attributes beside each other: each change is about one of them.
func TestAuthPasswordBesideUserPassword(t *testing.T) {
	h := newHouse(t)
	both := func(rule, want string, c ...Change) {
		t.Helper()
		h.want(rule, h.modify(root, "ann", c...), Success)
		got := strings.NewReplacer("userPassword: {SSHA}", "U", "authPassword: ", "A").Replace(h.stored(person("ann")))
		var kinds []string
		for line := range strings.Lines(got) {
			kinds = append(kinds, line[:1])
		}
		if strings.Join(kinds, "") != want {
			t.Errorf("%s: %s, want %s", rule, got, want)
		}
	}
	both("add", "UA", changing(AddValues, "objectClass", "authPasswordObject"), changing(AddValues, authPassword, maryMD5))
	both("replace the one", "UUA", set(userPassword, "x", "y"))
	both("replace the other", "UUA", set(authPassword, marySHA1))
	for _, p := range []string{"x", "y", "mary"} {
		_, err := h.bind(person("ann"), p)
		h.want("bind with "+p, err, Success)
	}
	both("delete the one", "A", changing(DeleteValues, userPassword))
	both("and add it", "UA", changing(AddValues, userPassword, "x"))
	both("delete the other", "U", changing(DeleteValues, authPassword))
	h.want("too many of both", h.modify(root, "ann", set(authPassword, strings.Split(strings.TrimSuffix(strings.Repeat(maryMD5+" ", 5), " "), " ")...), changing(AddValues, userPassword, "1", "2", "3", "4")), ConstraintViolation)
}

// A wrong password is an attempt, whatever it was held against, and a code
// belongs behind a right one.
func TestAuthPasswordAttemptsAndCodes(t *testing.T) {
	h := authHouse(t)
	h.want("a class for both", h.Modify(context.Background(), root, &ModifyRequest{Object: joe, Changes: []Change{set("objectClass", "account", "authPasswordObject")}}), Success)
	for n := 1; n <= h.credentials.cfg.FreeAttempts; n++ {
		_, err := h.bind(joe, "wrong")
		h.want("wrong", err, InvalidCredentials)
		if got := h.failures("joe"); got != n {
			t.Fatalf("%d failures, want %d", got, n)
		}
	}
	_, err := h.bind(joe, "mary")
	h.want("right, and too early", err, InvalidCredentials)
	h.advance(h.credentials.cfg.Lockout)
	secret, err := h.GenerateTOTPSharedSecret(context.Background(), Requester{}, id("dn:"+joe), []byte("mary"))
	h.want("generate", err, Success)
	_, err = h.bind(joe, "mary"+h.code(secret, 0))
	h.want("with a code", err, Success)
	_, err = h.bind(joe, "mary")
	h.want("without", err, InvalidCredentials)
}

// Section 2.2 and 2.3: who may compare stored values, and who ask whether a
// password is one.
func TestAuthPasswordMatch(t *testing.T) {
	h := authHouse(t)
	ctx := context.Background()
	for _, row := range []struct {
		who   string
		from  Requester
		value string
		equal bool
		code  ResultCode
	}{
		{"root", root, strings.TrimSpace(marySHA1), true, Success},
		{"root", root, "  SHA1$c2FsdA==  $OkdKcR/L5MdZtVjOJpk8WgxcUPE=", true, Success},
		{"root", root, "SHA1$c2FsdA==$okdKcR/L5MdZtVjOJpk8WgxcUPE=", false, Success},
		{"root", root, "mary", false, InvalidAttributeSyntax},
		{"admin", as("admin"), marySHA1, true, Success},
		{"joe", Requester{DN: joe, How: ByPassword}, marySHA1, false, InsufficientAccessRights},
		{"help", as("help"), marySHA1, false, InsufficientAccessRights},
		{"anonymous", Requester{}, marySHA1, false, InsufficientAccessRights},
	} {
		equal, err := h.Compare(ctx, row.from, &CompareRequest{Entry: joe, Attribute: authPassword, Value: []byte(row.value)})
		h.want("compare by "+row.who, err, row.code)
		if equal != row.equal {
			t.Errorf("compare of %q by %s: %v", row.value, row.who, equal)
		}
	}
	h.want("userPassword is never compared", func() error {
		_, err := h.Compare(ctx, root, &CompareRequest{Entry: person("ann"), Attribute: userPassword, Value: []byte(secretWord)})
		return err
	}(), InsufficientAccessRights)

	for _, row := range []struct {
		rule, filter string
		from         Requester
		base         string
		scope        Scope
		found        bool
		failures     int // of joe, one second later
	}{
		{"right", "(authPassword:authPasswordMatch:=mary)", root, joe, BaseObject, true, 0},
		{"by OID, beside others", "(&(uid=joe)(authPassword:1.3.6.1.4.1.4203.1.2.3:=mary))", as("admin"), joe, BaseObject, true, 0},
		{"by the rule alone", "(:authPasswordMatch:=mary)", root, joe, BaseObject, true, 0},
		{"wrong, and counted", "(authPassword:authPasswordMatch:=anna)", root, joe, BaseObject, false, 1},
		{"not", "(!(authPassword:authPasswordMatch:=anna))", root, joe, BaseObject, true, 2},
		{"right, which is forgotten", "(authPassword:authPasswordMatch:=mary)", root, joe, BaseObject, true, 0},
		{"a password of userPassword", "(authPassword:authPasswordMatch:=secret)", root, person("ann"), BaseObject, false, 0},
		{"two in one filter", "(|(authPassword:authPasswordMatch:=mary)(authPassword:authPasswordMatch:=anna))", root, joe, BaseObject, false, 0},
		{"of many entries", "(authPassword:authPasswordMatch:=mary)", root, joe, WholeSubtree, false, 0},
		{"not Undefined of many", "(!(authPassword:authPasswordMatch:=mary))", root, joe, WholeSubtree, false, 0},
		{"by the help desk", "(authPassword:authPasswordMatch:=mary)", as("help"), joe, BaseObject, false, 0},
		{"by himself", "(!(authPassword:authPasswordMatch:=anna))", Requester{DN: joe, How: ByPassword}, joe, BaseObject, false, 0},
		{"equality is never asked", "(authPassword=SHA1$c2FsdA==$OkdKcR/L5MdZtVjOJpk8WgxcUPE=)", root, joe, BaseObject, false, 0},
		{"nor presence", "(authPassword=*)", root, joe, BaseObject, false, 0},
	} {
		found, err := find(t, h.Directory, row.from, SearchRequest{BaseObject: row.base, Scope: row.scope}, row.filter)
		if err != nil || (len(found) == 1) != row.found {
			t.Errorf("%s: %v, %v", row.rule, found.names(), err)
		}
		if got := h.failures("joe"); got != row.failures {
			t.Errorf("%s: %d failures, want %d", row.rule, got, row.failures)
		}
		h.advance(h.credentials.cfg.Lockout)
	}
	for rule, who := range map[string]Requester{
		"must change":       {DN: person("admin"), How: ByPassword, Password: PasswordPolicyAnswer{MustChange: true}},
		"in grace":          {DN: person("admin"), How: InGrace},
		"by an application": {DN: joe, How: ByApplicationPassword},
	} {
		found, err := find(t, h.Directory, who, SearchRequest{BaseObject: joe}, "(authPassword:authPasswordMatch:=anna)")
		if len(found) > 0 || h.failures("joe") != 0 {
			t.Errorf("%s: asked, %v, %v", rule, found.names(), err)
		}
	}
	live := SearchRequest{BaseObject: joe, Filter: *filter(t, "(authPassword:authPasswordMatch:=anna)"), Persistent: &PersistentSearch{Types: AllChangeTypes}}
	if err := h.Search(ctx, root, &live, newCopied()); err == nil || h.failures("joe") != 0 {
		t.Errorf("for as long as it goes on: asked, %v", err)
	}
	_, err := find(t, h.Directory, root, SearchRequest{BaseObject: person("nobody")}, "(authPassword:authPasswordMatch:=mary)")
	h.want("of nobody", err, NoSuchObject)
	f, err := ParseFilter("(&(uid=joe)(:authPasswordMatch:=mary))")
	if err != nil || strings.Contains(f.Brief(1000), "mary") {
		t.Errorf("the log would have %s, %v", f.Brief(1000), err)
	}
}

// Section 2.4, and what is imported, kept as a history and never read.
func TestAuthPasswordTravels(t *testing.T) {
	h := policed(t, "pwdInHistory: 3")
	h.want("joe", h.Add(context.Background(), root, &AddRequest{Entry: joe, Attributes: attributes("objectClass: account", "objectClass: authPasswordObject", "authPassword: "+marySHA1)}), Success)
	found, err := find(t, h.Directory, root, SearchRequest{Attributes: []string{"supportedAuthPasswordSchemes"}}, "(objectClass=*)")
	if err != nil || fmt.Sprintf("%s", found[0].Attributes[0].Values) != "[ARGON2ID BCRYPT MD5 PBKDF2-SHA512 SHA1 SHA256 SHA512]" {
		t.Errorf("root DSE: %v, %v", found, err)
	}
	for _, to := range []string{"mary", "anna"} {
		_, err := h.ChangePassword(context.Background(), root, id("dn:"+joe), nil, []byte(to))
		h.want("root sets "+to, err, Success)
	}
	_, err = h.ChangePassword(context.Background(), Requester{}, id("dn:"+joe), []byte("anna"), []byte("mary"))
	h.wantPolicy("one of the history", err, ConstraintViolation, PasswordInHistory)
	found, err = find(t, h.Directory, root, SearchRequest{BaseObject: joe, Attributes: []string{"*", "+", authPassword}}, "(objectClass=*)")
	if err != nil || strings.Contains(found[0].text(), "SHA1") {
		t.Errorf("read: %s, %v", found[0].text(), err)
	}

	var all collected
	if err := h.Export(context.Background(), "", all.WriteEntry); err != nil {
		t.Fatal(err)
	}
	other := newHouse(t)
	closeDirectory(t, other.Directory)
	other.folder = t.TempDir()
	other.Directory = openDirectory(t, other.folder, h.config)
	if err := load(t, other.Directory, all); err != nil {
		t.Fatal(err)
	}
	if a, b := h.stored(joe), other.stored(joe); a != b || !strings.HasPrefix(a, "authPassword: SHA1$") {
		t.Errorf("%s became %s", a, b)
	}
	_, err = other.bind(joe, "anna")
	h.want("bind where it went", err, Success)
}

// A policy that looks at passwords takes none that it cannot see, from anybody
// but the root user.
func TestAuthPasswordQuality(t *testing.T) {
	h := policed(t, "pwdCheckQuality: 2", "pwdMinLength: 8")
	add := &AddRequest{Entry: joe, Attributes: attributes("objectClass: account", "objectClass: authPasswordObject", "authPassword: "+marySHA1)}
	h.wantPolicy("an administrator's", h.Add(context.Background(), as("admin"), add), ConstraintViolation, InsufficientPasswordQuality)
	h.want("the root user's", h.Add(context.Background(), root, add), Success)
	h.want("a second", h.Modify(context.Background(), root, &ModifyRequest{Object: joe, Changes: []Change{changing(AddValues, authPassword, maryMD5)}}), ConstraintViolation)
}

// What is stored is not the old password, for whoever got hold of it.
func TestStoredValueIsNoProof(t *testing.T) {
	h := policed(t, "pwdSafeModify: TRUE")
	ann := Requester{DN: person("ann"), How: ByPassword}
	_, hash, _ := strings.Cut(h.stored(person("ann")), ": ")
	change := func(old string) error {
		return h.modify(ann, "ann", changing(DeleteValues, userPassword, old), changing(AddValues, userPassword, "another"))
	}
	if err := change(hash); err == nil {
		t.Errorf("changed by %s", hash)
	}
	h.advance(h.credentials.cfg.Lockout)
	h.want("by the password", change(secretWord), Success)
}
