package upstream

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"tallystick/extop/wire"
	"tallystick/internal/ber"

	"github.com/go-ldap/ldap/v3"
)

// Binds and StartTLS are exchanged one message each way. Their message IDs are
// the highest there are, which no other request has.
const (
	startTLSID = 1<<31 - 1 - iota
	bindID
	bindEndID
)

// What LDAPMessages are tagged with (RFC 4511, appendix B).
const (
	tagBindRequest   = ber.Application | ber.Constructed // 0
	bindResponse     = ber.Application | ber.Constructed | 1
	searchRequest    = ber.Application | ber.Constructed | 3
	searchDone       = ber.Application | ber.Constructed | 5
	modifyRequest    = ber.Application | ber.Constructed | 6
	modifyResponse   = ber.Application | ber.Constructed | 7
	addRequest       = ber.Application | ber.Constructed | 8
	addResponse      = ber.Application | ber.Constructed | 9
	delRequest       = ber.Application | 10
	delResponse      = ber.Application | ber.Constructed | 11
	modifyDNRequest  = ber.Application | ber.Constructed | 12
	modifyDNResponse = ber.Application | ber.Constructed | 13
	extendedRequest  = ber.Application | ber.Constructed | 23
	extendedResponse = ber.Application | ber.Constructed | 24

	searchResultEntry     = ber.Application | ber.Constructed | 4
	searchResultReference = ber.Application | ber.Constructed | 19
	intermediateResponse  = ber.Application | ber.Constructed | 25

	requestName     = ber.Context // 0
	requestValue    = ber.Context | 1
	responseName    = ber.Context | 10
	responseValue   = ber.Context | 11
	saslCredentials = ber.Context | ber.Constructed | 3
)

// longestAnswer limits the octets of an answer to one of these requests.
const longestAnswer = 64 << 10

// startTLS asks the server to begin TLS on rw (RFC 4511, section 4.14). With
// nil the server has agreed, and nothing of its handshake has been read.
func startTLS(rw io.ReadWriter) error {
	b, message := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, startTLSID)
	b, op := ber.Begin(b, extendedRequest)
	b = ber.AppendString(b, requestName, "1.3.6.1.4.1.1466.20037")
	b = ber.End(b, op)
	b = ber.End(b, message)
	_, err := exchange(rw, b, startTLSID, extendedResponse)
	return err
}

// plain binds on rw by SASL PLAIN (RFC 4616) and returns the controls of the
// answer. Errors: *Result for an answer other than success, ErrUnavailable,
// ErrProtocol.
func plain(rw io.ReadWriter, authcid, password string, controls ...Control) ([]Control, error) {
	if strings.Contains(authcid, "\x00") || strings.Contains(password, "\x00") {
		return nil, &Result{Code: ldap.LDAPResultInvalidCredentials} // cannot be said in PLAIN
	}
	return saslBind(rw, bindID, "PLAIN", "\x00"+authcid+"\x00"+password, controls)
}

// unboundIDTOTP binds on rw by SASL UNBOUNDID-TOTP, with the password and the
// code apart. Errors: as plain.
//
//	SEQUENCE { authenticationID [0] OCTET STRING, authorizationID [1] OCTET STRING OPTIONAL,
//	           totpPassword [2] OCTET STRING, staticPassword [3] OCTET STRING OPTIONAL }
func unboundIDTOTP(rw io.ReadWriter, authenticationID, password, code string, controls ...Control) ([]Control, error) {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendString(b, ber.Context, authenticationID)
	b = ber.AppendString(b, ber.Context|2, code)
	b = ber.AppendString(b, ber.Context|3, password)
	return saslBind(rw, bindID, "UNBOUNDID-TOTP", string(ber.End(b, start)), controls)
}

// oauthBearer binds on rw with an access token by SASL OAUTHBEARER (RFC 7628).
// A server that does not take the token says so in two steps. Errors: as plain.
func oauthBearer(rw io.ReadWriter, token string, controls ...Control) ([]Control, error) {
	if strings.Contains(token, "\x01") {
		return nil, &Result{Code: ldap.LDAPResultInvalidCredentials}
	}
	const mechanism, end = "OAUTHBEARER", "\x01"
	answered, err := saslBind(rw, bindID, mechanism, "n,,\x01auth=Bearer "+token+end+end, controls)
	if r, ok := err.(*Result); ok && r.Code == ldap.LDAPResultSaslBindInProgress {
		answered, err = saslBind(rw, bindEndID, mechanism, end, nil)
		if err == nil {
			err = fmt.Errorf("%w: a success where an exchange had failed", ErrProtocol)
		}
	}
	return answered, err
}

// simple binds on rw by name and password (RFC 4511, section 4.2). Errors: as
// plain.
func simple(rw io.ReadWriter, name, password string, controls ...Control) ([]Control, error) {
	authentication := ber.AppendString(make([]byte, 0, len(password)+4), ber.Context, password)
	return bindRequest(rw, bindID, name, authentication, controls)
}

