package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"tallystick/internal/ber"
)

// PolicySelection is which password policy a request is about. One field at
// most is there.
type PolicySelection struct {
	PasswordPolicyDN *string // [1]
	TargetEntryDN    *string // [2]: the policy of that entry, which need not exist
}

// The defaults of a GeneratePasswordRequest.
const (
	DefaultPasswords          = 1
	DefaultValidationAttempts = 5
)

// GeneratePasswordRequest is a requestValue.
//
//	SEQUENCE { CHOICE { defaultPolicy [0] NULL, passwordPolicyDN [1] LDAPDN, targetEntryDN [2] LDAPDN, … },
//	           numberOfPasswords [3] INTEGER DEFAULT 1, validationAttempts [4] INTEGER DEFAULT 5, … }
type GeneratePasswordRequest struct {
	Policy             PolicySelection // neither: the default policy
	NumberOfPasswords  int             // at least 1
	ValidationAttempts int             // at least 0
}

// Encode returns the requestValue, nil (absent) if all is default.
func (r GeneratePasswordRequest) Encode() []byte {
	if r == (GeneratePasswordRequest{PolicySelection{}, DefaultPasswords, DefaultValidationAttempts}) {
		return nil
	}
	b, start := ber.Begin(nil, ber.Sequence)
	if r.Policy == (PolicySelection{}) {
		b = ber.AppendBytes(b, ber.Context, nil)
	}
	b = appendText(b, 1, r.Policy.PasswordPolicyDN)
	b = appendText(b, 2, r.Policy.TargetEntryDN)
	if r.NumberOfPasswords != DefaultPasswords {
		b = ber.AppendInt(b, ber.Context|3, int64(r.NumberOfPasswords))
	}
	if r.ValidationAttempts != DefaultValidationAttempts {
		b = ber.AppendInt(b, ber.Context|4, int64(r.ValidationAttempts))
	}
	return ber.End(b, start)
}

// DecodeGeneratePasswordRequest reads a requestValue (nil: absent, all is
// default).
func DecodeGeneratePasswordRequest(value []byte) (GeneratePasswordRequest, error) {
	r := GeneratePasswordRequest{NumberOfPasswords: DefaultPasswords, ValidationAttempts: DefaultValidationAttempts}
	if value == nil {
		return r, nil
	}
	f, err := fields(value, 5)
	if err == nil {
		err = chosen(f[:3])
	}
	if err == nil {
		r.Policy = PolicySelection{optionalText(f[1]), optionalText(f[2])}
		err = errors.Join(atLeast(f[3], 1, &r.NumberOfPasswords), atLeast(f[4], 0, &r.ValidationAttempts))
	}
	if err != nil {
		return GeneratePasswordRequest{}, fmt.Errorf("generate password request: %w", err)
	}
	return r, nil
}

// chosen fails unless one of a CHOICE is there, NULL being the first.
func chosen(choice [][]byte) error {
	n := 0
	for _, c := range choice {
		if c != nil {
			n++
		}
	}
	switch {
	case n != 1:
		return ErrElements
	case len(choice[0]) > 0:
		return ber.ErrValue
	}
	return nil
}

// atLeast reads an integer into to; nil is absent and leaves it.
func atLeast(contents []byte, least int64, to *int) error {
	if contents == nil {
		return nil
	}
	n, err := ber.ParseInt(contents)
	if err != nil {
		return err
	}
	if n < least || n > math.MaxInt32 {
		return ber.ErrValue
	}
	*to = int(n)
	return nil
}

// GeneratePasswordResponse is the responseValue of a success.
//
//	SEQUENCE { passwordPolicyDN LDAPDN, SEQUENCE OF SEQUENCE { password OCTET STRING, validationAttempted BOOLEAN,
//	           validationErrors [0] SEQUENCE OF OCTET STRING OPTIONAL, … }, … }
type GeneratePasswordResponse struct {
	PasswordPolicyDN string
	Passwords        []GeneratedPassword // one at least
}

// GeneratedPassword is one password that somebody may choose.
type GeneratedPassword struct {
	Password            string
	ValidationAttempted bool
	ValidationErrors    []string // why it would not be accepted; empty: it would, or nobody tried
}

