package directory

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// policy adds a policy. Lines are without the class and the name; ask and
// order stand in front.
func (h *house) policy(name string, order int, asks string, lines ...string) {
	h.t.Helper()
	h.want("add policy "+name, h.tryPolicy(name, order, asks, lines...), Success)
}

func (h *house) tryPolicy(name string, order int, asks string, lines ...string) error {
	lines = append(lines, "objectClass: "+policyClass, fmt.Sprintf("tallystickPolicyOrder: %d", order))
	if asks != "" {
		lines = append(lines, "tallystickSecondFactor: "+asks)
	}
	return h.Add(context.Background(), root, &AddRequest{Entry: "cn=" + name + ",dc=example,dc=com", Attributes: attributes(lines...)})
}

// bindFrom is a simple bind of somebody's with a listener and an address.
func (h *house) bindFrom(who Requester, uid, password string) (Requester, error) {
	return h.Bind(context.Background(), who, &BindRequest{Version: 3, Name: person(uid), Password: []byte(password)})
}

// A policy is for whom all of its conditions hold; of one condition's values
// one will do. A required code keeps ann, who has no credential, out.
func TestPolicyConditions(t *testing.T) {
	office := Requester{Listener: "ldaps", Peer: "192.0.2.7:40000"}
	for _, row := range []struct {
		rule  string
		lines []string
		from  Requester
		holds bool
	}{
		{"no condition", nil, Requester{}, true},
		{"bind DN", []string{"tallystickPolicyBindDN: UID=Ann, ou=people,dc=example,dc=com"}, office, true},
		{"another bind DN", []string{"tallystickPolicyBindDN: " + person("bob")}, office, false},
		{"one of two bind DNs", []string{"tallystickPolicyBindDN: " + person("bob"), "tallystickPolicyBindDN: " + person("ann")}, office, true},
		{"subtree", []string{"tallystickPolicySubtree: ou=people,dc=example,dc=com"}, office, true},
		{"subtree of one", []string{"tallystickPolicySubtree: " + person("ann")}, office, true},
		{"another subtree", []string{"tallystickPolicySubtree: ou=groups,dc=example,dc=com"}, office, false},
		{"filter", []string{"tallystickPolicyFilter: (&(objectClass=inetOrgPerson)(cn=ANN))"}, office, true},
		{"filter on an operational attribute", []string{"tallystickPolicyFilter: (entryDN=" + person("ann") + ")"}, office, true},
		{"filter on the name", []string{"tallystickPolicyFilter: (ou:dn:=people)"}, office, true},
		{"another filter", []string{"tallystickPolicyFilter: (title=*)"}, office, false},
		{"undefined filter", []string{"tallystickPolicyFilter: (!(nosuchtype=x))"}, office, false},
		{"filter on a secret", []string{"tallystickPolicyFilter: (userPassword=*)"}, office, false},
		{"group of names", []string{"tallystickPolicyGroup: cn=names,ou=groups,dc=example,dc=com"}, office, true},
		{"group of unique names", []string{"tallystickPolicyGroup: cn=unique,ou=groups,dc=example,dc=com"}, office, true},
		{"POSIX group", []string{"tallystickPolicyGroup: cn=posix,ou=groups,dc=example,dc=com"}, office, true},
		{"group of others", []string{"tallystickPolicyGroup: cn=others,ou=groups,dc=example,dc=com"}, office, false},
		{"group of groups", []string{"tallystickPolicyGroup: cn=nested,ou=groups,dc=example,dc=com"}, office, false},
		{"group that does not exist", []string{"tallystickPolicyGroup: cn=none,ou=groups,dc=example,dc=com"}, office, false},
		{"group outside of all naming contexts", []string{"tallystickPolicyGroup: cn=none,o=elsewhere"}, office, false},
		{"listener", []string{"tallystickPolicyListener: LDAPS"}, office, true},
		{"another listener", []string{"tallystickPolicyListener: ldap", "tallystickPolicyListener: ldapi"}, office, false},
		{"network", []string{"tallystickPolicyNetwork: 192.0.2.0/24"}, office, true},
		{"address", []string{"tallystickPolicyNetwork: 192.0.2.7"}, office, true},
		{"another network", []string{"tallystickPolicyNetwork: 198.51.100.0/24"}, office, false},
		{"one of two networks", []string{"tallystickPolicyNetwork: 198.51.100.0/24", "tallystickPolicyNetwork: 192.0.2.0/24"}, office, true},
		{"mapped address", []string{"tallystickPolicyNetwork: 192.0.2.0/24"}, Requester{Peer: "[::ffff:192.0.2.7]:1"}, true},
		{"IPv6", []string{"tallystickPolicyNetwork: 2001:db8::/32"}, Requester{Peer: "[2001:db8::1]:1"}, true},
		{"IPv6 with a zone", []string{"tallystickPolicyNetwork: fe80::/10"}, Requester{Peer: "[fe80::1%eth0]:1"}, true},
		{"no address", []string{"tallystickPolicyNetwork: 0.0.0.0/0", "tallystickPolicyNetwork: ::/0"}, Requester{Peer: "local:uid=0"}, false},
		{"all of two", []string{"tallystickPolicyNetwork: 192.0.2.0/24", "tallystickPolicyListener: ldaps"}, office, true},
		{"one of two", []string{"tallystickPolicyNetwork: 192.0.2.0/24", "tallystickPolicyListener: ldap"}, office, false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			h.groups()
			h.policy("p", 1, "required", row.lines...)
			_, err := h.bindFrom(row.from, "ann", secretWord)
			want := Success
			if row.holds {
				want = InvalidCredentials
			}
			h.want("bind", err, want)
		})
	}
}

