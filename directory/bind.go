package directory

import (
	"bytes"
	"context"
	"unicode/utf8"

	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// saslMechanisms is what Bind offers beside simple authentication.
var saslMechanisms = []string{"PLAIN", "EXTERNAL"}

// Bind establishes who somebody is: simple (RFC 4513, section 5.1) or by SASL
// PLAIN (RFC 4616) or EXTERNAL (RFC 4422, appendix A). A user with an active
// TOTP credential appends a code to the password. It returns the requester
// that operations on the connection run for from now on; on an error that is
// an anonymous one.
//
//	version other than 3               protocolError
//	simple, no name, no password       success, anonymous
//	simple, name, no password          unwillingToPerform (RFC 4513, section 5.1.2)
//	simple, malformed name             invalidDNSyntax
//	password or code not right         invalidCredentials, whatever the reason
//	mechanism not offered              authMethodNotSupported
//	malformed SASL credentials         protocolError
//	EXTERNAL on a transport without    inappropriateAuthentication
//	authorization identity not allowed insufficientAccessRights
func (d *Directory) Bind(ctx context.Context, who Requester, req *BindRequest) (Requester, error) {
	anonymous := Requester{External: who.External, Peer: who.Peer, Secure: who.Secure}
	if req.Version != 3 {
		return anonymous, Errorf(ProtocolError, "LDAP version %d is not supported: use 3", req.Version)
	}
	if req.SASL != nil {
		return d.bindSASL(ctx, anonymous, req.SASL)
	}
	switch {
	case req.Name == "" && len(req.Password) == 0:
		return anonymous, nil
	case len(req.Password) == 0:
		return anonymous, Errorf(UnwillingToPerform, "a name without a password authenticates nobody")
	}
	dn, err := d.parseDN(req.Name)
	if err != nil {
		return anonymous, err
	}
	a, err := d.lookUp(ctx, func(r store.Reader) (account, error) { return d.accountOf(r, dn) })
	if err != nil {
		return anonymous, err
	}
	how, err := d.provePassword(ctx, "simple bind", a, req.Password)
	if err != nil {
		return anonymous, err
	}
	return anonymous.as(a.dn, how), nil
}

// as is the requester once he has proved to be the user with the given name.
func (who Requester) as(dn DN, how Authentication) Requester {
	who.DN, who.How = dn.String(), how
	return who
}

// lookUp finds an account in a snapshot of its own.
func (d *Directory) lookUp(ctx context.Context, find func(store.Reader) (account, error)) (a account, err error) {
	err = d.view(ctx, func(r store.Reader) (err error) {
		a, err = find(r)
		return err
	})
	return a, err
}

// provePassword proves a by password, with a code where the user needs one.
func (d *Directory) provePassword(ctx context.Context, door string, a account, password []byte) (Authentication, error) {
	e, err := d.prove(ctx, a, proof{door: door, password: seal.Secret(password), rule: codeIfActive})
	if err != nil {
		return Unauthenticated, err
	}
	d.upgrade(ctx, a, e.stored, e.password)
	if e.code {
		return ByPasswordAndCode, nil
	}
	return ByPassword, nil
}

func (d *Directory) bindSASL(ctx context.Context, anonymous Requester, sasl *SASLCredentials) (Requester, error) {
	switch sasl.Mechanism {
	case "PLAIN":
		return d.bindPlain(ctx, anonymous, sasl.Credentials)
	case "EXTERNAL":
		return d.bindExternal(ctx, anonymous, sasl.Credentials)
	default:
		return anonymous, Errorf(AuthMethodNotSupported, "SASL mechanism not supported")
	}
}

// bindPlain is SASL PLAIN: [authzid] NUL authcid NUL password.
func (d *Directory) bindPlain(ctx context.Context, anonymous Requester, message []byte) (Requester, error) {
	parts := bytes.SplitN(message, []byte{0}, 4)
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 || !utf8.Valid(message) {
		return anonymous, Errorf(ProtocolError, "malformed PLAIN message")
	}
	a, err := d.lookUp(ctx, func(r store.Reader) (account, error) { return d.looseID(r, string(parts[1])) })
	if err != nil {
		return anonymous, err
	}
	how, err := d.provePassword(ctx, "PLAIN", a, parts[2])
	if err != nil {
		return anonymous, err
	}
	return d.authorize(ctx, anonymous, anonymous.as(a.dn, how), string(parts[0]))
}

// bindExternal is SASL EXTERNAL: the identity that the transport proved.
func (d *Directory) bindExternal(ctx context.Context, anonymous Requester, authzID []byte) (Requester, error) {
	if anonymous.External == "" {
		return anonymous, Errorf(InappropriateAuthentication, "nothing outside LDAP says who this client is")
	}
	dn, err := d.parseDN(anonymous.External)
	if err != nil {
		return anonymous, err
	}
	return d.authorize(ctx, anonymous, anonymous.as(dn, ByTransport), string(authzID))
}

// authorize gives somebody who is authenticated the identity he asks for: ""
// is his own, "dn:" the anonymous one, and another takes the privilege
// proxied-auth, and bypass-acl if that user has privileges. Whoever acts as
// another user has not shown that user's code.
func (d *Directory) authorize(ctx context.Context, anonymous, who Requester, authzID string) (Requester, error) {
	switch authzID {
	case "":
		return who, nil
	case "dn:":
		return anonymous, nil
	}
	var as Requester
	err := d.view(ctx, func(r store.Reader) error {
		may, err := d.privilegesOf(r, who)
		if err != nil {
			return err
		}
		a, err := d.authenticationID(r, authzID)
		if err != nil && !may.proxiedAuth {
			return errNoAccess
		}
		if err != nil {
			return err
		}
		self, err := d.parseDN(who.DN)
		switch {
		case err != nil:
			return err
		case a.known() && a.dn.Equal(self):
			as = who
		case !may.proxiedAuth || !a.known():
			return errNoAccess
		default:
			if err := d.mayTakeOver(r, may, a); err != nil {
				return err
			}
			as = anonymous.as(a.dn, min(who.How, ByPassword))
			if who.How == ByTransport {
				as.How = ByTransport
			}
		}
		return nil
	})
	if err != nil {
		return anonymous, err
	}
	return as, nil
}
