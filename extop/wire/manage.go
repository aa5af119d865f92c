package wire

import (
	"fmt"
	"math"
	"strings"
	"time"

	"tallystick/internal/ber"
)

// ManageTOTPOID is Manage TOTP, an operation of our own. Its response has no
// OID. Clients ask supportedExtension of the root DSE for it.
const ManageTOTPOID = "2.25.339436907553608478315258445179521720842.6.1"

// ManageAction is what is to be done. The numbers are on the wire.
type ManageAction int

const (
	ManageList             ManageAction = 0
	ManageEnrol            ManageAction = 1
	ManageConfirm          ManageAction = 2
	ManageRename           ManageAction = 3
	ManageDisable          ManageAction = 4
	ManageEnable           ManageAction = 5
	ManageResync           ManageAction = 6
	ManageRevoke           ManageAction = 7
	ManageNewRecoveryCodes ManageAction = 8
	ManageImport           ManageAction = 9
	ManageExplain          ManageAction = 10
	ManageUnlock           ManageAction = 11

	ManageNewApplicationPassword    ManageAction = 12
	ManageListApplicationPasswords  ManageAction = 13
	ManageRevokeApplicationPassword ManageAction = 14
	ManageFind                      ManageAction = 15
)

// ManageTOTPRequest is a requestValue. Which elements an action takes is in
// the operation's README; the others are ignored.
//
//	ManageTOTPRequest ::= SEQUENCE {
//	     action           [0]  ENUMERATED {
//	          list(0), enrol(1), confirm(2), rename(3), disable(4), enable(5),
//	          resync(6), revoke(7), newRecoveryCodes(8), import(9),
//	          explain(10), unlock(11), newApplicationPassword(12),
//	          listApplicationPasswords(13), revokeApplicationPassword(14), find(15) },
//	     authenticationID [1]  OCTET STRING OPTIONAL,
//	     staticPassword   [2]  OCTET STRING OPTIONAL,
//	     id               [3]  OCTET STRING OPTIONAL,
//	     name             [4]  OCTET STRING OPTIONAL,
//	     code             [5]  OCTET STRING OPTIONAL,
//	     nextCode         [6]  OCTET STRING OPTIONAL,
//	     algorithm        [7]  OCTET STRING OPTIONAL,
//	     digits           [8]  INTEGER OPTIONAL,
//	     period           [9]  INTEGER OPTIONAL,
//	     issuer           [10] OCTET STRING OPTIONAL,
//	     qrCode           [11] BOOLEAN DEFAULT FALSE,
//	     serial           [12] OCTET STRING OPTIONAL,
//	     device           [13] OCTET STRING OPTIONAL,
//	     notBefore        [14] INTEGER OPTIONAL,
//	     notAfter         [15] INTEGER OPTIONAL,
//	     key              [16] OCTET STRING OPTIONAL,
//	     disabled         [17] BOOLEAN DEFAULT FALSE,
//	     lastStep         [18] INTEGER OPTIONAL,
//	     drift            [19] INTEGER OPTIONAL,
//	     dryRun           [20] BOOLEAN DEFAULT FALSE,
//	     listener         [21] OCTET STRING OPTIONAL,
//	     address          [22] OCTET STRING OPTIONAL,
//	     networks         [23] OCTET STRING OPTIONAL,
//	     listeners        [24] OCTET STRING OPTIONAL,
//	     counter          [25] INTEGER OPTIONAL }
//
// An element that is "", 0 or the zero time here is absent, but for the two
// that prove something.
type ManageTOTPRequest struct {
	Action           ManageAction
	AuthenticationID *string // "dn:" and a DN, or "u:" and a user name; nil: the requester
	StaticPassword   []byte  // nil: none

	ID             string // of the credential
	Name           string
	Code, NextCode string

	Algorithm           string // SHA1, SHA256, SHA512
	Digits              int
	Period              time.Duration // whole seconds
	Issuer              string
	QRCode              bool // wanted
	Serial, Device      string
	NotBefore, NotAfter time.Time // whole seconds

	Key      []byte // the secret itself, not in base32; nil: none
	Disabled bool
	LastStep int64 // number of the last time step of which a code was used
	Drift    int   // steps by which the token runs ahead (+) or behind (-)
	DryRun   bool

	Listener, Address string // where somebody would come from

	Networks, Listeners []string // of an application; on the wire with a blank between two

	Counter *int64 // of the next code of a counter-based token; nil: it is none
}

