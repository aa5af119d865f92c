package directory

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// managed is a row about who may manage ann's credentials. In password, CODE is
// a current code of her active credential.
type managed struct {
	rule     string
	who      Requester
	authID   string // "-": absent
	password string // "-": absent
	want     ResultCode
}

// claim is what the row shows; secret is ann's, "" before she has one.
func (row managed) claim(h *house, secret string) Claim {
	var c Claim
	if row.authID != "-" {
		c.AuthenticationID = &row.authID
	}
	if row.password != "-" {
		text := row.password
		if secret != "" {
			text = strings.ReplaceAll(text, "CODE", h.code(secret, 0))
		}
		c.StaticPassword = []byte(text)
	}
	return c
}

// everybody is who may do anything, and who may not, of a user whose code was
// accepted once.
var everybody = []managed{
	{"password and code", nobodyAsks, "u:ann", "secretCODE", Success},
	{"password and code, own connection", annAsks, "-", "secretCODE", Success},
	{"password alone", nobodyAsks, "u:ann", "secret", InvalidCredentials},
	{"password alone, own connection without code", annAsks, "-", "secret", InvalidCredentials},
	{"password and wrong code", nobodyAsks, "u:ann", "secret000000", InvalidCredentials},
	{"wrong password and code", nobodyAsks, "u:ann", "wrongCODE", InvalidCredentials},
	{"empty password", nobodyAsks, "u:ann", "", InvalidCredentials},
	{"own connection with a code", annWithOne, "-", "-", Success},
	{"own connection with a code, and named", annWithOne, "u:ann", "-", Success},
	{"own connection with a code, and the password", annWithOne, "-", "secret", Success},
	{"own connection with a code, and a wrong password", annWithOne, "-", "wrong", InvalidCredentials},
	{"another's connection with a code", Requester{DN: person("bob"), How: ByPasswordAndCode}, "u:ann", "-", InsufficientAccessRights},
	{"another's connection with a code, and the password", Requester{DN: person("bob"), How: ByPasswordAndCode}, "u:ann", "secret", InvalidCredentials},
	{"another user", bobAsks, "u:ann", "-", InsufficientAccessRights},
	{"nobody", nobodyAsks, "u:ann", "-", InsufficientAccessRights},
	{"nobody, nobody named", nobodyAsks, "-", "-", InsufficientAccessRights},
	{"administrator of passwords", helpAsks, "u:ann", "-", Success},
	{"administrator, by DN", adminAsks, "dn:" + person("ann"), "-", Success},
	{"administrator, with a wrong password", adminAsks, "u:ann", "wrong", InvalidCredentials},
	{"root user", root, "u:ann", "-", Success},
	{"administrator, unknown user", helpAsks, "u:nobody", "-", NoSuchObject},
	{"unknown user and password", nobodyAsks, "u:nobody", "secret", InvalidCredentials},
	{"malformed DN", helpAsks, "dn:ann", "-", InvalidDNSyntax},
	{"malformed DN and password", nobodyAsks, "dn:ann", "secret", InvalidCredentials},
}

// actions are what takes full authority, on ann's only credential.
var actions = map[string]func(h *house, who Requester, c Claim, id string) error{
	"enrol": func(h *house, who Requester, c Claim, _ string) error {
		made, err := h.EnrolTOTP(context.Background(), who, c, EnrolRequest{})
		if (err == nil) != (len(made.Secret) == 32) {
			return errors.New("secret " + made.Secret)
		}
		return err
	},
	"rename": func(h *house, who Requester, c Claim, id string) error {
		return h.RenameTOTP(context.Background(), who, c, id, "phone")
	},
	"disable": func(h *house, who Requester, c Claim, id string) error {
		return h.DisableTOTP(context.Background(), who, c, id)
	},
	"enable": func(h *house, who Requester, c Claim, id string) error {
		return h.EnableTOTP(context.Background(), who, c, id)
	},
	"revoke": func(h *house, who Requester, c Claim, id string) error {
		return h.RevokeTOTP(context.Background(), who, c, id)
	},
	"new recovery codes": func(h *house, who Requester, c Claim, _ string) error {
		codes, err := h.NewRecoveryCodes(context.Background(), who, c)
		if (err == nil) != (len(codes) == totp.NewCodes) {
			return errors.New("no codes")
		}
		return err
	},
}

