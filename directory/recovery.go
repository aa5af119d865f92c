package directory

import (
	"bytes"
	"context"
	"encoding/json"

	"tallystick/directory/totp"
)

// A recovery code is taken wherever a code of a credential is, once, and only
// while the user has a credential that was confirmed. Beside a wrong password
// it is not spent: there are only so many, and nothing shows that it was right.

// recoveryCode is which of the user's recovery codes is meant; -1: none.
func (u *user) recoveryCode(code []byte) int {
	if !u.has(active, disabled) || u.decision.asks == factorRefused {
		return -1
	}
	return u.attempts.recovery.Find(code)
}

// spendRecoveryCode takes a recovery code from the user. It reports whether he
// had it.
func (d *Directory) spendRecoveryCode(u *user, code []byte) bool {
	i := u.recoveryCode(code)
	if i < 0 {
		return false
	}
	u.attempts.recovery = u.attempts.recovery.Without(i)
	u.counted = true
	u.note(AuditAccepted, nil, "recovery code", 0)
	return true
}

// readings are the ways to read a password with a code behind it.
func (d *Directory) readings(u *user, p proof) []totp.Candidate {
	separator := d.credentials.cfg.Separator
	found := totp.Split(p.password, u.digits(d, p), separator)
	if len(u.attempts.recovery.Hashes) > 0 {
		found = append(found, totp.SplitRecovery(p.password, separator)...)
	}
	return found
}

const recoveryCodesAttribute = "tallystickRecoveryCodes"

// recoveryCodesText is a user's recovery codes as Export writes them and Import
// reads them: JSON on one line, the hashes in base64.
type recoveryCodesText struct {
	Salt   []byte   `json:"salt"`
	Hashes [][]byte `json:"hashes"` // of the codes that are left
}

func recoveryCodesOfText(text []byte) (totp.RecoveryCodes, error) {
	var in recoveryCodesText
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return totp.RecoveryCodes{}, err
	}
	kept := totp.RecoveryCodes(in)
	if decoder.More() || !kept.Valid() {
		return totp.RecoveryCodes{}, errRecord
	}
	return kept, nil
}

// NewRecoveryCodes makes a set of recovery codes for a user and returns them;
// they are never told again, and those made before count no more. The claim is
// judged as EnrolTOTP says. Errors: as there; unwillingToPerform if the user
// has no credential that was confirmed.
func (d *Directory) NewRecoveryCodes(ctx context.Context, who Requester, c Claim) (codes []string, err error) {
	codes, kept := totp.NewRecoveryCodes()
	err = d.manage(ctx, who, c, "new recovery codes", func(u *user, _ evidence) error {
		if !u.has(active, disabled) {
			return Errorf(UnwillingToPerform, "confirm a TOTP credential first: recovery codes stand in for its codes")
		}
		u.attempts.recovery = kept
		u.counted = true
		u.note(AuditChanged, nil, "new recovery codes", 0)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}