// Encode returns the requestValue.
func (r ManageTOTPRequest) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Context, int64(r.Action))
	b = appendText(b, 1, r.AuthenticationID)
	b = appendField(b, 2, r.StaticPassword)
	b = appendSome(b, 3, r.ID)
	b = appendSome(b, 4, r.Name)
	b = appendSome(b, 5, r.Code)
	b = appendSome(b, 6, r.NextCode)
	b = appendSome(b, 7, r.Algorithm)
	b = appendNumber(b, 8, int64(r.Digits))
	b = appendNumber(b, 9, int64(r.Period/time.Second))
	b = appendSome(b, 10, r.Issuer)
	b = appendTrue(b, 11, r.QRCode)
	b = appendSome(b, 12, r.Serial)
	b = appendSome(b, 13, r.Device)
	b = appendTime(b, 14, r.NotBefore)
	b = appendTime(b, 15, r.NotAfter)
	b = appendField(b, 16, r.Key)
	b = appendTrue(b, 17, r.Disabled)
	b = appendNumber(b, 18, r.LastStep)
	b = appendNumber(b, 19, int64(r.Drift))
	b = appendTrue(b, 20, r.DryRun)
	b = appendSome(b, 21, r.Listener)
	b = appendSome(b, 22, r.Address)
	b = appendSome(b, 23, strings.Join(r.Networks, " "))
	b = appendSome(b, 24, strings.Join(r.Listeners, " "))
	if r.Counter != nil {
		b = ber.AppendInt(b, ber.Context|25, *r.Counter)
	}
	return ber.End(b, start)
}

// DecodeManageTOTPRequest reads a requestValue (nil: absent, which is an
// error). The action need not be one that is known.
func DecodeManageTOTPRequest(value []byte) (ManageTOTPRequest, error) {
	r, err := decodeManageTOTPRequest(value)
	if err != nil {
		return ManageTOTPRequest{}, fmt.Errorf("manage TOTP request: %w", err)
	}
	return r, nil
}

func decodeManageTOTPRequest(value []byte) (ManageTOTPRequest, error) {
	f, err := fields(value, 26)
	if err != nil {
		return ManageTOTPRequest{}, err
	}
	if f[0] == nil {
		return ManageTOTPRequest{}, ErrElements
	}
	r := ManageTOTPRequest{
		AuthenticationID: optionalText(f[1]),
		StaticPassword:   f[2],
		ID:               text(f[3]),
		Name:             text(f[4]),
		Code:             text(f[5]),
		NextCode:         text(f[6]),
		Algorithm:        text(f[7]),
		Issuer:           text(f[10]),
		Serial:           text(f[12]),
		Device:           text(f[13]),
		Key:              f[16],
		Listener:         text(f[21]),
		Address:          text(f[22]),
		Networks:         words(f[23]),
		Listeners:        words(f[24]),
	}
	n := numbers{}
	r.Action = ManageAction(n.read(f[0], 0, maxSmall))
	r.Digits = int(n.read(f[8], 0, maxSmall))
	r.Period = time.Duration(n.read(f[9], 0, maxSmall)) * time.Second
	r.QRCode = n.bool(f[11])
	r.NotBefore = n.time(f[14])
	r.NotAfter = n.time(f[15])
	r.Disabled = n.bool(f[17])
	r.LastStep = n.read(f[18], 0, maxTime)
	r.Drift = int(n.read(f[19], -maxSmall, maxSmall))
	r.DryRun = n.bool(f[20])
	if f[25] != nil {
		r.Counter = new(n.read(f[25], 0, math.MaxInt64))
	}
	return r, n.err
}

// ManagedCredential is a TOTP credential as the list tells of it.
//
//	Credential ::= SEQUENCE {
//	     id        [0]  OCTET STRING,
//	     name      [1]  OCTET STRING OPTIONAL,
//	     state     [2]  OCTET STRING,
//	     algorithm [3]  OCTET STRING,
//	     digits    [4]  INTEGER,
//	     period    [5]  INTEGER,
//	     created   [6]  INTEGER,
//	     changed   [7]  INTEGER,
//	     changedBy [8]  OCTET STRING OPTIONAL,
//	     lastUsed  [9]  INTEGER OPTIONAL,
//	     serial    [10] OCTET STRING OPTIONAL,
//	     device    [11] OCTET STRING OPTIONAL,
//	     notBefore [12] INTEGER OPTIONAL,
//	     notAfter  [13] INTEGER OPTIONAL,
//	     createdBy [14] OCTET STRING OPTIONAL,
//	     switched  [15] INTEGER OPTIONAL,               -- milliseconds since 1970
//	     switchedBy [16] OCTET STRING OPTIONAL,
//	     owner     [17] OCTET STRING OPTIONAL,          -- find
//	     counterBased [18] BOOLEAN DEFAULT FALSE }
type ManagedCredential struct {
	ID, Name            string
	State               string // pending, active, disabled
	Algorithm           string // SHA1, SHA256, SHA512
	Digits              int
	Period              time.Duration
	Created, Changed    time.Time // UTC, whole seconds; here and below
	ChangedBy           string    // DN
	LastUsed            time.Time // zero: never
	Serial, Device      string
	NotBefore, NotAfter time.Time // zero: no bound
	CreatedBy           string    // DN
	Switched            time.Time // when it was last disabled or enabled: UTC, whole milliseconds; zero: never
	SwitchedBy          string    // DN
	Owner               string    // DN of the user; only find tells
	CounterBased        bool      // HOTP: the period is nothing
}

