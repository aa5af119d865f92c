package directory

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tallystick/directory/totp"
)

// combined is one user in a test of all combinations.
type combined struct {
	uid         string
	code        func() string // that his credential shows now; "": he has none
	recovery    string        // a recovery code; "": he has none
	application string        // an application password; "": he has none
}

// combine adds a user for every combination of credential, recovery codes and
// application password.
func (h *house) combine() (users []combined) {
	h.t.Helper()
	ctx := context.Background()
	for _, has := range []string{"none", "pending", "active", "disabled", "expired", "token", "lostToken", "lostParams"} {
		for _, recovery := range []bool{false, true} {
			for _, application := range []string{"none", "elsewhere", "administrator", "owner"} {
				c := combined{uid: fmt.Sprintf("%s-%v-%s", has, recovery, application)}
				claim := Claim{AuthenticationID: id("u:" + c.uid)}
				lines := []string{"objectClass: inetOrgPerson", "cn: x", "sn: x", "uid: " + c.uid, "userPassword: " + secretWord}
				switch has {
				case "none":
				case "token", "lostToken", "lostParams":
					token, params := "cn=token of "+c.uid+",dc=example,dc=com", "cn=params of "+c.uid+",dc=example,dc=com"
					mustAdd(h.t, h.Directory, params, "objectClass: device", "objectClass: oathTOTPParams", "oathOTPLength: 6",
						"oathHMACAlgorithm: 1.2.840.113549.2.7", "oathTOTPTimeStepPeriod: 60")
					mustAdd(h.t, h.Directory, token, "objectClass: device", "objectClass: oathTOTPToken", "oathTOTPParams: "+params, "oathSecret: "+oathKey)
					lines = append(lines, "objectClass: oathTOTPUser", "oathTOTPToken: "+token)
					c.code = func() string { return h.oathCode(oathKey, minute, 0) }
				}
				mustAdd(h.t, h.Directory, person(c.uid), lines...)
				if has == "pending" || has == "active" || has == "disabled" || has == "expired" {
					req := EnrolRequest{}
					if has == "expired" {
						req.NotAfter = h.Directory.now().Add(totp.DefaultPeriod / 2)
					}
					made, err := h.EnrolTOTP(ctx, root, claim, req)
					h.want("enrol", err, Success)
					if has != "pending" {
						h.activate(c.uid, made.Secret)
					}
					c.code = func() string { return h.code(made.Secret, 0) }
				}
				confirmed := has != "none" && has != "pending"
				if recovery && confirmed {
					codes, err := h.NewRecoveryCodes(ctx, root, claim)
					h.want("recovery codes", err, Success)
					c.recovery = codes[0]
				}
				req := ApplicationPasswordRequest{Name: "mail", Networks: []string{"192.0.2.0/24"}}
				switch {
				case application == "none" || application == "owner" && (!confirmed || has == "expired"):
				case application == "owner":
					by := Claim{AuthenticationID: id("u:" + c.uid), StaticPassword: []byte(secretWord + c.code())}
					_, password, err := h.NewApplicationPassword(ctx, nobodyAsks, by, req)
					h.want("application password of "+c.uid, err, Success)
					c.application = password
					h.advance(time.Minute) // past that code
				default:
					if application == "elsewhere" {
						req.Networks = []string{"203.0.113.0/24"}
					}
					_, password, err := h.NewApplicationPassword(ctx, root, claim, req)
					h.want("application password of "+c.uid, err, Success)
					c.application = password
				}
				switch has {
				case "disabled":
					h.setState(c.uid, disabled)
				case "lostToken":
					h.want("delete", h.Delete(ctx, root, &DeleteRequest{Entry: "cn=token of " + c.uid + ",dc=example,dc=com"}), Success)
				case "lostParams":
					h.want("delete", h.Delete(ctx, root, &DeleteRequest{Entry: "cn=params of " + c.uid + ",dc=example,dc=com"}), Success)
				}
				users = append(users, c)
			}
		}
	}
	return users
}

// What is explained of a user is what binds then do, whatever the policy, his
// credential, his recovery codes and his application password; and an export
// takes all of it along.
func TestCombinations(t *testing.T) {
	inMemory(t)
	ctx := context.Background()
	for _, row := range []struct {
		asks  string // "": there is no policy
		lines []string
	}{
		{"", nil},
		{"optional", nil},
		{"required", nil},
		{"required", []string{"tallystickGraceUntil: 20990101000000Z"}},
		{"required", []string{"tallystickGraceLogins: 3"}},
		{"exempt", nil},
		{"refused", nil},
	} {
		t.Run(strings.Join(append([]string{row.asks}, row.lines...), " "), func(t *testing.T) {
			h := newHouse(t, unlimited, func(c *CredentialsConfig) { c.SourceFree = -1 })
			h.t = t
			users := h.combine()
			if row.asks != "" {
				h.policy("p", 1, row.asks, row.lines...)
			}
			explain := func(h *house, c combined) Explanation {
				e, err := h.Explain(ctx, root, Claim{AuthenticationID: id("u:" + c.uid)}, mailServer.Listener, "192.0.2.25")
				h.want("explain", err, Success)
				return e
			}
			for _, c := range users {
				e := explain(h, c)
				said := fmt.Sprintf("%s: %q, %d credentials, %d recovery codes, %d application passwords, fault %q", c.uid, e.LogIn, len(e.Credentials), e.RecoveryCodes, len(e.Applications), e.Fault)
				if strings.HasPrefix(c.uid, "lost") && row.asks != "refused" && e.Fault == "" {
					t.Errorf("%s; but the token is gone, or its parameters are", said)
				}
				bind := func(what, shown string, want bool, how Authentication) {
					t.Helper()
					who, err := h.bindFrom(mailServer, c.uid, shown)
					if (err == nil) != want {
						t.Errorf("%s; %s: %v", said, what, err)
					} else if want && who.How != how {
						t.Errorf("%s; %s: bound as %v", said, what, who.How)
					}
				}
				if c.application != "" {
					bind("application password", c.application, len(e.Applications) > 0, ByApplicationPassword)
				}
				switch {
				case e.LogIn == LogInToEnrol:
					bind("password", secretWord, true, InGrace)
				default:
					bind("password", secretWord, e.LogIn == LogInByPassword, ByPassword)
				}
				if c.recovery != "" {
					bind("recovery code", secretWord+c.recovery, e.RecoveryCodes > 0, ByPasswordAndCode)
				}
				if c.code != nil {
					bind("code", secretWord+c.code(), len(e.Credentials) > 0, ByPasswordAndCode)
				}
				if n := len(e.Credentials); (e.LogIn == LogInByCode && n == 0) || (e.LogIn == LogInByRecovery && (n > 0 || e.RecoveryCodes == 0)) || (e.LogIn == LogInNot && n+e.RecoveryCodes > 0) {
					t.Error(said)
				}
			}

			to := newHouseWithout(t)
			to.t = t
			if err := load(t, to.Directory, export(t, h.Directory)); err != nil {
				t.Fatal(err)
			}
			to.now = h.now
			for _, c := range users {
				was, is := fmt.Sprintf("%+v", explain(h, c)), fmt.Sprintf("%+v", explain(to, c))
				if was != is {
					t.Errorf("%s: before the export\n%s\nand after the import\n%s", c.uid, was, is)
				}
			}
		})
	}
}
