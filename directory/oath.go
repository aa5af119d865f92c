package directory

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tallystick/directory/schema"
	"tallystick/directory/seal"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// OATH-LDAP entries count as slapo-otp(5) has it, so that its sites can move
// here with their entries and their tools:
//
//	user    oathTOTPUser    oathTOTPToken: its token
//	token   oathTOTPToken   oathSecret, oathTOTPParams: its parameters
//	params  oathTOTPParams  oathOTPLength, oathHMACAlgorithm, oathTOTPTimeStepPeriod and …Window
//
// The secret of a token is a credential of the token's entry, sealed like any
// other; several users may share it, and a user may be his own token. A user
// whose token cannot be found is nobody, as there.

const oathSecretAttribute = "oathSecret"

// oathToken is the entry that a credential of OATH-LDAP belongs to.
type oathToken struct {
	id     entryID
	uuid   [16]byte
	dn     string
	window int   // oathTOTPTimeStepWindow
	fault  error // why its parameters are none; nil: they are some
}

// owner is the entry that a credential of the user belongs to: his own, or
// that of his token.
func (u *user) owner(c *credential) (entryID, [16]byte) {
	if c.token != nil {
		return c.token.id, c.token.uuid
	}
	return u.id, u.entry.uuid
}

// elsewhere fails if the credential belongs to another entry than the user's.
func (u *user) elsewhere(c *credential) error {
	if c.token == nil || c.token.id == u.id {
		return nil
	}
	return Errorf(UnwillingToPerform, "the secret is that of the token %s: take the token from the user, or the secret from the token", c.token.dn)
}

// oathTokens adds the credentials of the user's tokens to his own, with their
// parameters.
func (d *Directory) oathTokens(r store.Reader, u *user) error {
	if slices.ContainsFunc(u.credentials, func(c *credential) bool { return c.oath }) {
		if err := d.ofToken(r, u.id, u.entry, u.credentials); err != nil {
			return err
		}
	}
	if !u.entry.oathUser {
		return nil
	}
	found := 0
	for _, v := range d.valuesOf(u.entry, "oathTOTPToken") {
		id, rec, err := d.referred(r, v)
		if errors.Is(err, NoSuchObject) {
			u.lostToken = fmt.Errorf("its token %s: %w", v, err)
			return nil
		}
		if err != nil {
			return err
		}
		list := u.credentials
		if id != u.id {
			if list, err = readCredentials(r, id); err != nil {
				return err
			}
			list = slices.DeleteFunc(list, func(c *credential) bool { return !c.oath })
			if err := d.ofToken(r, id, rec, list); err != nil {
				return err
			}
			u.credentials = append(u.credentials, list...)
		}
		if slices.ContainsFunc(list, func(c *credential) bool { return c.oath }) {
			found++
		}
	}
	if found == 0 {
		u.lostToken = errors.New("it is an oathTOTPUser without a token that has a secret")
	}
	return nil
}

// ofToken gives the credentials of OATH-LDAP among list, which are those of
// the entry rec, the parameters that the entry names.
func (d *Directory) ofToken(r store.Reader, id entryID, rec *record, list []*credential) error {
	name, err := d.nameOfRecord(r, rec)
	if err != nil {
		return err
	}
	token := &oathToken{id: id, uuid: rec.uuid, dn: name}
	var parameters totp.Parameters
	if refs := d.valuesOf(rec, "oathTOTPParams"); len(refs) != 1 {
		token.fault = fmt.Errorf("the token has %d oathTOTPParams", len(refs))
	} else {
		_, params, err := d.referred(r, refs[0])
		switch {
		case errors.Is(err, NoSuchObject):
			token.fault = fmt.Errorf("oathTOTPParams %s: %w", refs[0], err)
		case err != nil:
			return err
		default:
			parameters, token.window, token.fault = d.oathParams(params)
		}
	}
	for _, c := range list {
		if !c.oath {
			continue
		}
		c.token = token
		if token.fault != nil {
			continue
		}
		limits, used := d.credentials.limits(c), c.parameters.Period != 0
		c.totp = c.totp.In(c.parameters, parameters)
		c.parameters = parameters
		// No clock was further ahead when the secret was made: what the entry
		// said is a step of a shorter period, and would be dead for years.
		if furthest := c.created.Add(max(0, d.credentials.cfg.ResyncWithin)); !used && c.totp.LastStep > c.latest(furthest, limits) {
			c.totp.LastStep = c.latest(c.created, limits)
		}
		if !c.restored.IsZero() {
			c.totp.LastStep = max(c.totp.LastStep, c.latest(c.restored, limits))
			c.restored = time.Time{}
		}
	}
	return nil
}

