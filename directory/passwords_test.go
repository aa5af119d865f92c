package directory

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tallystick/directory/password"
)

// What is suggested keeps the rules, however long passwords must be.
func TestPasswordRules(t *testing.T) {
	for _, least := range []int{0, 1, 26, 27, 100} {
		d := newDirectory(t, func(c *Config) { c.Credentials.MinPasswordLength = least })
		suggested := d.rules().Suggest()
		if err := d.acceptable([]byte(suggested)); err != nil || len(suggested) < max(26, least) {
			t.Errorf("%d: %q, %v", least, suggested, err)
		}
		rules := d.rules()
		for _, row := range []struct {
			password string
			want     ResultCode
		}{
			{strings.Repeat("ä", rules.MinLength), Success},
			{strings.Repeat("ä", rules.MinLength-1), ConstraintViolation},
			{strings.Repeat("x", rules.MaxLength), Success},
			{strings.Repeat("x", rules.MaxLength+1), ConstraintViolation},
		} {
			if got := Result(d.acceptable([]byte(row.password))).ResultCode; got != row.want {
				t.Errorf("at least %d, %d octets: %v", least, len(row.password), got)
			}
		}
	}
}

// RFC 3062, section 2, and who may.
func TestChangePassword(t *testing.T) {
	for _, row := range []struct {
		rule     string
		who      Requester
		identity string // "-": absent
		old, new string // "-": absent; CODE: a current code
		start    enrolled
		want     ResultCode
	}{
		{"own, old password", annAsks, "-", "secret", "fresh", without, Success},
		{"own, old password, named", annAsks, person("ann"), "secret", "fresh", without, Success},
		{"own, wrong old password", annAsks, "-", "wrong", "fresh", without, InvalidCredentials},
		{"own, empty old password", annAsks, "-", "", "fresh", without, InvalidCredentials},
		{"own, no old password", annAsks, "-", "-", "fresh", without, Success},
		{"own, generated", annAsks, "-", "secret", "-", without, Success},
		{"anonymous, bare DN, old password", nobodyAsks, person("ann"), "secret", "fresh", without, Success},
		{"anonymous, dn:, old password", nobodyAsks, "dn:" + person("ann"), "secret", "fresh", without, Success},
		{"anonymous, u:, old password", nobodyAsks, "u:ann", "secret", "fresh", without, Success},
		{"anonymous, bare name, old password", nobodyAsks, "ann", "secret", "fresh", without, Success},
		{"anonymous, wrong old password", nobodyAsks, "u:ann", "wrong", "fresh", without, InvalidCredentials},
		{"anonymous, nobody, old password", nobodyAsks, "u:nobody", "secret", "fresh", without, InvalidCredentials},
		{"anonymous, malformed, old password", nobodyAsks, "dn:x", "secret", "fresh", without, InvalidCredentials},
		{"anonymous, no old password", nobodyAsks, "u:ann", "-", "fresh", without, InsufficientAccessRights},
		{"anonymous, nobody named", nobodyAsks, "-", "secret", "fresh", without, UnwillingToPerform},
		{"another's, old password", bobAsks, "u:ann", "secret", "fresh", without, Success},
		{"another's, no privilege", bobAsks, "u:ann", "-", "fresh", without, InsufficientAccessRights},
		{"another's, nobody, no privilege", bobAsks, "u:nobody", "-", "fresh", without, InsufficientAccessRights},
		{"another's, password-reset", helpAsks, person("ann"), "-", "fresh", without, Success},
		{"another's, password-reset, generated", helpAsks, person("ann"), "-", "-", without, Success},
		{"another's, password-reset, nobody", helpAsks, "u:nobody", "-", "fresh", without, NoSuchObject},
		{"another's, root user", root, person("ann"), "-", "fresh", without, Success},
		{"an empty new password", annAsks, "-", "secret", "", without, ConstraintViolation},
		{"a new password without end", annAsks, "-", "secret", strings.Repeat("x", password.MaxLength+1), without, ConstraintViolation},

		{"new secret: old password alone", nobodyAsks, "u:ann", "secret", "fresh", withNew, Success},
		{"accepted once: old password alone", nobodyAsks, "u:ann", "secret", "fresh", withProof, InvalidCredentials},
		{"accepted once: old password and code", nobodyAsks, "u:ann", "secretCODE", "fresh", withProof, Success},
		{"accepted once: old password, own connection with code", annWithOne, "-", "secret", "fresh", withProof, Success},
		{"accepted once: nothing, own connection with code", annWithOne, "-", "-", "fresh", withProof, Success},
		{"accepted once: nothing, own connection without code", annAsks, "-", "-", "fresh", withProof, UnwillingToPerform},
		{"accepted once: password-reset", helpAsks, "u:ann", "-", "fresh", withProof, Success},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			var secret string
			if row.start != without {
				secret = h.enrol("ann")
			}
			if row.start == withProof {
				h.activate("ann", secret)
			}
			octets := func(text string) []byte {
				if text == "-" {
					return nil
				}
				if strings.Contains(text, "CODE") {
					text = strings.ReplaceAll(text, "CODE", h.code(secret, 0))
				}
				return []byte(text)
			}
			var identity *string
			if row.identity != "-" {
				identity = &row.identity
			}
			generated, err := h.ChangePassword(context.Background(), row.who, identity, octets(row.old), octets(row.new))
			h.want(row.rule, err, row.want)
			fresh := row.new
			if (generated != "") != (row.want == Success && row.new == "-") {
				t.Errorf("generated %q", generated)
			}
			if generated != "" {
				fresh = generated
			}
			code := func(offset int64) string {
				if row.start == withProof {
					return h.code(secret, offset)
				}
				return ""
			}
			if row.want == Success {
				_, err = h.bind(person("ann"), fresh+code(1))
				h.want("bind with the new password", err, Success)
				_, err = h.bind(person("ann"), secretWord+code(1))
				h.want("bind with the old password", err, InvalidCredentials)
			} else {
				_, err = h.bind(person("ann"), secretWord+code(1))
				h.want("bind with the old password", err, Success)
			}
		})
	}
}