// groups adds groups of all kinds. Long names have no index of their own.
func (h *house) groups() {
	h.t.Helper()
	group := func(name string, lines ...string) {
		mustAdd(h.t, h.Directory, "cn="+name+",ou=groups,dc=example,dc=com", append(lines, "cn: "+name)...)
	}
	mustAdd(h.t, h.Directory, "ou=groups,dc=example,dc=com", "objectClass: organizationalUnit")
	group("names", "objectClass: groupOfNames", "member: "+person("bob"), "member: UID=ann, OU=people,dc=example,dc=com")
	group("unique", "objectClass: groupOfUniqueNames", "uniqueMember: "+person("ann"))
	group("posix", "objectClass: posixGroup", "gidNumber: 1", "memberUid: ann")
	group("others", "objectClass: groupOfNames", "member: "+person("bob"))
	group("nested", "objectClass: groupOfNames", "member: cn=names,ou=groups,dc=example,dc=com")
}

// A group may have members whose names are longer than an index key.
func TestPolicyGroupOfLongNames(t *testing.T) {
	h := newHouse(t)
	long := strings.Repeat("x", 2*maxIndexedValue)
	for _, end := range []string{"1", "2"} {
		mustAdd(t, h.Directory, person(long+end), "objectClass: inetOrgPerson", "cn: x", "sn: x", "userPassword: "+secretWord)
	}
	mustAdd(t, h.Directory, "cn=long,dc=example,dc=com", "objectClass: groupOfNames", "member: "+person(long+"1"))
	h.policy("p", 1, "required", "tallystickPolicyGroup: cn=long,dc=example,dc=com")
	_, err := h.bind(person(long+"1"), secretWord)
	h.want("member", err, InvalidCredentials)
	_, err = h.bind(person(long+"2"), secretWord)
	h.want("no member", err, Success)
}

