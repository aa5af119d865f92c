package directory

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

var importedKey = seal.Secret("12345678901234567890")

func TestImportTOTPWho(t *testing.T) {
	for _, row := range []struct {
		rule   string
		who    Requester
		authID *string
		want   ResultCode
	}{
		{"administrator", adminAsks, id("u:ann"), Success},
		{"administrator, by DN", adminAsks, id("dn:" + person("ann")), Success},
		{"root user", root, id("u:ann"), Success},
		{"administrator of passwords alone", helpAsks, id("u:ann"), InsufficientAccessRights},
		{"the user, who authenticated with a code", annWithOne, nil, InsufficientAccessRights},
		{"nobody", nobodyAsks, id("u:ann"), InsufficientAccessRights},
		{"administrator, for himself by password", adminAsks, nil, UnwillingToPerform},
		{"administrator, for himself with a code", Requester{DN: person("admin"), How: ByPasswordAndCode}, nil, Success},
		{"administrator, unknown user", adminAsks, id("u:nobody"), NoSuchObject},
		{"root user, for himself", root, nil, NoSuchObject},
		{"malformed DN", adminAsks, id("dn:ann"), InvalidDNSyntax},
	} {
		h := newHouse(t)
		_, err := h.ImportTOTP(context.Background(), row.who, row.authID, ImportRequest{Key: importedKey})
		h.want(row.rule, err, row.want)
	}
}

// importFor imports for ann.
func (h *house) importFor(req ImportRequest) (Import, error) {
	return h.ImportTOTP(context.Background(), adminAsks, id("u:ann"), req)
}

func TestImportTOTPWhat(t *testing.T) {
	step := totp.Parameters{}.Step(time.Unix(1_700_000_010, 0))
	for _, row := range []struct {
		rule string
		req  ImportRequest
		want ResultCode
	}{
		{"a secret", ImportRequest{Key: importedKey}, Success},
		{"no secret", ImportRequest{}, ConstraintViolation},
		{"nine octets", ImportRequest{Key: importedKey[:9]}, ConstraintViolation},
		{"too many", ImportRequest{Key: make(seal.Secret, totp.MaxSecretSize+1)}, ConstraintViolation},
		{"a long name", ImportRequest{Key: importedKey, Name: strings.Repeat("n", maxCredentialText+1)}, ConstraintViolation},
		{"five digits", ImportRequest{Key: importedKey, Parameters: totp.Parameters{Digits: 5}}, ConstraintViolation},
		{"valid for no time", ImportRequest{Key: importedKey, NotBefore: time.Unix(2, 0), NotAfter: time.Unix(1, 0)}, ConstraintViolation},
		{"a last step a day ahead", ImportRequest{Key: importedKey, LastStep: step + 24*120}, Success},
		{"a last step further ahead", ImportRequest{Key: importedKey, LastStep: step + 24*120 + 1}, ConstraintViolation},
		{"counter-based", ImportRequest{Key: importedKey, Parameters: counted, Counter: totp.MaxCounter}, Success},
		{"a counter below 0", ImportRequest{Key: importedKey, Parameters: counted, Counter: -1}, ConstraintViolation},
		{"an absurd counter", ImportRequest{Key: importedKey, Parameters: counted, Counter: totp.MaxCounter + 1}, ConstraintViolation},
		{"an absurd drift", ImportRequest{Key: importedKey, Drift: maxDrift + 1}, ConstraintViolation},
	} {
		h := newHouse(t)
		_, err := h.importFor(row.req)
		h.want(row.rule, err, row.want)
		if n := len(h.credentialsOf("ann")); (n == 1) != (row.want == Success) {
			t.Errorf("%s: %d credentials", row.rule, n)
		}
	}
}