// Whoever resets passwords does not become an administrator by it.
func TestPasswordOfAnAdministrator(t *testing.T) {
	h := newHouse(t)
	for _, row := range []struct {
		rule string
		who  Requester
		user string
		want ResultCode
	}{
		{"password-reset, an administrator", helpAsks, "u:admin", InsufficientAccessRights},
		{"password-reset, one who may proxy", helpAsks, "u:proxy", InsufficientAccessRights},
		{"password-reset and bypass-acl, an administrator", adminAsks, "u:help", Success},
		{"password-reset and bypass-acl, the root user", adminAsks, "dn:" + DefaultRootDN, InsufficientAccessRights},
		{"proxied-auth, a user", as("proxy"), "u:ann", InsufficientAccessRights},
	} {
		_, err := h.ChangePassword(context.Background(), row.who, &row.user, nil, []byte("fresh"))
		h.want(row.rule, err, row.want)
	}
}

func TestRootPassword(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	if has, err := h.HasRootPassword(ctx); has || err != nil {
		t.Errorf("a new directory has a root password: %v, %v", has, err)
	}
	_, err := h.bind(DefaultRootDN, "rootword")
	h.want("bind without one", err, InvalidCredentials)
	h.want("empty", h.SetRootPassword(ctx, ""), ConstraintViolation)
	h.want("set", h.SetRootPassword(ctx, "rootword"), Success)
	h.restart()
	if has, err := h.HasRootPassword(ctx); !has || err != nil {
		t.Errorf("%v, %v", has, err)
	}
	who, err := h.bind(DefaultRootDN, "rootword")
	h.want("bind", err, Success)
	_, err = h.ChangePassword(ctx, who, nil, []byte("wrong"), []byte("other"))
	h.want("change with a wrong old one", err, InvalidCredentials)
	_, err = h.ChangePassword(ctx, who, nil, []byte("rootword"), []byte("other"))
	h.want("change", err, Success)
	_, err = h.bind(DefaultRootDN, "rootword")
	h.want("bind with the old one", err, InvalidCredentials)
	_, err = h.bind(DefaultRootDN, "other")
	h.want("bind with the new one", err, Success)
	h.credentials.cfg.Scheme = password.SSHA512
	_, err = h.bind(DefaultRootDN, "other")
	h.want("bind that upgrades", err, Success)
	_, err = h.bind(DefaultRootDN, "other")
	h.want("bind after that", err, Success)
	for range 20 {
		_, err = h.bind(DefaultRootDN, "wrong")
		h.want("wrong", err, InvalidCredentials)
	}
	_, err = h.bind(DefaultRootDN, "other")
	h.want("locked", err, InvalidCredentials)
	h.want("set on the machine", h.SetRootPassword(ctx, "rootword"), Success)
	_, err = h.bind(DefaultRootDN, "rootword")
	h.want("no longer locked", err, Success)
}