// What a policy asks, of users with and without credentials.
func TestPolicyAsks(t *testing.T) {
	const past, future = "tallystickGraceUntil: 20000101000000Z", "tallystickGraceUntil: 20990101000000Z"
	for _, row := range []struct {
		asks  string // "": there is no policy
		lines []string
		has   string // ann's credential
		shown string // CODE is a current code
		want  ResultCode
		how   Authentication
	}{
		{"", nil, "none", "secret", Success, ByPassword},
		{"", nil, "active", "secret", InvalidCredentials, 0},
		{"", nil, "active", "secretCODE", Success, ByPasswordAndCode},

		{"optional", nil, "none", "secret", Success, ByPassword},
		{"optional", nil, "pending", "secret", Success, ByPassword},
		{"optional", nil, "active", "secret", InvalidCredentials, 0},
		{"optional", nil, "active", "secretCODE", Success, ByPasswordAndCode},
		{"optional", nil, "disabled", "secret", Success, ByPassword},

		{"required", nil, "none", "secret", InvalidCredentials, 0},
		{"required", nil, "pending", "secret", InvalidCredentials, 0},
		{"required", nil, "pending", "secretCODE", Success, ByPasswordAndCode},
		{"required", nil, "active", "secret", InvalidCredentials, 0},
		{"required", nil, "active", "secretCODE", Success, ByPasswordAndCode},
		{"required", nil, "active", "wrongCODE", InvalidCredentials, 0},
		{"required", nil, "disabled", "secret", InvalidCredentials, 0},
		{"required", nil, "disabled", "secretCODE", InvalidCredentials, 0},

		{"required", []string{future}, "none", "secret", Success, InGrace},
		{"required", []string{future}, "none", "wrong", InvalidCredentials, 0},
		{"required", []string{future}, "pending", "secret", Success, InGrace},
		{"required", []string{future}, "pending", "secretCODE", Success, ByPasswordAndCode},
		{"required", []string{future}, "active", "secret", InvalidCredentials, 0},
		{"required", []string{future}, "active", "secretCODE", Success, ByPasswordAndCode},
		{"required", []string{future}, "disabled", "secret", Success, InGrace},
		{"required", []string{past}, "none", "secret", InvalidCredentials, 0},
		{"required", []string{"tallystickGraceLogins: 1"}, "none", "secret", Success, InGrace},
		{"required", []string{"tallystickGraceLogins: 1", future}, "none", "secret", Success, InGrace},
		{"required", []string{"tallystickGraceLogins: 1", past}, "none", "secret", InvalidCredentials, 0},

		{"exempt", nil, "none", "secret", Success, ByPassword},
		{"exempt", nil, "active", "secret", Success, ByPassword},
		{"exempt", nil, "active", "secretCODE", Success, ByPasswordAndCode},
		{"exempt", nil, "active", "wrong", InvalidCredentials, 0},

		{"refused", nil, "none", "secret", Success, ByPassword},
		{"refused", nil, "active", "secret", Success, ByPassword},
		{"refused", nil, "active", "secretCODE", InvalidCredentials, 0},
		{"refused", nil, "pending", "secretCODE", InvalidCredentials, 0},
	} {
		t.Run(strings.Join(append([]string{row.asks, row.has, row.shown}, row.lines...), " "), func(t *testing.T) {
			h := newHouse(t)
			secret := h.give("ann", row.has)
			if row.asks != "" {
				h.policy("p", 1, row.asks, row.lines...)
			}
			shown := row.shown
			if secret != "" {
				shown = strings.ReplaceAll(shown, "CODE", h.code(secret, 0))
			}
			who, err := h.bind(person("ann"), shown)
			h.want("bind", err, row.want)
			if err == nil && who.How != row.how {
				t.Errorf("bound as %v, want %v", who.How, row.how)
			}
		})
	}
}

// give gives a user a credential in the state that has says.
func (h *house) give(uid, has string) (secret string) {
	h.t.Helper()
	if has == "none" {
		return ""
	}
	secret = h.enrol(uid)
	if has != "pending" {
		h.activate(uid, secret)
	}
	if has == "disabled" {
		h.setState(uid, disabled)
	}
	return secret
}

// The lowest number decides; of two with the same one, whichever asks for more.
func TestPolicyOrder(t *testing.T) {
	for _, row := range []struct {
		rule   string
		first  string
		second string
		orders [2]int
		want   ResultCode
	}{
		{"lower first", "required", "exempt", [2]int{1, 2}, InvalidCredentials},
		{"lower second", "required", "exempt", [2]int{2, 1}, Success},
		{"negative", "exempt", "required", [2]int{-1, 0}, Success},
		{"tie: required before exempt", "exempt", "required", [2]int{1, 1}, InvalidCredentials},
		{"tie: required before optional", "optional", "required", [2]int{1, 1}, InvalidCredentials},
		{"tie: required before refused", "refused", "required", [2]int{1, 1}, InvalidCredentials},
	} {
		t.Run(row.rule, func(t *testing.T) {
			h := newHouse(t)
			h.policy("a", row.orders[0], row.first)
			h.policy("b", row.orders[1], row.second)
			_, err := h.bind(person("ann"), secretWord)
			h.want("bind", err, row.want)
		})
	}
	t.Run("tie: no grace before grace", func(t *testing.T) {
		h := newHouse(t)
		h.policy("a", 1, "required", "tallystickGraceLogins: 5")
		h.policy("b", 1, "required")
		_, err := h.bind(person("ann"), secretWord)
		h.want("bind", err, InvalidCredentials)
	})
	t.Run("tie: optional before exempt", func(t *testing.T) {
		h := newHouse(t)
		h.activate("ann", h.enrol("ann"))
		h.policy("a", 1, "exempt")
		h.policy("b", 1, "optional")
		_, err := h.bind(person("ann"), secretWord)
		h.want("bind", err, InvalidCredentials)
	})
}

