package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"tallystick/extop/wire"
	"tallystick/internal/ber"
)

// Session is the use of one connection by one request. It serves one goroutine
// and must be released.
type Session struct {
	client   *Client
	link     *link
	last     []byte // contents of the last answer's LDAPMessage; good until the next request
	reusable bool   // nothing went wrong so far
	proxied  string // authorization identity of For; "": who is bound
}

// Release gives the connection back.
func (s *Session) Release() {
	if s.reusable {
		s.client.pushIdle(s.link)
	} else {
		s.link.unbind()
	}
	s.client.give()
}

// Close is Release that ends the connection too, and with it all that the server
// keeps of it: that somebody is bound, for instance.
func (s *Session) Close() {
	s.reusable = false
	s.Release()
}

// request is an operation as it goes to the server.
type request struct {
	op       []byte // the protocolOp
	answer   byte   // the tag of its answer
	limit    int    // octets of all that is answered
	controls []Control
	entry    func(contents []byte) error // for each SearchResultEntry; nil: none is expected
}

// ask sends a request and returns what stands behind the LDAPResult of its
// answer; it is good until the next request. Errors: *Result, ErrUnavailable,
// ErrProtocol.
func (s *Session) ask(ctx context.Context, req request) (rest ber.Reader, err error) {
	s.last = nil
	controls, err := s.client.controls(ctx, req.controls)
	if err == nil {
		controls, err = s.withProxied(controls)
	}
	if err != nil {
		return rest, err
	}
	s.link.wait()
	stop := context.AfterFunc(ctx, s.link.cut) // as in guard, without closures for each exchange
	rest, err = s.exchange(req, controls)
	cut := !stop()
	if !s.link.inTime() {
		s.reusable = false
		return ber.Reader{}, fmt.Errorf("%w: %w", ErrUnavailable, errNoAnswer)
	}
	if cut || err != nil && ctx.Err() != nil {
		s.reusable = false
		return ber.Reader{}, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
	if err != nil {
		var r *Result
		s.reusable = s.reusable && errors.As(err, &r)
	}
	return rest, err
}

func (s *Session) exchange(req request, controls []Control) (ber.Reader, error) {
	l := s.link
	id := l.nextID()
	b, message := ber.Begin(make([]byte, 0, len(req.op)+128), ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, id)
	b = append(b, req.op...)
	b = ber.End(appendControls(b, controls), message)
	if _, err := l.Write(b); err != nil {
		return ber.Reader{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for left := req.limit; ; {
		answer, err := l.message(left)
		if err != nil {
			return ber.Reader{}, err
		}
		left -= len(answer)
		m, err := readHead(answer)
		if err == nil && m.id != id {
			err = fmt.Errorf("%w: messageID %d", ErrProtocol, m.id)
		}
		if err != nil {
			return ber.Reader{}, err
		}
		switch {
		case m.tag == req.answer:
			s.last = m.contents
			result, rest, err := readResult(m.op)
			if err == nil && result.Code != ldap.LDAPResultSuccess {
				err = result
			}
			return rest, err
		case m.tag == searchResultEntry && req.entry != nil:
			if err := req.entry(m.op); err != nil {
				return ber.Reader{}, fmt.Errorf("%w: entry: %w", ErrProtocol, err)
			}
		case m.tag == searchResultReference || m.tag == intermediateResponse:
		default:
			return ber.Reader{}, fmt.Errorf("%w: an operation with the tag %#x", ErrProtocol, m.tag)
		}
	}
}

// repeat runs an operation, and once more on another connection if this one
// broke and that is harmless: it only reads, or nothing of it was sent. Whoever
// was bound to the broken one is not bound to another: that takes credentials
// again, and a code is good for one time.
func (s *Session) repeat(ctx context.Context, reads bool, operation func() error) error {
	err := operation()
	if err == nil || !s.link.broken || s.link.bound || s.link.sent && !reads || ctx.Err() != nil || errors.Is(err, errNoAnswer) {
		return err
	}
	l, connectErr := s.client.connect(ctx)
	if connectErr != nil {
		return err
	}
	s.link.unbind()
	s.link, s.reusable = l, true
	return operation()
}

// Extended sends an extended request (RFC 4511, section 4.12) and returns the
// responseName and responseValue of a success; value is nil if absent, in both
// directions. Errors: *Result, which tells of an operation that the server does
// not have; ErrUnavailable, ErrProtocol.
func (s *Session) Extended(ctx context.Context, oid string, value []byte, controls ...Control) (name string, response []byte, err error) {
	b, op := ber.Begin(make([]byte, 0, len(value)+64), extendedRequest)
	b = ber.AppendString(b, requestName, oid)
	if value != nil {
		b = ber.AppendBytes(b, requestValue, value)
	}
	req := request{op: ber.End(b, op), answer: extendedResponse, limit: longestResponse, controls: controls}
	var rest ber.Reader
	err = s.repeat(ctx, false, func() (err error) {
		rest, err = s.ask(ctx, req)
		return err
	})
	var r *Result
	if errors.As(err, &r) && r.Code == ldap.LDAPResultProtocolError && s.lacks(ctx, oid) {
		err = &Result{Code: r.Code, DiagnosticMessage: "the LDAP server does not have the operation " + oid, Unsupported: true}
	}
	if err != nil {
		return "", nil, err
	}
	for !rest.Done() {
		tag, contents, err := rest.Next()
		if err != nil {
			s.reusable = false
			return "", nil, fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		switch tag {
		case responseName:
			name = string(contents)
		case responseValue:
			response = append([]byte{}, contents...)
		}
	}
	return name, response, nil
}

// lacks reports whether the server's root DSE lists extended operations, and
// oid is none of them. A server says no more to one that it does not know than
// to a malformed one: protocolError (RFC 4511, section 4.12).
func (s *Session) lacks(ctx context.Context, oid string) bool {
	const supportedExtension = "supportedExtension"
	root, err := s.search(ctx, SearchRequest{Filter: anyEntry, Attributes: []string{supportedExtension}})
	if err != nil || len(root) != 1 {
		return false
	}
	known := root[0].Values(supportedExtension)
	return len(known) > 0 && !slices.Contains(known, oid)
}

// whoAmI is the OID of RFC 4532, section 2.1.
const whoAmI = "1.3.6.1.4.1.4203.1.11.3"

// WhoAmI is the session's authorization identity as the server writes it
// (RFC 4532): "dn:…", "u:…", or "" for anonymous. Errors: as Extended.
func (s *Session) WhoAmI(ctx context.Context) (string, error) {
	_, value, err := s.Extended(ctx, whoAmI, nil)
	return string(value), err
}

// bind binds on l, which is of no use after an error other than *RejectedError.
func bind(ctx context.Context, l *link, creds Credentials, controls []Control) (answered []Control, err error) {
	l.bound, l.sent = true, false
	unasked := creds.Password != "" && !slices.ContainsFunc(controls, isPolicy)
	if unasked {
		controls = append(slices.Clip(controls), Control{OID: wire.PasswordPolicyOID})
	}
	l.wait()
	err = guard(ctx, l.cut, func() (err error) {
		isDN := strings.Contains(creds.Name, "=")
		switch {
		case creds.External:
			answered, err = saslBind(l, bindID, "EXTERNAL", "", controls)
		case creds.Token != "":
			answered, err = oauthBearer(l, creds.Token, controls...)
		case creds.Code != "" && isDN:
			answered, err = unboundIDTOTP(l, "dn:"+creds.Name, creds.Password, creds.Code, controls...)
		case creds.Code != "":
			answered, err = unboundIDTOTP(l, "u:"+creds.Name, creds.Password, creds.Code, controls...)
		case isDN:
			answered, err = simple(l, creds.Name, creds.Password, controls...)
		default:
			answered, err = plain(l, "u:"+creds.Name, creds.Password, controls...)
		}
		return err
	})
	if !l.inTime() {
		return nil, fmt.Errorf("%w: binding: %w", ErrUnavailable, errNoAnswer)
	}
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("%w: binding: %w", ErrUnavailable, context.Cause(ctx))
	}
	if unasked { // for this package to know, and for nobody to see
		answered = slices.DeleteFunc(answered, isPolicy)
	}
	return answered, bindError(err)
}

// guard runs fn, which cut ends when ctx does. After it has returned an error,
// with ctx done, what was cut is of no use any more.
func guard(ctx context.Context, cut func(), fn func() error) error {
	stop := context.AfterFunc(ctx, cut)
	err := fn()
	if !stop() && err == nil {
		return context.Cause(ctx)
	}
	return err
}