func (c ManagedCredential) append(b []byte) []byte {
	b, start := ber.Begin(b, ber.Sequence)
	b = ber.AppendString(b, ber.Context, c.ID)
	b = appendSome(b, 1, c.Name)
	b = appendSome(b, 2, c.State)
	b = appendSome(b, 3, c.Algorithm)
	b = appendNumber(b, 4, int64(c.Digits))
	b = appendNumber(b, 5, int64(c.Period/time.Second))
	b = appendTime(b, 6, c.Created)
	b = appendTime(b, 7, c.Changed)
	b = appendSome(b, 8, c.ChangedBy)
	b = appendTime(b, 9, c.LastUsed)
	b = appendSome(b, 10, c.Serial)
	b = appendSome(b, 11, c.Device)
	b = appendTime(b, 12, c.NotBefore)
	b = appendTime(b, 13, c.NotAfter)
	b = appendSome(b, 14, c.CreatedBy)
	b = appendMillis(b, 15, c.Switched)
	b = appendSome(b, 16, c.SwitchedBy)
	b = appendSome(b, 17, c.Owner)
	b = appendTrue(b, 18, c.CounterBased)
	return ber.End(b, start)
}

func decodeManagedCredential(r ber.Reader) (ManagedCredential, error) {
	f, err := contextFields(r, 19)
	if err != nil {
		return ManagedCredential{}, err
	}
	if f[0] == nil {
		return ManagedCredential{}, ErrElements
	}
	n := numbers{}
	c := ManagedCredential{
		ID: text(f[0]), Name: text(f[1]),
		State:     text(f[2]),
		Algorithm: text(f[3]),
		Digits:    int(n.read(f[4], 0, maxSmall)),
		Period:    time.Duration(n.read(f[5], 0, maxSmall)) * time.Second,
		Created:   n.time(f[6]), Changed: n.time(f[7]),
		ChangedBy: text(f[8]),
		LastUsed:  n.time(f[9]),
		Serial:    text(f[10]), Device: text(f[11]),
		NotBefore: n.time(f[12]), NotAfter: n.time(f[13]),
		CreatedBy: text(f[14]),
		Switched:  n.millis(f[15]), SwitchedBy: text(f[16]),
		Owner: text(f[17]), CounterBased: n.bool(f[18]),
	}
	return c, n.err
}

// ManageTOTPResponse is the responseValue of a success that has something to
// tell.
//
//	ManageTOTPResponse ::= SEQUENCE {
//	     credentials       [0] SEQUENCE OF Credential OPTIONAL,     -- list, find
//	     recoveryCodesLeft [1] INTEGER OPTIONAL,                    -- list
//	     id                [2] OCTET STRING OPTIONAL,               -- enrol, import
//	     secret            [3] OCTET STRING OPTIONAL,               -- enrol: base32
//	     uri               [4] OCTET STRING OPTIONAL,               -- enrol: otpauth
//	     qrCode            [5] OCTET STRING OPTIONAL,               -- enrol: PNG
//	     recoveryCodes     [6] SEQUENCE OF OCTET STRING OPTIONAL,   -- newRecoveryCodes
//	     there             [7] BOOLEAN DEFAULT FALSE,               -- import
//	     sequence          [8] INTEGER OPTIONAL,                    -- list, enrol
//	     lastChange        [9] INTEGER OPTIONAL,                    -- list, enrol: milliseconds since 1970
//	     explanation       [10] Explanation OPTIONAL,               -- explain
//	     failures          [11] INTEGER OPTIONAL,                   -- list
//	     waitUntil         [12] INTEGER OPTIONAL,                   -- list: milliseconds since 1970
//	     password          [13] OCTET STRING OPTIONAL,              -- newApplicationPassword
//	     applications      [14] SEQUENCE OF ApplicationPassword OPTIONAL } -- listApplicationPasswords
type ManageTOTPResponse struct {
	Credentials       []ManagedCredential
	RecoveryCodesLeft int
	ID, Secret, URI   string
	QRCode            []byte // nil: none
	RecoveryCodes     []string
	There             bool      // the credential was there already
	Sequence          uint64    // grows with every change of the user's credentials; 0: none so far
	LastChange        time.Time // when it last grew: UTC, whole milliseconds; zero: never
	Explanation       *Explanation
	Failures          int       // of attempts in a row
	WaitUntil         time.Time // when the next one is judged: UTC, whole milliseconds; zero: at once
	Password          string    // of an application
	Applications      []ApplicationPassword
}

