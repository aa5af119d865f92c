package directory

import (
	"context"
	"errors"
	"testing"
	"time"
)

// While the only token that was confirmed is off, whoever has the password
// gets no more guesses at the one that is to replace it: it would vouch for
// what he does next.
func TestGuessesAtAReplacement(t *testing.T) {
	h := newHouse(t)
	h.enrol("ann")
	h.setState("ann", disabled)
	replacement := h.enrol("ann")
	for range h.credentials.cfg.FreeAttempts {
		_, err := h.bind(person("ann"), secretWord)
		h.want("the password", err, Success)
		_, err = h.EnrolTOTP(context.Background(), nobodyAsks, Claim{id("u:ann"), []byte(secretWord + h.code(replacement, 1000))}, EnrolRequest{})
		h.want("a guess", err, InvalidCredentials)
	}
	_, err := h.EnrolTOTP(context.Background(), nobodyAsks, Claim{id("u:ann"), []byte(secretWord + h.code(replacement, 0))}, EnrolRequest{})
	h.want("one guess too many, which is right", err, InvalidCredentials)
}

// An application that has a code of a user validated does not vouch for whoever
// typed it: a credential that the password alone planted before the user
// enrolled stays out.
func TestValidateByAnApplicationConfirmsNoPlantedCredential(t *testing.T) {
	h := newHouse(t)
	planted, err := h.GenerateTOTPSharedSecret(context.Background(), nobodyAsks, id("u:ann"), []byte(secretWord))
	h.want("planted", err, Success)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	err = h.ValidateTOTPPassword(context.Background(), adminAsks, person("ann"), h.code(planted, 0))
	h.want("its code, by an application", err, InvalidCredentials)
	err = h.ValidateTOTPPassword(context.Background(), adminAsks, person("ann"), h.code(secret, 0))
	h.want("the user's code, by an application", err, Success)
}

// What a credential vouched for goes with the last one: whoever enrolled first
// and then cleared away what shows it keeps no way in beside the user.
func TestPlantedBehindACredentialThatIsGone(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	first, err := h.EnrolTOTP(ctx, nobodyAsks, Claim{id("u:ann"), []byte(secretWord)}, EnrolRequest{})
	h.want("enrol", err, Success)
	planted, err := h.EnrolTOTP(ctx, nobodyAsks, Claim{id("u:ann"), []byte(secretWord + h.code(first.Secret, 0))}, EnrolRequest{})
	h.want("plant", err, Success)
	h.want("clear away", h.RevokeTOTPSharedSecret(ctx, nobodyAsks, id("u:ann"), nil, &first.Secret), Success)

	mine, err := h.EnrolTOTP(ctx, nobodyAsks, Claim{id("u:ann"), []byte(secretWord)}, EnrolRequest{})
	h.want("the user enrols", err, Success)
	h.want("and confirms", h.ConfirmTOTP(ctx, nobodyAsks, Claim{id("u:ann"), []byte(secretWord)}, mine.ID, h.code(mine.Secret, 0)), Success)
	_, err = h.bind(person("ann"), secretWord+h.code(planted.Secret, 0))
	h.want("a code of what was planted", err, InvalidCredentials)
}

// A code alone is no password: whoever bound with one sets no new password,
// also where he has cleared away the credential.
func TestCodeAloneSetsNoPassword(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.CodeAloneMayBind = true })
	ctx := context.Background()
	secret := h.enrol("ann")
	h.activate("ann", secret)
	thief, err := h.bindTOTP("u:ann", "-", h.code(secret, 0), "-")
	h.want("bind", err, Success)
	h.want("clear away", h.RevokeTOTPSharedSecret(ctx, thief, nil, nil, &secret), Success)
	_, err = h.ChangePassword(ctx, thief, nil, nil, []byte("mine now"))
	h.want("password modify", err, UnwillingToPerform)
	err = h.Modify(ctx, thief, &ModifyRequest{Object: person("ann"), Changes: []Change{{ReplaceValues, Attribute{"userPassword", [][]byte{[]byte("mine now")}}}}})
	h.want("modify", err, UnwillingToPerform)
	_, err = h.ChangePassword(ctx, thief, nil, []byte(secretWord), []byte("new"))
	h.want("with the old password", err, Success)
}