// A malformed policy is refused, with what is wrong with it.
func TestPolicyMalformed(t *testing.T) {
	h := newHouse(t)
	for _, row := range []struct {
		asks  string
		lines []string
		says  string
	}{
		{"", nil, "tallystickSecondFactor: is none of optional, required, exempt, refused"},
		{"always", nil, "tallystickSecondFactor: is none of"},
		{"required", []string{"tallystickPolicyListener: gopher"}, "tallystickPolicyListener: value 1: none of ldap"},
		{"required", []string{"tallystickPolicyNetwork: 192.0.2.0/24", "tallystickPolicyNetwork: localhost"}, "tallystickPolicyNetwork: value 2: neither an address nor a network"},
		{"required", []string{"tallystickPolicyNetwork: 192.0.2.7/24"}, "do you mean 192.0.2.0/24?"},
		{"required", []string{"tallystickPolicyNetwork: 192.0.2.0/33"}, "neither an address nor a network"},
		{"required", []string{"tallystickPolicyFilter: (cn=x"}, "tallystickPolicyFilter: value 1: filter, at offset 5"},
		{"required", []string{"tallystickGraceLogins: 0"}, "tallystickGraceLogins: not a number from 1 to 1000"},
		{"required", []string{"tallystickGraceLogins: 1001"}, "tallystickGraceLogins: not a number from 1 to 1000"},
		{"optional", []string{"tallystickGraceLogins: 1"}, "go with tallystickSecondFactor: required"},
		{"required", []string{"tallystickRebindFor: 901"}, "tallystickRebindFor: not a number from 1 to 900"},
	} {
		err := h.tryPolicy("p", 1, row.asks, row.lines...)
		h.want(row.says, err, ConstraintViolation)
		if err != nil && !strings.Contains(Result(err).DiagnosticMessage, row.says) {
			t.Errorf("%q does not say %q", Result(err).DiagnosticMessage, row.says)
		}
	}
	err := h.Add(context.Background(), root, &AddRequest{Entry: "cn=p,dc=example,dc=com", Attributes: attributes("objectClass: "+policyClass, "tallystickSecondFactor: exempt")})
	h.want("no order", err, ConstraintViolation)
	h.policy("good", 1, "exempt")
	err = h.Modify(context.Background(), root, &ModifyRequest{Object: "cn=good,dc=example,dc=com", Changes: []Change{
		{Operation: ReplaceValues, Attribute: Attribute{Name: "tallystickSecondFactor", Values: [][]byte{[]byte("nonsense")}}}}})
	h.want("modified to nonsense", err, ConstraintViolation)
	err = h.Add(context.Background(), as("ann"), &AddRequest{Entry: "cn=mine,dc=example,dc=com", Attributes: attributes("objectClass: " + policyClass)})
	h.want("by a user", err, InsufficientAccessRights)
}

// A malformed policy that is in the store all the same requires a code of
// everybody whom it might be about.
func TestPolicyMalformedInTheStore(t *testing.T) {
	h := newHouse(t)
	rec := &record{attributes: attributes("objectClass: "+policyClass, "cn: bad", "tallystickPolicyOrder: 1",
		"tallystickSecondFactor: exempt", "tallystickPolicyNetwork: nonsense", "tallystickPolicyBindDN: "+person("ann"))}
	dn, err := h.parseDN("cn=bad,dc=example,dc=com")
	h.want("name", err, Success)
	h.put(dn, rec)
	_, err = h.bind(person("ann"), secretWord)
	h.want("whom it may be about", err, InvalidCredentials)
	_, err = h.bind(person("bob"), secretWord)
	h.want("whom it is not about", err, Success)
	if !strings.Contains(h.log.String(), "a policy is malformed") {
		t.Error("the log does not say so")
	}
	var faults []string
	if _, err := h.Check(context.Background(), func(fault string) { faults = append(faults, fault) }); err != nil || len(faults) != 1 || !strings.Contains(faults[0], "tallystickPolicyNetwork: value 1") {
		t.Errorf("check: %q, %v", faults, err)
	}
	h.want("delete", h.Delete(context.Background(), root, &DeleteRequest{Entry: "cn=bad,dc=example,dc=com"}), Success)
}