// Encode returns the responseValue.
func (r ManageTOTPResponse) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = appendCredentials(b, 0, r.Credentials)
	b = appendNumber(b, 1, int64(r.RecoveryCodesLeft))
	b = appendSome(b, 2, r.ID)
	b = appendSome(b, 3, r.Secret)
	b = appendSome(b, 4, r.URI)
	b = appendField(b, 5, r.QRCode)
	b = appendTexts(b, 6, r.RecoveryCodes)
	b = appendTrue(b, 7, r.There)
	b = appendNumber(b, 8, int64(min(r.Sequence, math.MaxInt64)))
	b = appendMillis(b, 9, r.LastChange)
	if r.Explanation != nil {
		b = r.Explanation.append(b)
	}
	b = appendNumber(b, 11, int64(r.Failures))
	b = appendMillis(b, 12, r.WaitUntil)
	b = appendSome(b, 13, r.Password)
	b = appendApplications(b, 14, r.Applications)
	return ber.End(b, start)
}

// appendCredentials appends a SEQUENCE OF Credential, unless it is empty.
func appendCredentials(b []byte, number byte, list []ManagedCredential) []byte {
	if len(list) == 0 {
		return b
	}
	b, start := ber.Begin(b, ber.Context|ber.Constructed|number)
	for _, c := range list {
		b = c.append(b)
	}
	return ber.End(b, start)
}

// appendTexts appends a SEQUENCE OF OCTET STRING, unless it is empty.
func appendTexts(b []byte, number byte, list []string) []byte {
	if len(list) == 0 {
		return b
	}
	b, start := ber.Begin(b, ber.Context|ber.Constructed|number)
	for _, s := range list {
		b = ber.AppendString(b, ber.OctetString, s)
	}
	return ber.End(b, start)
}

// DecodeManageTOTPResponse reads a responseValue (nil: absent, of an action
// that has nothing to tell). Elements that are not known are ignored: a later
// server may say more.
func DecodeManageTOTPResponse(value []byte) (ManageTOTPResponse, error) {
	if value == nil {
		return ManageTOTPResponse{}, nil
	}
	r, err := decodeManageTOTPResponse(value)
	if err != nil {
		return ManageTOTPResponse{}, fmt.Errorf("manage TOTP response: %w", err)
	}
	return r, nil
}

func decodeManageTOTPResponse(value []byte) (r ManageTOTPResponse, err error) {
	err = elements(value, func(tag byte, contents []byte, n *numbers) (err error) {
		switch tag {
		case ber.Context | ber.Constructed:
			r.Credentials, err = decodeManagedCredentials(contents)
		case ber.Context | 1:
			r.RecoveryCodesLeft = int(n.read(contents, 0, maxSmall))
		case ber.Context | 2:
			r.ID = text(contents)
		case ber.Context | 3:
			r.Secret = text(contents)
		case ber.Context | 4:
			r.URI = text(contents)
		case ber.Context | 5:
			r.QRCode = contents
		case ber.Context | ber.Constructed | 6:
			r.RecoveryCodes, err = decodeTexts(contents)
		case ber.Context | 7:
			r.There = n.bool(contents)
		case ber.Context | 8:
			r.Sequence = uint64(n.read(contents, 0, math.MaxInt64))
		case ber.Context | 9:
			r.LastChange = n.millis(contents)
		case ber.Context | ber.Constructed | 10:
			r.Explanation, err = decodeExplanation(contents)
		case ber.Context | 11:
			r.Failures = int(n.read(contents, 0, maxSmall))
		case ber.Context | 12:
			r.WaitUntil = n.millis(contents)
		case ber.Context | 13:
			r.Password = text(contents)
		case ber.Context | ber.Constructed | 14:
			r.Applications, err = decodeApplications(contents)
		}
		return err
	})
	return r, err
}

func decodeManagedCredentials(contents []byte) (list []ManagedCredential, err error) {
	for in := ber.NewReader(contents); !in.Done(); {
		one, err := in.Enter(ber.Sequence)
		if err != nil {
			return nil, err
		}
		c, err := decodeManagedCredential(one)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func decodeTexts(contents []byte) (list []string, err error) {
	for in := ber.NewReader(contents); !in.Done(); {
		s, err := in.Read(ber.OctetString)
		if err != nil {
			return nil, err
		}
		list = append(list, text(s))
	}
	return list, nil
}
