package directory

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tallystick/directory/sasl"
	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// An access token stands for a bind: who binds with one by SASL OAUTHBEARER is
// who he was when he got it, as he showed it then. So a client that opens many
// connections needs one code. The server keeps nothing of it: a token is what
// it says, sealed.

// AccessToken is a bearer token (RFC 6750).
type AccessToken struct {
	Token   seal.Secret // a b64token
	Expires time.Time   // UTC, to the millisecond
}

// token is what an access token says: protobuf wire format.
type token struct {
	id          entryID
	uuid        [16]byte
	how         Authentication
	factor      string // Requester.Factor
	sequence    uint64 // of that credential; 0: it is none
	fingerprint string // of the passwords
	expires     time.Time
}

const (
	fieldTokenEntry       = 1
	fieldTokenUUID        = 2
	fieldTokenHow         = 3
	fieldTokenFactor      = 4
	fieldTokenSequence    = 5
	fieldTokenFingerprint = 6
	fieldTokenExpires     = 7 // milliseconds
)

// tokenHow is how somebody must have authenticated to get a token.
var tokenHow = []Authentication{ByPassword, ByPasswordAndCode, ByCode}

// tokenPurpose keeps what is sealed as a token apart from what is sealed
// otherwise.
var tokenPurpose = []byte("access token")

// offersTokens reports whether access tokens are made and taken.
func (c CredentialsConfig) offersTokens() bool { return c.Keyset != nil && c.TokenLifetime > 0 }

// OffersTokens reports whether AccessToken makes any, and Bind takes them.
func (d *Directory) OffersTokens() bool { return d.credentials.cfg.offersTokens() }

// AccessToken makes a token for somebody who has just bound. It ends with its
// lifetime, and before that when a password of the user changes, when the
// credential that was shown changes or is revoked or disabled, when the user is
// deleted, and when a code is needed that was not shown. A new name ends
// nothing. Errors: unwillingToPerform where there is none to be had: for the
// root user, who has no entry, for an assumed identity, and for somebody who
// bound with a token himself.
func (d *Directory) AccessToken(ctx context.Context, who Requester) (AccessToken, error) {
	if !d.OffersTokens() || who.fingerprint == "" || !slices.Contains(tokenHow, who.How) {
		return AccessToken{}, errNoToken
	}
	t := token{how: who.How, factor: who.Factor, fingerprint: who.fingerprint}
	t.expires = d.now().Add(d.credentials.cfg.TokenLifetime).UTC().Truncate(time.Millisecond)
	err := d.view(ctx, func(r store.Reader) error {
		a, err := d.requester(r, who)
		if err != nil {
			return err
		}
		u, err := d.readUserFor(r, a, who)
		if err != nil {
			return err
		}
		if u.entry == nil {
			return errNoToken
		}
		t.id, t.uuid = u.id, u.entry.uuid
		if c := u.credential(who.Factor); c != nil {
			t.sequence = c.sequence
		}
		if !d.honours(u, t) {
			return errNoToken
		}
		return nil
	})
	if err != nil {
		return AccessToken{}, err
	}
	sealed, err := d.credentials.cfg.Keyset.Seal(t.encode(), tokenPurpose)
	if err != nil {
		return AccessToken{}, err
	}
	return AccessToken{seal.Secret(base64.RawURLEncoding.AppendEncode(nil, sealed)), t.expires}, nil
}

var errNoToken = Errorf(UnwillingToPerform, "no access token for this identity, or this way to bind")

// bindOAuthBearer is SASL OAUTHBEARER (RFC 7628). A token that is not taken
// is answered with a challenge, and the client's answer to that with the
// failure.
func (d *Directory) bindOAuthBearer(ctx context.Context, anonymous Requester, message []byte) (Requester, error) {
	if sasl.EndsOAuthBearer(message) {
		return anonymous, refuse(sasl.OAuthBearer, "the token was not taken")
	}
	m, err := sasl.DecodeOAuthBearer(message)
	if err != nil {
		return anonymous, &Error{ResultCode: ProtocolError, DiagnosticMessage: "malformed OAUTHBEARER message", Cause: err}
	}
	who, cause, err := d.bearer(ctx, anonymous, m.Token)
	switch {
	case err != nil:
		return anonymous, err
	case cause != nil:
		return anonymous, &Error{ResultCode: SaslBindInProgress, ServerSASLCreds: []byte(sasl.OAuthBearerFailure), Cause: cause}
	}
	return d.authorize(ctx, anonymous, who, m.AuthorizationID)
}