// Encode returns the responseValue.
func (r GeneratePasswordResponse) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendString(b, ber.OctetString, r.PasswordPolicyDN)
	b, list := ber.Begin(b, ber.Sequence)
	for _, p := range r.Passwords {
		var one, errs int
		b, one = ber.Begin(b, ber.Sequence)
		b = ber.AppendString(b, ber.OctetString, p.Password)
		b = ber.AppendBool(b, ber.Boolean, p.ValidationAttempted)
		if len(p.ValidationErrors) > 0 {
			b, errs = ber.Begin(b, ber.Context|ber.Constructed)
			for _, e := range p.ValidationErrors {
				b = ber.AppendString(b, ber.OctetString, e)
			}
			b = ber.End(b, errs)
		}
		b = ber.End(b, one)
	}
	return ber.End(ber.End(b, list), start)
}

// DecodeGeneratePasswordResponse reads a responseValue.
func DecodeGeneratePasswordResponse(value []byte) (GeneratePasswordResponse, error) {
	resp, err := decodeGeneratePasswordResponse(value)
	if err != nil {
		return GeneratePasswordResponse{}, fmt.Errorf("generate password response: %w", err)
	}
	return resp, nil
}

func decodeGeneratePasswordResponse(value []byte) (resp GeneratePasswordResponse, err error) {
	r, err := sequence(value)
	if err != nil {
		return resp, err
	}
	dn, err := r.Read(ber.OctetString)
	if err != nil {
		return resp, err
	}
	resp.PasswordPolicyDN = text(dn)
	list, err := r.Enter(ber.Sequence)
	if err != nil {
		return resp, err
	}
	for !list.Done() {
		in, err := list.Enter(ber.Sequence)
		if err != nil {
			return resp, err
		}
		p, err := readGeneratedPassword(&in)
		if err != nil {
			return resp, err
		}
		resp.Passwords = append(resp.Passwords, p)
	}
	if len(resp.Passwords) == 0 {
		return resp, ErrElements
	}
	return resp, nil
}

func readGeneratedPassword(r *ber.Reader) (p GeneratedPassword, err error) {
	octets, err := r.Read(ber.OctetString)
	if err != nil {
		return p, err
	}
	p.Password = text(octets)
	b, err := r.Read(ber.Boolean)
	if err == nil {
		p.ValidationAttempted, err = ber.ParseBool(b)
	}
	if err != nil || r.Peek() != ber.Context|ber.Constructed {
		return p, err
	}
	errs, err := r.Enter(ber.Context | ber.Constructed)
	for err == nil && !errs.Done() {
		var e []byte
		e, err = errs.Read(ber.OctetString)
		p.ValidationErrors = append(p.ValidationErrors, text(e))
	}
	return p, err
}

// VerifyPasswordRequest is a requestValue: a JSON text,
//
//	{ "dn": "…", "password": "…" }
//
// The answer is the resultCode, compareTrue or compareFalse.
type VerifyPasswordRequest struct {
	DN       string
	Password string
}

// Encode returns the requestValue.
func (r VerifyPasswordRequest) Encode() []byte {
	dn, _ := json.Marshal(r.DN) // strings always can be
	password, _ := json.Marshal(r.Password)
	return fmt.Appendf(nil, `{ "dn":%s, "password":%s }`, dn, password)
}

// ErrJSON says that a value is not a JSON object of the two members, each once
// and a string.
var ErrJSON = errors.New("wire: not an object of dn and password")

// DecodeVerifyPasswordRequest reads a requestValue (nil: absent, which is an
// error).
func DecodeVerifyPasswordRequest(value []byte) (VerifyPasswordRequest, error) {
	if len(value) > MaxValue {
		return VerifyPasswordRequest{}, fmt.Errorf("verify password request: %w", ErrTooLong)
	}
	d := json.NewDecoder(bytes.NewReader(value))
	next := func() json.Token { t, _ := d.Token(); return t } // nil after an error
	got := map[string]string{}
	if next() == json.Delim('{') {
		for d.More() {
			name, _ := next().(string)
			s, ok := next().(string)
			if _, again := got[name]; !ok || again {
				return VerifyPasswordRequest{}, fmt.Errorf("verify password request: %w", ErrJSON)
			}
			got[name] = s
		}
	}
	closed := next() == json.Delim('}')
	_, end := d.Token()
	dn, hasDN := got["dn"]
	password, hasPassword := got["password"]
	if !closed || end != io.EOF || !hasDN || !hasPassword || len(got) != 2 {
		return VerifyPasswordRequest{}, fmt.Errorf("verify password request: %w", ErrJSON)
	}
	return VerifyPasswordRequest{dn, password}, nil
}