func TestManageAuthority(t *testing.T) {
	for name, act := range actions {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter, c.MaxCredentials = 1000, 1000, 1000 })
			for _, row := range everybody {
				if err := h.RevokeTOTPSharedSecret(context.Background(), root, id("u:ann"), nil, nil); err != nil {
					t.Fatal(err)
				}
				secret := h.enrol("ann")
				h.activate("ann", secret)
				before := export(t, h.Directory)
				err := act(h, row.who, row.claim(h, secret), h.credentialsOf("ann")[0].id)
				h.want(row.rule, err, row.want)
				if row.want != Success && row.rule != "wrong password and code" && !slices.EqualFunc(before, export(t, h.Directory), func(a, b Entry) bool { return a.text() == b.text() }) {
					t.Errorf("%s: something changed", row.rule)
				}
			}
		})
	}
}

// Before a code was ever accepted the password alone is enough, and a
// connection that nothing but the password made is not.
func TestManageBeforeTheFirstCode(t *testing.T) {
	for _, row := range []managed{
		{"password", nobodyAsks, "u:ann", "secret", Success},
		{"password, own connection", annAsks, "-", "secret", Success},
		{"own connection", annAsks, "-", "-", UnwillingToPerform},
		{"own connection, and named", annAsks, "u:ann", "-", UnwillingToPerform},
		{"administrator for himself", helpAsks, "u:help", "-", UnwillingToPerform},
		{"administrator of passwords, another administrator", helpAsks, "u:admin", "-", InsufficientAccessRights},
		{"the root user", helpAsks, "dn:" + DefaultRootDN, "-", NoSuchObject},
	} {
		h := newHouse(t)
		h.enrol("ann")
		_, err := h.EnrolTOTP(context.Background(), row.who, row.claim(h, ""), EnrolRequest{})
		h.want(row.rule, err, row.want)
	}
}

// What of a credential an action finds, and what it leaves.
func TestManageStates(t *testing.T) {
	for _, row := range []struct {
		action string
		before credentialState
		want   ResultCode
		after  credentialState
	}{
		{"rename", pending, Success, pending},
		{"rename", active, Success, active},
		{"rename", disabled, Success, disabled},
		{"disable", pending, UnwillingToPerform, pending},
		{"disable", active, Success, disabled},
		{"disable", disabled, Success, disabled},
		{"enable", pending, UnwillingToPerform, pending},
		{"enable", active, Success, active},
		{"enable", disabled, Success, active},
		{"new recovery codes", pending, UnwillingToPerform, pending},
		{"new recovery codes", active, Success, active},
		{"new recovery codes", disabled, Success, disabled},
	} {
		h := newHouse(t)
		h.enrol("ann")
		h.setState("ann", row.before)
		c := h.credentialsOf("ann")[0]
		err := actions[row.action](h, root, Claim{AuthenticationID: id("u:ann")}, c.id)
		h.want(row.action+" "+row.before.String(), err, row.want)
		after := h.credentialsOf("ann")[0]
		if after.state != row.after {
			t.Errorf("%s %v: now %v; want %v", row.action, row.before, after.state, row.after)
		}
		if changed := after.state != c.state || after.name != c.name; changed != (after.sequence > c.sequence) || changed && after.changedBy != DefaultRootDN {
			t.Errorf("%s %v: sequence %d to %d, by %q", row.action, row.before, c.sequence, after.sequence, after.changedBy)
		}
	}
	h := newHouse(t)
	h.enrol("ann")
	for name, act := range actions {
		if name == "enrol" || name == "new recovery codes" {
			continue
		}
		for _, unknown := range []string{"", "none", "ANY"} {
			h.want(name+" "+unknown, act(h, root, Claim{AuthenticationID: id("u:ann")}, unknown), NoSuchAttribute)
		}
	}
}

