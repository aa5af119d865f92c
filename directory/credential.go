package directory

import (
	"crypto/rand"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// credentialState is how far a credential counts. The numbers are stored.
type credentialState int

const (
	pending  credentialState = 0 // made; no code was accepted yet, so it protects nothing
	active   credentialState = 1 // its owner must show a code
	disabled credentialState = 2 // it had been active; its codes are refused
)

var credentialStates = []string{pending: "pending", active: "active", disabled: "disabled"}

func (s credentialState) String() string { return credentialStates[s] }

// credential is one TOTP or HOTP shared secret of one user, as it is stored: protobuf
// wire format, like record.
type credential struct {
	id         string // opaque and random; in the key, not in the value
	name       string // given by the user or an administrator; may be empty
	sealed     []byte // the secret, bound to entryUUID and id
	parameters totp.Parameters
	state      credentialState
	totp       totp.State // last accepted step and learned drift
	serial     string     // of a hardware token, or given by the server; see serial.go
	device     string     // serial number of the device it is in; the same

	// passwordAlone says that nothing but the static password stood behind
	// its making. While it is pending and another credential counts, its own
	// code does not make it count.
	passwordAlone bool

	// oath says that the secret is the oathSecret of an OATH-LDAP token, which
	// token tells of once the credential is read for a user. The parameters
	// are those it was last used with; a period of 0: it never was.
	oath  bool
	token *oathToken // not stored; nil: it is the user's own

	// restored is when Restore put the credential of a token, whose period and
	// window it does not know: what may have been used until then is dead.
	// Zero: never, or totp says so already. Of a counter-based one nobody knows
	// what was used: see lost.
	restored time.Time

	indexed bool // not stored: what the index of numbers says of it is right

	// Its codes count from notBefore to notAfter; zero: no bound. Beyond them
	// a code is needed all the same.
	notBefore, notAfter time.Time
	used                time.Time // when a code was last accepted; zero: never

	created, changed time.Time // UTC, to the second
	changedBy        string    // DN; "" is anonymous; here and below
	createdBy        string
	sequence         uint64 // grows with every change

	// When it was last disabled or enabled, to the millisecond, and by whom;
	// zero: never.
	switched   time.Time
	switchedBy string
}

const (
	fieldCredentialName      = 1
	fieldCredentialSealed    = 2
	fieldCredentialAlgorithm = 3
	fieldCredentialDigits    = 4
	fieldCredentialPeriod    = 5 // seconds
	fieldCredentialState     = 6
	fieldCredentialLastStep  = 7 // zigzag
	fieldCredentialDrift     = 8 // zigzag
	fieldCredentialSerial    = 9
	fieldCredentialDevice    = 10
	fieldCredentialAlone     = 11
	fieldCredentialCreated   = 12
	fieldCredentialChanged   = 13
	fieldCredentialChangedBy = 14
	fieldCredentialSequence  = 15
	fieldCredentialCentre    = 16 // zigzag
	fieldCredentialNotBefore = 17
	fieldCredentialNotAfter  = 18
	fieldCredentialUsed      = 19
	fieldCredentialCreatedBy = 20
	fieldCredentialSwitched  = 21 // milliseconds
	fieldCredentialSwitcher  = 22
	fieldCredentialOATH      = 30
	fieldCredentialRestored  = 31
	fieldCredentialCounter   = 32
)

func (c *credential) encode() []byte {
	b := appendText(nil, fieldCredentialName, c.name)
	b = protowire.AppendBytes(protowire.AppendTag(b, fieldCredentialSealed, protowire.BytesType), c.sealed)
	b = appendUint(b, fieldCredentialAlgorithm, uint64(c.parameters.Algorithm))
	b = appendUint(b, fieldCredentialDigits, uint64(c.parameters.Digits))
	b = appendUint(b, fieldCredentialPeriod, uint64(c.parameters.Period/time.Second))
	b = appendUint(b, fieldCredentialState, uint64(c.state))
	b = appendUint(b, fieldCredentialLastStep, protowire.EncodeZigZag(c.totp.LastStep))
	b = appendUint(b, fieldCredentialDrift, protowire.EncodeZigZag(int64(c.totp.Drift)))
	b = appendText(b, fieldCredentialSerial, c.serial)
	b = appendText(b, fieldCredentialDevice, c.device)
	if c.passwordAlone {
		b = appendUint(b, fieldCredentialAlone, 1)
	}
	if c.oath {
		b = appendUint(b, fieldCredentialOATH, 1)
	}
	if c.parameters.Counter {
		b = appendUint(b, fieldCredentialCounter, 1)
	}
	b = appendUint(b, fieldCredentialCreated, uint64(c.created.Unix()))
	b = appendUint(b, fieldCredentialChanged, uint64(c.changed.Unix()))
	b = appendText(b, fieldCredentialChangedBy, c.changedBy)
	b = appendUint(b, fieldCredentialSequence, c.sequence)
	if c.totp.Centre != 0 {
		b = appendUint(b, fieldCredentialCentre, protowire.EncodeZigZag(int64(c.totp.Centre)))
	}
	b = appendTime(b, fieldCredentialNotBefore, c.notBefore)
	b = appendTime(b, fieldCredentialNotAfter, c.notAfter)
	b = appendTime(b, fieldCredentialUsed, c.used)
	b = appendTime(b, fieldCredentialRestored, c.restored)
	if c.createdBy != "" {
		b = appendText(b, fieldCredentialCreatedBy, c.createdBy)
	}
	if !c.switched.IsZero() {
		b = appendUint(b, fieldCredentialSwitched, uint64(c.switched.UnixMilli()))
		b = appendText(b, fieldCredentialSwitcher, c.switchedBy)
	}
	return b
}

// appendTime appends a time in seconds, unless it is zero.
func appendTime(b []byte, field protowire.Number, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendUint(b, field, uint64(t.Unix()))
}

// decode reads what encode wrote; nothing of c aliases b. A credential that
// could not have been written is refused: nobody is believed on half a record.
func (c *credential) decode(b []byte) error {
	lastStep := false
	err := fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldCredentialName:
			c.name = string(data)
		case fieldCredentialSealed:
			c.sealed = slices.Clone(data)
		case fieldCredentialAlgorithm:
			c.parameters.Algorithm = totp.Algorithm(min(v, 1<<16))
		case fieldCredentialDigits:
			c.parameters.Digits = int(min(v, 1<<16))
		case fieldCredentialPeriod:
			c.parameters.Period = time.Duration(min(v, 1<<16)) * time.Second
		case fieldCredentialState:
			if v >= uint64(len(credentialStates)) {
				return errRecord
			}
			c.state = credentialState(v)
		case fieldCredentialLastStep:
			lastStep = true
			c.totp.LastStep = protowire.DecodeZigZag(v)
		case fieldCredentialDrift:
			return decodeDrift(&c.totp.Drift, v)
		case fieldCredentialCentre:
			return decodeDrift(&c.totp.Centre, v)
		case fieldCredentialNotBefore:
			c.notBefore = time.Unix(int64(v), 0).UTC()
		case fieldCredentialNotAfter:
			c.notAfter = time.Unix(int64(v), 0).UTC()
		case fieldCredentialUsed:
			c.used = time.Unix(int64(v), 0).UTC()
		case fieldCredentialRestored:
			c.restored = time.Unix(int64(v), 0).UTC()
		case fieldCredentialSerial:
			c.serial = string(data)
		case fieldCredentialDevice:
			c.device = string(data)
		case fieldCredentialAlone:
			c.passwordAlone = v != 0
		case fieldCredentialOATH:
			c.oath = v != 0
		case fieldCredentialCounter:
			c.parameters.Counter = v != 0
		case fieldCredentialCreated:
			c.created = time.Unix(int64(v), 0).UTC()
		case fieldCredentialChanged:
			c.changed = time.Unix(int64(v), 0).UTC()
		case fieldCredentialChangedBy:
			c.changedBy = string(data)
		case fieldCredentialSequence:
			c.sequence = v
		case fieldCredentialCreatedBy:
			c.createdBy = string(data)
		case fieldCredentialSwitched:
			c.switched = time.UnixMilli(int64(v)).UTC()
		case fieldCredentialSwitcher:
			c.switchedBy = string(data)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !lastStep || len(c.sealed) == 0 || c.parameters.Check() != nil {
		return errRecord
	}
	return nil
}

// maxDrift is what is stored at most, far more than there can be.
const maxDrift = 1 << 20

func decodeDrift(to *int, v uint64) error {
	drift := protowire.DecodeZigZag(v)
	if drift < -maxDrift || drift > maxDrift {
		return errRecord
	}
	*to = int(drift)
	return nil
}

// lost reports whether c was restored and is counter-based: how many of its codes
// were used since the backup nobody knows, and none ever gets too old.
func (c *credential) lost() bool { return c.parameters.Counter && !c.restored.IsZero() }

// valid reports whether now is within the bounds of c.
func (c *credential) valid(now time.Time) bool {
	return (c.notBefore.IsZero() || !now.Before(c.notBefore)) && (c.notAfter.IsZero() || now.Before(c.notAfter))
}

// latest is the highest step whose code may have been accepted until t.
func (c *credential) latest(t time.Time, l totp.Limits) int64 {
	ahead := max(c.totp.Drift, c.totp.Centre+l.MaxDrift) + l.Window
	return c.parameters.Step(t) + int64(max(ahead, 0))
}

// newCredential returns a pending credential of the given secret.
func (d *Directory) newCredential(owner [16]byte, secret seal.Secret, p totp.Parameters, by string) (*credential, error) {
	now := d.now().UTC()
	c := &credential{
		id:         rand.Text(),
		parameters: p,
		totp:       totp.State{LastStep: totp.NoStep},
		created:    now,
		changed:    now,
		changedBy:  by,
		createdBy:  by,
	}
	return c, d.seal(owner, c, secret)
}

// seal puts the secret into the credential, bound to its owner and its id.
func (d *Directory) seal(owner [16]byte, c *credential, secret seal.Secret) (err error) {
	keyset := d.credentials.cfg.Keyset
	if keyset == nil {
		return errKeyset
	}
	c.sealed, err = keyset.Seal(secret, sealedFor(owner, c.id))
	return err
}

// unsealOf is the secret of a credential of the user. Wipe it after use.
func (d *Directory) unsealOf(u *user, c *credential) (seal.Secret, error) {
	_, owner := u.owner(c)
	return d.unseal(owner, c)
}

// unseal is the secret of a credential. Wipe it after use.
func (d *Directory) unseal(owner [16]byte, c *credential) (seal.Secret, error) {
	keyset := d.credentials.cfg.Keyset
	if keyset == nil {
		return nil, errKeyset
	}
	return keyset.Open(c.sealed, sealedFor(owner, c.id))
}

func sealedFor(owner [16]byte, credentialID string) []byte {
	const purpose = "TOTP secret of "
	b := make([]byte, 0, len(purpose)+len(owner)+len(credentialID))
	return append(append(append(b, purpose...), owner[:]...), credentialID...)
}