func TestHashPasswordValues(t *testing.T) {
	h := newHouse(t)
	const hashed = "{SSHA}c0qQTkTtn27Jy2joPkFesMzYe9Y/gUtp"
	for _, row := range []struct {
		rule, value string
		allowHashed bool
		want        ResultCode
		asItIs      bool
	}{
		{"in the clear", "secret", false, Success, false},
		{"in the clear, from an administrator", "secret", true, Success, false},
		{"a brace in the clear", "{not a scheme}x", true, Success, false},
		{"hashed", hashed, false, ConstraintViolation, false},
		{"hashed, from an administrator", hashed, true, Success, true},
		{"hashed badly, from an administrator", "{SSHA}x", true, ConstraintViolation, false},
		{"hashed at any price, from an administrator", "{PBKDF2-SHA512}1000000000$c2FsdA$a2V5a2V5a2V5a2V5a2V5", true, ConstraintViolation, false},
		{"unknown scheme, from an administrator", "{MD5}X03MO1qnZdYdgyfeuILPmQ==", true, ConstraintViolation, false},
		{"what looks like a scheme", "{MD5}x", false, Success, false},
		{"what authPassword would take", maryMD5, true, Success, false},
		{"empty", "", true, ConstraintViolation, false},
		{"too long", strings.Repeat("x", password.MaxLength+1), true, ConstraintViolation, false},
	} {
		got, err := h.hashPasswordValues(h.schema.Attribute(userPassword), [][]byte{[]byte(row.value)}, row.allowHashed)
		h.want(row.rule, err, row.want)
		if err != nil {
			if strings.Contains(Result(err).DiagnosticMessage, row.value) && row.value != "" {
				t.Errorf("%s: the message holds the value: %v", row.rule, err)
			}
			continue
		}
		if (string(got[0]) == row.value) != row.asItIs {
			t.Errorf("%s: stored as %s", row.rule, got[0])
		}
		if ok, err := password.Verify(got[0], []byte(row.value)); !row.asItIs && (!ok || err != nil) {
			t.Errorf("%s: %v, %v", row.rule, ok, err)
		}
	}
	_, err := h.hashPasswordValues(h.schema.Attribute(userPassword), make([][]byte, maxPasswordValues+1), true)
	h.want("too many", err, ConstraintViolation)
}

