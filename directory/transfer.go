package directory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// credentialText is a credential as Export writes it and Import reads it: JSON
// on one line, the secret in base32 and in the clear.
type credentialText struct {
	ID            string `json:"id"`
	Name          string `json:"name,omitempty"`
	Secret        string `json:"secret"`
	Algorithm     string `json:"algorithm"`
	Digits        int    `json:"digits"`
	Period        int    `json:"period"`            // seconds
	Counter       bool   `json:"counter,omitempty"` // lastStep is the counter of the last code, and period nothing
	State         string `json:"state"`
	LastStep      int64  `json:"lastStep"` // -1: none
	Drift         int    `json:"drift,omitempty"`
	Serial        string `json:"serial,omitempty"`
	Device        string `json:"device,omitempty"`
	PasswordAlone bool   `json:"passwordAlone,omitempty"`
	Centre        int    `json:"centre,omitempty"`    // of the drift
	NotBefore     string `json:"notBefore,omitempty"` // RFC 3339, here and below
	NotAfter      string `json:"notAfter,omitempty"`
	LastUsed      string `json:"lastUsed,omitempty"`
	Created       string `json:"created"` // RFC 3339
	Changed       string `json:"changed"` // RFC 3339
	ChangedBy     string `json:"changedBy,omitempty"`
	CreatedBy     string `json:"createdBy,omitempty"`
	Switched      string `json:"switched,omitempty"` // RFC 3339, to the millisecond
	SwitchedBy    string `json:"switchedBy,omitempty"`
	Sequence      uint64 `json:"sequence,omitempty"`
	OATH          bool   `json:"oath,omitempty"` // of an OATH-LDAP token
	Restored      string `json:"restored,omitempty"`
}