func TestEnrolWhat(t *testing.T) {
	now := time.Unix(1_700_000_010, 0)
	for _, row := range []struct {
		rule string
		req  EnrolRequest
		want ResultCode
	}{
		{"nothing said", EnrolRequest{}, Success},
		{"all said", EnrolRequest{Name: "Token 1", Parameters: totp.Parameters{Algorithm: totp.SHA512, Digits: 8, Period: time.Minute}, Issuer: "Big Co", QRCode: true, Serial: "1", Device: "2", NotBefore: now, NotAfter: now.Add(time.Hour)}, Success},
		{"a long name", EnrolRequest{Name: strings.Repeat("n", maxCredentialText+1)}, ConstraintViolation},
		{"a name with a line break", EnrolRequest{Name: "a\nb"}, ConstraintViolation},
		{"a serial number that is not UTF-8", EnrolRequest{Serial: "\xff"}, ConstraintViolation},
		{"a long device", EnrolRequest{Device: strings.Repeat("n", maxCredentialText+1)}, ConstraintViolation},
		{"counter-based", EnrolRequest{Parameters: totp.Parameters{Counter: true}}, ConstraintViolation},
		{"five digits", EnrolRequest{Parameters: totp.Parameters{Digits: 5}}, ConstraintViolation},
		{"half a second", EnrolRequest{Parameters: totp.Parameters{Period: time.Second / 2}}, ConstraintViolation},
		{"a colon in the issuer", EnrolRequest{Issuer: "a:b"}, ConstraintViolation},
		{"valid for no time", EnrolRequest{NotBefore: now, NotAfter: now}, ConstraintViolation},
	} {
		h := newHouse(t)
		made, err := h.EnrolTOTP(context.Background(), helpAsks, Claim{AuthenticationID: id("u:ann")}, row.req)
		h.want(row.rule, err, row.want)
		if err != nil {
			if len(h.credentialsOf("ann")) > 0 {
				t.Errorf("%s: a credential was made", row.rule)
			}
			continue
		}
		c := h.credentialsOf("ann")[0]
		if c.id != made.ID || c.name != row.req.Name || row.req.Serial+row.req.Device != "" && (c.serial != row.req.Serial || c.device != row.req.Device) || c.parameters != row.req.Parameters.WithDefaults() ||
			!c.notBefore.Equal(row.req.NotBefore) || !c.notAfter.Equal(row.req.NotAfter) || c.state != pending || c.passwordAlone || c.changedBy != person("help") {
			t.Errorf("%s: %+v", row.rule, c)
		}
		issuer := row.req.Issuer
		if issuer == "" {
			issuer = "tallystick"
		}
		if u, err := url.Parse(made.URI); err != nil || u.Path != "/"+issuer+":ann" || u.Query().Get("secret") != made.Secret {
			t.Errorf("%s: %s, %v", row.rule, made.URI, err)
		}
		if bytes.HasPrefix(made.QRCode, []byte("\x89PNG")) != row.req.QRCode {
			t.Errorf("%s: a QR code of %d octets", row.rule, len(made.QRCode))
		}
	}
	h := newHouse(t, func(c *CredentialsConfig) { c.MaxCredentials = 1 })
	h.enrol("ann")
	_, err := h.EnrolTOTP(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, EnrolRequest{})
	h.want("one too many", err, AdminLimitExceeded)
	h = newHouse(t, func(c *CredentialsConfig) { c.Keyset = nil })
	_, err = h.EnrolTOTP(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, EnrolRequest{})
	h.want("no keyset", err, UnwillingToPerform)
}