// A policy counts from the moment it is acknowledged, and no longer than that.
func TestPolicyChanges(t *testing.T) {
	h := newHouse(t)
	bind := func(what string, want ResultCode) {
		t.Helper()
		_, err := h.bind(person("ann"), secretWord)
		h.want(what, err, want)
	}
	ctx := context.Background()
	bind("no policy", Success)
	h.policy("p", 1, "required")
	bind("added", InvalidCredentials)
	h.restart()
	h.advance(time.Hour)
	bind("after a restart", InvalidCredentials)
	h.advance(time.Hour)
	h.want("modify", h.Modify(ctx, root, &ModifyRequest{Object: "cn=p,dc=example,dc=com", Changes: []Change{
		{Operation: ReplaceValues, Attribute: Attribute{Name: "tallystickSecondFactor", Values: [][]byte{[]byte("optional")}}}}}), Success)
	bind("modified", Success)
	h.policy("q", 0, "required")
	bind("another", InvalidCredentials)
	h.advance(time.Hour)
	h.want("delete", h.Delete(ctx, root, &DeleteRequest{Entry: "cn=q,dc=example,dc=com"}), Success)
	bind("deleted", Success)
	_, err := h.Bind(ctx, Requester{}, &BindRequest{Version: 3, Name: DefaultRootDN, Password: []byte("x")})
	h.want("the root user has no password here", err, InvalidCredentials)
	h.want("root password", h.SetRootPassword(ctx, "rootword"), Success)
	h.policy("all", 0, "required")
	_, err = h.bind(DefaultRootDN, "rootword")
	h.want("the root user is under no policy", err, Success)
}

// A bind that a policy refuses counts as a failure and looks like one; the
// audit log knows better.
func TestPolicyRefusalLooksLikeAnyOther(t *testing.T) {
	h := newHouse(t)
	h.policy("p", 1, "required")
	_, refused := h.bind(person("ann"), secretWord)
	_, wrong := h.bind(person("bob"), "wrong")
	if a, b := Result(refused), Result(wrong); a.ResultCode != b.ResultCode || a.DiagnosticMessage != b.DiagnosticMessage {
		t.Errorf("%+v and %+v can be told apart", a, b)
	}
	if n := h.failures("ann"); n != 1 {
		t.Errorf("%d failures, want 1", n)
	}
	if !h.audited(AuditRefused, causeRequired) {
		t.Error("the audit log does not have the cause")
	}
}

// audited reports whether the audit log has such an event.
func (h *house) audited(kind AuditKind, cause string) (found bool) {
	h.t.Helper()
	err := h.Audit(context.Background(), func(rec *AuditRecord) error {
		found = found || rec.Kind == kind && rec.Cause == cause
		return nil
	})
	h.want("read the audit log", err, Success)
	return found
}

// Where a policy requires a code and there is no grace, the password alone
// does not enrol: else it would be as good as a code.
func TestPolicyAndEnrolling(t *testing.T) {
	ctx := context.Background()
	password := Claim{id("u:ann"), []byte(secretWord)}
	for _, row := range []struct {
		asks  string
		lines []string
		alone ResultCode // the password alone enrols
		admin ResultCode
	}{
		{"optional", nil, Success, Success},
		{"exempt", nil, Success, Success},
		{"required", nil, InvalidCredentials, Success},
		{"required", []string{"tallystickGraceLogins: 3"}, Success, Success},
		{"refused", nil, UnwillingToPerform, UnwillingToPerform},
	} {
		t.Run(row.asks+strings.Join(row.lines, " "), func(t *testing.T) {
			h := newHouse(t)
			h.policy("p", 1, row.asks, row.lines...)
			_, err := h.EnrolTOTP(ctx, nobodyAsks, password, EnrolRequest{})
			h.want("enrol", err, row.alone)
			_, err = h.GenerateTOTPSharedSecret(ctx, nobodyAsks, id("u:ann"), []byte(secretWord))
			h.want("generate", err, row.alone)
			_, err = h.EnrolTOTP(ctx, adminAsks, Claim{AuthenticationID: id("u:ann")}, EnrolRequest{})
			h.want("enrol by an administrator", err, row.admin)
		})
	}
}

