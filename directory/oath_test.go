package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/directory/totp"
)

const (
	tokenDN  = "cn=token,dc=example,dc=com"
	paramsDN = "cn=params,dc=example,dc=com"
	oathKey  = "12345678901234567890"
)

// oathHouse has the token, its parameters, and ann and bob who share it, as
// the test suite of OpenLDAP has them.
func oathHouse(t *testing.T) *house {
	h := newHouse(t)
	mustAdd(t, h.Directory, paramsDN, "objectClass: device", "objectClass: oathTOTPParams", "oathOTPLength: 6",
		"oathHMACAlgorithm: 1.2.840.113549.2.7", "oathTOTPTimeStepPeriod: 60", "oathTOTPTimeStepWindow: 3")
	mustAdd(t, h.Directory, tokenDN, "objectClass: device", "objectClass: oathTOTPToken",
		"oathTOTPParams: "+paramsDN, "oathSecret: "+oathKey)
	for _, uid := range []string{"ann", "bob"} {
		h.oathModify(Success, person(uid), Change{AddValues, Attribute{"objectClass", [][]byte{[]byte("oathTOTPUser")}}},
			Change{AddValues, Attribute{"oathTOTPToken", [][]byte{[]byte(strings.ToUpper(tokenDN))}}})
	}
	return h
}

func (h *house) oathModify(want ResultCode, dn string, changes ...Change) {
	h.t.Helper()
	err := h.Modify(context.Background(), root, &ModifyRequest{Object: dn, Changes: changes})
	h.want(fmt.Sprintf("modify %s: %v", dn, changes), err, want)
}