// exportCredentials returns the credentials of an entry as text, with their
// secrets: values of tallystickTOTPCredential.
func (d *Directory) exportCredentials(r store.Reader, id entryID, rec *record) ([][]byte, error) {
	if !rec.enrolled {
		return nil, nil
	}
	list, err := readCredentials(r, id)
	if err != nil {
		return nil, fmt.Errorf("credentials of entry %d: %w", id, err)
	}
	var texts [][]byte
	for _, c := range list {
		secret, err := d.unseal(rec.uuid, c)
		if err != nil {
			return nil, fmt.Errorf("credential %s of entry %d: %w", c.id, id, err)
		}
		text, err := json.Marshal(credentialText{
			ID:            c.id,
			Name:          c.name,
			Secret:        totp.EncodeSecret(secret),
			Algorithm:     c.parameters.Algorithm.String(),
			Digits:        c.parameters.Digits,
			Period:        int(c.parameters.Period / time.Second),
			Counter:       c.parameters.Counter,
			State:         c.state.String(),
			LastStep:      c.totp.LastStep,
			Drift:         c.totp.Drift,
			Serial:        c.serial,
			Device:        c.device,
			PasswordAlone: c.passwordAlone,
			Centre:        c.totp.Centre,
			NotBefore:     optionalTimeText(c.notBefore),
			NotAfter:      optionalTimeText(c.notAfter),
			LastUsed:      optionalTimeText(c.used),
			Created:       c.created.Format(time.RFC3339),
			Changed:       c.changed.Format(time.RFC3339),
			ChangedBy:     c.changedBy,
			CreatedBy:     c.createdBy,
			Switched:      optionalTimeText(c.switched),
			SwitchedBy:    c.switchedBy,
			Sequence:      c.sequence,
			OATH:          c.oath,
			Restored:      optionalTimeText(c.restored),
		})
		secret.Wipe()
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

const graceLoginsAttribute = "tallystickGraceLoginsUsed"

// exportAttempts reads the attempts of an entry. All but the failures goes with
// an export.
func exportAttempts(r store.Reader, id entryID, rec *record) (a attempts, err error) {
	value, err := r.Get(attemptKey(id))
	if errors.Is(err, store.ErrNotFound) && !rec.enrolled {
		return a, nil
	}
	if err == nil {
		err = a.decode(value)
	}
	if err != nil {
		err = fmt.Errorf("attempts of entry %d: %w", id, err)
	}
	return a, err
}

func optionalTimeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func parseOptionalTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err
}

// imported is what an entry of an import has to prove its owner by.
type imported struct {
	credentials  []*credential
	recovery     totp.RecoveryCodes
	applications []*applicationPassword
	graceLogins  uint64
	password     attempts // as far as a password policy keeps it
}

// importCredentials reads the credentials that come with the new entry rec, and
// has it say that there are some.
// A value of tallystickTOTPCredential is what Export wrote; one of
// ds-auth-totp-shared-secret is the base32 of a PingDirectory server, and
// becomes an active credential of which no code up to now is accepted. Those of
// tallystickRecoveryCodes, tallystickApplicationPassword and
// tallystickGraceLoginsUsed go without credentials, too. oathSecret is that of
// an OATH-LDAP token.
func (d *Directory) importCredentials(rec *record, attributes []Attribute) (in imported, err error) {
	seen := map[string]bool{}
	for _, a := range attributes {
		name := d.schema.AttributeOrUndefined(a.Name).Name()
		switch name {
		case pwdAccountLockedTime, pwdGraceUseTime, pwdLastSuccess, pwdHistory:
			if err := in.password.importKept(a); err != nil {
				return in, Errorf(InvalidAttributeSyntax, "%s: %v", a.Name, err)
			}
			continue
		}
		for i, v := range a.Values {
			if name == recoveryCodesAttribute {
				if in.recovery, err = recoveryCodesOfText(v); err != nil || len(a.Values) > 1 {
					return in, Errorf(InvalidAttributeSyntax, "%s: not one value as the export writes it", a.Name)
				}
				continue
			}
			if name == applicationAttribute {
				if err := in.addApplication(v); err != nil {
					return in, Errorf(InvalidAttributeSyntax, "%s: value %d: %v", a.Name, i+1, err)
				}
				continue
			}
			if name == graceLoginsAttribute {
				if in.graceLogins, err = strconv.ParseUint(string(v), 10, 32); err != nil || len(a.Values) > 1 {
					return in, Errorf(InvalidAttributeSyntax, "%s: not one number", a.Name)
				}
				continue
			}
			var c *credential
			switch name {
			case oathSecretAttribute:
				c, err = d.oathCredential(rec.uuid, v, rec.attributes, rec.creator)
			case "ds-auth-totp-shared-secret":
				c, err = d.credentialOfSecret(rec.uuid, v)
			default:
				c, err = d.credentialOfText(rec.uuid, v)
			}
			if err == nil && name == oathSecretAttribute && len(a.Values) > 1 {
				err = errors.New("there is more than one")
			}
			if err == nil && seen[c.id] {
				err = errors.New("the id is used twice")
			}
			if err != nil {
				return in, Errorf(InvalidAttributeSyntax, "%s: value %d: %v", a.Name, i+1, err)
			}
			seen[c.id] = true
			in.credentials = append(in.credentials, c)
		}
	}
	rec.enrolled = len(in.credentials) > 0
	return in, nil
}

// number gives numbers to the credentials that came without.
func (in imported) number(taken takenNumber) error {
	for _, c := range in.credentials {
		if err := c.number(taken); err != nil {
			return err
		}
	}
	return nil
}

// put stores what belongs to a new entry, whose record says already that it
// has some.
func (in imported) put(w interface{ Set(key, value []byte) }, id entryID) {
	for _, c := range in.credentials {
		putCredential(w, id, c)
	}
	p := in.password
	policed := len(p.history)+len(p.graceUses) > 0 || !p.locked.IsZero() || !p.lastSuccess.IsZero()
	if len(in.credentials)+len(in.applications)+len(in.recovery.Hashes) > 0 || in.graceLogins > 0 || policed {
		w.Set(attemptKey(id), attempts{
			credentials:  len(in.credentials),
			recovery:     in.recovery,
			applications: in.applications,
			graceLogins:  in.graceLogins,
			history:      p.history,
			graceUses:    p.graceUses,
			locked:       p.locked,
			lastSuccess:  p.lastSuccess,
		}.encode())
	}
}

// events is what the audit log says of it.
func (in imported) events(dn DN, who Requester, door string, kind AuditKind) []AuditEvent {
	var events []AuditEvent
	for _, c := range in.credentials {
		events = append(events, who.event(door, AuditEvent{Kind: kind, User: dn.String(), Credential: c.id}))
	}
	for _, a := range in.applications {
		events = append(events, who.event(door, AuditEvent{Kind: kind, User: dn.String(), Credential: a.id, Cause: a.cause()}))
	}
	return events
}

func (d *Directory) credentialOfSecret(owner [16]byte, text []byte) (*credential, error) {
	secret, err := totp.DecodeSecret(string(text))
	if err == nil {
		err = totp.CheckSecret(secret)
	}
	if err != nil {
		return nil, err
	}
	c, err := d.newCredential(owner, secret, totp.Parameters{Digits: totp.DefaultDigits, Period: totp.DefaultPeriod}, "")
	if err != nil {
		return nil, err
	}
	c.state = active
	c.totp.LastStep = c.parameters.Step(d.now())
	return c, nil
}

var errCredentialText = errors.New("not a credential as the export writes it")

func (d *Directory) credentialOfText(owner [16]byte, text []byte) (*credential, error) {
	var in credentialText
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&in) != nil || decoder.More() { // the decoder's error could quote the secret
		return nil, errCredentialText
	}
	secret, err := totp.DecodeSecret(in.Secret)
	if err == nil {
		err = totp.CheckSecret(secret)
	}
	if err != nil {
		return nil, err
	}
	algorithm, err := totp.ParseAlgorithm(in.Algorithm)
	if err != nil {
		return nil, err
	}
	state := slices.Index(credentialStates, in.State)
	created, err1 := time.Parse(time.RFC3339, in.Created)
	changed, err2 := time.Parse(time.RFC3339, in.Changed)
	notBefore, err3 := parseOptionalTime(in.NotBefore)
	notAfter, err4 := parseOptionalTime(in.NotAfter)
	used, err5 := parseOptionalTime(in.LastUsed)
	switched, err6 := parseOptionalTime(in.Switched)
	restored, err7 := parseOptionalTime(in.Restored)
	c := &credential{
		id:            in.ID,
		name:          in.Name,
		parameters:    totp.Parameters{Algorithm: algorithm, Digits: in.Digits, Period: time.Duration(min(in.Period, 1<<16)) * time.Second, Counter: in.Counter},
		state:         credentialState(state),
		totp:          totp.State{LastStep: in.LastStep, Drift: clampDrift(in.Drift), Centre: clampDrift(in.Centre)},
		serial:        in.Serial,
		device:        in.Device,
		passwordAlone: in.PasswordAlone,
		notBefore:     notBefore,
		notAfter:      notAfter,
		used:          used,
		created:       created.UTC(),
		changed:       changed.UTC(),
		changedBy:     in.ChangedBy,
		createdBy:     in.CreatedBy,
		switched:      switched,
		switchedBy:    in.SwitchedBy,
		sequence:      in.Sequence,
		oath:          in.OATH,
		restored:      restored,
	}
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); state < 0 || err != nil || c.id == "" || len(c.id) > 64 || in.LastStep < totp.NoStep || in.Counter && in.LastStep > totp.MaxCounter || !in.OATH && (in.Digits == 0 || in.Period == 0) {
		return nil, errCredentialText
	}
	if err := c.parameters.Check(); err != nil {
		return nil, err
	}
	return c, d.seal(owner, c, secret)
}