// Where codes are refused no door takes one.
func TestPolicyRefusesCodesAtAllDoors(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	secret := h.enrol("ann")
	h.activate("ann", secret)
	codes, err := h.NewRecoveryCodes(ctx, root, Claim{AuthenticationID: id("u:ann")})
	h.want("recovery codes", err, Success)
	h.policy("p", 1, "refused")
	h.want("validate", h.ValidateTOTPPassword(ctx, root, person("ann"), h.code(secret, 0)), InvalidCredentials)
	h.want("validate a recovery code", h.ValidateTOTPPassword(ctx, root, person("ann"), codes[0]), InvalidCredentials)
	h.want("confirm", h.ConfirmTOTP(ctx, nobodyAsks, Claim{id("u:ann"), []byte(secretWord)}, h.credentialsOf("ann")[0].id, h.code(secret, 0)), InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+codes[0])
	h.want("bind with a recovery code", err, InvalidCredentials)
	h.advance(time.Hour)
	_, err = h.bind(person("ann"), secretWord)
	h.want("bind", err, Success)
	if !h.audited(AuditRefused, causeRefused) {
		t.Error("the audit log does not have the cause")
	}
	h.want("revoke by the secret itself", h.RevokeTOTPSharedSecret(ctx, nobodyAsks, id("u:ann"), nil, &secret), Success)
}

// The window for applications that bind twice is in the decision.
func TestPolicyRebindFor(t *testing.T) {
	h := newHouse(t)
	h.policy("p", 1, "optional", "tallystickRebindFor: 90", "tallystickPolicyBindDN: "+person("ann"))
	for uid, want := range map[string]time.Duration{"ann": 90 * time.Second, "bob": 0} {
		if got := h.decisionOf(uid, Requester{}).rebindFor; got != want {
			t.Errorf("%s: %v, want %v", uid, got, want)
		}
	}
}

// Policies that were stored before their changes were counted count too.
func TestPolicyWithoutAVersion(t *testing.T) {
	h := newHouse(t)
	h.policy("p", 1, "required")
	err := h.update(context.Background(), func(w store.Writer) error {
		w.Delete(metaKey("policies"))
		return nil
	})
	h.want("forget the version", err, Success)
	h.restart()
	_, err = h.bind(person("ann"), secretWord)
	h.want("bind", err, InvalidCredentials)
	h.want("delete", h.Delete(context.Background(), root, &DeleteRequest{Entry: "cn=p,dc=example,dc=com"}), Success)
	h.advance(time.Hour)
	_, err = h.bind(person("ann"), secretWord)
	h.want("bind without the policy", err, Success)
}

// While policies change, every bind sees one state of them: here a code is
// always required, by one policy or the other.
func TestPolicyChangesWhileBinding(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter = 1_000_000, 1_000_000 })
	h.policy("a", 1, "required")
	stop := make(chan struct{})
	var binding sync.WaitGroup
	var let atomic.Int32
	for range 4 {
		binding.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := h.bind(person("ann"), secretWord); err == nil {
					let.Add(1)
				}
			}
		})
	}
	old, next := "a", "b"
	for range 20 {
		h.policy(next, 1, "required")
		h.want("delete "+old, h.Delete(context.Background(), root, &DeleteRequest{Entry: "cn=" + old + ",dc=example,dc=com"}), Success)
		old, next = next, old
	}
	close(stop)
	binding.Wait()
	if n := let.Load(); n > 0 {
		t.Errorf("let in %d times", n)
	}
}

func FuzzPolicy(f *testing.F) {
	for _, kind := range conditionKinds {
		f.Add(kind.attribute, "192.0.2.0/24")
	}
	f.Add("tallystickGraceUntil", "20990101000000Z")
	f.Add("tallystickPolicyFilter", "(&(cn=x)(!(sn=y)))")
	d := &Directory{schema: schema.Standard()}
	f.Fuzz(func(t *testing.T, attribute, value string) {
		rec := &record{attributes: attributes("objectClass: "+policyClass, "tallystickPolicyOrder: 1", "tallystickSecondFactor: required")}
		if d.find(rec.attributes, attribute) >= 0 {
			return
		}
		rec.attributes = append(rec.attributes, Attribute{attribute, [][]byte{[]byte(value)}})
		if p := d.compilePolicy(1, rec); p.asks != factorRequired || p.rebindFor > maxRebindFor {
			t.Errorf("%+v", p)
		}
	})
}