// oathCode is the code of a key so many steps from now.
func (h *house) oathCode(key string, p totp.Parameters, offset int64) string {
	h.t.Helper()
	code, err := p.Code([]byte(key), p.Step(h.Directory.now())+offset)
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

func value(name, v string) Attribute { return Attribute{name, [][]byte{[]byte(v)}} }

var minute = totp.Parameters{Digits: 6, Period: time.Minute}

// What the test suite of OpenLDAP shows of slapo-otp, in its order, but for
// the counter: here nothing brings a used code back.
func TestOATH(t *testing.T) {
	h := oathHouse(t)
	bind := func(rule, uid, password string, offset int64, want ResultCode) {
		t.Helper()
		_, err := h.bind(person(uid), password+h.oathCode(oathKey, minute, offset))
		h.want(rule, err, want)
	}
	_, err := h.bind(person("ann"), secretWord)
	h.want("the password alone", err, InvalidCredentials)
	bind("a code of the window's edge", "ann", secretWord, -3, Success)
	bind("an older one", "ann", secretWord, -4, InvalidCredentials)
	bind("a new one", "ann", secretWord, 0, Success)
	bind("twice", "ann", secretWord, 0, InvalidCredentials)
	bind("somebody else's use of the same token", "bob", secretWord, 0, InvalidCredentials)
	bind("the next one", "bob", secretWord, 1, Success)
	bind("which is dead for both", "ann", secretWord, 1, InvalidCredentials)

	got, err := find(t, h.Directory, root, SearchRequest{BaseObject: tokenDN, Attributes: []string{"*"}}, "(objectClass=*)")
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	last := fmt.Sprintf("oathTOTPLastTimeStep: %d", minute.Step(h.Directory.now())+1)
	if text := got[0].text(); !strings.Contains(text, last) || strings.Contains(text, "oathSecret") || strings.Contains(text, oathKey) {
		t.Errorf("the token's entry is\n%s\nwant %s in it and no secret", text, last)
	}

	h.oathModify(Success, tokenDN, Change{ReplaceValues, Attribute{"oathTOTPLastTimeStep", nil}})
	bind("after the counter was reset", "ann", secretWord, 1, InvalidCredentials)
	h.advance(2 * time.Minute)
	bind("a code behind a wrong password", "ann", "wrong", 0, InvalidCredentials)
	h.advance(time.Second)
	bind("is retired", "ann", secretWord, 0, InvalidCredentials)
	h.advance(time.Hour)
	h.restart()
	bind("after a restart", "ann", secretWord, 0, Success)
	bind("twice", "bob", secretWord, 0, InvalidCredentials)
	h.advance(time.Hour)
	h.want("validate", h.ValidateTOTPPassword(context.Background(), root, person("bob"), h.oathCode(oathKey, minute, 0)), Success)
	bind("a validated one", "ann", secretWord, 0, InvalidCredentials)
}

// Log-ins write the steps of tokens into entries while indexes of them come and
// go: the check at the end finds each index in step.
func TestOATHStepsIndexed(t *testing.T) {
	h := oathHouse(t)
	ctx, cancel := context.WithCancel(context.Background())
	var tending, changing sync.WaitGroup
	tending.Go(func() {
		if err := h.TendIndexes(ctx); err != nil {
			t.Error(err)
		}
	})
	changing.Go(func() {
		for range 20 {
			if err := h.AddIndex(ctx, root, "oathTOTPLastTimeStep", EqualityIndex); err != nil && !errors.Is(err, AttributeOrValueExists) && !errors.Is(err, Busy) {
				t.Error(err)
			}
			if err := h.RemoveIndex(ctx, root, "oathTOTPLastTimeStep", EqualityIndex); err != nil && !errors.Is(err, NoSuchAttribute) && !errors.Is(err, Busy) {
				t.Error(err)
			}
		}
	})
	for range 40 {
		h.advance(time.Minute)
		_, err := h.bind(person("ann"), secretWord+h.oathCode(oathKey, minute, 0))
		h.want("a new code", err, Success)
	}
	changing.Wait()
	cancel()
	tending.Wait()
	for range 2 { // what was being removed is gone first
		if err := h.BuildIndexes(context.Background()); err != nil {
			t.Error(err)
		}
		if err := h.AddIndex(context.Background(), root, "oathTOTPLastTimeStep", EqualityIndex); err != nil && !errors.Is(err, AttributeOrValueExists) {
			t.Error(err)
		}
	}
	if err := h.BuildIndexes(context.Background()); err != nil {
		t.Error(err)
	}
	filter := fmt.Sprintf("(oathTOTPLastTimeStep=%d)", minute.Step(h.Directory.now()))
	if found, err := find(t, h.Directory, root, SearchRequest{Scope: WholeSubtree}, filter); err != nil || len(found) != 1 {
		t.Errorf("%s: %v, %v", filter, found.names(), err)
	}
}

// What is done to the entries holds at once.
func TestOATHChanges(t *testing.T) {
	h := oathHouse(t)
	try := func(rule, password string, want ResultCode) {
		t.Helper()
		h.advance(time.Hour)
		_, err := h.bind(person("ann"), password)
		h.want(rule, err, want)
	}
	half := totp.Parameters{Digits: 8, Period: 30 * time.Second, Algorithm: totp.SHA256}
	halfCode := func(key string) string {
		h.advance(time.Hour)
		return h.oathCode(key, half, 120)
	}
	minuteCode := func(key string) string { h.advance(time.Hour); return h.oathCode(key, minute, 60) }

	try("as it was made", secretWord+minuteCode(oathKey), Success)
	h.oathModify(Success, paramsDN, Change{ReplaceValues, value("oathOTPLength", "8")},
		Change{ReplaceValues, value("oathTOTPTimeStepPeriod", "30")}, Change{ReplaceValues, value("oathHMACAlgorithm", "1.2.840.113549.2.9")})
	try("other parameters, old code", secretWord+minuteCode(oathKey), InvalidCredentials)
	try("other parameters", secretWord+halfCode(oathKey), Success)

	other := "09876543210987654321"
	h.oathModify(AttributeOrValueExists, tokenDN, Change{AddValues, value("oathSecret", other)})
	h.oathModify(NoSuchAttribute, tokenDN, Change{DeleteValues, value("oathSecret", other)})
	h.oathModify(InvalidAttributeSyntax, tokenDN, Change{ReplaceValues, value("oathSecret", "short")})
	h.oathModify(Success, tokenDN, Change{ReplaceValues, value("oathSecret", other)})
	try("another secret, old code", secretWord+halfCode(oathKey), InvalidCredentials)
	try("another secret", secretWord+halfCode(other), Success)
	h.oathModify(Success, tokenDN, Change{DeleteValues, value("oathSecret", other)})
	try("without a secret", secretWord+halfCode(other), InvalidCredentials)
	try("without a secret, the password alone", secretWord, InvalidCredentials)
	h.oathModify(Success, tokenDN, Change{AddValues, value("oathSecret", oathKey)})
	try("the old secret again", secretWord+halfCode(oathKey), Success)

	h.oathModify(Success, tokenDN, Change{ReplaceValues, value("oathTOTPParams", "cn=nothing,dc=example,dc=com")})
	try("no parameters", secretWord+halfCode(oathKey), InvalidCredentials)
	try("no parameters, the password alone", secretWord, InvalidCredentials)
	h.oathModify(Success, tokenDN, Change{ReplaceValues, value("oathTOTPParams", paramsDN)})
	h.want("delete", h.Delete(context.Background(), root, &DeleteRequest{Entry: tokenDN}), Success)
	try("no token", secretWord+halfCode(oathKey), InvalidCredentials)
	try("no token, the password alone", secretWord, InvalidCredentials)
	h.oathModify(Success, person("ann"), Change{DeleteValues, value("objectClass", "oathTOTPUser")}, Change{DeleteValues, Attribute{"oathTOTPToken", nil}})
	try("no longer such a user", secretWord, Success)
}

// Writing down the same secret once more does not bring a used code back.
func TestOATHSecretWrittenAgain(t *testing.T) {
	same, other := value("oathSecret", oathKey), value("oathSecret", "09876543210987654321")
	for rule, requests := range map[string][][]Change{
		"replaced":                                     {{{ReplaceValues, same}}},
		"deleted and added":                            {{{DeleteValues, same}, {AddValues, same}}},
		"deleted and added in two requests":            {{{DeleteValues, same}}, {{AddValues, same}}},
		"replaced by another and back":                 {{{ReplaceValues, other}, {ReplaceValues, same}}},
		"replaced by another and back in two requests": {{{ReplaceValues, other}}, {{ReplaceValues, same}}},
	} {
		h := oathHouse(t)
		code := h.oathCode(oathKey, minute, 0)
		_, err := h.bind(person("ann"), secretWord+code)
		h.want(rule+": once", err, Success)
		for _, changes := range requests {
			h.oathModify(Success, tokenDN, changes...)
		}
		_, err = h.bind(person("bob"), secretWord+code)
		h.want(rule+": again", err, InvalidCredentials)
		_, err = h.bind(person("bob"), secretWord+h.oathCode(oathKey, minute, 1))
		h.want(rule+": the next", err, Success)
	}
}

// Nor does it when the time has come that a token showed two hours early.
func TestOATHSecretWrittenAgainFarAhead(t *testing.T) {
	h := oathHouse(t)
	ann := Claim{AuthenticationID: id("u:ann")}
	list, err := h.ListTOTP(t.Context(), root, ann)
	h.want("list", err, Success)
	code := h.oathCode(oathKey, minute, 120)
	h.want("resync", h.ResyncTOTP(t.Context(), root, ann, list.Credentials[0].ID, h.oathCode(oathKey, minute, 119), code), Success)
	h.oathModify(Success, tokenDN, Change{DeleteValues, Attribute{"oathSecret", nil}})
	h.oathModify(Success, tokenDN, Change{AddValues, value("oathSecret", oathKey)})
	h.advance(2 * time.Hour)
	_, err = h.bind(person("ann"), secretWord+code)
	h.want("two hours later", err, InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+h.oathCode(oathKey, minute, 1))
	h.want("the next", err, Success)
}

// A new device may count in longer steps, of which there have been fewer than
// what its entry has of the last one.
func TestOATHLongerPeriod(t *testing.T) {
	secret := func(op ChangeOperation) Change { return Change{op, value("oathSecret", oathKey[:16])} }
	longer := Change{ReplaceValues, value("oathTOTPTimeStepPeriod", "600")}
	tenMinutes := totp.Parameters{Digits: 6, Period: 10 * time.Minute}
	for rule, change := range map[string]func(h *house){
		"replaced before": func(h *house) {
			h.oathModify(Success, tokenDN, secret(ReplaceValues))
			h.oathModify(Success, paramsDN, longer)
		},
		"replaced after": func(h *house) {
			h.oathModify(Success, paramsDN, longer)
			h.oathModify(Success, tokenDN, secret(ReplaceValues))
		},
		"in three requests": func(h *house) {
			h.oathModify(Success, tokenDN, Change{DeleteValues, Attribute{"oathSecret", nil}})
			h.oathModify(Success, paramsDN, longer)
			h.oathModify(Success, tokenDN, secret(AddValues))
		},
	} {
		h := oathHouse(t)
		_, err := h.bind(person("ann"), secretWord+h.oathCode(oathKey, minute, 0))
		h.want(rule+": the old device", err, Success)
		change(h)
		h.advance(3 * time.Hour)
		_, err = h.bind(person("ann"), secretWord+h.oathCode(oathKey[:16], tenMinutes, 0))
		h.want(rule+": the new device", err, Success)
	}
}

// A user may be his own token, and have other credentials beside it.
func TestOATHOwnToken(t *testing.T) {
	h := oathHouse(t)
	h.oathModify(Success, person("bob"), Change{AddValues, value("objectClass", "oathTOTPToken")}, Change{ReplaceValues, value("oathTOTPToken", person("bob"))},
		Change{AddValues, value("oathTOTPParams", paramsDN)}, Change{AddValues, value("oathSecret", oathKey[:16])})
	secret := h.enrol("bob")
	h.activate("bob", secret)
	_, err := h.bind(person("bob"), secretWord)
	h.want("the password alone", err, InvalidCredentials)
	_, err = h.bind(person("bob"), secretWord+h.code(secret, 0))
	h.want("the other credential", err, Success)
	_, err = h.bind(person("bob"), secretWord+h.oathCode(oathKey[:16], minute, 0))
	h.want("his own token", err, Success)
	h.want("all revoked", h.RevokeTOTPSharedSecret(context.Background(), root, id("dn:"+person("bob")), nil, nil), Success)
	_, err = h.bind(person("bob"), secretWord)
	h.want("a token without a secret", err, InvalidCredentials)
}

// A secret is taken from the entry it is in.
func TestOATHRevoke(t *testing.T) {
	h := oathHouse(t)
	ctx := context.Background()
	h.want("all", h.RevokeTOTPSharedSecret(ctx, root, id("dn:"+person("ann")), nil, nil), UnwillingToPerform)
	word := secretWord + h.oathCode(oathKey, minute, 0)
	h.want("all, by the user", h.RevokeTOTPSharedSecret(ctx, Requester{}, id("dn:"+person("ann")), []byte(word), nil), UnwillingToPerform)
	list, err := h.ListTOTP(ctx, root, Claim{AuthenticationID: id("dn:" + person("ann"))})
	if err != nil || len(list.Credentials) != 1 || list.Credentials[0].Parameters.Period != time.Minute {
		t.Fatalf("ann has %+v, %v; want the token", list, err)
	}
	h.want("one", h.RevokeTOTP(ctx, root, Claim{AuthenticationID: id("dn:" + person("ann"))}, list.Credentials[0].ID), UnwillingToPerform)
	h.want("the token's own", h.RevokeTOTPSharedSecret(ctx, root, id("dn:"+tokenDN), nil, nil), Success)
	_, err = h.bind(person("ann"), secretWord)
	h.want("the password alone", err, InvalidCredentials)
}

func TestOATHRefusals(t *testing.T) {
	h := oathHouse(t)
	params := func(lines ...string) []string {
		return append([]string{"objectClass: device", "objectClass: oathTOTPParams"}, lines...)
	}
	for _, row := range []struct {
		rule  string
		want  ResultCode
		lines []string
	}{
		{"no length", ConstraintViolation, params("oathHMACAlgorithm: 1.2.840.113549.2.7", "oathTOTPTimeStepPeriod: 30")},
		{"a length of nine", ConstraintViolation, params("oathOTPLength: 9", "oathHMACAlgorithm: 1.2.840.113549.2.7", "oathTOTPTimeStepPeriod: 30")},
		{"SHA-384", ConstraintViolation, params("oathOTPLength: 6", "oathHMACAlgorithm: 1.2.840.113549.2.10", "oathTOTPTimeStepPeriod: 30")},
		{"a period of a day", ConstraintViolation, params("oathOTPLength: 6", "oathHMACAlgorithm: 1.2.840.113549.2.7", "oathTOTPTimeStepPeriod: 86400")},
		{"a window of an hour", ConstraintViolation, params("oathOTPLength: 6", "oathHMACAlgorithm: 1.2.840.113549.2.7", "oathTOTPTimeStepPeriod: 30", "oathTOTPTimeStepWindow: 120")},
		{"no window", Success, params("oathOTPLength: 6", "oathHMACAlgorithm: 1.2.840.113549.2.7", "oathTOTPTimeStepPeriod: 30")},
		{"a short secret", InvalidAttributeSyntax, []string{"objectClass: device", "objectClass: oathTOTPToken", "oathSecret: abc"}},
		{"two secrets", InvalidAttributeSyntax, []string{"objectClass: device", "objectClass: oathTOTPToken", "oathSecret: " + oathKey, "oathSecret: x" + oathKey}},
		{"a HOTP token", UnwillingToPerform, []string{"objectClass: device", "objectClass: oathHOTPToken", "oathSecret: " + oathKey}},
		{"a HOTP user", UnwillingToPerform, []string{"objectClass: person", "objectClass: oathHOTPUser", "sn: x", "oathHOTPToken: " + tokenDN}},
	} {
		err := h.Add(context.Background(), root, &AddRequest{Entry: "cn=x,dc=example,dc=com", Attributes: attributes(row.lines...)})
		h.want(row.rule, err, row.want)
	}
	h.want("a secret as a name", h.Add(context.Background(), root, &AddRequest{Entry: "oathSecret=" + oathKey + ",dc=example,dc=com", Attributes: attributes("objectClass: device")}), NamingViolation)
	err := h.Modify(context.Background(), as("ann"), &ModifyRequest{Object: person("ann"), Changes: []Change{{DeleteValues, Attribute{"oathTOTPToken", nil}}}})
	h.want("a user takes his token away", err, InsufficientAccessRights)
	if _, err := h.Compare(context.Background(), root, &CompareRequest{Entry: tokenDN, Attribute: "oathSecret", Value: []byte(oathKey)}); err == nil {
		t.Error("the secret can be compared")
	}
}