// Modify of one's own password asks for what ChangePassword asks for.
func TestModifyOfOwnPasswordNeedsACode(t *testing.T) {
	for _, row := range []struct {
		rule  string
		who   Requester
		start enrolled
		want  ResultCode
	}{
		{"no secret", annAsks, without, Success},
		{"a new secret", annAsks, withNew, Success},
		{"accepted once: without code", annAsks, withProof, UnwillingToPerform},
		{"accepted once: by the transport", Requester{DN: person("ann"), How: ByTransport}, withProof, UnwillingToPerform},
		{"accepted once: with code", annWithOne, withProof, Success},
		{"accepted once: password-reset", helpAsks, withProof, Success},
	} {
		h := newHouse(t)
		secret := ""
		if row.start != without {
			secret = h.enrol("ann")
		}
		if row.start == withProof {
			h.activate("ann", secret)
		}
		err := h.Modify(context.Background(), row.who, &ModifyRequest{Object: person("ann"), Changes: []Change{{ReplaceValues, attributes("userPassword: fresh")[0]}}})
		h.want("modify, "+row.rule, err, row.want)
		if row.who == helpAsks {
			continue
		}
		_, err = h.ChangePassword(context.Background(), row.who, nil, nil, []byte("fresh"))
		h.want("password modify, "+row.rule, err, row.want)
	}
}

// Whoever deletes a password in the clear says what it is, and that counts
// like at any door.
func TestModifyCountsPasswordsToDelete(t *testing.T) {
	for _, row := range []struct {
		who  string
		from Requester
	}{{"the user", annAsks}, {"the help desk", helpAsks}, {"an administrator", root}} {
		h := newHouse(t)
		remove := func(password string) error {
			return h.Modify(t.Context(), row.from, &ModifyRequest{Object: person("ann"), Changes: []Change{{DeleteValues, attributes("userPassword: " + password)[0]}}})
		}
		for n := 1; n <= h.credentials.cfg.FreeAttempts; n++ {
			h.want(row.who+": wrong", remove("wrong"), NoSuchAttribute)
			if got := h.failures("ann"); got != n {
				t.Fatalf("%s: %d failures, want %d", row.who, got, n)
			}
		}
		h.want(row.who+": right, and too early", remove(secretWord), NoSuchAttribute)
		h.advance(h.credentials.cfg.Lockout)
		h.want(row.who+": right", remove(secretWord), Success)
	}
}

// Passwords cost time to check, so an entry has few, and one request checks
// few.
func TestNumberOfPasswordsIsBounded(t *testing.T) {
	many := func(n int, value string) []string {
		var lines []string
		for i := range n {
			lines = append(lines, fmt.Sprintf(value, i))
		}
		return lines
	}
	for _, row := range []struct {
		rule    string
		changes []Change
		want    ResultCode
	}{
		{"as many as may be", []Change{{ReplaceValues, attributes(many(maxPasswordValues, "userPassword: p%d")...)[0]}}, Success},
		{"one more", []Change{{AddValues, attributes(many(maxPasswordValues, "userPassword: p%d")...)[0]}}, ConstraintViolation},
		{"in several changes", []Change{
			{AddValues, attributes(many(5, "userPassword: p%d")...)[0]},
			{AddValues, attributes(many(5, "userPassword: q%d")...)[0]},
		}, ConstraintViolation},
		{"replaced again and again", []Change{
			{ReplaceValues, attributes(many(5, "userPassword: p%d")...)[0]},
			{ReplaceValues, attributes(many(5, "userPassword: q%d")...)[0]},
		}, ConstraintViolation},
		{"deleted again and again", []Change{
			{DeleteValues, Attribute{"userPassword", slicesOf(secretWord, maxPasswordValues+1)}},
		}, ConstraintViolation},
	} {
		h := newHouse(t)
		err := h.Modify(context.Background(), annAsks, &ModifyRequest{Object: person("ann"), Changes: row.changes})
		h.want(row.rule, err, row.want)
	}
}

func slicesOf(value string, n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		list[i] = []byte(value)
	}
	return list
}

// An old password that is stored in another scheme is upgraded on the way, and
// changed all the same.
func TestChangePasswordOfAnotherScheme(t *testing.T) {
	h := newHouse(t)
	h.credentials.cfg.Scheme = password.SSHA512
	_, err := h.ChangePassword(context.Background(), Requester{}, id("u:ann"), []byte(secretWord), []byte("fresh"))
	h.want("change", err, Success)
	_, err = h.bind(person("ann"), "fresh")
	h.want("bind", err, Success)
}