// referred reads the entry that a value names. That there is none is a
// noSuchObject.
func (d *Directory) referred(r store.Reader, name []byte) (entryID, *record, error) {
	dn, err := d.parseDN(string(name))
	if err != nil {
		return 0, nil, &Error{ResultCode: NoSuchObject, Cause: err}
	}
	id, err := d.resolve(r, dn)
	if err != nil {
		return 0, nil, err
	}
	rec, err := readRecord(r, id)
	return id, rec, err
}

// hmacs are the values of oathHMACAlgorithm (RFC 8018, appendix B.1) that are
// possible here; slapo-otp has SHA-224 and SHA-384 as well.
var hmacs = map[string]totp.Algorithm{
	"1.2.840.113549.2.7":  totp.SHA1,
	"1.2.840.113549.2.9":  totp.SHA256,
	"1.2.840.113549.2.11": totp.SHA512,
}

// maxOATHWindow is the most that secondFactor.window may be, too.
const maxOATHWindow = 10

// oathParams reads the entry of the class oathTOTPParams.
func (d *Directory) oathParams(rec *record) (p totp.Parameters, window int, err error) {
	number := func(name string, missing int) int {
		values := d.valuesOf(rec, name)
		if len(values) == 0 && missing >= 0 {
			return missing
		}
		if len(values) != 1 {
			err = errors.Join(err, fmt.Errorf("%s: one value is needed", name))
			return 0
		}
		n, e := strconv.ParseInt(string(values[0]), 10, 32)
		if e != nil || n < 0 {
			err = errors.Join(err, fmt.Errorf("%s: not a possible number", name))
		}
		return int(n)
	}
	p.Digits = number("oathOTPLength", -1)
	p.Period = time.Duration(number("oathTOTPTimeStepPeriod", -1)) * time.Second
	window = number("oathTOTPTimeStepWindow", 0)
	if err != nil {
		return p, window, err
	}
	algorithm := ""
	for _, v := range d.valuesOf(rec, "oathHMACAlgorithm") {
		algorithm = string(v)
	}
	known := false
	if p.Algorithm, known = hmacs[algorithm]; !known {
		return p, window, fmt.Errorf("oathHMACAlgorithm: %q is none of HMAC with SHA-1, SHA-256 and SHA-512", algorithm)
	}
	if p.Digits == 0 || p.Period == 0 || window > maxOATHWindow {
		return p, window, fmt.Errorf("length and period must not be 0, nor the window more than %d", maxOATHWindow)
	}
	return p, window, p.Check()
}

// checkOATH fails if an entry is one of OATH-LDAP that could not be used, so
// that nobody hears of it only when he cannot log in.
func (d *Directory) checkOATH(rec *record) error {
	for _, a := range rec.attributes {
		if strings.EqualFold(a.Name, "oathHOTPToken") {
			return errHOTP
		}
	}
	params := d.schema.ObjectClass("oathTOTPParams")
	for _, v := range d.valuesOf(rec, "objectClass") {
		switch name := string(v); {
		case strings.EqualFold(name, "oathHOTPUser"), strings.EqualFold(name, "oathHOTPToken"):
			return errHOTP
		case params != nil && d.schema.ObjectClass(name) == params:
			if _, _, err := d.oathParams(rec); err != nil {
				return Errorf(ConstraintViolation, "not possible as oathTOTPParams: %v", err)
			}
		}
	}
	return nil
}

var errHOTP = Errorf(UnwillingToPerform, "HOTP tokens are not taken: their owners would log in without a code; \"tallystick totp import\" takes them")

// isOATHUser reports whether an entry says that it has a token elsewhere.
func (d *Directory) isOATHUser(rec *record) bool {
	return d.isOf(rec, "oathTOTPUser") || len(d.valuesOf(rec, "oathTOTPToken")) > 0
}

func isOATHSecret(t *schema.AttributeType) bool { return t.Name() == oathSecretAttribute }

