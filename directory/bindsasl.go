package directory

import (
	"context"
	"errors"
	"slices"

	"tallystick/directory/aci"
	"tallystick/directory/sasl"
	"tallystick/directory/seal"
	"tallystick/directory/store"
)

// saslMechanisms is what Bind offers beside simple authentication.
func (d *Directory) saslMechanisms() []string {
	offered := []string{sasl.Plain, sasl.External}
	if d.credentials.cfg.Keyset != nil {
		offered = append(offered, sasl.UnboundIDTOTP)
	}
	if d.OffersTokens() {
		offered = append(offered, sasl.OAuthBearer)
	}
	return offered
}

func (d *Directory) bindSASL(ctx context.Context, anonymous Requester, c *SASLCredentials) (Requester, error) {
	who, err := d.bindBy(ctx, anonymous, c)
	if err == nil && !who.Anonymous() && who.Proxy == "" {
		who.Method = c.Mechanism
	}
	return who, err
}

func (d *Directory) bindBy(ctx context.Context, anonymous Requester, c *SASLCredentials) (Requester, error) {
	if slices.Contains(d.saslMechanisms(), c.Mechanism) {
		switch c.Mechanism {
		case sasl.Plain:
			return d.bindPlain(ctx, anonymous, c.Credentials)
		case sasl.UnboundIDTOTP:
			return d.bindUnboundIDTOTP(ctx, anonymous, c.Credentials)
		case sasl.OAuthBearer:
			return d.bindOAuthBearer(ctx, anonymous, c.Credentials)
		case sasl.External:
			return d.bindExternal(ctx, anonymous, c.Credentials)
		}
	}
	return anonymous, Errorf(AuthMethodNotSupported, "SASL mechanism not supported")
}

// bindPlain is SASL PLAIN: [authzid] NUL authcid NUL password.
func (d *Directory) bindPlain(ctx context.Context, anonymous Requester, message []byte) (Requester, error) {
	m, err := sasl.DecodePlain(message)
	if err != nil {
		return anonymous, &Error{ResultCode: ProtocolError, DiagnosticMessage: "malformed PLAIN message", Cause: err}
	}
	a, err := d.lookUp(ctx, func(r store.Reader) (account, error) { return d.looseID(r, m.AuthenticationID) })
	if err != nil {
		return anonymous, err
	}
	who, err := d.provePassword(ctx, anonymous, sasl.Plain, a, m.Password)
	if err != nil {
		return anonymous, err
	}
	return d.authorize(ctx, anonymous, who, m.AuthorizationID)
}

// bindUnboundIDTOTP is SASL UNBOUNDID-TOTP: a static password with a code
// beside it, or, if the configuration allows it, a code alone. The code is not
// optional, whatever the user's credentials. Of a malformed name nobody hears:
// it is an unknown user's.
func (d *Directory) bindUnboundIDTOTP(ctx context.Context, anonymous Requester, message []byte) (Requester, error) {
	m, err := sasl.DecodeUnboundIDTOTP(message)
	if err != nil {
		return anonymous, &Error{ResultCode: ProtocolError, DiagnosticMessage: "malformed UNBOUNDID-TOTP credentials", Cause: err}
	}
	a, err := d.lookUp(ctx, func(r store.Reader) (account, error) {
		a, err := d.authenticationID(r, m.AuthenticationID)
		if errors.Is(err, InvalidDNSyntax) {
			err = nil
		}
		return a, err
	})
	if err != nil {
		return anonymous, err
	}
	how := ByPasswordAndCode
	p := proof{door: sasl.UnboundIDTOTP, who: anonymous, password: m.StaticPassword, code: m.TOTPPassword, use: passwordBinds}
	if p.password == nil {
		if d.credentials.cfg.CodeAloneMayBind {
			how = ByCode
		} else {
			p.password = seal.Secret{} // which is never right
		}
	}
	e, err := d.prove(ctx, a, p)
	if err != nil {
		return anonymous, err
	}
	who := anonymous.as(a, how)
	who.Factor, who.fingerprint, who.Password = e.factor, e.fingerprint, e.standing
	if e.standing.MustChange {
		who.fingerprint = "" // no token
	}
	authzID := ""
	if m.AuthorizationID != nil {
		authzID = *m.AuthorizationID
	}
	return d.authorize(ctx, anonymous, who, authzID)
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
	return d.authorize(ctx, anonymous, anonymous.as(account{dn: dn}, ByTransport), string(authzID))
}

// authorize gives somebody who is authenticated the identity he asks for: ""
// is his own, "dn:" the anonymous one, and another takes the privilege
// proxied-auth, and bypass-acl if that user has privileges. Nobody is a user who
// is locked otherwise than by failures, which may be anybody's. Whoever acts as
// another user has not shown that user's code.
func (d *Directory) authorize(ctx context.Context, anonymous, who Requester, authzID string) (Requester, error) {
	switch {
	case authzID == "":
		return who, nil
	case authzID == "dn:":
		return anonymous.actedFor(who), nil
	case who.Anonymous():
		return anonymous, errNoAccess // before looking, which takes longer for some
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
			if err := d.mayActFor(r, who, a); err != nil {
				return err
			}
			u, err := d.readUser(r, a)
			if err != nil {
				return err
			}
			if u.fault != nil || d.ended(u, d.now()) {
				return errNoAccess
			}
			as = anonymous.as(a, min(who.How, ByPassword)).actedFor(who)
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

// mayActFor fails unless ACIs let who act for a user.
func (d *Directory) mayActFor(r store.Reader, who Requester, user account) error {
	x, err := d.rightsOf(r, who, aci.Read|aci.Proxy)
	if err != nil || x == nil || user.root() {
		return err
	}
	_, _, err = d.target(x, r, user.dn, func(u *ruling) bool { return u.mayEntry(aci.Proxy) })
	if _, ok := errors.AsType[*Error](err); ok {
		return errNoAccess // who may not know of a user hears no more
	}
	return err
}

// actedFor is the requester once proxy acts for him.
func (who Requester) actedFor(proxy Requester) Requester {
	if who.Proxy, who.proxy = proxy.Proxy, proxy.proxy; who.Proxy == "" {
		who.Proxy, who.proxy = proxy.DN, proxy.id
	}
	return who
}

// ProxiedAs is who as the identity that one operation shall run for: "" or
// "dn:" is the anonymous one, and for others the rules are those of authorize.
// The error is authorizationDenied, the same for users that do not exist.
// RFC 4370.
func (d *Directory) ProxiedAs(ctx context.Context, who Requester, authzID string) (Requester, error) {
	anonymous := who.Transport()
	if authzID == "" {
		return anonymous.actedFor(who), nil
	}
	as, err := d.authorize(ctx, anonymous, who, authzID)
	if _, ok := errors.AsType[*Error](err); ok {
		return anonymous, &Error{ResultCode: AuthorizationDenied, DiagnosticMessage: "not allowed to act for this identity", Cause: err}
	}
	if err != nil {
		return anonymous, err
	}
	return d.withLimits(ctx, as)
}
