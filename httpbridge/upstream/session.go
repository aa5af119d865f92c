package upstream

import (
	"context"
	"fmt"
	"net"
	"strings"

	asn1ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Session is the use of one connection by one request. It serves one goroutine
// and must be released.
type Session struct {
	client   *Client
	link     link
	reusable bool   // anonymous, and nothing went wrong so far
	proxied  string // authorization identity of For; "": who is bound
}

// Release gives the connection back, or closes it if it was bound.
func (s *Session) Release() {
	if s.reusable {
		s.link.nc.reset(longestResponse) // nobody asks for the last answer again
		s.client.pushIdle(s.link)
	} else {
		s.link.unbind()
	}
	s.client.give()
}

// Extended sends an extended request (RFC 4511, section 4.12) and returns the
// responseName and responseValue of a success; value is nil if absent, in both
// directions. Errors: *Result, ErrUnavailable, ErrProtocol.
func (s *Session) Extended(ctx context.Context, oid string, value []byte, controls ...Control) (name string, response []byte, err error) {
	req := &ldap.ExtendedRequest{Name: oid, Controls: s.wireControls(ctx, controls)}
	if value != nil {
		req.Value = asn1ber.NewString(asn1ber.ClassContext, asn1ber.TypePrimitive, 1, string(value), "requestValue")
	}
	var resp *ldap.ExtendedResponse
	err = s.do(ctx, longestResponse, func(c *ldap.Conn) error {
		var err error
		resp, err = c.Extended(req)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if resp.Value != nil {
		response = append([]byte{}, resp.Value.Data.Bytes()...)
	}
	return resp.Name, response, nil
}

// whoAmI is the OID of RFC 4532, section 2.1.
const whoAmI = "1.3.6.1.4.1.4203.1.11.3"

// WhoAmI is the session's authorization identity as the server writes it
// (RFC 4532): "dn:…", "u:…", or "" for anonymous. Errors: as Extended.
func (s *Session) WhoAmI(ctx context.Context) (string, error) {
	_, value, err := s.Extended(ctx, whoAmI, nil)
	return string(value), err
}

// failed is the error to return for err, and keeps the connection from being
// used again unless all that happened is an answer the caller may not like.
func (s *Session) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		s.reusable = false
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
	err = clientError(err)
	if _, ok := err.(*Result); !ok {
		s.reusable = false
	}
	return err
}

// bind makes a session's connection out of nc, or closes nc.
func bind(ctx context.Context, nc net.Conn, creds Credentials, controls []Control) (link, []Control, error) {
	var answered []Control
	err := guard(ctx, nc, func() (err error) {
		isDN := strings.Contains(creds.Name, "=")
		switch {
		case creds.External:
			answered, err = saslBind(nc, bindID, "EXTERNAL", "", controls)
		case creds.Token != "":
			answered, err = oauthBearer(nc, creds.Token, controls...)
		case creds.Code != "" && isDN:
			answered, err = unboundIDTOTP(nc, "dn:"+creds.Name, creds.Password, creds.Code, controls...)
		case creds.Code != "":
			answered, err = unboundIDTOTP(nc, "u:"+creds.Name, creds.Password, creds.Code, controls...)
		case isDN:
			answered, err = simple(nc, creds.Name, creds.Password, controls...)
		default:
			answered, err = plain(nc, "u:"+creds.Name, creds.Password, controls...)
		}
		return err
	})
	if err == nil {
		return start(nc), answered, nil
	}
	_ = nc.Close()
	if ctx.Err() != nil {
		return link{}, nil, fmt.Errorf("%w: binding: %w", ErrUnavailable, context.Cause(ctx))
	}
	return link{}, nil, bindError(err)
}

// guard runs fn, whose reads and writes on nc end when ctx does. After it has
// returned an error, with ctx done, nc is of no use any more.
func guard(ctx context.Context, nc net.Conn, fn func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(past) })
	err := fn()
	if !stop() && err == nil {
		return context.Cause(ctx)
	}
	return err
}