func clampDrift(n int) int { return max(-maxDrift, min(maxDrift, n)) }

// checkCredentials tells fault of every credential and counter that does not
// belong to an entry, every secret that does not open, and every entry whose
// state is missing or incomplete. It returns how many credentials there are.
func (d *Directory) checkCredentials(ctx context.Context, r store.Reader, fault func(string)) (n int, err error) {
	faultf := func(format string, args ...any) { fault(fmt.Sprintf(format, args...)) }
	found := map[entryID]int{}
	err = scanAll(ctx, r, credentialSpace, func(key, value []byte) error {
		n++
		if len(key) <= 9 {
			faultf("credential key %q is malformed", key)
			return nil
		}
		id := idAtEnd(key[:9])
		found[id]++
		rec, err := readRecord(r, id)
		if err != nil {
			faultf("a credential belongs to entry %d, which cannot be read: %v", id, err)
			return nil
		}
		c := credential{id: string(key[9:])}
		if err := c.decode(value); err != nil {
			faultf("credential %s of entry %d: %v", c.id, id, err)
			return nil
		}
		secret, err := d.unseal(rec.uuid, &c)
		if err != nil {
			faultf("credential %s of entry %d: %v", c.id, id, err)
		}
		seal.Secret(secret).Wipe()
		if !rec.enrolled {
			faultf("entry %d has credentials and does not say so", id)
		}
		return nil
	})
	if err != nil {
		return n, err
	}
	err = scanAll(ctx, r, attemptSpace, func(key, value []byte) error {
		if len(key) != 9 {
			faultf("attempt counter key %q is malformed", key)
			return nil
		}
		id := idAtEnd(key)
		var a attempts
		if err := a.decode(value); err != nil {
			faultf("attempt counter of entry %d: %v", id, err)
			return nil
		}
		for _, p := range a.applications {
			if err := p.checkScope(); err != nil {
				faultf("application password %s of entry %d: %v", p.id, id, err)
			}
		}
		if a.credentials != found[id] {
			faultf("entry %d has %d credentials where there should be %d", id, found[id], a.credentials)
		}
		if id != 0 && id < shadowIDs {
			if _, err := r.Get(entryKey(id)); err != nil {
				faultf("an attempt counter belongs to entry %d: %v", id, err)
			}
		}
		return nil
	})
	if err != nil {
		return n, err
	}
	return n, scanAll(ctx, r, entrySpace, func(key, value []byte) error {
		var rec record
		if err := decodeRecord(&rec, value); err != nil || !rec.enrolled {
			return nil // malformed entries are told of elsewhere
		}
		_, err := r.Get(attemptKey(idAtEnd(key)))
		if errors.Is(err, store.ErrNotFound) {
			faultf("entry %d has had credentials and their state is missing", idAtEnd(key))
			return nil
		}
		return err
	})
}

// scanAll calls fn for every key of a space until it fails or ctx ends.
func scanAll(ctx context.Context, r store.Reader, space byte, fn func(key, value []byte) error) error {
	var failed error
	err := r.Scan(store.Prefix([]byte{space}), func(key, value []byte) bool {
		if failed = ctx.Err(); failed == nil {
			failed = fn(key, value)
		}
		return failed == nil
	})
	return errors.Join(err, failed)
}