// The list tells everything but the secret, to those who may know.
func TestList(t *testing.T) {
	for _, row := range []managed{
		{"own connection", annAsks, "-", "-", Success},
		{"password and code", nobodyAsks, "u:ann", "secretCODE", Success},
		{"password alone", nobodyAsks, "u:ann", "secret", InvalidCredentials},
		{"administrator", helpAsks, "u:ann", "-", Success},
		{"another user", bobAsks, "u:ann", "-", InsufficientAccessRights},
		{"nobody", nobodyAsks, "u:ann", "-", InsufficientAccessRights},
	} {
		h := newHouse(t)
		secret := h.enrol("ann")
		h.activate("ann", secret)
		used := h.now.Add(-totp.DefaultPeriod)
		made, err := h.EnrolTOTP(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, EnrolRequest{Name: "token", Serial: "1", Device: "2", NotBefore: h.now})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.NewRecoveryCodes(context.Background(), root, Claim{AuthenticationID: id("u:ann")}); err != nil {
			t.Fatal(err)
		}
		list, err := h.ListTOTP(context.Background(), row.who, row.claim(h, secret))
		h.want(row.rule, err, row.want)
		if err != nil {
			continue
		}
		if len(list.Credentials) != 2 || list.RecoveryCodes != totp.NewCodes {
			t.Fatalf("%s: %+v", row.rule, list)
		}
		one, two := list.Credentials[0], list.Credentials[1]
		if one.State != "active" || row.password == "-" && !one.LastUsed.Equal(used.Truncate(time.Second)) || one.Parameters != (totp.Parameters{}).WithDefaults() {
			t.Errorf("%s: %+v", row.rule, one)
		}
		if two.ID != made.ID || two.State != "pending" || two.Name != "token" || two.Serial != "1" || two.Device != "2" || !two.NotBefore.Equal(h.now) || !two.LastUsed.IsZero() || two.ChangedBy != DefaultRootDN {
			t.Errorf("%s: %+v", row.rule, two)
		}
	}
}

// A credential that nobody confirms is forgotten, and is gone for good with the
// next change of what belongs to the user. One that was confirmed is not.
func TestAbandonedCredentials(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.PendingFor = time.Hour; c.MaxCredentials = 2 })
	secret := h.enrol("ann")
	h.activate("ann", secret)
	abandoned := h.enrol("ann")
	h.advance(time.Hour - totp.DefaultPeriod)
	if n := len(h.credentialsOf("ann")); n != 2 {
		t.Fatalf("%d credentials", n)
	}
	h.advance(2 * totp.DefaultPeriod)
	if n := len(h.credentialsOf("ann")); n != 1 {
		t.Errorf("%d credentials", n)
	}
	h.restart() // checks that the store is whole as long as they are there
	_, err := h.bind(person("ann"), secretWord+h.code(abandoned, 0))
	h.want("a code of it", err, InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("a code of the other", err, Success)
	h.restart() // and when they are gone
	if strings.Contains(export(t, h.Directory)[slices.IndexFunc(export(t, h.Directory), func(e Entry) bool { return e.DN == person("ann") })].text(), abandoned) {
		t.Error("it is still stored")
	}
	h.enrol("ann") // there is room for it

	never := newHouse(t, func(c *CredentialsConfig) { c.PendingFor = -1 })
	secret = never.enrol("ann")
	never.advance(1000 * time.Hour)
	_, err = never.bind(person("ann"), secretWord+never.code(secret, 0))
	never.want("years later", err, Success)
}