// bearer is whom a token makes of somebody; cause is why it makes nobody.
func (d *Directory) bearer(ctx context.Context, anonymous Requester, text string) (who Requester, cause, err error) {
	sealed, cause := base64.RawURLEncoding.Strict().DecodeString(text)
	if cause != nil {
		return anonymous, cause, nil
	}
	content, cause := d.credentials.cfg.Keyset.Open(sealed, tokenPurpose)
	if cause != nil {
		return anonymous, cause, nil
	}
	var t token
	if cause := t.decode(content); cause != nil {
		return anonymous, cause, nil
	}
	// A shorter lifetime in the configuration holds for the tokens there are.
	if left := t.expires.Sub(d.now()); left <= 0 || left > d.credentials.cfg.TokenLifetime {
		return anonymous, errors.New("access token: expired"), nil
	}
	cause = errors.New("access token: what it stands for has ended")
	err = d.view(ctx, func(r store.Reader) error {
		name, err := d.nameOf(r, t.id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		dn, err := d.parseDN(name)
		if err != nil {
			return err
		}
		if dn.Equal(d.root) { // by the configuration of today
			return nil
		}
		u, err := d.readUserFor(r, account{t.id, dn}, anonymous)
		if err == nil && d.honours(u, t) {
			cause = nil
			who = anonymous.as(account{t.id, dn}, t.how)
			who.Factor = t.factor
		}
		return err
	})
	return who, cause, err
}

// honours reports whether what t says is so still.
func (d *Directory) honours(u *user, t token) bool {
	var sequence uint64
	if c := u.credential(t.factor); c != nil {
		sequence = c.sequence
	}
	return u.entry != nil && u.fault == nil && u.entry.uuid == t.uuid && !u.mustChange() && !d.ended(u, d.now()) &&
		u.fingerprint() == t.fingerprint && sequence == t.sequence &&
		u.vouchesFor(Requester{How: t.how, Factor: t.factor}) &&
		(t.how != ByPassword || !d.needsCode(u, codeIfActive) && !u.decision.grace)
}

// fingerprint tells the states of the user's passwords apart. It is as good as
// unique, and nobody outside gets to see it.
func (u *user) fingerprint() string {
	h := sha256.New()
	for _, value := range u.passwords {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(value))))
		h.Write(value)
	}
	return string(h.Sum(nil))
}

func (t token) encode() []byte {
	b := appendUint(nil, fieldTokenEntry, uint64(t.id))
	b = protowire.AppendBytes(protowire.AppendTag(b, fieldTokenUUID, protowire.BytesType), t.uuid[:])
	b = appendUint(b, fieldTokenHow, uint64(t.how))
	b = appendText(b, fieldTokenFactor, t.factor)
	b = appendUint(b, fieldTokenSequence, t.sequence)
	b = appendText(b, fieldTokenFingerprint, t.fingerprint)
	return appendUint(b, fieldTokenExpires, uint64(t.expires.UnixMilli()))
}

func (t *token) decode(b []byte) error {
	err := fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldTokenEntry:
			t.id = entryID(v)
		case fieldTokenUUID:
			if len(data) != len(t.uuid) {
				return errRecord
			}
			copy(t.uuid[:], data)
		case fieldTokenHow:
			t.how = Authentication(v)
		case fieldTokenFactor:
			t.factor = string(data)
		case fieldTokenSequence:
			t.sequence = v
		case fieldTokenFingerprint:
			t.fingerprint = string(data)
		case fieldTokenExpires:
			t.expires = time.UnixMilli(int64(v)).UTC()
		}
		return nil
	})
	if err == nil && (!slices.Contains(tokenHow, t.how) || t.id == 0) {
		err = fmt.Errorf("access token: %w", errRecord)
	}
	return err
}