// oathCredential is the credential of a token that is made or gets another
// secret. What slapo-otp wrote down of the steps that are dead still holds.
func (d *Directory) oathCredential(owner [16]byte, key []byte, attributes []Attribute, by string) (*credential, error) {
	if err := totp.CheckSecret(key); err != nil {
		return nil, err
	}
	c, err := d.newCredential(owner, seal.Secret(key), totp.Parameters{}, by)
	if err != nil {
		return nil, err
	}
	c.oath, c.state = true, active
	for _, a := range attributes {
		switch d.schema.AttributeOrUndefined(a.Name).Name() {
		case "oathTOTPLastTimeStep":
			c.totp.LastStep, err = oathStep(a)
		case "oathTokenSerialNumber":
			if len(a.Values) == 1 && checkCredentialText("serial", string(a.Values[0])) == nil {
				c.serial = string(a.Values[0])
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

func oathStep(a Attribute) (int64, error) {
	if len(a.Values) != 1 {
		return totp.NoStep, nil
	}
	n, err := strconv.ParseInt(string(a.Values[0]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: not a possible number", a.Name)
	}
	return max(totp.NoStep, min(n, math.MaxInt32*int64(totp.MaxPeriod/time.Second))), nil
}

// showStep writes down at the token's entry which step is dead, where
// slapo-otp has it.
//
// Log-ins come here without defining, lest they wait for whoever looks through
// all entries. They need it not: only the values of two types that are built in
// change, and the store runs one transaction after the other, so that one which
// still uses the indexes of before is over before an index that came with the
// change is built from the entries, or one that went is taken away.
func (d *Directory) showStep(w store.Writer, c *credential) error {
	if c.totp.LastStep == totp.NoStep {
		return nil
	}
	old, err := readRecord(w, c.token.id)
	if err != nil {
		return err
	}
	rec := old.clone()
	for _, a := range []Attribute{
		{"oathTOTPLastTimeStep", [][]byte{strconv.AppendInt(nil, c.totp.LastStep, 10)}},
		{"oathTOTPTimeStepDrift", [][]byte{strconv.AppendInt(nil, int64(c.totp.Drift), 10)}},
	} {
		if err := d.apply(rec, Change{ReplaceValues, a}, false); err != nil {
			return err
		}
	}
	w.Set(entryKey(c.token.id), rec.encode())
	return d.writeIndex(w, c.token.id, old, rec)
}

// withoutOATHSecret separates oathSecret from the other attributes.
func (d *Directory) withoutOATHSecret(attributes []Attribute) (plain, secrets []Attribute) {
	isSecret := func(a Attribute) bool { return isOATHSecret(d.schema.AttributeOrUndefined(a.Name)) }
	if !slices.ContainsFunc(attributes, isSecret) {
		return attributes, nil
	}
	for _, a := range attributes {
		if isSecret(a) {
			secrets = append(secrets, a)
		} else {
			plain = append(plain, a)
		}
	}
	return plain, secrets
}

// changeOATHSecret makes the changes to the secret of a token, whose entry is
// stored with all the others.
func (m *modification) changeOATHSecret(w store.Writer, id entryID) error {
	u, err := m.d.readUser(w, account{id, m.dn})
	if err != nil {
		return err
	}
	for _, c := range m.changes {
		if !isOATHSecret(m.d.schema.AttributeOrUndefined(c.Attribute.Name)) {
			continue
		}
		if err := m.d.changeOATHSecret(u, c, m.who.DN); err != nil {
			return err
		}
	}
	return m.d.save(w, u, m.who, "modify")
}

// changeOATHSecret makes one change to the secret of the token u. The entry
// has its other attributes by then.
func (d *Directory) changeOATHSecret(u *user, c Change, by string) error {
	have := slices.IndexFunc(u.credentials, func(c *credential) bool { return c.oath && u.elsewhere(c) == nil })
	values := c.Attribute.Values
	switch {
	case len(values) > 1:
		return Errorf(ConstraintViolation, "%s: has only one value", oathSecretAttribute)
	case c.Operation == IncrementValues:
		return Errorf(ConstraintViolation, "%s: not a number", oathSecretAttribute)
	case c.Operation == AddValues && len(values) == 0:
		return Errorf(InvalidAttributeSyntax, "%s: no values given", oathSecretAttribute)
	case c.Operation == AddValues && have >= 0:
		return Errorf(AttributeOrValueExists, "%s: the entry has one already", oathSecretAttribute)
	case c.Operation == DeleteValues && (have < 0 || len(values) > 0 && d.holding(u, values[0]) != u.credentials[have]):
		return Errorf(NoSuchAttribute, "%s: no such value", oathSecretAttribute)
	}
	if have >= 0 {
		u.remove(u.credentials[have])
	}
	if c.Operation == DeleteValues || len(values) == 0 {
		return nil
	}
	made, err := d.oathCredential(u.entry.uuid, values[0], u.entry.attributes, by)
	if err != nil {
		return Errorf(InvalidAttributeSyntax, "%s: %v", oathSecretAttribute, err)
	}
	for _, old := range u.removed { // what was used stays dead, even if the secret comes back after another
		made.totp.LastStep = max(made.totp.LastStep, old.totp.LastStep)
		key, err := d.unsealOf(u, old)
		if err == nil && subtle.ConstantTimeCompare(key, values[0]) == 1 {
			made.totp, made.parameters, made.restored = old.totp, old.parameters, old.restored
		}
		key.Wipe()
	}
	u.add(made, AuditCreated)
	return nil
}