// What a connection showed ends with the credential that it showed it with:
// after a stolen token is revoked or off, its old connections are worth no more
// than the password.
func TestConnectionOutlivesItsCredential(t *testing.T) {
	ctx := context.Background()
	for _, door := range []string{"simple", "PLAIN", "UNBOUNDID-TOTP"} {
		h := newHouse(t)
		stolen := h.enrol("ann")
		h.activate("ann", stolen)
		var thief Requester
		var err error
		switch door {
		case "simple":
			thief, err = h.bind(person("ann"), secretWord+h.code(stolen, 0))
		case "PLAIN":
			thief, err = h.Bind(ctx, Requester{}, &BindRequest{Version: 3, SASL: &SASLCredentials{door, []byte("\x00ann\x00" + secretWord + h.code(stolen, 0))}})
		default:
			thief, err = h.bindTOTP("u:ann", "-", h.code(stolen, 0), secretWord)
		}
		h.want(door, err, Success)
		_, err = h.EnrolTOTP(ctx, thief, Claim{}, EnrolRequest{})
		h.want("while it counts", err, Success)

		for _, end := range []func(context.Context, Requester, Claim, string) error{h.DisableTOTP, h.RevokeTOTP} {
			h.want("the end", end(ctx, root, Claim{AuthenticationID: id("u:ann")}, thief.Factor), Success)
			mine := h.enrol("ann")
			h.activate("ann", mine)
			_, err = h.EnrolTOTP(ctx, thief, Claim{}, EnrolRequest{})
			h.want("enrol", err, UnwillingToPerform)
			_, err = h.EnrolTOTP(ctx, thief, Claim{StaticPassword: []byte(secretWord)}, EnrolRequest{})
			h.want("enrol by password", err, InvalidCredentials)
			_, err = h.GenerateTOTPSharedSecret(ctx, thief, nil, []byte(secretWord))
			h.want("generate", err, InvalidCredentials)
			h.want("revoke all", h.RevokeTOTPSharedSecret(ctx, thief, nil, []byte(secretWord), nil), InvalidCredentials)
			_, err = h.ChangePassword(ctx, thief, nil, nil, []byte("mine now"))
			h.want("set the password", err, UnwillingToPerform)
			err = h.Modify(ctx, thief, &ModifyRequest{Object: person("ann"), Changes: []Change{{ReplaceValues, Attribute{"userPassword", [][]byte{[]byte("mine now")}}}}})
			h.want("modify", err, UnwillingToPerform)
			if _, err := h.bind(person("ann"), secretWord+h.code(mine, 0)); err != nil {
				t.Fatal(err) // and forgives the failures
			}
			h.advance(time.Minute)
		}
	}
}

// The same where it showed a recovery code: it ends with the set of codes, and
// with the last credential they stand in for. That they are used up ends
// nothing.
func TestConnectionOutlivesItsRecoveryCodes(t *testing.T) {
	ctx := context.Background()
	type recovering struct {
		*house
		codes []string
	}
	for end, row := range map[string]struct {
		do   func(h recovering) error
		want ResultCode
	}{
		"nothing": {func(recovering) error { return nil }, Success},
		"the last code is used": {func(h recovering) error {
			var err error
			for _, code := range h.codes[1:] {
				_, bound := h.bind(person("ann"), secretWord+code)
				err = errors.Join(err, bound)
			}
			return err
		}, Success},
		"new codes": {func(h recovering) error {
			_, err := h.NewRecoveryCodes(ctx, root, Claim{AuthenticationID: id("u:ann")})
			return err
		}, UnwillingToPerform},
		"revoked, and enrolled again": {func(h recovering) error {
			err := h.RevokeTOTPSharedSecret(ctx, adminAsks, id("u:ann"), nil, nil)
			h.activate("ann", h.enrol("ann"))
			return err
		}, UnwillingToPerform},
	} {
		h, _, codes := withCodes(t)
		who, err := h.bind(person("ann"), secretWord+codes[0])
		h.want("bind", err, Success)
		h.want(end, row.do(recovering{h, codes}), Success)
		h.restart()
		_, err = h.EnrolTOTP(ctx, who, Claim{}, EnrolRequest{})
		h.want("enrol after: "+end, err, row.want)
	}
}
