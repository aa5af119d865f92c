package directory

import (
	"context"
	"slices"
	"testing"
	"time"
)

// What is explained is what a bind then does.
func TestExplain(t *testing.T) {
	until := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	const policyDN = "cn=p,dc=example,dc=com"
	office := []string{"tallystickPolicyNetwork: 198.51.100.0/24", "tallystickPolicyNetwork: 192.0.2.0/24", "tallystickPolicyListener: ldaps"}
	because := []string{"tallystickPolicyListener: ldaps", "tallystickPolicyNetwork: 192.0.2.0/24"}
	for _, row := range []struct {
		rule  string
		has   string
		asks  string
		lines []string
		want  Explanation
	}{
		{"no policy", "none", "", nil, Explanation{LogIn: LogInByPassword, SecondFactor: "optional"}},
		{"no policy, active", "active", "", nil, Explanation{LogIn: LogInByCode, SecondFactor: "optional"}},
		{"another network", "none", "required", []string{"tallystickPolicyNetwork: 10.0.0.0/8"}, Explanation{LogIn: LogInByPassword, SecondFactor: "optional"}},
		{"required", "none", "required", office, Explanation{LogIn: LogInNot, SecondFactor: "required", Policy: policyDN, Because: because}},
		{"required, pending", "pending", "required", nil, Explanation{LogIn: LogInByCode, SecondFactor: "required", Policy: policyDN}},
		{"required, disabled", "disabled", "required", nil, Explanation{LogIn: LogInNot, SecondFactor: "required", Policy: policyDN}},
		{"grace", "none", "required", []string{"tallystickGraceLogins: 3", "tallystickGraceUntil: 20990101000000Z"},
			Explanation{LogIn: LogInToEnrol, SecondFactor: "required", Policy: policyDN, GraceUntil: until, GraceLogins: 3}},
		{"exempt", "active", "exempt", office, Explanation{LogIn: LogInByPassword, SecondFactor: "exempt", Policy: policyDN, Because: because}},
		{"refused", "active", "refused", []string{"tallystickRebindFor: 60"}, Explanation{LogIn: LogInByPassword, SecondFactor: "refused", Policy: policyDN, RebindFor: time.Minute}},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			secret := h.give("ann", row.has)
			if row.asks != "" {
				h.policy("p", 1, row.asks, row.lines...)
			}
			got, err := h.Explain(context.Background(), adminAsks, Claim{AuthenticationID: id("u:ann")}, "ldaps", "192.0.2.7")
			h.want("explain", err, Success)
			count := 0
			if (row.has == "active" || row.has == "pending") && row.asks != "refused" {
				count = 1
			}
			if len(got.Credentials) != count {
				t.Errorf("%d credentials count, want %d", len(got.Credentials), count)
			}
			if !slices.Equal(got.Because, row.want.Because) {
				t.Errorf("because of %q, want %q", got.Because, row.want.Because)
			}
			got.Credentials, got.Because, row.want.Because = nil, nil, nil
			if got.LogIn != row.want.LogIn || got.SecondFactor != row.want.SecondFactor || got.Policy != row.want.Policy || got.Fault != "" ||
				!got.GraceUntil.Equal(row.want.GraceUntil) || got.GraceLogins != row.want.GraceLogins || got.RebindFor != row.want.RebindFor {
				t.Errorf("%+v, want %+v", got, row.want)
			}

			from := Requester{Listener: "ldaps", Peer: "192.0.2.7:1"}
			alone, errAlone := h.bindFrom(from, "ann", secretWord)
			var errCode error = InvalidCredentials
			if secret != "" {
				_, errCode = h.bindFrom(from, "ann", secretWord+h.code(secret, 0))
			}
			switch got.LogIn {
			case LogInByPassword:
				h.want("password", errAlone, Success)
			case LogInToEnrol:
				h.want("password", errAlone, Success)
				if alone.How != InGrace {
					t.Errorf("bound as %v", alone.How)
				}
			case LogInByCode:
				h.want("password", errAlone, InvalidCredentials)
				h.want("password and code", errCode, Success)
			default:
				h.want("password", errAlone, InvalidCredentials)
				h.want("password and code", errCode, InvalidCredentials)
			}
		})
	}
}

func TestExplainErrors(t *testing.T) {
	h := newHouse(t)
	for _, row := range []struct {
		rule              string
		who               Requester
		id                string
		listener, address string
		want              ResultCode
	}{
		{"administrator of passwords", helpAsks, "u:ann", "", "", Success},
		{"an address with a port", helpAsks, "u:ann", "", "[2001:db8::1]:1", Success},
		{"of an administrator", helpAsks, "u:admin", "", "", InsufficientAccessRights},
		{"a user, of himself", as("ann"), "u:ann", "", "", InsufficientAccessRights},
		{"a user", as("bob"), "u:ann", "", "", InsufficientAccessRights},
		{"nobody", nobodyAsks, "u:ann", "", "", InsufficientAccessRights},
		{"nobody, of nobody", nobodyAsks, "u:nobody", "", "", InsufficientAccessRights},
		{"unknown user", helpAsks, "u:nobody", "", "", NoSuchObject},
		{"malformed name", helpAsks, "dn:ann", "", "", InvalidDNSyntax},
		{"no listener", helpAsks, "u:ann", "gopher", "", ConstraintViolation},
		{"no address", helpAsks, "u:ann", "", "office", ConstraintViolation},
	} {
		_, err := h.Explain(context.Background(), row.who, Claim{AuthenticationID: id(row.id)}, row.listener, row.address)
		h.want(row.rule, err, row.want)
	}
}

// A token stands in for what the policies ask, and for no more.
func TestPolicyAndTokens(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.TokenLifetime = time.Hour })
	h.policy("p", 1, "required", "tallystickGraceLogins: 5", "tallystickPolicyBindDN: "+person("ann"))
	grace, err := h.bind(person("ann"), secretWord)
	h.want("bind", err, Success)
	_, err = h.AccessToken(context.Background(), grace)
	h.want("a token in the grace", err, UnwillingToPerform)
	bob, err := h.bind(person("bob"), secretWord)
	h.want("bind", err, Success)
	_, err = h.AccessToken(context.Background(), bob)
	h.want("a token", err, Success)
	h.policy("q", 2, "required")
	_, err = h.AccessToken(context.Background(), bob)
	h.want("a token by the password where a code is required", err, UnwillingToPerform)
}