// Codes count within the dates of a credential; a code is needed beyond them.
func TestValidityDates(t *testing.T) {
	h := newHouse(t)
	made, err := h.EnrolTOTP(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, EnrolRequest{NotBefore: h.now.Add(time.Hour), NotAfter: h.now.Add(2 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		rule        string
		advance     time.Duration
		alone, code ResultCode
	}{
		{"before", 0, Success, InvalidCredentials},
		{"from then on", time.Hour, Success, Success},
		{"within", 30 * time.Minute, InvalidCredentials, Success},
		{"after", 30 * time.Minute, InvalidCredentials, InvalidCredentials},
	} {
		h.advance(row.advance)
		_, err := h.bind(person("ann"), secretWord)
		h.want(row.rule+", password", err, row.alone)
		_, err = h.bind(person("ann"), secretWord+h.code(made.Secret, 0))
		h.want(row.rule+", code", err, row.code)
	}
}

// Credentials that something but the password made are not for the password
// alone to confirm when others count, and those it made are not confirmed so.
func TestConfirm(t *testing.T) {
	for _, row := range []struct {
		rule     string
		who      Requester
		authID   string
		password string
		code     string // NEW, OLD: a code of the pending one, of the active one
		alone    bool   // nothing but the password made the pending one
		other    bool   // there is an active one
		want     ResultCode
	}{
		{"password", nobodyAsks, "u:ann", "secret", "NEW", true, false, Success},
		{"wrong password", nobodyAsks, "u:ann", "wrong", "NEW", true, false, InvalidCredentials},
		{"wrong code", nobodyAsks, "u:ann", "secret", "000000", true, false, InvalidCredentials},
		{"no code", nobodyAsks, "u:ann", "secret", "", true, false, InvalidCredentials},
		{"own connection", annAsks, "-", "-", "NEW", true, false, Success},
		{"own connection, wrong code", annAsks, "-", "-", "000000", true, false, InvalidCredentials},
		{"own connection, no code", annAsks, "-", "-", "", true, false, InvalidCredentials},
		{"administrator", helpAsks, "u:ann", "-", "NEW", true, false, Success},
		{"another user", bobAsks, "u:ann", "-", "NEW", true, false, InsufficientAccessRights},
		{"nobody", nobodyAsks, "u:ann", "-", "NEW", true, false, InsufficientAccessRights},
		{"made by the password alone beside another: password", nobodyAsks, "u:ann", "secret", "NEW", true, true, InvalidCredentials},
		{"made by the password alone beside another: own connection", annAsks, "-", "-", "NEW", true, true, InvalidCredentials},
		{"made by the password alone beside another: connection with a code", annWithOne, "-", "-", "NEW", true, true, Success},
		{"made by the password alone beside another: administrator", helpAsks, "u:ann", "-", "NEW", true, true, Success},
		{"made by an administrator beside another: password", nobodyAsks, "u:ann", "secret", "NEW", false, true, Success},
		{"a code of the other one", nobodyAsks, "u:ann", "secret", "OLD", false, true, InvalidCredentials},
		{"a code of the other one, connection with a code", annWithOne, "-", "-", "OLD", false, true, InvalidCredentials},
	} {
		h := newHouse(t)
		ctx := context.Background()
		claim := managed{who: row.who, authID: row.authID, password: row.password}.claim(h, "")
		maker, by := Claim{AuthenticationID: id("u:ann")}, root
		if row.alone {
			maker.StaticPassword, by = []byte(secretWord), nobodyAsks
		}
		made, err := h.EnrolTOTP(ctx, by, maker, EnrolRequest{})
		if err != nil {
			t.Fatal(err)
		}
		code := strings.ReplaceAll(row.code, "NEW", h.code(made.Secret, 0))
		if row.other {
			old := h.enrol("ann")
			h.activate("ann", old)
			h.advance(-totp.DefaultPeriod)
			code = strings.ReplaceAll(code, "OLD", h.code(old, 1))
		}
		h.want(row.rule, h.ConfirmTOTP(ctx, row.who, claim, made.ID, code), row.want)
		if row.want == Success {
			h.want(row.rule+", again", h.ConfirmTOTP(ctx, row.who, claim, made.ID, code), InvalidCredentials)
			for _, none := range []string{"", "none"} {
				h.want(row.rule+", no such credential", h.ConfirmTOTP(ctx, row.who, claim, none, h.code(made.Secret, 1)), InvalidCredentials)
			}
		}
		is := h.credentialsOf("ann")
		i := slices.IndexFunc(is, func(c *credential) bool { return c.id == made.ID })
		if (is[i].state == active) != (row.want == Success) {
			t.Errorf("%s: it is %v", row.rule, is[i].state)
		}
	}
}

func TestResync(t *testing.T) {
	const off = 5 * 120 // steps: 5 hours
	for _, row := range []struct {
		rule          string
		who           Requester
		authID        string
		password      string
		first, second int64 // steps from now
		state         credentialState
		want          ResultCode
	}{
		{"password", nobodyAsks, "u:ann", "secret", -off, 1 - off, active, Success},
		{"password, token ahead", nobodyAsks, "u:ann", "secret", off, off + 1, active, Success},
		{"wrong password", nobodyAsks, "u:ann", "wrong", -off, 1 - off, active, InvalidCredentials},
		{"own connection", annAsks, "-", "-", -off, 1 - off, active, Success},
		{"administrator", helpAsks, "u:ann", "-", -off, 1 - off, active, Success},
		{"another user", bobAsks, "u:ann", "-", -off, 1 - off, active, InsufficientAccessRights},
		{"not one behind the other", nobodyAsks, "u:ann", "secret", -off, 2 - off, active, InvalidCredentials},
		{"further off than a day", nobodyAsks, "u:ann", "secret", -8 * off, 1 - 8*off, active, InvalidCredentials},
		{"pending", nobodyAsks, "u:ann", "secret", -off, 1 - off, pending, Success},
		{"disabled", nobodyAsks, "u:ann", "secret", -off, 1 - off, disabled, InvalidCredentials},
	} {
		h := newHouse(t)
		ctx := context.Background()
		secret := h.enrol("ann")
		h.setState("ann", row.state)
		c := h.credentialsOf("ann")[0]
		claim := managed{who: row.who, authID: row.authID, password: row.password}.claim(h, "")
		first, second := h.code(secret, row.first), h.code(secret, row.second)
		before := h.failures("ann")
		h.want(row.rule, h.ResyncTOTP(ctx, row.who, claim, c.id, first, second), row.want)
		if row.want == InvalidCredentials && h.failures("ann") != before+1 {
			t.Errorf("%s: the failure does not count", row.rule)
		}
		if row.want != Success {
			continue
		}
		h.want(row.rule+": again", h.ResyncTOTP(ctx, row.who, claim, c.id, first, second), InvalidCredentials)
		h.advance(2 * totp.DefaultPeriod)
		_, err := h.bind(person("ann"), secretWord+h.code(secret, row.second))
		h.want(row.rule+": a login with the token", err, Success)
		_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
		h.want(row.rule+": a code of the right time", err, InvalidCredentials)
		h.restart()
		h.advance(totp.DefaultPeriod)
		_, err = h.bind(person("ann"), secretWord+h.code(secret, row.second))
		h.want(row.rule+": a login later", err, Success)
	}
	h := newHouse(t, func(c *CredentialsConfig) { c.ResyncWithin = -1 })
	h.want("not done here", h.ResyncTOTP(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, "x", "1", "2"), UnwillingToPerform)
}

// A damaged state is told to those who may reset it, and looks like any other
// refusal to others.
func TestManageDamaged(t *testing.T) {
	h := newHouse(t)
	h.activate("ann", h.enrol("ann"))
	keyset, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	h.credentials.cfg.Keyset = keyset // no secret opens any more
	c := h.credentialsOf("ann")[0]
	h.want("confirm", h.ConfirmTOTP(context.Background(), annAsks, Claim{}, c.id, "123456"), InvalidCredentials)
	h.want("resync", h.ResyncTOTP(context.Background(), annAsks, Claim{}, c.id, "123456", "234567"), InvalidCredentials)
	h.want("revoke", h.RevokeTOTP(context.Background(), root, Claim{AuthenticationID: id("u:ann")}, c.id), Success)
}