func saslBind(rw io.ReadWriter, id int64, mechanism, credentials string, controls []Control) ([]Control, error) {
	b, sasl := ber.Begin(nil, saslCredentials)
	b = ber.AppendString(b, ber.OctetString, mechanism)
	b = ber.AppendString(b, ber.OctetString, credentials)
	return bindRequest(rw, id, "", ber.End(b, sasl), controls)
}

// bindRequest binds on rw with an encoded AuthenticationChoice.
func bindRequest(rw io.ReadWriter, id int64, name string, authentication []byte, controls []Control) ([]Control, error) {
	b, message := ber.Begin(make([]byte, 0, len(name)+len(authentication)+256), ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, id)
	b, op := ber.Begin(b, tagBindRequest)
	b = ber.AppendInt(b, ber.Integer, 3)
	b = ber.AppendString(b, ber.OctetString, name)
	b = append(b, authentication...)
	b = ber.End(b, op)
	b = appendControls(b, controls)
	b = ber.End(b, message)
	answer, err := exchange(rw, b, id, bindResponse)
	var refused *Result
	if err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	outer := ber.NewReader(answer)
	_, contents, err := outer.Next()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	answered, err := messageControls(contents)
	if refused != nil {
		if i := slices.IndexFunc(answered, isPolicy); i >= 0 {
			r, err := wire.DecodePasswordPolicyResponse(answered[i].Value)
			refused.PasswordExpired = err == nil && r.Error != nil && *r.Error == passwordExpired
		}
		return nil, refused
	}
	return answered, err
}

// isPolicy reports whether c is the password policy control, of either direction.
func isPolicy(c Control) bool { return c.OID == wire.PasswordPolicyOID }

// passwordExpired is an error of the password policy control.
const passwordExpired = 0

// exchange sends request and reads the one answer to it, and not an octet more.
// With an error that is a *Result there is an answer too.
func exchange(rw io.ReadWriter, request []byte, id int64, tag byte) (answer []byte, err error) {
	if _, err := rw.Write(request); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if answer, err = readMessage(rw); err != nil {
		return nil, err
	}
	result, err := decodeResult(answer, id, tag)
	if err != nil {
		return nil, err
	}
	if result.Code != ldap.LDAPResultSuccess {
		return answer, result
	}
	return answer, nil
}

// readMessage reads one LDAPMessage.
func readMessage(r io.Reader) ([]byte, error) {
	b := make([]byte, 2, 256)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	_, header, length, err := ber.Header(b)
	for errors.Is(err, ber.ErrTruncated) {
		b = append(b, 0)
		if _, err := io.ReadFull(r, b[len(b)-1:]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		_, header, length, err = ber.Header(b)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if length > longestAnswer {
		return nil, fmt.Errorf("%w: %d octets", ErrProtocol, length)
	}
	b = append(b, make([]byte, length)...)
	if _, err := io.ReadFull(r, b[header:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return b, nil
}

// head is an LDAPMessage taken apart.
type head struct {
	id       int64
	tag      byte
	op       []byte // contents of the protocolOp
	contents []byte // of the LDAPMessage
}

// readHead reads an LDAPMessage that is not the server's Notice of
// Disconnection.
func readHead(message []byte) (m head, err error) {
	outer := ber.NewReader(message)
	if m.contents, err = outer.Read(ber.Sequence); err != nil {
		return m, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	in := ber.NewReader(m.contents)
	if m.id, err = in.Int(ber.Integer); err != nil {
		return m, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if m.id == 0 && in.Peek() == extendedResponse {
		return m, fmt.Errorf("%w: it says goodbye", ErrUnavailable)
	}
	if m.tag, m.op, err = in.Next(); err != nil {
		return m, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return m, nil
}

// decodeResult reads the LDAPResult out of an LDAPMessage with the given
// messageID and operation.
func decodeResult(message []byte, id int64, tag byte) (*Result, error) {
	m, err := readHead(message)
	if err != nil {
		return nil, err
	}
	if m.id != id || m.tag != tag {
		return nil, fmt.Errorf("%w: messageID %d, tag %#x", ErrProtocol, m.id, m.tag)
	}
	r, _, err := readResult(m.op)
	return r, err
}

// readResult reads the three elements that every LDAPResult has, and returns
// what follows them.
func readResult(contents []byte) (*Result, ber.Reader, error) {
	op := ber.NewReader(contents)
	code, err := op.Int(ber.Enumerated)
	if err != nil || code < 0 || code > 1<<31-1 {
		return nil, op, fmt.Errorf("%w: resultCode", ErrProtocol)
	}
	matchedDN, err := op.Read(ber.OctetString)
	if err != nil {
		return nil, op, fmt.Errorf("%w: matchedDN: %w", ErrProtocol, err)
	}
	diagnosticMessage, err := op.Read(ber.OctetString)
	if err != nil {
		return nil, op, fmt.Errorf("%w: diagnosticMessage: %w", ErrProtocol, err)
	}
	return &Result{Code: int(code), MatchedDN: string(matchedDN), DiagnosticMessage: string(diagnosticMessage)}, op, nil
}