// The codes that count are those that would have counted there.
func TestImportTOTPCodes(t *testing.T) {
	secret := totp.EncodeSecret(importedKey)
	now := totp.Parameters{}.Step(time.Unix(1_700_000_010, 0))
	for _, row := range []struct {
		rule   string
		req    ImportRequest
		offset int64 // of the code, in steps from now
		want   ResultCode
	}{
		{"one used there", ImportRequest{LastStep: now}, 0, InvalidCredentials},
		{"the one behind it", ImportRequest{LastStep: now - 1}, 0, Success},
		{"last used unknown, the one of now", ImportRequest{}, 0, InvalidCredentials},
		{"last used unknown, the next one", ImportRequest{}, 1, Success},
		{"last used unknown, a clock ahead", ImportRequest{Drift: 5}, 5, InvalidCredentials},
		{"last used unknown, a clock ahead, the next one", ImportRequest{Drift: 5}, 6, Success},
		{"a clock behind", ImportRequest{Drift: -3, LastStep: now - 10}, -3, Success},
		{"a clock far behind", ImportRequest{Drift: -300, LastStep: now - 1000}, -300, Success},
		{"disabled", ImportRequest{LastStep: now - 1, Disabled: true}, 0, InvalidCredentials},
		{"not valid yet", ImportRequest{LastStep: now - 1, NotBefore: time.Unix(1_700_000_011, 0)}, 0, InvalidCredentials},
	} {
		h := newHouse(t)
		row.req.Key = importedKey
		if _, err := h.importFor(row.req); err != nil {
			t.Fatal(err)
		}
		err := h.ValidateTOTPPassword(context.Background(), root, person("ann"), h.code(secret, row.offset))
		h.want(row.rule, err, row.want)
	}
}

// A token that is far off is followed, and does not fall back to the drift
// that is learned from one code to the next.
func TestImportTOTPFarDrift(t *testing.T) {
	h := newHouse(t)
	if _, err := h.importFor(ImportRequest{Key: importedKey, Drift: 300}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		h.advance(totp.DefaultPeriod)
		code := h.code(totp.EncodeSecret(importedKey), 300)
		h.want("a code", h.ValidateTOTPPassword(context.Background(), root, person("ann"), code), Success)
	}
}

func TestImportTOTPAgain(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.MaxCredentials = 2 })
	from := h.auditNext()
	dry, err := h.importFor(ImportRequest{Key: importedKey, DryRun: true})
	if err != nil || dry != (Import{}) || len(h.credentialsOf("ann")) != 0 || len(h.auditLines(from)) != 0 {
		t.Fatalf("a dry run: %+v, %v", dry, err)
	}
	first, err := h.importFor(ImportRequest{Key: importedKey, Name: "token"})
	if err != nil || first.ID == "" || first.There {
		t.Fatalf("the first time: %+v, %v", first, err)
	}
	if got := h.auditLines(from); len(got) != 1 || !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "imported") }) {
		t.Errorf("the audit log says %q", got)
	}
	for _, dryRun := range []bool{true, false} {
		again, err := h.importFor(ImportRequest{Key: importedKey, Name: "other", DryRun: dryRun})
		if err != nil || again != (Import{ID: first.ID, There: true}) {
			t.Errorf("again: %+v, %v", again, err)
		}
	}
	list := h.credentialsOf("ann")
	if len(list) != 1 || list[0].name != "token" || list[0].state != active || list[0].changedBy != person("admin") {
		t.Errorf("%+v", list)
	}
	if _, err := h.bind(person("ann"), secretWord); err == nil {
		t.Error("the password alone is enough")
	}
	if _, err := h.importFor(ImportRequest{Key: seal.Secret("another secret")}); err != nil {
		t.Fatal(err)
	}
	_, err = h.importFor(ImportRequest{Key: seal.Secret("one secret more"), DryRun: true})
	h.want("one too many", err, AdminLimitExceeded)
	if _, err := h.importFor(ImportRequest{Key: importedKey}); err != nil {
		t.Errorf("what is there needs no room: %v", err)
	}
}
